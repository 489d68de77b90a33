import * as u from '@unfold/core';
import { tensor, type Shape, type Tensor } from '@unfold/core';
import { int32, normal, row, type OpCase } from './op-case.js';

/** Positions of a shape. */
const positions = (shape: Shape, ...values: number[]): Tensor =>
  tensor(values, shape, { dtype: 'int32' }).keep();

const perRow = positions([2, 4], 2, 0, 2, 1, 1, 1, 0, 2);
const perColumn = positions([2, 3], 3, 0, 1, 1, 2, 1);
const middle = positions([2, 2, 3], 1, 0, 3, 3, 3, 0, 2, 2, 1, 2, 0, 1);
/** Shorter than [3, 4] along both axes. */
const part = positions([2, 3], 2, 0, 1, 0, 2, 0);
const none = positions([0, 3]);
/** Stretched over the rows. */
const forAll = positions([1, 2], 2, 0);
const flat = positions([2, 2], 5, 0, 0, 3);

const constant = { differentiable: false };

/** What picks and puts elements by positions. */
export const INDEX_CASES: readonly OpCase[] = [
  row('gather', 'last axis, repeats', [normal(2, 3)], (x) => u.gather(x, 1, perRow)),
  row('gather', 'first axis', [normal(4, 3)], (x) => u.gather(x, 0, perColumn)),
  row('gather', 'middle axis', [normal(2, 4, 3)], (x) => u.gather(x, -2, middle)),
  row('gather', 'of a part', [normal(3, 4)], (x) => u.gather(x, 0, part)),
  row('gather', 'a vector', [normal(5)], (x) => u.gather(x, 0, int32(4, 4, 0))),
  row('gather', 'no position', [normal(4, 3)], (x) => u.gather(x, 0, none)),

  row('takeAlongAxis', 'last axis', [normal(2, 3)], (x) => u.takeAlongAxis(x, perRow, 1)),
  row('takeAlongAxis', 'index stretched', [normal(2, 3)], (x) => u.takeAlongAxis(x, forAll, -1)),
  row('takeAlongAxis', 'x stretched', [normal(1, 3)], (x) => u.takeAlongAxis(x, perRow, 1)),
  row('takeAlongAxis', 'both as vectors', [normal(2, 3)], (x) => u.takeAlongAxis(x, flat)),

  ...[u.scatter, u.scatterAdd].flatMap((fn) => [
    row(fn.name, 'last axis, repeats', [normal(2, 5), normal(2, 4)], (x, src) =>
      fn(x, 1, perRow, src),
    ),
    row(fn.name, 'first axis', [normal(4, 3), normal(2, 3)], (x, src) => fn(x, 0, perColumn, src)),
    row(fn.name, 'middle axis', [normal(2, 4, 3), normal(2, 2, 3)], (x, src) =>
      fn(x, 1, middle, src),
    ),
    row(fn.name, 'into a part, of a part', [normal(3, 4), normal(4, 5)], (x, src) =>
      fn(x, 0, part, src),
    ),
    row(fn.name, 'no position', [normal(4, 3), normal(0, 3)], (x, src) => fn(x, 0, none, src)),
  ]),
  row('scatter', 'a number', [normal(2, 5)], (x) => u.scatter(x, 1, perRow, -1.5)),

  row(
    'oneHot',
    'classes given',
    [normal(7)],
    (x) => u.oneHot(u.cast(u.abs(x), 'int32'), 9),
    constant,
  ),
  row(
    'oneHot',
    'as floats',
    [normal(2, 3)],
    (x) => u.oneHot(u.cast(u.abs(x), 'int32'), 9, { dtype: x.dtype }),
    constant,
  ),
  row('nonzero', 'of a matrix', [normal(3, 4)], (x) => u.nonzero(u.relu(x)), constant),
  row('unique', 'of a matrix', [normal(3, 4)], (x) => u.unique(u.cast(x, 'int32')), constant),
];
