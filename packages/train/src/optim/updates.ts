import { add, bufferOf, moreKernelsFor, mul, type Tensor } from '@unfold/core';
import { withOptions } from '@unfold/core/internal';

/** Options of the plain descent that `sgdStep` does without momentum. */
const PLAIN = {
  momentum: 0,
  dampening: 0,
  weightDecay: 0,
  nesterov: false,
  firstStep: false,
};

/** grad + weightDecay·parameter. */
export function withDecay(grad: Tensor, parameter: Tensor, weightDecay: number): Tensor {
  // Detached: a tape that is open must not record the update.
  return weightDecay === 0 ? grad : add(grad, mul(parameter.detach(), weightDecay));
}

/** target -= lr·direction, in place. @param lr Gives the rate; a program asks anew in each run. */
export function descend(target: Tensor, direction: Tensor, lr: () => number): void {
  run(target, direction, () => ({ ...PLAIN, lr: lr() }));
}

/** target += share·(source - target), in place and in one pass. */
export function moveTowards(target: Tensor, source: Tensor, share: number): void {
  const { lerp } = moreKernelsFor(target.dtype);
  target.updateBuffer((own) => {
    lerp(own, bufferOf(source), { weight: share });
  });
}

/** buffer = momentum·buffer + direction; target -= lr·buffer, in place. */
export function descendWithMomentum(
  target: Tensor,
  buffer: Tensor,
  direction: Tensor,
  options: () => { readonly lr: number; readonly momentum: number },
): void {
  run(
    target,
    direction,
    () => {
      const { lr, momentum } = options();
      return { ...PLAIN, lr, momentum };
    },
    buffer,
  );
}

function run(
  target: Tensor,
  direction: Tensor,
  options: () => typeof PLAIN & { readonly lr: number },
  buffer = direction,
): void {
  const { sgdStep } = moreKernelsFor(target.dtype);
  target.updateBuffer((own) => {
    withOptions(options, (now) => sgdStep(own, bufferOf(buffer), bufferOf(direction), now));
  });
}
