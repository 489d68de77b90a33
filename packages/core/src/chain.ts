// As in index.ts: declarations of what is exported name Symbol.dispose.
/// <reference lib="esnext.disposable" preserve="true" />

import type { DType } from './dtype.js';
import * as operations from './ops/index.js';
import { Tensor } from './tensor.js';

/*
 * `import '@unfold/core/chain'` gives tensors their operations as methods: x.matmul(w).add(b).relu()
 * is relu(add(matmul(x, w), b)), the same functions in the order in which they happen. Who does not
 * import it pays nothing for it.
 */

/**
 * The operations that become methods: all whose first argument is the tensor that they work on. So
 * not `concat`, `stack` and `einsum`, and not `where`: its first argument is the condition, and
 * PyTorch's method `x.where(condition, y)` takes it second.
 */
const METHODS = [
  'abs',
  'acos',
  'add',
  'all',
  'any',
  'argmax',
  'argmin',
  'argsort',
  'asin',
  'atan',
  'atan2',
  'bmm',
  'broadcastTo',
  'cast',
  'ceil',
  'chunk',
  'clamp',
  'clip',
  'clone',
  'cos',
  'cosh',
  'countNonzero',
  'cumprod',
  'cumsum',
  'div',
  'dot',
  'eq',
  'erf',
  'exp',
  'expand',
  'expm1',
  'flip',
  'floor',
  'floorDivide',
  'gather',
  'ge',
  'gelu',
  'gt',
  'indexSelect',
  'isFinite',
  'isInf',
  'isNaN',
  'le',
  'leakyRelu',
  'log',
  'log10',
  'log1p',
  'log2',
  'logSoftmax',
  'logSumExp',
  'logicalAnd',
  'logicalNot',
  'logicalOr',
  'logicalXor',
  'lt',
  'maskedFill',
  'matmul',
  'max',
  'maximum',
  'mean',
  'min',
  'minimum',
  'mul',
  'ne',
  'neg',
  'nonzero',
  'norm',
  'oneHot',
  'outer',
  'pad',
  'permute',
  'pow',
  'prod',
  'reciprocal',
  'relu',
  'remainder',
  'repeat',
  'reshape',
  'roll',
  'round',
  'rsqrt',
  'scatter',
  'scatterAdd',
  'select',
  'sigmoid',
  'sign',
  'silu',
  'sin',
  'sinh',
  'slice',
  'softmax',
  'sort',
  'split',
  'sqrt',
  'square',
  'squeeze',
  'std',
  'sub',
  'sum',
  'takeAlongAxis',
  'tan',
  'tanh',
  'tile',
  'topk',
  'transpose',
  'tril',
  'triu',
  'trunc',
  'unbind',
  'unique',
  'unsqueeze',
  'var',
  'variance',
] as const;

/** A function of a tensor as its method: the arguments behind the first, and its result. */
type Method<F> = F extends (x: Tensor, ...rest: infer Rest) => infer Result
  ? (...rest: Rest) => Result
  : never;

/** The methods that `import '@unfold/core/chain'` adds to tensors. */
export type Chain = {
  readonly [Name in (typeof METHODS)[number]]: Method<(typeof operations)[Name]>;
};

declare module './tensor.js' {
  // Merged with the class, which has to have the same parameters.
  interface Tensor<D extends DType = DType> extends Chain {}
}

for (const name of METHODS) {
  // Each name is one of the namespace's, as the types say.
  // oxlint-disable-next-line import/namespace
  const operation = operations[name] as (...args: unknown[]) => unknown;
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...rest: unknown[]): unknown {
      return operation(this, ...rest);
    },
    writable: true,
    configurable: true,
  });
}
