import { describe, expect, it } from 'vitest';
import { Heap } from '../../packages/core/src/memory/heap.js';
import type { Conv2dGeometry } from '../../packages/core/src/kernels/contract.js';
import { expectClose } from '../support/compare.js';
import { overArrays } from '../support/kernels/array-kernels.js';
import { randomSource, windowGeometry } from '../support/kernels/kernels.js';
import { sumTolerance } from '../support/kernels/problem.js';
import { referenceKernels, startBinaries } from '../support/kernels/all-kernels.js';

/*
 * Winograd's way adds pixels to each other and weights to each other. Where that overflows and the
 * convolution does not, or where an infinity would meet its own negative, the results are those of
 * the direct sum all the same.
 */

type F = Float32Array;

const GEOMETRIES: [string, Conv2dGeometry][] = [
  ['several images a block', geometry(32, 33, [14, 14], 21)],
  ['odd sizes, bands of images', geometry(33, 35, [31, 33], 4)],
];

function geometry(C: number, OC: number, image: [number, number], N: number): Conv2dGeometry {
  const window = windowGeometry({ C, image, kernel: [3, 3], padding: [1, 1] });
  return { N, OC, groups: 1, window };
}

/** The same numbers for the same length and size. */
function positive(n: number, size = 1): F {
  const random = randomSource(n);
  return Float32Array.from({ length: n }, () => size * (0.5 + random() / 2));
}

/** What the reference makes of a call; both binaries meet the same ones, in one order. */
const known = new Map<string, F>();

function reference(key: string, size: number, call: (out: F) => void): F {
  let right = known.get(key);
  if (!right) {
    right = new Float32Array(size);
    call(right);
    known.set(key, right);
  }
  return right;
}

/** The largest float32 is 3.4e38: one of these is below it, two are above. */
const HUGE = 2e38;

describe.each(['unfold-local-plain', 'unfold-local-fused'] as const)('%s', (binary) => {
  const heap = new Heap({ shared: false });
  const { wasm, kernels: ofBuffers } = startBinaries(binary, heap);
  const kernels = overArrays(ofBuffers, heap);

  describe.each(GEOMETRIES)('%s', (name, conv) => {
    let calls = 0;
    const { N, OC, window } = conv;
    const { C, H, W, OH, OW } = window;
    const inputs = N * C * H * W;
    const outputs = N * OC * OH * OW;
    const weights = OC * C * 9;

    /** Runs a kernel on tiles of both widths and on the reference, and compares. */
    function compare(size: number, terms: number, call: (k: typeof kernels, out: F) => void): F {
      const right = reference(`${name} ${calls++}`, size, (out) => call(referenceKernels, out));
      for (const width of [8, 16]) {
        wasm.setTileWidth(width);
        const out = new Float32Array(size).fill(7);
        call(kernels, out);
        // All terms of a finite sum have one sign here.
        expectClose(out, right, { rtol: 2 * sumTolerance(terms), atol: 0 });
      }
      return right;
    }

    const forward = (x: F, weight: F, bias: F | null = null) =>
      compare(outputs, 9 * C, (k, out) => k.conv2d(out, x, weight, bias, conv));
    const backwardInput = (dOut: F, weight: F) =>
      compare(inputs, 9 * OC, (k, dX) => k.conv2dBackwardInput(dX, dOut, weight, conv));
    const backwardWeight = (x: F, dOut: F) =>
      compare(weights, N * OH * OW, (k, dW) => k.conv2dBackwardWeight(dW, null, x, dOut, conv));

    const count = (values: F, is: (value: number) => boolean) => values.filter(is).length;

    it('forward: numbers whose sums alone overflow', () => {
      const bias = positive(OC);
      const large = forward(positive(inputs, HUGE), positive(weights, 1e-6), bias);
      expect(large.every(Number.isFinite)).toBe(true);
      const heavy = forward(positive(inputs, 1e-6), positive(weights, 3e38));
      expect(heavy.every(Number.isFinite)).toBe(true);
    });

    it('forward: infinities and NaN reach the windows that see them, and no other', () => {
      const clean = positive(inputs);
      const weight = positive(weights);
      weight.forEach((value, i) => (weight[i] = i % 2 === 0 ? value : -value));
      const x = clean.slice();
      x[5 * W + 6] = Infinity;
      x[3 * H * W] = -Infinity;
      x[inputs - 1] = NaN;
      x[inputs - 8] = 3e38;
      const [before, after] = [clean, x].map((given) => {
        const out = new Float32Array(outputs);
        kernels.conv2d(out, given, weight, null, conv);
        return out;
      });
      const right = reference(`${name} infinities`, outputs, (out) => {
        referenceKernels.conv2d(out, x, weight, null, conv);
      });
      const spoilt = (values: F) => Array.from(values, (v) => (Number.isFinite(v) ? 0 : v));
      expect(spoilt(after ?? x)).toEqual(spoilt(right));
      expect(count(right, (value) => !Number.isFinite(value))).toBe(OC * (9 + 4 + 4));
      // Images between the first and the last saw nothing of it.
      const perImage = outputs / N;
      expect(after?.slice(perImage, outputs - perImage)).toEqual(
        before?.slice(perImage, outputs - perImage),
      );
    });

    it('forward: infinite weights and biases', () => {
      const weight = positive(weights);
      weight[4] = Infinity;
      weight[9 * C + 4] = -Infinity;
      weight[2 * 9 * C + 4] = NaN;
      const bias = positive(OC);
      bias[3] = NaN;
      bias[4] = -Infinity;
      const out = forward(positive(inputs), weight, bias);
      expect(count(out, (value) => value === Infinity)).toBe(N * OH * OW);
      expect(count(out, (value) => value === -Infinity)).toBe(2 * N * OH * OW);
      expect(count(out, Number.isNaN)).toBe(2 * N * OH * OW);
    });

    it("x's gradient", () => {
      expect(
        backwardInput(positive(outputs, HUGE), positive(weights, 1e-6)).every(Number.isFinite),
      ).toBe(true);
      const dOut = positive(outputs);
      dOut[3 * OW + 3] = Infinity;
      dOut[outputs - 1] = NaN;
      const dX = backwardInput(dOut, positive(weights));
      expect(count(dX, (value) => value === Infinity)).toBe(9 * C);
      expect(count(dX, Number.isNaN)).toBe(4 * C);
    });

    it("the weight's gradient", () => {
      expect(
        backwardWeight(positive(inputs, HUGE), positive(outputs, 1e-6)).every(Number.isFinite),
      ).toBe(true);
      expect(
        backwardWeight(positive(inputs, 1e-6), positive(outputs, HUGE)).every(Number.isFinite),
      ).toBe(true);
      const x = positive(inputs);
      x[2 * W + 2] = Infinity;
      // A corner meets four taps.
      x[H * W] = -Infinity;
      x[2 * H * W - 1] = -Infinity;
      x[3 * H * W + 1] = NaN;
      const dWeight = backwardWeight(x, positive(outputs));
      expect(count(dWeight, (value) => value === Infinity)).toBe(9 * OC);
      expect(count(dWeight, (value) => value === -Infinity)).toBe(7 * OC);
      expect(count(dWeight, Number.isNaN)).toBe(6 * OC);
    });
  });
});
