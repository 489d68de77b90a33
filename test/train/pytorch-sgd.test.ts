import { add, configureEngine, mul, Parameter, sum, Tape, type Tensor } from '@unfold/core';
import { SGD } from '@unfold/train';
import { beforeAll, describe, it } from 'vitest';
import {
  expectTensor,
  loadFixture,
  sliceOf,
  tensorOf,
  VARIANTS,
} from '../support/fixtures/fixtures.js';

const { cases, parameters } = loadFixture('sgd');

describe.each(VARIANTS)('SGD equals PyTorch, $dtype on $kernels', ({ kernels, dtype }) => {
  // Ten updates, each of a few roundings, of numbers around 1.
  const tolerance = dtype === 'float64' ? { rtol: 1e-14, atol: 1e-14 } : { rtol: 1e-6, atol: 1e-6 };

  beforeAll(async () => {
    await configureEngine({ kernels });
  });

  it.each(cases)('$name', ({ options, lrs, after }) => {
    const trained = Object.entries(parameters).map(([name, given]) => ({
      name,
      given,
      parameter: new Parameter(tensorOf(given.initial, dtype)),
    }));
    const optimizer = new SGD(
      trained.map(({ parameter }) => parameter),
      options,
    );
    lrs.forEach((lr, step) => {
      using tape = new Tape();
      optimizer.zeroGrad();
      optimizer.lr = lr;
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
    });
  });
});
