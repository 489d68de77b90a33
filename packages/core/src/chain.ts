import type { DType } from './dtype.js';
import * as operations from './ops/index.js';
import { Tensor } from './tensor.js';

/*
 * `import '@unfold/core/chain'` gives tensors their operations as methods: x.matmul(w).add(b).relu()
 * is relu(add(matmul(x, w), b)), the same functions in the order in which they happen. Who does not
 * import it pays nothing for it.
 */

/**
 * The operations that become methods: all whose first argument is the tensor that they work on. Not
 * `where`: its first argument is the condition, and PyTorch's method `x.where(condition, y)` takes
 * it second.
 */
const METHODS = [
  'abs',
  'add',
  'argmax',
  'cast',
  'clamp',
  'clone',
  'div',
  'eq',
  'exp',
  'gelu',
  'gt',
  'indexSelect',
  'leakyRelu',
  'log',
  'logSoftmax',
  'lt',
  'matmul',
  'max',
  'maximum',
  'mean',
  'min',
  'minimum',
  'mul',
  'neg',
  'pad',
  'permute',
  'pow',
  'relu',
  'reshape',
  'sigmoid',
  'silu',
  'slice',
  'softmax',
  'sqrt',
  'sub',
  'sum',
  'tanh',
  'transpose',
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
