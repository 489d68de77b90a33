import { Generator, tensor, type Shape, type Tensor } from '@unfold/core';

/** One tensor of a case, described so that it can be made in any dtype with the same values. */
export interface CaseInput {
  readonly shape: Shape;
  /** Gives one element at a time, in row-major order. */
  readonly draw: (source: Generator, i: number) => number;
}

/** One row of the table: an operation on some shapes, with some options. */
export interface OpCase {
  /** The exported name of the operation. */
  readonly op: string;
  /** What this row adds to the others of its operation. */
  readonly about: string;
  readonly inputs: readonly CaseInput[];
  readonly call: (...inputs: Tensor[]) => Tensor;
  /** False for operations without a gradient. Default true. */
  readonly differentiable?: boolean;
}

/** The inputs of a case. float64 and float32 hold the same numbers: all of them fit float32. */
export function makeInputs({ op, about, inputs }: OpCase, dtype: 'float32' | 'float64'): Tensor[] {
  const source = new Generator(2024, `${op} ${about}`);
  return inputs.map(({ shape, draw }) => {
    const size = shape.reduce((product, dim) => product * dim, 1);
    const values = Float64Array.from({ length: size }, (_, i) => Math.fround(draw(source, i)));
    return tensor(values, shape, { dtype, requiresGrad: true });
  });
}

/** Standard normal numbers. */
export const normal = (...shape: number[]): CaseInput => ({
  shape,
  draw: (source) => source.normal(),
});

/** Uniform numbers. */
export const between = (low: number, high: number, ...shape: number[]): CaseInput => ({
  shape,
  draw: (source) => low + (high - low) * source.uniform(),
});

/**
 * Numbers between 0.1 and 2 in absolute value, of either sign: no finite difference meets 0. The
 * first is positive, so that also a scalar has a derivative under relu.
 */
export const awayFrom0 = (...shape: number[]): CaseInput => ({
  shape,
  draw: (source, i) => (0.1 + 1.9 * source.uniform()) * (i > 0 && source.integer(2) > 0 ? -1 : 1),
});

/** Numbers in random order, no two nearer than 0.1: no finite difference changes their order. */
export function distinct(...shape: number[]): CaseInput {
  const size = shape.reduce((product, dim) => product * dim, 1);
  let order: Int32Array = new Int32Array(0);
  return {
    shape,
    draw(source, i) {
      if (i === 0) order = source.permutation(size);
      return ((order[i] as number) - size / 2) * 0.11 + 0.01 * source.uniform();
    },
  };
}

/** An int32 vector. */
export const int32 = (...values: number[]): Tensor => tensor(values, undefined, { dtype: 'int32' });

/** How a row calls its operation. */
export type Call = OpCase['call'];

/** A row of the table. */
export function row(
  op: string,
  about: string,
  inputs: readonly CaseInput[],
  call: Call,
  options: Pick<OpCase, 'differentiable'> = {},
): OpCase {
  return { op, about, inputs, call, ...options };
}

/** An operation of one input, over the ranks from 0 to 4 and over a multiple of no vector width. */
export function unaryCases(
  op: string,
  fn: Call,
  input: (...shape: number[]) => CaseInput,
): OpCase[] {
  return [
    row(op, 'scalar', [input()], fn),
    row(op, 'vector', [input(19)], fn),
    row(op, 'four axes', [input(2, 3, 1, 5)], fn),
    row(op, 'no element', [input(2, 0)], fn),
  ];
}
