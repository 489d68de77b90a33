import type { NumericArray, SgdOptions } from '../contract.js';

/** The rule of `torch.optim.SGD`, weight decay added to the gradient and not to the update. */
export function sgdStep(
  param: NumericArray,
  velocity: NumericArray,
  grad: NumericArray,
  { lr, momentum, dampening, weightDecay, nesterov, firstStep }: SgdOptions,
): void {
  for (let i = 0; i < param.length; i++) {
    const old = param[i];
    const g = grad[i] + weightDecay * old;
    if (momentum === 0) {
      param[i] = old - lr * g;
      continue;
    }
    const v = firstStep ? g : momentum * velocity[i] + (1 - dampening) * g;
    velocity[i] = v;
    param[i] = old - lr * (nesterov ? g + momentum * v : v);
  }
}
