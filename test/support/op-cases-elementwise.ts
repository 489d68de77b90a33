import * as u from '@unfold/core';
import type { Shape, Tensor } from '@unfold/core';
import {
  awayFrom0,
  between,
  normal,
  row,
  unaryCases,
  type CaseInput,
  type OpCase,
} from './op-case.js';
import { binaryCases } from './op-case-kinds.js';

/** Whole numbers from -2 to 2, so that neighbours are often equal, or 0. */
const ties = (...shape: number[]): CaseInput => ({
  shape,
  draw: (source) => source.integer(5) - 2,
});

/** Every fifth number is NaN, and every fifth an infinity. */
const strange = (...shape: number[]): CaseInput => ({
  shape,
  draw: (source, i) => [NaN, source.normal(), Infinity, source.normal(), -Infinity][i % 5] ?? 0,
});

type Binary = (a: Tensor | number, b: Tensor | number) => Tensor;

const without = (rows: readonly OpCase[]): OpCase[] =>
  rows.map((each) => ({ ...each, differentiable: false }));

/** Comparisons and logic: operations that give bool. */
function boolCases(): OpCase[] {
  const binary: readonly (readonly [string, Binary])[] = [
    ['ne', u.ne],
    ['le', u.le],
    ['ge', u.ge],
    ['logicalAnd', u.logicalAnd],
    ['logicalOr', u.logicalOr],
    ['logicalXor', u.logicalXor],
  ];
  const shape: Shape = [2, 3];
  return [
    ...binary.flatMap(([op, fn]) => [
      ...binaryCases(op, fn, ties, ties, false),
      row(op, 'a long row', [ties(3, 67), ties(67)], (a, b) => fn(a, b), { differentiable: false }),
      row(op, 'NaN and infinities', [strange(7), strange(7, 1)], (a, b) => fn(a, b), {
        differentiable: false,
      }),
      row(op, 'of bool', [normal(5, 1), normal(41)], (a, b) => fn(u.gt(a, 0), u.gt(b, 0)), {
        differentiable: false,
      }),
    ]),
    ...without([
      ...unaryCases('logicalNot', u.logicalNot, ties),
      row('logicalNot', 'of bool', [ties(...shape)], (x) => u.logicalNot(u.gt(x, 0))),
      ...unaryCases('isNaN', u.isNaN, strange),
      ...unaryCases('isInf', u.isInf, strange),
      ...unaryCases('isFinite', u.isFinite, strange),
    ]),
  ];
}

/** Numbers at least a tenth away from a half, so from every jump of a rounding. */
const betweenHalves = (...shape: number[]): CaseInput => ({
  shape,
  draw: (source) => (source.integer(9) - 4) / 2 + 0.1 + 0.3 * source.uniform(),
});

/** Functions of floats, where they are smooth. */
function functionCases(): OpCase[] {
  const wide = (...shape: number[]): CaseInput => between(-7, 7, ...shape);
  const inside = (...shape: number[]): CaseInput => between(-0.9, 0.9, ...shape);
  const above0 = (...shape: number[]): CaseInput => between(0.2, 3, ...shape);
  const belowPole = (...shape: number[]): CaseInput => between(-1.3, 1.3, ...shape);
  return [
    ...unaryCases('sin', u.sin, wide),
    ...unaryCases('cos', u.cos, wide),
    ...unaryCases('tan', u.tan, belowPole),
    row('sin', 'many turns', [between(-500, 500, 23)], u.sin),
    row('cos', 'many turns', [between(-500, 500, 23)], u.cos),
    ...unaryCases('asin', u.asin, inside),
    ...unaryCases('acos', u.acos, inside),
    ...unaryCases('atan', u.atan, normal),
    row('atan', 'far from 0', [between(-9, 9, 23)], u.atan),
    ...unaryCases('sinh', u.sinh, normal),
    ...unaryCases('cosh', u.cosh, awayFrom0),
    ...unaryCases('erf', u.erf, normal),
    ...unaryCases('log1p', u.log1p, (...shape) => between(-0.8, 3, ...shape)),
    row('log1p', 'near 0', [between(-0.01, 0.01, 23)], u.log1p),
    ...unaryCases('expm1', u.expm1, normal),
    row('expm1', 'near 0', [between(-0.01, 0.01, 23)], u.expm1),
    ...unaryCases('log2', u.log2, above0),
    ...unaryCases('log10', u.log10, above0),
    ...unaryCases('square', u.square, awayFrom0),
    ...unaryCases('reciprocal', u.reciprocal, (...shape) => between(0.3, 2, ...shape)),
    ...unaryCases('rsqrt', u.rsqrt, above0),
    ...unaryCases('clip', (x) => u.clip(x, { min: -0.6, max: 0.7 }), normal),
  ];
}

/** Roundings and signs, whose gradient is 0: there is nothing for differences to find. */
function roundingCases(): OpCase[] {
  const fns = { ceil: u.ceil, floor: u.floor, round: u.round, sign: u.sign, trunc: u.trunc };
  return without(Object.entries(fns).flatMap(([op, fn]) => unaryCases(op, fn, betweenHalves)));
}

/**
 * What comes of dividing. Quotients are kept away from whole numbers, where the rest jumps: dividends
 * are a little above 4 or below -4, divisors near 1 or -1.
 */
function quotientCases(): OpCase[] {
  const dividend = (...shape: number[]): CaseInput => ({
    shape,
    draw: (source) => (4.2 + 0.2 * source.uniform()) * (source.integer(2) > 0 ? -1 : 1),
  });
  const divisor = (...shape: number[]): CaseInput => ({
    shape,
    draw: (source) => (0.98 + 0.03 * source.uniform()) * (source.integer(2) > 0 ? -1 : 1),
  });
  return [
    ...binaryCases('atan2', u.atan2, awayFrom0),
    // By 1.5, or 1.5 by it, the quotient is away from whole numbers too.
    ...binaryCases('remainder', u.remainder, dividend, divisor),
    ...without(binaryCases('floorDivide', u.floorDivide, dividend, divisor)),
    row('remainder', 'large quotients', [between(500.3, 500.4, 9)], (x) => u.remainder(x, 1)),
  ];
}

/** Comparisons, logic and functions of single elements. */
export const ELEMENTWISE_CASES: readonly OpCase[] = [
  ...boolCases(),
  ...functionCases(),
  ...roundingCases(),
  ...quotientCases(),
];
