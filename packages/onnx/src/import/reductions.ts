import {
  abs,
  add,
  argmax,
  argmin,
  cast,
  cumsum,
  div,
  eq,
  flip,
  full,
  log,
  logSoftmax,
  logSumExp,
  max,
  mean,
  min,
  norm,
  oneHot,
  prod,
  reshape,
  sizeOf,
  softmax,
  square,
  sqrt,
  sub,
  sum,
  where,
  zerosLike,
  concat,
  type ReduceOptions,
  type Tensor,
} from '@unfold/core';
import { sliceAlong } from '@unfold/core/internal';
import type { Call, Operator, Operators } from './call.js';
import { lastTo } from './movement.js';

type Reduce = (x: Tensor, axes: number[], options: { readonly keepdim: boolean }) => Tensor;

/** The axes, an attribute once and an input since; null for none at all. */
function axesOf(call: Call, x: Tensor): number[] | null {
  const axes = call.listed('axes', 1);
  if (axes && axes.length > 0) return axes.map((axis) => call.axisOf(axis, x.ndim));
  if (call.int('noop_with_empty_axes', 0) === 1) return null;
  return x.shape.map((_, axis) => axis);
}

const reduction =
  (reduce: Reduce, before: (x: Tensor) => Tensor = (x) => x): Operator =>
  (call) => {
    const x = before(call.x);
    const axes = axesOf(call, x);
    if (axes === null) return x;
    return reduce(x, axes, { keepdim: call.int('keepdims', 1) !== 0 });
  };

type Compute = (x: Tensor, axes: number[], options: ReduceOptions) => Tensor;

const by =
  (compute: Compute): Reduce =>
  (x, axes, options) =>
    axes.length === 0 ? x : compute(x, axes, options);

/**
 * The largest or smallest. Truth values have no order here, and count as 0 and 1; of no elements it is
 * what every other one beats.
 */
const extreme =
  (compute: Compute, ofNone: number): Reduce =>
  (x, axes, options) => {
    if (axes.length === 0) return x;
    if (axes.every((axis) => x.shape[axis] !== 0)) {
      return x.dtype === 'bool'
        ? cast(compute(cast(x, 'uint8'), axes, options), 'bool')
        : compute(x, axes, options);
    }
    const { shape } = sum(x.dtype === 'bool' ? cast(x, 'uint8') : x, axes, options);
    return full(shape, x.dtype === 'bool' ? Number(ofNone > 0) : ofNone, { dtype: x.dtype });
  };

/** Up to operator set 12 such functions saw x as a matrix, cut at the axis. */
const alongAxis =
  (compute: (x: Tensor, axis: number) => Tensor): Operator =>
  (call) => {
    const { x } = call;
    if (call.opset >= 13) return compute(x, call.axis(x.ndim, -1));
    const axis = call.axis(x.ndim, 1);
    const rows = sizeOf(x.shape.slice(0, axis));
    return reshape(compute(reshape(x, [rows, x.size / Math.max(1, rows)]), 1), [...x.shape]);
  };

const position =
  (find: typeof argmax): Operator =>
  (call) => {
    const { x } = call;
    const axis = call.axis(x.ndim, 0);
    const keepdim = call.int('keepdims', 1) !== 0;
    if (call.int('select_last_index', 0) === 0) return find(x, axis, { keepdim });
    return sub((x.shape[axis] ?? 1) - 1, find(flip(x, axis), axis, { keepdim }));
  };

const cumulative: Operator = (call) => {
  const { x } = call;
  const axis = call.axisOf(call.number(1) ?? 0, x.ndim);
  const isReverse = call.int('reverse', 0) === 1;
  const given = isReverse ? flip(x, axis) : x;
  const sums = call.int('exclusive', 0) === 1 ? shifted(given, axis) : given;
  const out = cumsum(sums, axis);
  return isReverse ? flip(out, axis) : out;
};

/** x moved on by one along an axis, with a 0 in front. */
function shifted(x: Tensor, axis: number): Tensor {
  const first = sliceAlong(x, axis, [0, 1]);
  return concat([zerosLike(first), sliceAlong(x, axis, [0, -1])], axis);
}

const hardmax = (x: Tensor, axis: number): Tensor => {
  const best = oneHot(argmax(x, axis), x.shape[axis] ?? 0, { dtype: x.dtype });
  return lastTo(best, axis);
};

/** x divided by its norm along an axis, and 0 where that is 0. */
const lpNormalization: Operator = (call) => {
  const { x } = call;
  const axis = call.axis(x.ndim, -1);
  const size = norm(x, axis, { p: call.int('p', 2), keepdim: true });
  return div(x, where(eq(size, 0), 1, size));
};

/** Functions of the elements along axes. */
export const REDUCTIONS: Operators = {
  ReduceSum: reduction(by(sum)),
  ReduceMean: reduction(by(mean)),
  ReduceMax: reduction(extreme(max, -Infinity)),
  ReduceMin: reduction(extreme(min, Infinity)),
  ReduceProd: reduction(by(prod)),
  ReduceL1: reduction(by(sum), abs),
  ReduceL2: reduction((x, axes, options) => sqrt(by(sum)(x, axes, options)), square),
  ReduceSumSquare: reduction(by(sum), square),
  ReduceLogSum: reduction((x, axes, options) => log(by(sum)(x, axes, options))),
  ReduceLogSumExp: reduction(by(logSumExp)),
  ArgMax: position(argmax),
  ArgMin: position(argmin),
  Softmax: alongAxis(softmax),
  LogSoftmax: alongAxis(logSoftmax),
  Hardmax: alongAxis(hardmax),
  CumSum: cumulative,
  LpNormalization: lpNormalization,
  MeanVarianceNormalization: (call) => {
    const { x } = call;
    const axes = [...(call.ints('axes') ?? [0, 2, 3])];
    const centred = sub(x, mean(x, axes, { keepdim: true }));
    const variance = mean(square(centred), axes, { keepdim: true });
    return div(centred, add(sqrt(variance), 1e-9));
  },
};
