import { gradcheck, gradgradcheck, type GradcheckOptions, type Tensor } from '@unfold/core';

/** `gradcheck`, and then `gradgradcheck`, of one function: a gradient is proved with its own gradients. */
export function gradchecks(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  options?: GradcheckOptions,
): void {
  gradgradcheck(fn, inputs, options);
  // The latter last: it leaves the inputs' gradients, which tests look at.
  gradcheck(fn, inputs, options);
}
