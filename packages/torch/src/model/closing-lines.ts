import type { Tensor } from '@unfold/core';
import type { Module } from '@unfold/nn';
import { atom } from '../python.js';
import type { InitLine } from './classes.js';
import { accessor, isAgain, pathOf, type Part } from './parts.js';

/**
 * The last lines of a model's constructor: tensors that stand in several places, and frozen parameters.
 * @param names The names of each tensor of the state.
 */
export function closingLines(
  model: Module,
  root: Part,
  names: ReadonlyMap<Tensor, readonly string[]>,
): InitLine[] {
  const tied = [...names.values()].flatMap(([first = '', ...others]) =>
    others
      .filter((other) => !isAgain(root, other))
      .map((other) => ({
        before: `${accessor(root, other)} = `,
        expression: atom(accessor(root, first)),
      })),
  );
  const frozen = frozenIn(model).map((path) => {
    const self = path === '' ? 'self' : accessor(root, path);
    return { before: '', expression: atom(`${self}.requires_grad_(False)`) };
  });
  return [...tied, ...frozen].map((line) => ({ kind: 'statement', ...line }));
}

/** The paths of what is frozen: of whole modules, and of parameters beside others that aren't. */
function frozenIn(module: Module, path = ''): string[] {
  const parameters = [...module.parameters()];
  if (parameters.every(({ requiresGrad }) => requiresGrad)) return [];
  if (!parameters.some(({ requiresGrad }) => requiresGrad)) return [path];
  const own = [...module.namedParameters('', { recurse: false })].flatMap(([name, parameter]) =>
    parameter.requiresGrad ? [] : [pathOf(path, name)],
  );
  const inside = [...module.namedChildren()].flatMap(([name, child]) =>
    frozenIn(child, pathOf(path, name)),
  );
  return [...own, ...inside];
}
