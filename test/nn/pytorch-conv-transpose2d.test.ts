import { configureEngine, Tape } from '@unfold/core';
import { convTranspose2d } from '@unfold/nn';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  expectTensor,
  FLOAT32_ROUNDING,
  loadFixture,
  tensorOf,
  VARIANTS,
  type FixtureArray,
} from '../support/fixtures/fixtures.js';

const { cases } = loadFixture('conv-transpose2d');

it('covers at least 30 geometries', () => {
  expect(cases.length).toBeGreaterThanOrEqual(30);
});

describe.each(VARIANTS)(
  'convTranspose2d equals PyTorch, $dtype on $kernels',
  ({ kernels, dtype }) => {
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
      const out = convTranspose2d(x, weight, bias, given.options);
      tape.backward(out, tensorOf(given.dOut, dtype));

      const [N = 0, C = 0, H = 0, W = 0] = sizes(given.x);
      const [, groupOC = 0, KH = 0, KW = 0] = sizes(given.weight);
      const [, , outH = 0, outW = 0] = sizes(given.out);
      const perGroup = rtol((C / given.options.groups) * KH * KW + 1);
      expectTensor('out', out, given.out, { rtol: perGroup, scale: given.outScale });
      expectTensor('dX', x.grad, given.dX, {
        rtol: rtol(groupOC * KH * KW),
        scale: given.dXScale,
      });
      expectTensor('dWeight', weight.grad, given.dWeight, {
        rtol: rtol(N * H * W),
        scale: given.dWeightScale,
      });
      if (bias) {
        expectTensor('dBias', bias.grad, given.dBias, {
          rtol: rtol(N * outH * outW),
          scale: given.dBiasScale,
        });
      }
    });
  },
);
