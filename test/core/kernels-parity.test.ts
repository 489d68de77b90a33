import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Heap, RESERVED_BYTES } from '../../packages/core/src/memory/heap.js';
import { DTypeError } from '../../packages/core/src/errors.js';
import { overArrays } from '../support/kernels/array-kernels.js';
import { expectClose } from '../support/compare.js';
import type { Float32Kernels, KernelArray, Problem } from '../support/kernels/problem.js';
import { largeMatmul } from '../support/kernels/problems-matmul.js';
import { PROBLEMS } from '../support/kernels/problems.js';
import { NAMES, referenceKernels, startBinaries } from '../support/kernels/all-kernels.js';

const RUNS = 40;
/** Bytes in front of and behind every array, which no kernel may touch. */
const GUARD = 128;
const GUARD_BYTE = 0xa5;

type Arrays = Record<string, KernelArray>;

function viewLike(array: KernelArray, buffer: ArrayBufferLike, start: number): KernelArray {
  if (array instanceof Float32Array) return new Float32Array(buffer, start, array.length);
  if (array instanceof Float64Array) return new Float64Array(buffer, start, array.length);
  if (array instanceof Int32Array) return new Int32Array(buffer, start, array.length);
  return new Uint8Array(buffer, start, array.length);
}

/** A copy of an array on the heap, in the middle of a block of guard bytes. */
class Placed {
  readonly original: KernelArray;
  readonly #heap: Heap;
  readonly #blockStart: number;
  readonly #blockBytes: number;
  /** From the block's start to the array's. */
  readonly #offset: number;

  /** @param shift Elements that it is moved by, so that not every array is aligned. */
  constructor(heap: Heap, original: KernelArray, shift: number) {
    this.original = original;
    this.#heap = heap;
    this.#offset = GUARD + shift * original.BYTES_PER_ELEMENT;
    this.#blockBytes = this.#offset + original.byteLength + GUARD;
    this.#blockStart = heap.allocate(this.#blockBytes);
    this.#block.fill(GUARD_BYTE);
    this.array.set(original);
  }

