import { configureEngine, kernelsFor, ones, rand, Tape, type Tensor } from '@unfold/core';
import { conv2d } from '@unfold/nn';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { conv2dBy } from '../../packages/nn/src/conv2d/conv2d.js';
import { kernelRoute } from '../../packages/nn/src/conv2d/kernel-route.js';
import { unfoldRoute } from '../../packages/nn/src/conv2d/unfold-route.js';
import { expectClose } from '../support/compare.js';
import {
  CONV_KINDS,
  convCases,
  convMagnitudes,
  convNumbers,
  convOnTape,
  shapesOf,
  type ConvKind,
} from '../support/convolutions/conv-cases.js';
import { FLOAT32_ROUNDING, VARIANTS } from '../support/fixtures/fixtures.js';

const kinds = Object.keys(CONV_KINDS) as ConvKind[];
const cases = fc.oneof(...kinds.map((kind) => convCases(kind, 1500)));

afterEach(async () => {
  vi.restoreAllMocks();
  await configureEngine({ kernels: 'wasm' });
});

describe.each(VARIANTS)('conv2d by kernel and by unfold, $dtype on $kernels', (variant) => {
  beforeEach(async () => {
    await configureEngine({ kernels: variant.kernels });
  });

  it('give the same output and gradients', () => {
    fc.assert(
      fc.property(cases, fc.nat(), (given, seed) => {
        const numbers = convNumbers(given, seed);
        const byKernel = convOnTape(given, numbers, variant.dtype, (...operands) =>
          conv2dBy(kernelRoute, ...operands),
        );
        const byUnfold = convOnTape(given, numbers, variant.dtype, (...operands) =>
          conv2dBy(unfoldRoute, ...operands),
        );
        const magnitudes = convMagnitudes(given, numbers);
        const { x, weight, out } = shapesOf(given);
        const longest = Math.max(
          (weight[1] ?? 0) * (weight[2] ?? 0) * (weight[3] ?? 0),
          (out[0] ?? 0) * (out[2] ?? 0) * (out[3] ?? 0),
          (out[1] ?? 0) * (weight[2] ?? 0) * (weight[3] ?? 0),
        );
        expect(byKernel.dX.length).toBe(x.reduce((a, b) => a * b, 1));
        const unit = variant.dtype === 'float64' ? 2 ** -53 : FLOAT32_ROUNDING;
        for (const result of ['out', 'dX', 'dWeight', 'dBias'] as const) {
          expectClose(byKernel[result], byUnfold[result], {
            rtol: 2 * unit * (longest + 4),
            atol: 0,
            scale: magnitudes[result],
          });
        }
      }),
      { numRuns: 60, seed: 20260102 },
    );
  });
});

/** How often conv2d's forward calls the kernel for it. */
function kernelCalls(x: Tensor, weight: Tensor): number {
  const kernel = vi.spyOn(kernelsFor(x.dtype), 'conv2d');
  conv2d(x, weight);
  return kernel.mock.calls.length;
}

describe('conv2d', () => {
  it('takes the kernel for float32 on WebAssembly, and only there', async () => {
    expect(kernelCalls(rand([1, 2, 5, 5]), rand([3, 2, 3, 3]))).toBe(1);
    const float64 = { dtype: 'float64' } as const;
    expect(kernelCalls(rand([1, 2, 5, 5], float64), rand([3, 2, 3, 3], float64))).toBe(0);
    await configureEngine({ kernels: 'reference' });
    expect(kernelCalls(rand([1, 2, 5, 5]), rand([3, 2, 3, 3]))).toBe(0);
  });

  it.each([
    ['x', [true, false, false]],
    ['weight', [false, true, false]],
    ['bias', [false, false, true]],
    ['weight and bias', [false, true, true]],
    ['x and bias', [true, false, true]],
  ])('gives gradients for %s alone where only they are wanted', (_, wanted) => {
    const shapes = [[2, 2, 5, 6], [3, 2, 3, 3], [3]];
    const inputs = shapes.map((shape, i) => rand(shape, { requiresGrad: wanted[i] === true }));
    const [x, weight, bias] = inputs;
    if (!x || !weight || !bias) throw new Error('three inputs');
    using tape = new Tape();
    const out = conv2d(x, weight, bias);
    tape.backward(out, ones(out.shape));
    expect(inputs.map((input) => input.grad !== null)).toEqual(wanted);
    // Each window of each of the two images adds 1 to its bias.
    if (bias.grad) expect(bias.grad.toArray()).toEqual([24, 24, 24]);
  });
});
