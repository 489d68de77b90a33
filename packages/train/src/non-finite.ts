import { elementsOf, Scope, Tensor, UnfoldError } from '@unfold/core';
import { type Layer, watchForward } from '@unfold/nn';

/** The loss stopped being finite. The run ended before it could be saved. */
export class NonFiniteLossError extends UnfoldError {
  override name = 'NonFiniteLossError';
}

/** Says in which parameter, or after which layer, values are not finite: runs the model again. */
export function findNonFinite(model: Layer, images: Tensor): string {
  for (const [name, parameter] of model.namedParameters()) {
    if (!isFinite(parameter)) return `${name} holds values that are not finite`;
  }
  if (!isFinite(images)) return 'the images hold values that are not finite';
  let found: string | undefined;
  return Scope.run(() => {
    watchForward(
      model,
      ({ path, output }) => {
        if (output instanceof Tensor && !isFinite(output)) found ??= path;
      },
      () => void model.forward(images),
    );
    if (found === undefined) {
      return 'every layer gives finite values, but their loss is not finite';
    }
    return found === ''
      ? "the model's output is not finite"
      : `layer ${found} is the first whose output is not finite`;
  });
}

function isFinite(tensor: Tensor): boolean {
  return elementsOf(tensor).every(Number.isFinite);
}