  /** A view on the array, made now: the heap may have grown since the last one. */
  get array(): KernelArray {
    return viewLike(this.original, this.#heap.buffer, this.#blockStart + this.#offset);
  }

  get #block(): Uint8Array {
    return new Uint8Array(this.#heap.buffer, this.#blockStart, this.#blockBytes);
  }

  /** The first byte around the array that is not as it was, counted from the array's start. */
  brokenGuard(): number | undefined {
    const block = this.#block;
    const end = this.#offset + this.original.byteLength;
    for (let i = 0; i < block.length; i++) {
      if (i === this.#offset) i = end;
      if (block[i] !== GUARD_BYTE) return i - this.#offset;
    }
    return undefined;
  }

  free(): void {
    this.#heap.free(this.#blockStart, this.#blockBytes);
  }
}

/** Bytes that the heap has left without growing. */
const freeBytes = (heap: Heap) => heap.buffer.byteLength - RESERVED_BYTES - heap.usedBytes;

const bytesOf = (array: KernelArray) =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

function sameBits(a: KernelArray, b: KernelArray): boolean {
  if (a.byteLength !== b.byteLength) return false;
  // Bit by bit, except that NaNs differ in bits that mean nothing.
  if (a instanceof Float32Array) return a.every((value, i) => Object.is(value, b[i]));
  const other = bytesOf(b);
  return bytesOf(a).every((byte, i) => byte === other[i]);
}

interface RunOptions {
  /** [written, read]: both are the written one's array, which holds the read one's values. */
  readonly alias?: readonly [string, string];
  /** Called between placing the arrays and the call. */
  readonly before?: () => void;
}

/**
 * Runs the problem and returns copies of what was written. Fails if a byte outside the arrays, or
 * of an array that is only read, changed.
 */
function run(
  kernels: Float32Kernels,
  heap: Heap,
  problem: Problem,
  { alias, before }: RunOptions = {},
): Arrays {
  const placed = new Map<string, Placed>();
  for (const [name, array] of Object.entries(problem.arrays)) {
    if (name === alias?.[1]) continue;
    const content = (name === alias?.[0] && problem.arrays[alias[1]]) || array;
    placed.set(name, new Placed(heap, content, (3 * placed.size) % 4));
  }
  const arrays = Object.fromEntries([...placed].map(([name, { array }]) => [name, array]));
  if (alias) Object.assign(arrays, { [alias[1]]: arrays[alias[0]] });
  before?.();
  try {
    problem.call(kernels, arrays);
    const written: Arrays = {};
    for (const [name, block] of placed) {
      const { array, original } = block;
      const broken = block.brokenGuard();
      if (broken !== undefined) {
        throw new Error(`wrote outside '${name}' (${array.byteLength} bytes), at byte ${broken}`);
      }
      if (problem.writes.includes(name)) written[name] = array.slice();
      else if (!sameBits(array, original)) throw new Error(`changed its input '${name}'`);
    }
    return written;
  } finally {
    for (const block of placed.values()) block.free();
  }
}

/** What the reference kernels make of problems that have been met. */
const known = new WeakMap<Problem, Arrays>();

/** What the reference kernels make of the problem. */
function expectedOf(problem: Problem): Arrays {
  let arrays = known.get(problem);
  if (!arrays) {
    arrays = Object.fromEntries(
      Object.entries(problem.arrays).map(([name, array]) => [name, array.slice()]),
    );
    problem.call(referenceKernels, arrays);
    known.set(problem, arrays);
  }
  return arrays;
}

function expectParity(problem: Problem, actual: Arrays): void {
  const expected = expectedOf(problem);
  for (const name of problem.writes) {
    const actualArray = actual[name];
    const expectedArray = expected[name];
    if (!actualArray || !expectedArray) throw new Error(`no array ${name}`);
    expectClose(actualArray, expectedArray, problem.tolerance(name, expectedArray));
  }
}

function expectSameBits(actual: Arrays, expected: Arrays, what: string): void {
  for (const [name, array] of Object.entries(expected)) {
    const other = actual[name];
    if (!other || !sameBits(other, array)) throw new Error(`'${name}' is different ${what}`);
  }
}

/** Products past every block of the fast kernels; all binaries meet the same. */
const LARGE = [false, true].flatMap((transposeB) =>
  [false, true].map((transposeA) => ({
    transposeA,
    transposeB,
    problems: [false, true].flatMap((accumulate) =>
      [
        { M: 150, N: 301, K: 270 },
        { M: 9, N: 1100, K: 33 },
        { M: 1030, N: 7, K: 65 },
        { M: 6, N: 10, K: 5003 },
      ].map((sizes) =>
        largeMatmul({ ...sizes, transposeA, transposeB, accumulate, batch: 1, share: 'none' }),
      ),
    ),
  })),
);

const problemsByName = Object.entries(PROBLEMS).map(([name, problem]) => ({ name, problem }));

it('has a case for every reference kernel', () => {
  expect(Object.keys(PROBLEMS).sort()).toEqual(Object.keys(referenceKernels).sort());
});

describe.each([
  { binary: 'unfold-local-plain', shared: false },
  { binary: 'unfold-local-fused', shared: false },
  { binary: 'unfold-shared-plain', shared: true },
  { binary: 'unfold-shared-fused', shared: true },
] as const)('$binary against the reference', ({ binary, shared }) => {
  const heap = new Heap({ shared, maximumBytes: 2 ** 28 });
  const { kernels: buffers } = startBinaries(binary, heap);
  const kernels = overArrays(buffers, heap);

  it.each(problemsByName)('$name', ({ problem: problems }) => {
    fc.assert(
      fc.property(problems, (problem) => {
        const onHeap = run(kernels, heap, problem);
        expectParity(problem, onHeap);
        for (const alias of problem.aliases) {
          const inPlace = run(kernels, heap, problem, { alias });
          expectSameBits(inPlace, onHeap, `when it is '${alias[1]}' as well`);
        }
      }),
      { seed: 11, numRuns: RUNS },
    );
  });

  it.each(NAMES)('%s refuses arrays, which are not on the heap', (name) => {
    const call = buffers[name] as (...operands: unknown[]) => void;
    const [problem] = fc.sample(PROBLEMS[name], { seed: 12, numRuns: 1 });
    const given = new Proxy({} as Float32Kernels, {
      get:
        () =>
        (...operands: unknown[]) => {
          // Some call with nothing to write is not made at all.
          const isEmpty = operands.some(
            (operand) => ArrayBuffer.isView(operand) && operand.byteLength === 0,
          );
          if (!isEmpty) expect(() => call(...operands)).toThrow(DTypeError);
        },
    });
    problem?.call(given, problem.arrays);
  });

  it.each(LARGE)(
    'matmul larger than its blocks, $transposeA $transposeB',
    ({ problems: large }) => {
      for (const problem of large) expectParity(problem, run(kernels, heap, problem));
    },
  );

  it('sees the heap as it is after it has grown', () => {
    for (const { problem: problems } of problemsByName) {
      const grown = new Heap({ shared, maximumBytes: 2 ** 26 });
      const grownKernels = overArrays(startBinaries(binary, grown).kernels, grown);
      const grow = () => {
        const old = grown.buffer;
        const bytes = freeBytes(grown) + 1;
        grown.free(grown.allocate(bytes), bytes);
        expect(grown.buffer).not.toBe(old);
      };
      for (const problem of fc.sample(problems, { seed: 13, numRuns: 3 })) {
        run(grownKernels, grown, problem);
        grow();
        expectParity(problem, run(grownKernels, grown, problem));
        if (!shared) continue;
        // Over shared memory, arrays that were made before are valid still.
        expectParity(problem, run(grownKernels, grown, problem, { before: grow }));
      }
    }
  });

  it('may grow the heap for what it works in', () => {
    let growths = 0;
    for (const { problem: problems } of problemsByName) {
      const full = new Heap({ shared, maximumBytes: 2 ** 26 });
      const fullKernels = overArrays(startBinaries(binary, full).kernels, full);
      for (const problem of fc.sample(problems, { seed: 14, numRuns: 2 })) {
        // With everything taken, there is no room left.
        const taken: { start: number; bytes: number }[] = [];
        const before = () => {
          for (let bytes; (bytes = full.largestFreeBytes) > 0;) {
            taken.push({ start: full.allocate(bytes), bytes });
          }
        };
        const { byteLength } = full.buffer;
        expectParity(problem, run(fullKernels, full, problem, { before }));
        for (const { start, bytes } of taken.splice(0)) full.free(start, bytes);
        if (full.buffer.byteLength > byteLength) growths++;
      }
    }
    expect(growths).toBeGreaterThan(10);
  });
});
