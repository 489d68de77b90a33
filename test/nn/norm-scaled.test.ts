import { Tape, tensor, zeros, type Tensor } from '@unfold/core';
import { batchNorm, groupNorm, layerNorm, rmsNorm } from '@unfold/nn';
import { describe, expect, it } from 'vitest';
import { expectClose } from '../support/compare.js';
import { onEveryEngine } from '../support/convolutions/engines.js';
import { randomSource } from '../support/kernels/kernels.js';

/** What 0, 1 and 2 are when normalised: ±√1.5 and 0. */
const EDGE = Math.sqrt(1.5);

/** A result, and its gradients by x, weight and bias. */
interface Ran {
  readonly out: ArrayLike<number>;
  readonly gradients: readonly ArrayLike<number>[];
}

onEveryEngine('normalisation of values whose squares are no floats', ({ dtype }) => {
  const tolerance = dtype === 'float64' ? { rtol: 1e-12, atol: 1e-12 } : { rtol: 1e-5, atol: 1e-5 };
  const plain = (values: readonly number[], eps?: number): ArrayLike<number> => {
    const x = tensor(values, [1, values.length], { dtype });
    return layerNorm(x, values.length, eps === undefined ? {} : { eps }).data;
  };

  it('layerNorm of 0, 1e20 and 2e20 is that of 0, 1 and 2', () => {
    expectClose(plain([0, 1e20, 2e20]), [-EDGE, 0, EDGE], tolerance);
    expectClose(plain([0, 1e-25, 2e-25], 0), [-EDGE, 0, EDGE], tolerance);
  });

  it('neither the sum nor a difference of the largest numbers is too large', () => {
    const largest = dtype === 'float64' ? Number.MAX_VALUE : 2 ** 127;
    expectClose(plain([-largest, largest, -largest, largest]), [-1, 1, -1, 1], tolerance);
    expect(Array.from(plain([largest, largest, largest]))).toEqual([0, 0, 0]);
  });

  it('leaves NaN, infinities and zeros as they are', () => {
    for (const bad of [NaN, Infinity, -Infinity]) {
      expect(Array.from(plain([1, bad, 1e30]))).toEqual([NaN, NaN, NaN]);
    }
    expect(Array.from(plain([0, 0]))).toEqual([0, 0]);
    expect(Array.from(plain([0, 0], 0))).toEqual([NaN, NaN]);
  });

  const shape = [5, 3, 2, 4];
  const source = randomSource(11);
  const draw = (n: number): number[] => Array.from({ length: n }, () => 2 * source() - 0.7);
  const [x, dOut] = [draw(120), draw(120)];
  const [ofPlaces, ofChannels] = [
    [draw(4), draw(4)],
    [draw(3), draw(3)],
  ] as const;

  /** `affine` are the numbers of weight and bias. */
  function run(
    values: readonly number[],
    affine: readonly [number[], number[]],
    norm: (x: Tensor, weight: Tensor, bias: Tensor) => Tensor,
  ): Ran {
    const leaf = (numbers: readonly number[], of: readonly number[]): Tensor =>
      tensor(numbers, of, { dtype, requiresGrad: true });
    const given = leaf(values, shape);
    const weight = leaf(affine[0], [affine[0].length]);
    const bias = leaf(affine[1], [affine[1].length]);
    using tape = new Tape();
    const out = norm(given, weight, bias);
    tape.backward(out, tensor(dOut, shape, { dtype }));
    const gradients = [given, weight, bias].map(({ grad }) => grad?.toTypedArray() ?? []);
    return { out: out.toTypedArray(), gradients };
  }

  // Powers of two, so that the scaled numbers are the same ones.
  const scales = dtype === 'float64' ? [2 ** 700, 2 ** -600] : [2 ** 80, 2 ** 126, 2 ** -90];

  describe.each(scales)('scaled by %s', (scale) => {
    const scaled = x.map((value) => Math.fround(value) * scale);
    const unscaled = x.map((value) => Math.fround(value));
    const agree = (large: Ran, small: Ran): void => {
      expectClose(large.out, small.out, tolerance);
      const [dX = [], ...others] = large.gradients;
      const [expectedX = [], ...expected] = small.gradients;
      expectClose(
        Array.from(dX, (value) => value * scale),
        expectedX,
        tolerance,
      );
      others.forEach((gradient, i) => expectClose(gradient, expected[i] ?? [], tolerance));
    };

    it('layerNorm gives the same, and the gradient divided by the scale', () => {
      const norm = (given: Tensor, weight: Tensor, bias: Tensor): Tensor =>
        layerNorm(given, 4, { weight, bias, eps: 0 });
      agree(run(scaled, ofPlaces, norm), run(unscaled, ofPlaces, norm));
    });

    it('rmsNorm and groupNorm too', () => {
      const rms = (given: Tensor, weight: Tensor): Tensor => rmsNorm(given, 4, { weight, eps: 0 });
      agree(run(scaled, ofPlaces, rms), run(unscaled, ofPlaces, rms));
      const ofGroups = (given: Tensor, weight: Tensor, bias: Tensor): Tensor =>
        groupNorm(given, 1, { weight, bias, eps: 0 });
      agree(run(scaled, ofChannels, ofGroups), run(unscaled, ofChannels, ofGroups));
    });

    it('batchNorm too, with the batch’s statistics', () => {
      const found: number[][] = [];
      const norm = (given: Tensor, weight: Tensor, bias: Tensor): Tensor => {
        const [mean, variance] = [zeros([3], { dtype }), zeros([3], { dtype })];
        const options = { weight, bias, training: true, momentum: 1, eps: 0 };
        const out = batchNorm(given, mean, variance, options);
        found.push(Array.from(mean.data), Array.from(variance.data));
        return out;
      };
      agree(run(scaled, ofChannels, norm), run(unscaled, ofChannels, norm));
      const [mean = [], variance = [], unscaledMean = [], unscaledVariance = []] = found;
      expectClose(
        mean.map((value) => value / scale),
        unscaledMean,
        tolerance,
      );
      const held = (value: number): number => (dtype === 'float64' ? value : Math.fround(value));
      expectClose(
        variance,
        unscaledVariance.map((value) => held(value * scale * scale)),
        {
          ...tolerance,
          atol: 0,
        },
      );
    });
  });

  it('only the rows and channels out of range are scaled', () => {
    const mixed = [0, 1, 2, 0, 1e20, 2e20];
    // The variance of 0, 1 and 2 is 2/3: with eps 1/3 it is 1.
    const rows = layerNorm(tensor(mixed, [2, 3], { dtype }), 3, { eps: 1 / 3 }).data;
    expectClose(rows, [-1, 0, 1, -EDGE, 0, EDGE], tolerance);
    const columns = tensor([0, 0, 1, 1e20, 2, 2e20], [3, 2], { dtype });
    const channels = batchNorm(columns, null, null, { training: true, eps: 1 / 3 }).data;

    expectClose(channels, [-1, -EDGE, 0, 0, 1, EDGE], tolerance);
  });
});
