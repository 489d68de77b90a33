export { add, div, mul, pow, sub } from './arithmetic.js';
export {
  gelu,
  leakyRelu,
  relu,
  sigmoid,
  silu,
  tanh,
  type GeluApproximation,
  type GeluOptions,
  type LeakyReluOptions,
} from './activation.js';
export { type ReduceAxes, type ReduceOptions } from './axes.js';
export { eq, ge, gt, le, lt, ne } from './compare.js';
export { all, any, countNonzero } from './count.js';
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
export { matmul, type MatmulOptions } from './matmul.js';
export {
  cast,
  clone,
  concat,
  pad,
  permute,
  reshape,
  slice,
  transpose,
  type Padding,
  type SliceRange,
} from './movement.js';
export { abs, clamp, clip, exp, log, neg, sqrt, type ClampOptions } from './pointwise.js';
export { norm, type NormAxes, type NormOptions } from './norm.js';
export { prod } from './prod.js';
export { atan2, floorDivide, remainder } from './quotients.js';
export { argmax, argmin, max, mean, min, sum, type ArgAxis } from './reduce.js';
export { ceil, floor, round, sign, trunc } from './rounding.js';
export { logSoftmax, softmax } from './softmax.js';
export { std, variance, variance as var, type SpreadAxes, type SpreadOptions } from './spread.js';
export { type Operand } from './support.js';
export { where } from './where.js';
