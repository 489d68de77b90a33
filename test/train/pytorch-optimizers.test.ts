import {
  add,
  configureEngine,
  manualSeed,
  mul,
  Parameter,
  sum,
  Tape,
  tensor,
  type Tensor,
} from '@unfold/core';
import { clipGradNorm, clipGradValue, EMA } from '@unfold/train';
import { Module } from '@unfold/nn';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  expectTensor,
  loadFixture,
  sliceOf,
  tensorOf,
  VARIANTS,
} from '../support/fixtures/fixtures.js';
import { makeOptimizer } from '../support/fixtures/optimizer-fixtures.js';

const { cases, parameters, clips, ema } = loadFixture('optimizers');

describe.each(VARIANTS)('equal PyTorch, $dtype on $kernels', ({ kernels, dtype }) => {
  // Ten updates, each of some roundings, of numbers around 1.
  const tolerance = dtype === 'float64' ? { rtol: 1e-13, atol: 1e-13 } : { rtol: 2e-6, atol: 2e-6 };

  beforeAll(async () => {
    await configureEngine({ kernels });
  });

  it.each(cases)('$optimizer: $name', ({ optimizer: kind, options, groups, after }) => {
    const trained = Object.entries(parameters).map(([name, given]) => ({
      name,
      given,
      parameter: new Parameter(tensorOf(given.initial, dtype)),
    }));
    const named = (names: readonly string[]) =>
      names.map((name) => trained.find((one) => one.name === name)?.parameter as Parameter);
    const optimizer = makeOptimizer(
      kind,
      groups?.map(({ params, ...own }) => ({ ...own, params: named(params) })) ??
        trained.map(({ parameter }) => parameter),
      options,
    );
    for (let step = 0; step < 10; step++) {
      using tape = new Tape();
      optimizer.zeroGrad();
      // The loss Σ parameter·gradient has that gradient. One parameter has none at first.
      let loss: Tensor | null = null;
      for (const { given, parameter } of trained) {
        if (step < given.firstGradient) continue;
        const term = sum(mul(parameter, tensorOf(sliceOf(given.gradients, step), dtype)));
        loss = loss ? add(loss, term) : term;
      }
      if (loss) tape.backward(loss);
      optimizer.step();
      for (const { name, parameter } of trained) {
        const all = after[name];
        if (!all) throw new Error(`the fixture lacks ${name}`);
        expectTensor(`${name} after step ${step + 1}`, parameter, sliceOf(all, step), tolerance);
      }
    }
    optimizer.dispose();
  });

  it.each(clips)('clipping with $options', ({ options, norm, after }) => {
    const named = Object.entries(parameters).map(([name, { initial, gradients }]) => {
      const parameter = new Parameter(tensorOf(initial, dtype));
      parameter.grad = tensorOf(sliceOf(gradients, 0), dtype);
      return { name, parameter };
    });
    const given = named.map(({ parameter }) => parameter);
    if (options.clipValue !== undefined) clipGradValue(given, options.clipValue);
    else {
      const normType = options.normType ? Infinity : 2;
      const before = clipGradNorm(given, options.maxNorm ?? NaN, { normType });
      expect(Math.abs(before - (norm ?? NaN))).toBeLessThan(1e-14);
    }
    const rtol = dtype === 'float64' ? 1e-14 : 1e-6;
    for (const { name, parameter } of named) {
      expectTensor(name, parameter.grad, after[name], { rtol, atol: 0 });
    }
  });

  it('the average of weights', () => {
    class Averaged extends Module {
      weight = new Parameter(tensorOf(sliceOf(ema.weights, 0), dtype));
      mean = this.registerBuffer('mean', tensorOf(sliceOf(ema.means, 0), dtype));
    }
    const model = new Averaged();
    const average = new EMA(model, { decay: ema.decay });
    const rtol = dtype === 'float64' ? 1e-14 : 1e-6;
    for (let update = 0; update < 6; update++) {
      for (const [target, given] of [
        [model.weight, ema.weights],
        [model.mean, ema.means],
      ] as const) {
        target.update((data) => data.set(sliceOf(given, update).data));
      }
      average.update();
      const { tensors } = average.stateDict();
      expectTensor('weight', tensors.get('weight'), sliceOf(ema.averages, update), {
        rtol,
        atol: rtol,
      });
      expectTensor('mean', tensors.get('mean'), sliceOf(ema.copies, update), { rtol: 0, atol: 0 });
    }
    average.dispose();
  });
});

it('is the same to the bit on one thread and on two, and once more', async () => {
  const run = async (threads: number) => {
    await configureEngine({ kernels: 'wasm', threads });
    manualSeed(1);
    // Long enough to be shared out.
    const values = Float32Array.from({ length: 40_000 }, (_, i) => Math.sin(i));
    const parameter = new Parameter(tensor(values));
    const kinds = ['Adam', 'AdamW', 'RMSprop', 'Adagrad'] as const;
    for (const kind of kinds) {
      const optimizer = makeOptimizer(kind, [parameter], { lr: 0.01, weightDecay: 0.1 });
      for (let step = 0; step < 3; step++) {
        parameter.grad = tensor(values.map((value, i) => value * Math.cos(i * (step + 1))));
        clipGradNorm([parameter], 0.5);
        optimizer.step();
        optimizer.zeroGrad();
      }
      optimizer.dispose();
    }
    return parameter.toTypedArray();
  };
  const once = await run(1);
  expect(await run(2)).toEqual(once);
  expect(await run(1)).toEqual(once);
});
