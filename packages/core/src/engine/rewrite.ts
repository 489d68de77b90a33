import { EngineError } from '../errors.js';

/*
 * One binary can stand for its siblings. A page carries only the one for shared memory with fused
 * multiply-add, and what it needs instead is made of that: the kind of memory is one bit, a fused
 * multiply-add is replaced by a product and a sum, and a relaxed choice between lanes by the strict
 * one. The results are, bit for bit, those of the binary that was compiled without them; only its
 * tiles are a size too large for the registers.
 * https://webassembly.github.io/spec/core/binary/
 */

const SECTION = { type: 1, import: 2, function: 3, code: 10 } as const;
const FUNCTION_IMPORT = 0;
const MEMORY_IMPORT = 2;
/** The bit of a memory's limits that says that threads share it. */
const SHARED = 2;
const V128 = 0x7b;
const F32X4_RELAXED_MADD = 0x105;
const I32X4_RELAXED_LANESELECT = 0x10b;

/**
 * The kernels for a memory that is not shared with threads.
 * @throws EngineError if the module imports no memory, or something before it that is no function.
 */
export function withOwnMemory(binary: Uint8Array): Uint8Array {
  const copy = new Uint8Array(binary);
  for (const { id, content } of sections(copy)) {
    if (id !== SECTION.import) continue;
    for (let imports = content.integer(); imports > 0; imports--) {
      content.skip(content.integer());
      content.skip(content.integer());
      const kind = content.byte();
      if (kind === MEMORY_IMPORT) {
        copy[content.position] = content.byte() & ~SHARED;
        return copy;
      }
      if (kind !== FUNCTION_IMPORT) break;
      content.integer();
    }
  }
  throw new EngineError('engine: the kernels import no memory; rebuild or reinstall');
}

/**
 * The kernels without relaxed SIMD: each a·b + c rounds twice.
 * @throws EngineError for an instruction that the kernels are not known to have.
 */
export function withoutFusing(binary: Uint8Array): Uint8Array {
  const out = new Writer();
  out.bytes(binary.subarray(0, HEADER_BYTES));
  /** How many parameters a function type has, and the type of each function. */
  let parameters: number[] = [];
  let types: number[] = [];
  for (const { id, content, bytes } of sections(binary)) {
    if (id === SECTION.type) parameters = readParameterCounts(content);
    if (id === SECTION.function) types = readIntegers(content);
    if (id !== SECTION.code) {
      out.bytes(bytes);
      continue;
    }
    const code = new Writer();
    code.integer(content.integer());
    for (const type of types) {
      const size = content.integer();
      const body = content.take(size);
      const rewritten = withoutFusingIn(body, parameters[type]);
      code.integer(rewritten.length);
      code.bytes(rewritten);
    }
    out.byte(id);
    out.integer(code.length);
    out.bytes(code.content());
  }
  return out.content();
}

/** A function's body: groups of locals, then instructions. */
function withoutFusingIn(body: Uint8Array, parameters: number): Uint8Array {
  const reader = new Reader(body);
  const groups = reader.integer();
  const groupsStart = reader.position;
  let local = parameters;
  for (let group = 0; group < groups; group++) {
    local += reader.integer();
    reader.skip(1);
  }
  const out = new Writer();
  // One more local, of the type v128, behind the others.
  out.integer(groups + 1);
  out.bytes(body.subarray(groupsStart, reader.position));
  out.bytes([1, V128]);
  let copied = reader.position;
  let isSame = true;
  while (reader.position < body.length) {
    const start = reader.position;
    const relaxed = readInstruction(reader);
    if (relaxed === null) continue;
    isSame = false;
    out.bytes(body.subarray(copied, start));
    copied = reader.position;
    if (relaxed === I32X4_RELAXED_LANESELECT) {
      // v128.bitselect takes the same three; the kernels' masks are all ones or all zeros in a lane.
      out.bytes([0xfd, 0x52]);
      continue;
    }
    // On the stack are a, b, c: local.set c, f32x4.mul, local.get c, f32x4.add.
    out.byte(0x21);
    out.integer(local);
    out.bytes([0xfd, 0xe6, 0x01, 0x20]);
    out.integer(local);
    out.bytes([0xfd, 0xe4, 0x01]);
  }
  if (isSame) return body;
  out.bytes(body.subarray(copied));
  return out.content();
}

/** Passes one instruction with its immediates. @returns The number of a relaxed one, else null. */
function readInstruction(reader: Reader): number | null {
  const opcode = reader.byte();
  if (opcode === 0xfd) return readVectorInstruction(reader);
  if (opcode === 0xfc) readBulkInstruction(reader);
  else if (opcode === 0xfe) {
    // atomic.fence has one byte, everything else an alignment and an offset.
    if (reader.integer() === 3) reader.skip(1);
    else reader.integers(2);
  } else if (opcode === 0x0e) {
    // br_table: as many labels as it says, and one more.
    reader.integers(reader.integer() + 1);
  } else if (opcode === 0x43) reader.skip(4);
  else if (opcode === 0x44) reader.skip(8);
  else reader.integers(immediates(opcode));
  return null;
}

