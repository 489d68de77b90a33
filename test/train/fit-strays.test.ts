import { mul, reshape, tensor, type Tensor } from '@unfold/core';
import { Linear, Module, type Layer } from '@unfold/nn';
import { DataLoader, fit, SGD } from '@unfold/train';
import { afterEach, expect, it, vi } from 'vitest';
import { CLASSES, stripes } from '../support/runs/stripes.js';

/** Trains for two epochs of two steps, and gives what was warned of. */
async function warningsOf(model: Layer, optimizer: SGD): Promise<unknown[]> {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  await fit(model, {
    train: new DataLoader(stripes(8), { batchSize: 4 }),
    optimizer,
    epochs: 2,
  });
  return warn.mock.calls.flat();
}

afterEach(() => {
  vi.restoreAllMocks();
});

/** Of its four parameters, the model finds two. */
class Hiding extends Module {
  readonly head = new Linear(5, CLASSES);
  readonly #hidden = new Linear(36, 5, { bias: false });
  readonly #scale = tensor([2], undefined, { requiresGrad: true });

  forward(x: Tensor): Tensor {
    const features = this.#hidden.forward(reshape(x, [-1, 36]));
    return this.head.forward(mul(features, this.#scale));
  }
}

/** All of it is found. */
class Open extends Module {
  readonly layers = [new Linear(36, 5, { bias: false }), new Linear(5, CLASSES)];

  forward(x: Tensor): Tensor {
    return this.layers.reduce((out, layer) => layer.forward(out), reshape(x, [-1, 36]));
  }
}

it('fit warns once of parameters that the model hides in #private fields', async () => {
  const model = new Hiding();
  const warnings = await warningsOf(model, new SGD(model.parameters(), { lr: 0.1 }));
  expect(warnings).toEqual([
    "fit: expected gradients for the optimiser's parameters only, got some for 2 other(s), which " +
      'will not change: a float32 tensor [1], a float32 tensor [5,36]. The model does not find 2 of ' +
      'them: keep layers in properties, arrays, Maps, Sets or plain objects of a Module, not in ' +
      '#private fields, or set requiresGrad to false',
  ]);
});

it('fit warns once, by name, of parameters that were not given to the optimiser', async () => {
  const model = new Open();
  const head = model.layers[1]?.parameters() ?? [];
  expect(await warningsOf(model, new SGD(head, { lr: 0.1 }))).toEqual([
    "fit: expected gradients for the optimiser's parameters only, got some for 1 other(s), which " +
      'will not change: layers.0.weight. Give the optimiser model.parameters(), or freeze() what is ' +
      'to stay as it is',
  ]);
});

it('fit says nothing where all is found, frozen, or the optimiser has more than the model', async () => {
  const model = new Open();
  expect(await warningsOf(model, new SGD(model.parameters(), { lr: 0.1 }))).toEqual([]);
  model.layers[0]?.freeze();
  const head = model.layers[1]?.parameters() ?? [];
  const spare = new Linear(2, 2).parameters();
  expect(await warningsOf(model, new SGD([...head, ...spare], { lr: 0.1 }))).toEqual([]);
});
