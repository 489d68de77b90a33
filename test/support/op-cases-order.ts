import * as u from '@unfold/core';
import type { Tensor } from '@unfold/core';
import { awayFrom0, distinct, normal, row, type CaseInput, type OpCase } from './op-case.js';

/** Small numbers, every third of them 0. */
const withZeros = (...shape: number[]): CaseInput => ({
  shape,
  draw: (source, i) => (i % 3 === 1 ? 0 : source.normal()),
});

/** The values, and what stands at the same positions of squares: so both results have a part. */
function both(x: Tensor, axis: number, [values, indices]: readonly [Tensor, Tensor]): Tensor {
  return u.add(values, u.mul(u.takeAlongAxis(u.mul(x, x), indices, axis), 0.25));
}

const constant = { differentiable: false };

/** Scans along an axis, and what puts its values in order. */
export const ORDER_CASES: readonly OpCase[] = [
  ...[u.cumsum, u.cumprod].flatMap((fn) => [
    row(fn.name, 'first axis', [awayFrom0(4, 3)], (x) => fn(x, 0)),
    row(fn.name, 'middle axis', [awayFrom0(2, 5, 3)], (x) => fn(x, -2)),
    row(fn.name, 'last axis', [awayFrom0(2, 7)], (x) => fn(x, 1)),
    row(fn.name, 'a vector with zeros', [withZeros(7)], (x) => fn(x, 0)),
    row(fn.name, 'one element', [normal(1, 1)], (x) => fn(x, 0)),
    row(fn.name, 'no element', [normal(2, 0)], (x) => fn(x, 1)),
  ]),
  row('sort', 'last axis', [distinct(3, 7)], (x) => both(x, 1, u.sort(x))),
  row('sort', 'first axis, descending', [distinct(6, 3)], (x) =>
    both(x, 0, u.sort(x, 0, { descending: true })),
  ),
  row('sort', 'middle axis', [distinct(2, 5, 3)], (x) => both(x, 1, u.sort(x, -2))),
  row('sort', 'no element', [normal(2, 0)], (x) => u.sort(x)[0]),
  row('argsort', 'last axis', [distinct(3, 7)], (x) => u.argsort(x), constant),
  row(
    'argsort',
    'first axis, descending',
    [distinct(6, 3)],
    (x) => u.argsort(x, 0, { descending: true }),
    constant,
  ),
  row('topk', 'last axis', [distinct(3, 7)], (x) => both(x, 1, u.topk(x, 3))),
  row('topk', 'first axis, smallest', [distinct(6, 3)], (x) =>
    both(x, 0, u.topk(x, 2, 0, { largest: false })),
  ),
  row('topk', 'all of an axis', [distinct(2, 4)], (x) => both(x, 1, u.topk(x, 4))),
  row('topk', 'none', [distinct(2, 4)], (x) => u.topk(x, 0)[0]),
];
