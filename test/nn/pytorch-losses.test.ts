import { configureEngine, Tape, type Tensor } from '@unfold/core';
import { crossEntropy, mseLoss, nllLoss } from '@unfold/nn';
import { beforeAll, describe, it } from 'vitest';
import {
  expectTensor,
  loadFixture,
  tensorOf,
  VARIANTS,
  type LossCase,
} from '../support/fixtures/fixtures.js';

const { cases } = loadFixture('losses');

function lossOf({ loss, options }: LossCase, x: Tensor, target: Tensor): Tensor {
  if (loss === 'crossEntropy') return crossEntropy(x, target, options);
  if (loss === 'nllLoss') return nllLoss(x, target, options);
  return mseLoss(x, target, options);
}

describe.each(VARIANTS)('losses equal PyTorch, $dtype on $kernels', ({ kernels, dtype }) => {
  const rtol = dtype === 'float64' ? 1e-12 : 2e-6;

  beforeAll(async () => {
    await configureEngine({ kernels });
  });

  it.each(cases)('$name', (given) => {
    using tape = new Tape();
    const labels = given.target.shape.length < given.x.shape.length;
    const x = tensorOf(given.x, dtype, { requiresGrad: true });
    const target = tensorOf(
      given.target,
      labels ? 'int32' : dtype,
      given.dTarget ? { requiresGrad: true } : {},
    );
    const out = lossOf(given, x, target);
    tape.backward(out, tensorOf(given.dOut, dtype));

    // A loss is a difference of logits or a sum of such: its error is a part of the largest. A
    // gradient is a probability minus a target, each at most 1, times the incoming gradient.
    const largest = given.x.data.reduce((a, v) => Math.max(a, Math.abs(v)), 1);
    const dLargest = given.dOut.data.reduce((a, v) => Math.max(a, Math.abs(v)), 0);
    expectTensor('out', out, given.out, { rtol, atol: rtol * largest });
    expectTensor('dX', x.grad, given.dX, { rtol, atol: rtol * dLargest });
    if (given.dTarget) {
      expectTensor('dTarget', target.grad, given.dTarget, { rtol, atol: rtol * dLargest });
    }
  });
});
