import { configureEngine, Tape } from '@unfold/core';
import { maxPool2d } from '@unfold/nn';
import { beforeAll, describe, it } from 'vitest';
import { expectTensor, loadFixture, tensorOf, VARIANTS } from '../support/fixtures/fixtures.js';

const { cases } = loadFixture('pooling');

// The inputs are whole numbers with many ties, so every result is exact, and the gradient shows
// which of the equal values won: the first, as in PyTorch.
describe.each(VARIANTS)('maxPool2d equals PyTorch, $dtype on $kernels', ({ kernels, dtype }) => {
  beforeAll(async () => {
    await configureEngine({ kernels });
  });

  it.each(cases)('$name', (given) => {
    using tape = new Tape();
    const x = tensorOf(given.x, dtype, { requiresGrad: true });
    const out = maxPool2d(x, given.kernel, given.options);
    tape.backward(out, tensorOf(given.dOut, dtype));
    expectTensor('out', out, given.out, { rtol: 0 });
    expectTensor('dX', x.grad, given.dX, { rtol: 0 });
  });
});
