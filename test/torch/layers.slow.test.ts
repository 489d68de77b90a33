import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Tensor } from '@unfold/core';
import { beforeAll, describe, it } from 'vitest';
import { expectSame, plain, type Plain } from '../support/plain.js';
import { LAYER_CASES, MASKED_CASES, type LayerCase } from '../support/torch/layer-cases.js';
import { pythonOf } from '../support/torch/layer-call.js';
import { tensorsOf } from '../support/torch/models.js';
import { hasTorch, python } from '../support/python.js';

/** What a layer gives in training, where that isn't random, and then in evaluation. */
function resultsOf({ layer, inputs, isRandom = false }: LayerCase): Tensor[] {
  const modes = isRandom ? [false] : [true, false];
  return modes.flatMap((mode) => {
    layer.train(mode);
    const forward: unknown = Reflect.get(layer, 'forward');
    if (typeof forward !== 'function') throw new Error(`${layer.constructor.name} has no forward`);
    return tensorsOf(Reflect.apply(forward, layer, inputs));
  });
}

/** As the script reads it. */
function described(one: LayerCase): object {
  const state = [...one.layer.stateDict()].map(([name, tensor]) => [name, plain(tensor)]);
  return {
    ...pythonOf(one),
    isRandom: one.isRandom ?? false,
    state: Object.fromEntries(state) as object,
    inputs: tensorsOf(one.inputs).map(plain),
  };
}

describe.runIf(hasTorch)('layers of PyTorch with the same state', () => {
  const makers = Object.entries({ ...LAYER_CASES, ...MASKED_CASES });
  const cases = makers.map(([, make]) => make());
  let given: readonly (Plain[] | { readonly error: string })[];

  beforeAll(() => {
    const { stdout, stderr } = spawnSync(python, [join(import.meta.dirname, 'run_layers.py')], {
      input: JSON.stringify(cases.map(described)),
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    given = stdout ? (JSON.parse(stdout) as typeof given) : cases.map(() => ({ error: stderr }));
  });

  it.each(makers.map(([name], at) => [name, at] as const))('give the same as %s', (_, at) => {
    const [one, got] = [cases[at], given[at]];
    if (!one || !Array.isArray(got)) throw new Error(JSON.stringify(got));
    expectSame(got, resultsOf(one));
  });
});
