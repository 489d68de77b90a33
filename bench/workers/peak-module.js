/**
 * WebAssembly that does nothing but multiply and add in registers: the most that any kernel can
 * reach. Assembled here, instruction by instruction, so that nothing is between it and the engine.
 */

/** @typedef {{ vectors: number, fused: boolean }} PeakOptions */

/** Floats in a vector, times a multiplication and an addition. */
const FLOPS_PER_VECTOR = 8;
/** Address of the two multipliers' vectors; the accumulators are at 0. */
const OPERANDS = 1024;

const I32 = 0x7f;
const V128 = 0x7b;

/** @param {number} value @returns {number[]} LEB128, unsigned. */
function unsigned(value) {
  const bytes = [];
  do {
    bytes.push((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
    value >>>= 7;
  } while (value > 0);
  return bytes;
}

/** @param {number} id @param {readonly number[]} content */
const section = (id, content) => [id, ...unsigned(content.length), ...content];
/** @param {number} local */
const get = (local) => [0x20, ...unsigned(local)];
/** @param {number} local */
const set = (local) => [0x21, ...unsigned(local)];
/** @param {number} opcode */
const simd = (opcode) => [0xfd, ...unsigned(opcode)];
/** An address of 0, plus `offset`. @param {number} opcode @param {number} offset */
const memoryAt = (opcode, offset) => [...simd(opcode), 2, ...unsigned(offset)];
const ZERO = [0x41, 0];

const F32X4_ADD = simd(0xe4);
const F32X4_MUL = simd(0xe6);
const F32X4_RELAXED_MADD = simd(0x105);
const V128_LOAD = 0x00;
const V128_LOAD32_SPLAT = 0x09;
const V128_STORE = 0x0b;

/**
 * A module with a memory `memory` and a function `run(rounds)`. `vectors` independent accumulators
 * of four floats each take one multiply-add a round: `accumulator += a·b` fused, or
 * `accumulator = accumulator·a + b` in two instructions (where `a·b` would be taken out of the
 * loop). Neighbouring accumulators are stored next to each other, from which V8 can see that a pair
 * of them is one 256-bit vector.
 * @param {PeakOptions} options
 */
function assemble({ vectors, fused }) {
  const rounds = 0; // the parameter
  const a = 1;
  const b = [2, 3]; // for the even and the odd accumulators
  const first = 4;
  const accumulators = Array.from({ length: vectors }, (_, i) => first + i);
  /** @param {number} local @param {number} i */
  const step = (local, i) => {
    const operand = /** @type {number} */ (b[i % 2]);
    return fused
      ? [...get(a), ...get(operand), ...get(local), ...F32X4_RELAXED_MADD, ...set(local)]
      : [...get(local), ...get(a), ...F32X4_MUL, ...get(operand), ...F32X4_ADD, ...set(local)];
  };
  const code = [
    ...ZERO,
    ...memoryAt(V128_LOAD32_SPLAT, OPERANDS),
    ...set(a), // prettier-ignore
    ...b.flatMap((local, i) => [
      ...ZERO,
      ...memoryAt(V128_LOAD, OPERANDS + 16 + 16 * i),
      ...set(local),
    ]),
    ...accumulators.flatMap((local, i) => [...ZERO, ...memoryAt(V128_LOAD, 16 * i), ...set(local)]),
    ...[0x03, 0x40], // loop
    ...accumulators.flatMap(step),
    ...[...get(rounds), 0x41, 1, 0x6b, 0x22, rounds], // rounds = rounds - 1
    ...[0x0d, 0], // branch to the loop's head unless that is 0
    0x0b,
    ...accumulators.flatMap((local, i) => [
      ...ZERO,
      ...get(local),
      ...memoryAt(V128_STORE, 16 * i),
    ]),
    0x0b,
  ];
  const body = [1, ...unsigned(b.length + 1 + vectors), V128, ...code];
  const name = (/** @type {string} */ text) => [text.length, ...Buffer.from(text)];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 1, I32, 0]), // one type: (i32) → nothing
    ...section(3, [1, 0]), // one function of it
    ...section(5, [1, 0, 1]), // one memory of one page
    ...section(7, [2, ...name('run'), 0, 0, ...name('memory'), 2, 0]),
    ...section(10, [1, ...unsigned(body.length), ...body]),
  ]);
}

/**
 * The loop, ready to run.
 * @param {PeakOptions} options
 * @returns {{ run: (rounds: number) => void, flopsPerRound: number }}
 */
export function createPeak(options) {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(assemble(options)));
  const { run, memory } =
    /** @type {{ run: (rounds: number) => void, memory: WebAssembly.Memory }} */ (
      /** @type {unknown} */ (exports)
    );
  // Small enough that the sums stay finite, large enough that nothing is denormal.
  new Float32Array(memory.buffer).fill(1);
  new Float32Array(memory.buffer, OPERANDS, 4).fill(0.5);
  return { run, flopsPerRound: FLOPS_PER_VECTOR * options.vectors };
}
