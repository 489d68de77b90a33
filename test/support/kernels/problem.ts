import fc from 'fast-check';
import type { ArrayKernels } from '../../../packages/core/src/kernels/contract.js';
import type { Tolerance } from '../compare.js';
import { randomSource } from './kernels.js';
import { referenceKernels } from './all-kernels.js';

export type KernelArray = Float32Array | Float64Array | Int32Array | Uint8Array;
type Arrays = Readonly<Record<string, KernelArray>>;
export type Float32Kernels = ArrayKernels<Float32Array>;

/** One call of one kernel, with its arrays as they are before it. */
export interface Problem {
  readonly arrays: Arrays;
  /** Names of the arrays that the kernel may write. */
  readonly writes: readonly string[];
  /** Pairs [written, read] that may be the same array. */
  readonly aliases: readonly (readonly [string, string])[];
  call(kernels: Float32Kernels, arrays: Arrays): void;
  /** How close the array `name` has to be to `expected`. */
  tolerance(name: string, expected: KernelArray): Tolerance;
}

interface Definition<A extends Arrays> {
  readonly arrays: A;
  readonly writes: readonly (keyof A & string)[];
  readonly aliases?: readonly (readonly [keyof A & string, keyof A & string])[];
  readonly call: (kernels: Float32Kernels, arrays: A) => void;
  /** Without it the result has to be exact. */
  readonly rtol?: number;
  readonly atol?: number;
  /**
   * What `rtol` is relative to. Default: the result. `terms`: the sum of the terms' magnitudes,
   * which the kernel itself gives when it is run on the magnitudes of its operands (or
   * `callOnMagnitudes`, where a sign is in the kernel and not in the operands).
   */
  readonly scale?: 'terms' | ((arrays: A) => ArrayLike<number>);
  readonly callOnMagnitudes?: (kernels: Float32Kernels, arrays: A) => void;
}

const EXACT: Tolerance = { rtol: 0, atol: 0 };

export function problem<A extends Arrays>(definition: Definition<A>): Problem {
  const { arrays, writes, aliases = [], call, rtol = 0, atol = 0, scale } = definition;
  let magnitudes: Record<string, KernelArray> | undefined;
  const sumsOfMagnitudes = () => {
    const placed = Object.fromEntries(
      Object.entries(arrays).map(([key, array]) => [
        key,
        array instanceof Float32Array ? array.map(Math.abs) : array.slice(),
      ]),
    );
    (definition.callOnMagnitudes ?? call)(referenceKernels, placed as A);
    return placed;
  };
  return {
    arrays,
    writes,
    aliases,
    call: (kernels, placed) => call(kernels, placed as A),
    tolerance(name, expected) {
      if (!(expected instanceof Float32Array)) return EXACT;
      if (scale === undefined) return { rtol, atol };
      if (scale !== 'terms') return { rtol, atol, scale: scale(arrays) };
      magnitudes ??= sumsOfMagnitudes();
      return { rtol, atol, scale: magnitudes[name] ?? [] };
    },
  };
}

/** Half the distance from 1 to the next float32: the relative error of one rounding. */
export const U = 2 ** -24;
/** Two steps between the smallest float32, the denormals: where a relative error says nothing. */
export const TINY = 2 ** -148;

/** For a sum of `length` products: rounding errors have random signs, so they grow as the root. */
export const sumTolerance = (length: number) => (4 + 2 * Math.sqrt(length)) * U;

// prettier-ignore
const SPECIAL = [NaN, Infinity, -Infinity, 0, -0, 1e-40, -1e-45, 1, -1, 100, -87, 1e-7];

/** Seeded contents of the arrays. Every third seed strews special values among the others. */
export class Data {
  readonly random: () => number;
  readonly #special: boolean;

  constructor(seed: number) {
    this.random = randomSource(seed);
    this.#special = seed % 3 === 0;
  }

  /** A whole number in 0 … n - 1. */
  below(n: number): number {
    return Math.floor(this.random() * n);
  }

