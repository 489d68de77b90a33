import { configureEngine, Tape } from '@unfold/core';
import { conv2d } from '@unfold/nn';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  expectTensor,
  FLOAT32_ROUNDING,
  loadFixture,
  tensorOf,
  VARIANTS,
  type FixtureArray,
} from '../support/fixtures/fixtures.js';

const { cases } = loadFixture('conv2d');

it('covers at least 45 geometries', () => {
  expect(cases.length).toBeGreaterThanOrEqual(45);
});

describe.each(VARIANTS)('conv2d equals PyTorch, $dtype on $kernels', ({ kernels, dtype }) => {
  beforeAll(async () => {
    await configureEngine({ kernels });
  });

  /** The error of a sum of `length` products, as a part of the sum of their magnitudes. */
  function rtol(length: number): number {
    return dtype === 'float64' ? 1e-14 : 2 * FLOAT32_ROUNDING * Math.sqrt(length);
  }

  function sizes({ shape }: FixtureArray): number[] {
    return Array.from({ length: 4 }, (_, i) => Number(shape[i]));
  }

  it.each(cases)('$name', (given) => {
    using tape = new Tape();
    const x = tensorOf(given.x, dtype, { requiresGrad: true });
    const weight = tensorOf(given.weight, dtype, { requiresGrad: true });
    const bias = given.bias && tensorOf(given.bias, dtype, { requiresGrad: true });
    const out = conv2d(x, weight, bias, given.options);
    tape.backward(out, tensorOf(given.dOut, dtype));

    const [N = 0, OC = 0, OH = 0, OW = 0] = sizes(given.out);
    const [, C = 0, KH = 0, KW = 0] = sizes(given.weight);
    expectTensor('out', out, given.out, { rtol: rtol(C * KH * KW + 1), scale: given.outScale });
    const perGroup = OC / given.options.groups;
    expectTensor('dX', x.grad, given.dX, { rtol: rtol(perGroup * KH * KW), scale: given.dXScale });
    const positions = rtol(N * OH * OW);
    expectTensor('dWeight', weight.grad, given.dWeight, {
      rtol: positions,
      scale: given.dWeightScale,
    });
    if (bias) {
      expectTensor('dBias', bias.grad, given.dBias, { rtol: positions, scale: given.dBiasScale });
    }
  });
});
