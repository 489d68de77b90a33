import { configureEngine, kernelsFor, rand, Scope, tensor } from '@unfold/core';
import { conv2d, convTranspose2d, outputSize } from '@unfold/nn';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { transposedSize } from '../../packages/nn/src/conv2d/geometry.js';
import { kernelRoute } from '../../packages/nn/src/conv2d/kernel-route.js';
import { convTranspose2dBy } from '../../packages/nn/src/conv2d/transpose.js';
import { unfoldRoute } from '../../packages/nn/src/conv2d/unfold-route.js';
import { expectClose } from '../support/compare.js';
import {
  convCases,
  convNumbers,
  optionsOf,
  shapesOf,
  type ConvCase,
} from '../support/convolutions/conv-cases.js';
import {
  TRANSPOSE_KINDS,
  transposeByDefinition,
  transposeCases,
  transposeMagnitudes,
  transposeOnTape,
  transposeOptions,
} from '../support/convolutions/conv-transpose-cases.js';
import { onEveryEngine } from '../support/convolutions/engines.js';
import { FLOAT32_ROUNDING } from '../support/fixtures/fixtures.js';

afterEach(async () => {
  vi.restoreAllMocks();
  await configureEngine({ kernels: 'wasm' });
});

const RESULTS = ['out', 'dX', 'dWeight', 'dBias'] as const;

/** Runs `check` on generated cases, each in a scope of its own. */
function forAll(
  generated: fc.Arbitrary<ConvCase>,
  check: (given: ConvCase, seed: number) => void,
): void {
  fc.assert(
    fc.property(generated, fc.nat(), (given, seed) => Scope.run(() => check(given, seed))),
    { numRuns: 30, seed: 20260103 },
  );
}

/** The error of the longest sum of a case, as a part of the sum of its magnitudes. */
function rtol(dtype: 'float32' | 'float64', given: ConvCase): number {
  const { weight, x, out } = shapesOf(given);
  const [OC, groupC, KH, KW] = weight;
  const longest = Math.max(
    Math.max(OC, groupC) * KH * KW,
    x[0] * x[2] * x[3],
    out[0] * out[2] * out[3],
  );
  return (dtype === 'float64' ? 2 ** -53 : FLOAT32_ROUNDING) * (longest + 4);
}

onEveryEngine('convTranspose2d on random geometry', ({ dtype }) => {
  it.each(TRANSPOSE_KINDS)('equals the definition, forward and backward: %s', (kind) => {
    forAll(convCases(kind, 1500), (given, seed) => {
      const numbers = convNumbers(given, seed);
      const actual = transposeOnTape(given, numbers, dtype);
      const expected = transposeByDefinition(given, numbers);
      const scale = transposeMagnitudes(given, numbers);
      for (const name of RESULTS) {
        const tolerance = { rtol: rtol(dtype, given), atol: 0, scale: scale[name] };
        expectClose(actual[name], expected[name], tolerance);
      }
    });
  });

  it('is the adjoint of conv2d: ⟨conv2d(x), y⟩ = ⟨x, convTranspose2d(y)⟩', () => {
    forAll(transposeCases(1500), (given, seed) => {
      const shapes = shapesOf(given);
      const numbers = convNumbers(given, seed);
      const x = tensor(numbers.x, shapes.x, { dtype });
      const y = tensor(numbers.dOut, shapes.out, { dtype });
      const weight = tensor(numbers.weight, shapes.weight, { dtype });
      const there = conv2d(x, weight, null, optionsOf(given));
      const back = convTranspose2d(y, weight, null, transposeOptions(given));
      expect(there.shape).toEqual(y.shape);
      expect(back.shape).toEqual(x.shape);
      const products = [
        Array.from(there.data, (value, i) => value * (numbers.dOut[i] as number)),
        Array.from(back.data, (value, i) => value * (numbers.x[i] as number)),
      ];
      const [left = NaN, right = NaN] = products.map((list) => list.reduce((a, b) => a + b, 0));
      const scale = [products.flat().reduce((a, b) => a + Math.abs(b), 0)];
      expectClose([left], [right], { rtol: rtol(dtype, given), atol: 0, scale });
    });
  });

  it('gives the same by kernel and by unfold', () => {
    forAll(transposeCases(1500), (given, seed) => {
      const numbers = convNumbers(given, seed);
      const byRoute = (route: typeof kernelRoute) =>
        transposeOnTape(given, numbers, dtype, (...operands) =>
          convTranspose2dBy(route, ...operands),
        );
      const [byKernel, byUnfold] = [byRoute(kernelRoute), byRoute(unfoldRoute)];
      const scale = transposeMagnitudes(given, numbers);
      for (const name of RESULTS) {
        const tolerance = { rtol: 2 * rtol(dtype, given), atol: 0, scale: scale[name] };
        expectClose(byKernel[name], byUnfold[name], tolerance);
      }
    });
  });
});

describe('convTranspose2d', () => {
  it('takes the kernel for float32 on WebAssembly, and only there', async () => {
    const kernelCalls = (dtype: 'float32' | 'float64'): number => {
      const kernel = vi.spyOn(kernelsFor(dtype), 'conv2dBackwardInput');
      convTranspose2d(rand([1, 3, 4, 5], { dtype }), rand([3, 2, 3, 3], { dtype }));
      return kernel.mock.calls.length;
    };
    expect(kernelCalls('float32')).toBe(1);
    expect(kernelCalls('float64')).toBe(0);
    await configureEngine({ kernels: 'reference' });
    expect(kernelCalls('float32')).toBe(0);
  });

  it('has a size that a convolution of the same options takes back', () => {
    const axis = fc.record({
      size: fc.integer({ min: 1, max: 30 }),
      kernel: fc.integer({ min: 1, max: 9 }),
      stride: fc.integer({ min: 1, max: 7 }),
      dilation: fc.integer({ min: 1, max: 4 }),
      padding: fc.integer({ min: 0, max: 6 }),
      more: fc.nat(6),
    });
    fc.assert(
      fc.property(axis, ({ size, kernel, stride, dilation, padding, more }) => {
        const there = transposedSize(size, kernel, stride, padding, dilation, more % stride);
        expect(outputSize(there, kernel, stride, padding, dilation)).toBe(size);
        // One pixel less than the smallest belongs to a smaller image.
        const smallest = transposedSize(size, kernel, stride, padding, dilation, 0);
        expect(outputSize(smallest - 1, kernel, stride, padding, dilation)).toBe(size - 1);
      }),
      { numRuns: 1000, seed: 20260103 },
    );
  });
});
