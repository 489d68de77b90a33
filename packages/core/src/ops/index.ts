export { add, div, mul, neg, sub } from './arithmetic.js';
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
export { eq, gt, lt } from './compare.js';
export { maximum, minimum } from './extremes.js';
export { indexSelect } from './indexing.js';
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
export { abs, clamp, exp, log, sqrt, type ClampOptions } from './pointwise.js';
export { pow } from './power.js';
export { argmax, max, mean, min, sum, type ReduceAxes, type ReduceOptions } from './reduce.js';
export { logSoftmax, softmax } from './softmax.js';
export { type Operand } from './support.js';
export { where } from './where.js';