  /** Numbers in -3 … 3 and special values. */
  floats(n: number): Float32Array {
    return this.#fill(n, () => this.random() * 6 - 3);
  }

  /** Numbers from e⁻⁸ to e⁸ and special values. */
  positive(n: number): Float32Array {
    return this.#fill(n, () => Math.exp(this.random() * 16 - 8));
  }

  /** Numbers in ±12, some in ±1000, and special values. */
  logits(n: number): Float32Array {
    return this.#fill(n, () => (this.random() * 2 - 1) * (this.below(8) === 0 ? 1000 : 12));
  }

  /** Numbers in 0 … 1. */
  fractions(n: number): Float32Array {
    return Float32Array.from({ length: n }, () => this.random());
  }

  /** Whole numbers in -2 … 2, so that neighbours are often equal. */
  ties(n: number): Float32Array {
    return this.#fill(n, () => this.below(5) - 2);
  }

  /** Whole numbers in -2 … 2, ordinary numbers, and some so large that nothing of a quotient is cut. */
  quotients(n: number): Float32Array {
    const kind = this.below(3);
    if (kind === 0) return this.ties(n);
    return this.floats(n).map((value) => (this.below(4) === 0 ? value * 10 ** (6 * kind) : value));
  }

  /** Whole numbers in -2 … 2, and no others. */
  whole(n: number): Float32Array {
    return Float32Array.from({ length: n }, () => this.below(5) - 2);
  }

  bytes(n: number): Uint8Array {
    return Uint8Array.from({ length: n }, () => this.below(3) * 127);
  }

  indices(n: number, limit: number): Int32Array {
    return Int32Array.from({ length: n }, () => this.below(limit));
  }

  /** What a result array holds before it is written. */
  junk(n: number): Float32Array {
    return Float32Array.from({ length: n }, (_, i) => (i % 3 === 0 ? NaN : 1e30 + i));
  }

  /** Numbers in -3 … 3. */
  finite(n: number): Float32Array {
    return Float32Array.from({ length: n }, () => this.random() * 6 - 3);
  }

  junkIndices(n: number): Int32Array {
    return new Int32Array(n).fill(-123456);
  }

  #fill(n: number, ordinary: () => number): Float32Array {
    return Float32Array.from({ length: n }, () =>
      this.#special && this.below(10) === 0
        ? (SPECIAL[this.below(SPECIAL.length)] ?? NaN)
        : ordinary(),
    );
  }
}

/** Problems of one kernel, from an arbitrary description of their size and a seed. */
export function problems<S>(
  spec: fc.Arbitrary<S>,
  make: (spec: S, data: Data) => Problem,
): fc.Arbitrary<Problem> {
  return fc.tuple(spec, fc.nat({ max: 2 ** 31 - 1 })).map(([size, seed]) => ({
    ...make(size, new Data(seed)),
    [fc.toStringMethod]: () => `${fc.stringify(size)}, seed ${seed}`,
  }));
}

export const integer = (min: number, max: number) => fc.integer({ min, max });

/** Lengths: around every multiple of a vector or two, 0 and 1 often, some long. */
export const length = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(0, 1) },
  { weight: 5, arbitrary: integer(2, 40) },
  { weight: 2, arbitrary: integer(41, 1100) },
);

/** For each row, what `f` makes of its elements' positions. */
export function perRow(
  rows: number,
  n: number,
  f: (indices: readonly number[]) => number[],
): number[] {
  return Array.from({ length: rows }, (_, row) =>
    f(Array.from({ length: n }, (_, j) => row * n + j)),
  ).flat();
}

export const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
export const at = (array: ArrayLike<number>, i: number) => array[i] ?? NaN;

/** Log-probabilities as logSoftmax makes them. */
export function logProbabilities(data: Data, rows: number, n: number): Float32Array {
  const out = new Float32Array(rows * n);
  referenceKernels.logSoftmax(out, data.logits(rows * n), { rows, n });
  return out;
}

export interface Closeness {
  readonly rtol?: number;
  readonly atol?: number;
}
