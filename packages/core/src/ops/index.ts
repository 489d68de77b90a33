export { gather, scatter, scatterAdd, takeAlongAxis } from './along.js';
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
export { eq, gt, lt } from './compare.js';
export { bmm, dot, einsum, outer } from './contract.js';
export { maximum, minimum } from './extremes.js';
export { indexSelect } from './indexing.js';
export { maskedFill, tril, triu } from './masks.js';
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
export { argsort, sort, topk, type SortOptions, type TopkOptions } from './order.js';
export { chunk, select, split, stack, unbind } from './pieces.js';
export { abs, clamp, exp, log, neg, sqrt, type ClampOptions } from './pointwise.js';
export { nonzero, oneHot, unique, type OneHotOptions } from './positions.js';
export { argmax, max, mean, min, sum, type ReduceAxes, type ReduceOptions } from './reduce.js';
export { cumprod, cumsum } from './scans.js';
export { logSoftmax, softmax } from './softmax.js';
export { broadcastTo, expand, repeat, squeeze, tile, unsqueeze } from './stretch.js';
export { type Operand } from './support.js';
export { flip, roll } from './turn.js';
export { where } from './where.js';
