import {
  generator as globalGenerator,
  ShapeError,
  type Generator,
  type Tensor,
} from '@unfold/core';

/*
 * Initialisers change a tensor in place. They draw from the global stream 'init' unless they are
 * given a generator.
 */

/** Options of `uniform`. */
export interface UniformOptions {
  /** Values are uniform in [-bound, bound). */
  readonly bound: number;
  /** Where the numbers come from. Default: the stream `'init'`. */
  readonly generator?: Generator;
}

/** Uniform in [-bound, bound). */
export function uniform(
  tensor: Tensor,
  { bound, generator = globalGenerator('init') }: UniformOptions,
): void {
  tensor.update((data) => {
    for (let i = 0; i < data.length; i++) data[i] = bound * (2 * generator.uniform() - 1);
  });
}

/** Options of `kaimingUniform`. */
export interface KaimingOptions {
  /** The negative slope of the leaky ReLU that follows. Default 0, a ReLU. */
  readonly a?: number;
  /** Where the numbers come from. Default: the stream `'init'`. */
  readonly generator?: Generator;
}

/**
 * Uniform in ±√(6 / ((1 + a²)·fanIn)) (He et al., 2015), as `torch.nn.init.kaiming_uniform_`.
 * `fanIn` is the number of inputs of one output: the product of all dimensions but the first.
 * @throws ShapeError if the tensor has fewer than two dimensions.
 */
export function kaimingUniform(tensor: Tensor, { a = 0, generator }: KaimingOptions = {}): void {
  if (tensor.ndim < 2) {
    throw new ShapeError(
      `kaimingUniform: expected at least two dimensions, got ${tensor.describe()}`,
    );
  }
  const fanIn = tensor.size / (tensor.shape[0] ?? 1);
  const bound = Math.sqrt(6 / ((1 + a * a) * fanIn));
  uniform(tensor, generator ? { bound, generator } : { bound });
}
