import {
  grad,
  logSoftmax,
  mul,
  softmax,
  sum,
  Tape,
  tensor,
  where,
  type Tensor,
} from '@unfold/core';
import { crossEntropy, nllLoss } from '@unfold/nn';
import { describe, expect, it } from 'vitest';
import { expectClose } from '../support/compare.js';
import { onEveryEngine } from '../support/convolutions/engines.js';

/*
 * What a loss leaves out (an ignored label, a class of weight or probability 0) has no part in the
 * loss nor in the gradient, whatever its scores hold: 0·∞ and 0·NaN are NaN, so it is chosen away.
 */
const BAD = [-Infinity, Infinity, NaN];

/** -log softmax of the logits 0 and 1 at the first: log(1 + e). */
const LOSS = Math.log1p(Math.E);
/** Softmax of the logits 0 and 1 at the second. */
const P = 1 / (1 + Math.exp(-1));

onEveryEngine('losses with a mask', ({ dtype }) => {
  const tolerance = dtype === 'float64' ? { rtol: 1e-14, atol: 0 } : { rtol: 4e-7, atol: 0 };
  const labels = (...values: number[]): Tensor => tensor(Int32Array.from(values));
  const floats = (...values: number[]): Tensor => tensor(values, undefined, { dtype });

  /** The loss of `values` `[rows, 2]` and its gradient. */
  function lossOf(values: readonly number[], loss: (x: Tensor) => Tensor): [number, number[]] {
    const x = tensor(values, [values.length / 2, 2], { dtype, requiresGrad: true });
    using tape = new Tape();
    const out = loss(x);
    tape.backward(out);
    return [out.item(), Array.from(x.grad?.data ?? [])];
  }

  it.each(BAD)('gradients of gradients leave out an ignored row that holds %s', (bad) => {
    /** The gradient of Σ g² by the logits, g being the gradient of the loss. */
    const second = (values: number[], target: Tensor): number[] => {
      const x = tensor(values, [values.length / 2, 2], { dtype, requiresGrad: true });
      using _tape = new Tape();
      const first = grad(crossEntropy(x, target), x, { createGraph: true });
      return Array.from(grad(sum(mul(first, first)), x).data);
    };
    const alone = second([0, 1, -Infinity, 3], labels(0, 1));
    expect(alone.every(Number.isFinite)).toBe(true);
    expect(second([0, 1, bad, 3, -Infinity, 3], labels(0, -100, 1))).toEqual([
      ...alone.slice(0, 2),
      0,
      0,
      ...alone.slice(2),
    ]);
  });

  describe.each(BAD)('an ignored row that holds %s', (bad) => {
    const x = [0, 1, bad, 3, 0, 1];
    const target = [0, -100, 0];

    it.each<[string, { weight?: number[]; labelSmoothing?: number }, number, number]>([
      ['plain', {}, LOSS, P / 2],
      ['label smoothing', { labelSmoothing: 0.5 }, LOSS - 0.25, (P - 0.25) / 2],
      ['class weights', { weight: [3, 2] }, LOSS, P / 2],
      [
        'both, as PyTorch weighs the smoothing',
        { weight: [3, 2], labelSmoothing: 0.5 },
        (0.75 * 3 * LOSS + 0.25 * 2 * (LOSS - 1)) / 3,
        (2.75 * P - 0.5) / 6,
      ],
    ])('leaves crossEntropy and its gradient alone, %s', (_, { weight, ...rest }, right, slope) => {
      const options = weight ? { ...rest, weight: floats(...weight) } : rest;
      const [loss, gradient] = lossOf(x, (logits) =>
        crossEntropy(logits, labels(...target), options),
      );
      expectClose([loss], [right], tolerance);
      expectClose(gradient, [-slope, slope, 0, 0, -slope, slope], { ...tolerance, atol: 1e-7 });
    });

    it.each(['none', 'sum'] as const)('has loss 0 with reduction %s', (reduction) => {
      const [loss, gradient] = lossOf(x, (logits) =>
        sum(crossEntropy(logits, labels(...target), { reduction, weight: floats(3, 2) })),
      );
      expectClose([loss], [6 * LOSS], tolerance);
      expectClose(gradient.slice(2, 4), [0, 0], tolerance);
    });

    it('leaves nllLoss of logSoftmax alone', () => {
      const [loss, gradient] = lossOf(x, (logits) =>
        nllLoss(logSoftmax(logits), labels(...target), { weight: floats(3, 2) }),
      );
      expectClose([loss], [LOSS], tolerance);
      expectClose(gradient.slice(2, 4), [0, 0], tolerance);
    });

    it('may be left out by hand, with where', () => {
      const isCounted = tensor([true, false, true]);
      const [loss, gradient] = lossOf(x, (logits) =>
        sum(where(isCounted, crossEntropy(logits, labels(0, 1, 0), { reduction: 'none' }), 0)),
      );
      expectClose([loss], [2 * LOSS], tolerance);
      expectClose(gradient, [-P, P, 0, 0, -P, P], tolerance);
    });

    it('may be left out behind a softmax, with where', () => {
      const isCounted = tensor([true, false, true], [3, 1]);
      const [total, gradient] = lossOf(x, (logits) =>
        sum(mul(where(isCounted, softmax(logits), 0), floats(1, 3))),
      );
      expectClose([total], [2 * (1 - P + 3 * P)], tolerance);
      const slope = 2 * P * (1 - P);
      expectClose(gradient, [-slope, slope, 0, 0, -slope, slope], { ...tolerance, atol: 1e-7 });
    });

    it('may have a class of weight 0', () => {
      const weight = floats(1, 0);
      const [loss, gradient] = lossOf([0, 1, 3, bad], (logits) =>
        crossEntropy(logits, labels(0, 1), { weight }),
      );
      expectClose([loss], [LOSS], tolerance);
      expectClose(gradient, [-P, P, 0, 0], tolerance);
      const [direct] = lossOf([-LOSS, -1, -1, bad], (logProbs) =>
        nllLoss(logProbs, labels(0, 1), { weight }),
      );
      expectClose([direct], [LOSS], tolerance);
    });

    it('may have no probabilities at all', () => {
      const target = tensor([1, 0, 0, 0], [2, 2], { dtype });
      const [loss, gradient] = lossOf([0, 1, 3, bad], (logits) =>
        crossEntropy(logits, target, { reduction: 'sum' }),
      );
      expectClose([loss], [LOSS], tolerance);
      expectClose(gradient, [-P, P, 0, 0], tolerance);
    });
  });

  it.each<[string, number[], { weight?: number[] }]>([
    ['probabilities', [0.5, 0.5, 0], {}],
    ['weighted probabilities', [0.5, 0.25, 0.25], { weight: [1, 2, 0] }],
  ])(
    'a class that a logit of -∞ rules out has no part without a share: %s',
    (_, share, options) => {
      const logits = tensor([0, 1, -Infinity], [1, 3], { dtype, requiresGrad: true });
      const target = tensor(share, [1, 3], { dtype, requiresGrad: true });
      using tape = new Tape();
      const loss = crossEntropy(
        logits,
        target,
        options.weight ? { weight: floats(...options.weight) } : {},
      );
      tape.backward(loss);
      expectClose([loss.item()], [LOSS - 0.5], tolerance);
      expectClose(logits.grad?.data ?? [], [0.5 - P, P - 0.5, 0], tolerance);
      // By the probability itself the derivative is what it would cost.
      expectClose(target.grad?.data.subarray(0, 1) ?? [], [LOSS], tolerance);
    },
  );

  it('full smoothing asks nothing of the label', () => {
    const [loss] = lossOf([0, -Infinity], (logits) =>
      crossEntropy(logits, labels(1), { labelSmoothing: 1 }),
    );
    expect(loss).toBe(Infinity);
  });
});
