export { gather, scatter, scatterAdd, takeAlongAxis } from './along.js';
export { add, div, mul, neg, sub } from './arithmetic.js';
export {
  gelu,
  sigmoid,
  silu,
  tanh,
  type GeluApproximation,
  type GeluOptions,
} from './activation.js';
export { type ReduceAxes, type ReduceOptions } from './axes.js';
export { eq, ge, gt, le, lt, ne } from './compare.js';
export { bmm, dot, einsum, outer } from './contract.js';
export { all, any, countNonzero } from './count.js';
export { max, min } from './extreme-values.js';
export { maximum, minimum } from './extremes.js';
export {
  acos,
  asin,
  atan,
  cos,
  cosh,
  erf,
  expm1,
  log10,
  log1p,
  log2,
  reciprocal,
  rsqrt,
  sin,
  sinh,
  square,
  tan,
} from './functions.js';
export { indexSelect } from './indexing.js';
export { isFinite, isInf, isNaN, logicalAnd, logicalNot, logicalOr, logicalXor } from './logic.js';
export { logSumExp } from './log-sum-exp.js';
export { maskedFill, tril, triu } from './masks.js';
export { matmul, type MatmulOptions } from './matmul.js';
export {
  cast,
  clone,
  concat,
  permute,
  reshape,
  slice,
  transpose,
  type SliceRange,
} from './movement.js';
export { norm, type NormAxes, type NormOptions } from './norm.js';
export { argsort, sort, topk, type SortOptions, type TopkOptions } from './order.js';
export { pad, type Padding, type PadMode, type PadOptions } from './pad.js';
export { chunk, select, split, stack, unbind } from './pieces.js';
export { abs, clamp, clip, exp, log, sqrt, type ClampOptions } from './pointwise.js';
export { nonzero, oneHot, unique, type OneHotOptions } from './positions.js';
export { pow } from './power.js';
export { prod } from './prod.js';
export { atan2, floorDivide, remainder } from './quotients.js';
export { argmax, argmin, mean, sum, type ArgAxis } from './reduce.js';
export { leakyRelu, relu, type LeakyReluOptions } from './relu.js';
export { ceil, floor, round, sign, trunc } from './rounding.js';
export { cumprod, cumsum } from './scans.js';
export { logSoftmax, softmax } from './softmax.js';
export { std, variance, variance as var, type SpreadAxes, type SpreadOptions } from './spread.js';
export { broadcastTo, expand, repeat, squeeze, tile, unsqueeze } from './stretch.js';
export { type Operand } from './support.js';
export { flip, roll } from './turn.js';
export { where } from './where.js';
