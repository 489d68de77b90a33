import { elementsOf, Scope, type Tensor, UnfoldError } from '@unfold/core';
import { watchForward } from '@unfold/nn';
import { tensorsIn } from './data/batch.js';
import type { AnyModel } from './model.js';

/** The loss stopped being finite. The run ended before it could be saved. */
export class NonFiniteLossError extends UnfoldError {
  override name = 'NonFiniteLossError';
}

/** Says in which parameter, or after which layer, values are not finite: runs the model again. */
export function findNonFinite(model: AnyModel, inputs: unknown): string {
  for (const [name, parameter] of model.namedParameters()) {
    if (!isFinite(parameter)) return `${name} holds values that are not finite`;
  }
  if (!areFinite(inputs)) return 'the inputs hold values that are not finite';
  let found: string | undefined;
  return Scope.run(() => {
    watchForward(
      model,
      ({ path, output }) => {
        if (!areFinite(output)) found ??= path;
      },
      () => void model.forward(inputs),
    );
    if (found === undefined) {
      return 'every layer gives finite values, but their loss is not finite';
    }
    return found === ''
      ? "the model's output is not finite"
      : `layer ${found} is the first whose output is not finite`;
  });
}

/** Whether all tensors of a tree hold finite values alone. */
export function areFinite(tree: unknown): boolean {
  return tensorsIn(tree).every(isFinite);
}

function isFinite(tensor: Tensor): boolean {
  return elementsOf(tensor).every(Number.isFinite);
}
