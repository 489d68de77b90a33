import type { Shape, Tensor } from '@unfold/core';
import { row, type CaseInput, type OpCase } from './op-case.js';

/** Pairs of shapes that broadcast in every way there is. */
const BROADCASTS: readonly (readonly [about: string, a: Shape, b: Shape])[] = [
  ['one shape', [3, 5], [3, 5]],
  ['scalars', [], []],
  ['scalar left', [], [2, 3]],
  ['scalar right', [2, 3], []],
  ['rank differs left', [5], [2, 3, 5]],
  ['rank differs right', [2, 3, 5], [3, 1]],
  ['both stretched', [3, 1], [1, 5]],
  ['both stretched at several axes', [2, 1, 3, 1], [4, 1, 5]],
  ['middle axis', [2, 3, 5], [2, 1, 5]],
  ['outer axes', [4, 3, 2, 2], [1, 3, 1, 1]],
  ['axes of size 1', [1, 1], [1]],
  ['no element', [0, 3], [1, 3]],
];

/** An operation of two operands: every way to broadcast, a tensor with itself, plain numbers. */
export function binaryCases(
  op: string,
  fn: (a: Tensor | number, b: Tensor | number) => Tensor,
  left: (...shape: number[]) => CaseInput,
  right = left,
  differentiable = true,
): OpCase[] {
  const options = { differentiable };
  return [
    ...BROADCASTS.map(([about, a, b]) =>
      row(op, about, [left(...a), right(...b)], (x, y) => fn(x, y), options),
    ),
    row(op, 'number left', [right(2, 3)], (x) => fn(1.5, x), options),
    row(op, 'number right', [left(2, 3)], (x) => fn(x, 1.5), options),
    row(op, 'number right of a scalar', [left()], (x) => fn(x, 0.75), options),
  ];
}

/** A reduction as the rows call it. */
export interface Reduction {
  (x: Tensor, options?: { axis?: number | readonly number[]; keepdim?: boolean }): Tensor;
}

/** A reduction over every kind of axes. `empty` says whether it may reduce no element. */
export function reductionCases(
  op: string,
  fn: Reduction,
  input: (...shape: number[]) => CaseInput,
): OpCase[] {
  const axes: readonly (number | readonly number[] | undefined)[] = [
    undefined,
    0,
    1,
    -1,
    [],
    [0, 1],
    [1, 2],
    [0, 2],
    [-1, 0],
    [0, 1, 2],
  ];
  return [
    ...axes.flatMap((axis) =>
      [false, true].map((keepdim) =>
        row(op, `axis ${JSON.stringify(axis)}, keepdim ${keepdim}`, [input(3, 4, 5)], (x) =>
          fn(x, { ...(axis === undefined ? {} : { axis }), keepdim }),
        ),
      ),
    ),
    row(op, 'scalar', [input()], (x) => fn(x)),
    row(op, 'axes 1 and 3 of five', [input(2, 3, 1, 2, 3)], (x) => fn(x, { axis: [3, 1] })),
    row(op, 'axes of size 1', [input(1, 3, 1)], (x) => fn(x, { axis: [0, 2] })),
    row(op, 'no element beside the axis', [input(0, 3)], (x) => fn(x, { axis: 1 })),
  ];
}
