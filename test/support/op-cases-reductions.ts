import * as u from '@unfold/core';
import {
  awayFrom0,
  between,
  distinct,
  normal,
  row,
  type CaseInput,
  type OpCase,
} from './op-case.js';
import { reductionCases } from './op-case-kinds.js';

/** Numbers a third of which are 0, whole rows of them too. */
const sparse = (...shape: number[]): CaseInput => ({
  shape,
  draw: (source, i) => (i % 20 < 5 || source.integer(3) === 0 ? 0 : source.normal()),
});

const without = (rows: readonly OpCase[]): OpCase[] =>
  rows.map((each) => ({ ...each, differentiable: false }));

/** What is counted and found. */
function countingCases(): OpCase[] {
  return without([
    ...reductionCases('any', u.any, sparse),
    ...reductionCases('all', u.all, sparse),
    ...reductionCases('countNonzero', u.countNonzero, sparse),
    row('any', 'over no element', [sparse(0, 3)], (x) => u.any(x, 0)),
    row('all', 'over no element', [sparse(0, 3)], (x) => u.all(x, 0)),
    row('countNonzero', 'over no element', [sparse(0, 3)], (x) => u.countNonzero(x, 0)),
    row('sum', 'of bool', [sparse(3, 47)], (x) => u.sum(u.ne(x, 0), 1)),
    row('mean', 'of bool', [sparse(3, 47)], (x) => u.cast(u.mean(u.ne(x, 0), 0), x.dtype)),
    ...[undefined, 0, 1, -1].flatMap((axis) =>
      [false, true].map((keepdim) =>
        row('argmin', `axis ${axis}, keepdim ${keepdim}`, [distinct(3, 4, 5)], (x) =>
          u.argmin(x, { ...(axis === undefined ? {} : { axis }), keepdim }),
        ),
      ),
    ),
  ]);
}

/** Products: also with one 0, or several, among the factors. */
function productCases(): OpCase[] {
  const near1 = (...shape: number[]): CaseInput => ({
    shape,
    draw: (source) => (0.6 + 0.8 * source.uniform()) * (source.integer(2) > 0 ? -1 : 1),
  });
  return [
    ...reductionCases('prod', u.prod, near1),
    row('prod', 'with zeros', [zerosByRow], (x) => u.prod(x, 1)),
    row('prod', 'of two', [near1(2, 3)], (x) => u.prod(x, 0)),
    row('prod', 'over no element', [near1(0, 3)], (x) => u.prod(x, 0)),
  ];
}

/** Rows of seven numbers near 1: none of the first is 0, one of the second, two of the third … */
const zerosByRow: CaseInput = {
  shape: [4, 7],
  draw: (source, i) => (i % 7 < Math.floor(i / 7) ? 0 : 0.6 + 0.8 * source.uniform()),
};

/** Variances, deviations, norms and the logarithm of a sum. */
function spreadCases(): OpCase[] {
  // A scalar and axes of size 1 have no variance by the default correction.
  const has = ({ about }: OpCase): boolean =>
    !['scalar', 'axes of size 1', 'axis []'].some((each) => about.startsWith(each));
  const { variance, std, norm } = u;
  return [
    ...reductionCases('variance', variance, normal).filter(has),
    ...reductionCases('std', std, normal).filter(has),
    ...reductionCases('var', u.var, normal).filter(has),
    row('variance', 'no correction', [normal(4, 5)], (x) => variance(x, 1, { correction: 0 })),
    row('std', 'no correction', [normal(4, 5)], (x) => std(x, { axis: 0, correction: 0 })),
    row('std', 'a correction of 1.5', [normal(4, 5)], (x) => std(x, [0], { correction: 1.5 })),
    ...reductionCases('norm', norm, awayFrom0),
    ...[1, 3, 1.5, 0.5, -1].map((p) =>
      row('norm', `p ${p}`, [awayFrom0(4, 5)], (x) => norm(x, 1, { p })),
    ),
    ...[Infinity, -Infinity].map((p) =>
      row('norm', `p ${p}`, [distinct(4, 5)], (x) => norm(u.add(x, 20), [0, 1], { p })),
    ),
    row('norm', 'p 0', [sparse(4, 5)], (x) => norm(x, 1, { p: 0 }), { differentiable: false }),
    row('norm', 'over no element', [normal(0, 3)], (x) => norm(x, 0)),
    ...reductionCases('logSumExp', u.logSumExp, normal),
    row('logSumExp', 'large numbers', [between(900, 903, 3, 4)], (x) => u.logSumExp(x, 0)),
    row('logSumExp', 'over no element', [normal(0, 3)], (x) => u.logSumExp(x, 0)),
  ];
}

/** Reductions but sums, means and extremes. */
export const REDUCTION_CASES: readonly OpCase[] = [
  ...countingCases(),
  ...productCases(),
  ...spreadCases(),
];