/** How many integers follow a plain instruction. */
function immediates(opcode: number): number {
  // unreachable, nop, else, end, return, drop, select, and everything from i32.eqz on.
  if ([0x00, 0x01, 0x05, 0x0b, 0x0f, 0x1a, 0x1b].includes(opcode)) return 0;
  if (opcode >= 0x45 && opcode <= 0xc4) return 0;
  // block, loop, if, br, br_if, call.
  if ([0x02, 0x03, 0x04, 0x0c, 0x0d, 0x10].includes(opcode)) return 1;
  // Locals and globals, memory.size, memory.grow, i32.const, i64.const.
  if ((opcode >= 0x20 && opcode <= 0x24) || (opcode >= 0x3f && opcode <= 0x42)) return 1;
  // call_indirect; loads and stores.
  if (opcode === 0x11 || (opcode >= 0x28 && opcode <= 0x3e)) return 2;
  throw unknownInstruction(opcode);
}

function readBulkInstruction(reader: Reader): void {
  const opcode = reader.integer();
  // Conversions; memory.copy; memory.fill.
  if (opcode <= 7) return;
  if (opcode === 10) reader.integers(2);
  else if (opcode === 11) reader.integers(1);
  else throw unknownInstruction(opcode);
}

function readVectorInstruction(reader: Reader): number | null {
  const opcode = reader.integer();
  if (opcode === F32X4_RELAXED_MADD || opcode === I32X4_RELAXED_LANESELECT) return opcode;
  if (opcode > 0xff) throw unknownInstruction(opcode);
  // v128.const and shuffle; lanes; loads and stores, some of them of a lane.
  if (opcode === 12 || opcode === 13) reader.skip(16);
  else if (opcode >= 21 && opcode <= 34) reader.skip(1);
  else if (opcode <= 11 || (opcode >= 84 && opcode <= 93)) {
    reader.integers(2);
    if (opcode >= 84 && opcode <= 91) reader.skip(1);
  }
  return null;
}

function unknownInstruction(opcode: number): EngineError {
  return new EngineError(
    `engine: instruction 0x${opcode.toString(16)} is not known without fused multiply-add; ` +
      'rewrite.ts says which are',
  );
}

function readParameterCounts(reader: Reader): number[] {
  return Array.from({ length: reader.integer() }, () => {
    reader.skip(1);
    const parameters = reader.integer();
    reader.skip(parameters);
    reader.skip(reader.integer());
    return parameters;
  });
}

function readIntegers(reader: Reader): number[] {
  return Array.from({ length: reader.integer() }, () => reader.integer());
}

/** The magic number and the version. */
const HEADER_BYTES = 8;

interface Section {
  readonly id: number;
  /** The bytes behind its id and size. */
  readonly content: Reader;
  /** All of it. */
  readonly bytes: Uint8Array;
}

function* sections(binary: Uint8Array): Iterable<Section> {
  const reader = new Reader(binary, HEADER_BYTES);
  while (reader.position < binary.length) {
    const start = reader.position;
    const id = reader.byte();
    const size = reader.integer();
    const content = new Reader(binary, reader.position);
    reader.skip(size);
    yield { id, content, bytes: binary.subarray(start, reader.position) };
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  position: number;

  constructor(bytes: Uint8Array, position = 0) {
    this.#bytes = bytes;
    this.position = position;
  }

  byte(): number {
    this.skip(1);
    return this.#bytes[this.position - 1];
  }

  /** An integer in LEB128. Only the length of a negative one is right. */
  integer(): number {
    let value = 0;
    let shift = 0;
    let byte: number;
    do {
      byte = this.byte();
      value |= (byte & 0x7f) << shift;
      shift += 7;
    } while (byte & 0x80);
    return value >>> 0;
  }

  /** Passes so many integers. */
  integers(count: number): void {
    for (; count > 0; count--) this.integer();
  }

  /** @throws EngineError if there are not so many. */
  skip(bytes: number): void {
    this.position += bytes;
    if (this.position > this.#bytes.length) {
      throw new EngineError('engine: the kernels are cut off; rebuild or reinstall');
    }
  }

  take(bytes: number): Uint8Array {
    this.skip(bytes);
    return this.#bytes.subarray(this.position - bytes, this.position);
  }
}

class Writer {
  #bytes = new Uint8Array(65536);
  length = 0;

  byte(value: number): void {
    this.bytes([value]);
  }

  bytes(values: ArrayLike<number>): void {
    const end = this.length + values.length;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(2 * end);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(values, this.length);
    this.length = end;
  }

  /** An integer of at least 0, in LEB128. */
  integer(value: number): void {
    for (; value > 0x7f; value >>>= 7) this.byte((value & 0x7f) | 0x80);
    this.byte(value);
  }

  content(): Uint8Array {
    return this.#bytes.slice(0, this.length);
  }
}
