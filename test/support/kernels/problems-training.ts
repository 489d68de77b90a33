import fc from 'fast-check';
import type { AdamStepOptions } from '../../../packages/core/src/kernels/contract.js';
import {
  at,
  integer,
  length,
  logProbabilities,
  perRow,
  problem,
  problems,
  sumTolerance,
  TINY,
  U,
} from './problem.js';

const lossSpec = fc.record({
  N: integer(0, 12),
  C: fc.oneof(integer(1, 20), integer(21, 300)),
  labelSmoothing: fc.constantFrom(0, 0, 0.1, 0.35, 1),
});

const sgdSpec = fc.record({
  n: length,
  lr: fc.constantFrom(0.1, 0.01, 1),
  momentum: fc.constantFrom(0, 0.9, 0.5),
  dampening: fc.constantFrom(0, 0.3, 1),
  weightDecay: fc.constantFrom(0, 5e-4, 0.1),
  nesterov: fc.boolean(),
  firstStep: fc.boolean(),
});

const adamSpec = fc.record({
  n: length,
  lr: fc.constantFrom(0.001, 0.1),
  beta1: fc.constantFrom(0.9, 0.5, 0),
  // Not 0: where decay and gradient cancel, an update by their quotient alone has no right digit.
  beta2: fc.constantFrom(0.999, 0.9, 0.5),
  eps: fc.constantFrom(1e-8, 1e-3),
  weightDecay: fc.constantFrom(0, 0.01, 0.5),
  decoupled: fc.boolean(),
  amsgrad: fc.boolean(),
  step: fc.oneof(integer(1, 5), integer(6, 20_000)),
});

type AdamArrays = Record<'param' | 'expAvg' | 'expAvgSq' | 'maxExpAvgSq' | 'grad', Float32Array>;

/**
 * Replaces the magnitudes of Adam's operands by what the rounding errors of its results are
 * relative to: sums of the terms' magnitudes, and for the update also how much an error of the
 * gradient, which may cancel against the decay, changes the root that it is divided by.
 */
function adamMagnitudes(
  { param, expAvg, expAvgSq, maxExpAvgSq, grad }: AdamArrays,
  signed: AdamArrays,
  options: AdamStepOptions,
): void {
  const { lr, beta1, beta2, eps, weightDecay, decoupled, amsgrad, step } = options;
  const decay = decoupled ? 0 : weightDecay;
  for (let i = 0; i < param.length; i++) {
    const g = at(signed.grad, i) + decay * at(signed.param, i);
    const gTerms = at(grad, i) + decay * at(param, i);
    const second = beta2 * at(expAvgSq, i) + (1 - beta2) * g * g;
    const under = amsgrad ? Math.max(second, at(maxExpAvgSq, i)) : second;
    expAvg[i] = beta1 * at(expAvg, i) + (1 - beta1) * gTerms;
    expAvgSq[i] = beta2 * at(expAvgSq, i) + (1 - beta2) * gTerms * gTerms;
    if (amsgrad) maxExpAvgSq[i] = Math.max(at(maxExpAvgSq, i), at(expAvgSq, i));
    const root = Math.sqrt(under / (1 - beta2 ** step)) + eps;
    const update = ((lr / (1 - beta1 ** step)) * at(expAvg, i)) / root;
    const amplified = under === 0 ? 1 : 1 + ((1 - beta2) * gTerms * Math.abs(g)) / under;
    param[i] = at(param, i) * (1 + lr * weightDecay) + update * amplified;
  }
}

export const TRAINING_PROBLEMS = {
  lerp: problems(fc.tuple(length, fc.constantFrom(0, 0.001, 0.5, 1)), ([n, weight], data) =>
    problem({
      arrays: { x: data.floats(n), end: data.floats(n) },
      writes: ['x'],
      call: (kernels, { x, end }) => kernels.lerp(x, end, { weight }),
      rtol: 3 * U,
      atol: TINY,
      scale: ({ x, end }) => x.map((value, i) => Math.abs(value) + Math.abs(at(end, i))),
    }),
  ),
  drawMask: problems(
    fc.record({ n: length, p: fc.constantFrom(1, 0.5, 0.2, 0.3, 1e-20, 1 - 1e-9, 255.5 / 256) }),
    ({ n, p }, data) =>
      problem({
        arrays: { mask: data.bytes(n), state: data.indices(4, 2 ** 32) },
        writes: ['mask', 'state'],
        call: (kernels, { mask, state }) => kernels.drawMask(mask, state, { p }),
      }),
  ),
  crossEntropy: problems(lossSpec, (geometry, data) => {
    const { N, C } = geometry;
    return problem({
      arrays: {
        out: data.junk(N),
        logProbs: logProbabilities(data, N, C),
        labels: data.indices(N, C),
      },
      writes: ['out'],
      call: (kernels, { out, logProbs, labels }) =>
        kernels.crossEntropy(out, logProbs, labels, geometry),
      // Every term is positive or 0, so nothing cancels.
      rtol: sumTolerance(C + 1),
      atol: TINY,
    });
  }),
  crossEntropyBackward: problems(lossSpec, (geometry, data) => {
    const { N, C, labelSmoothing } = geometry;
    return problem({
      arrays: {
        dX: data.junk(N * C),
        // Finite, as in logSoftmaxBackward.
        dOut: data.finite(N),
        logProbs: logProbabilities(data, N, C),
        labels: data.indices(N, C),
      },
      writes: ['dX'],
      call: (kernels, { dX, dOut, logProbs, labels }) =>
        kernels.crossEntropyBackward(dX, dOut, logProbs, labels, geometry),
      rtol: 6 * U,
      atol: TINY,
      scale: ({ dOut, logProbs, labels }) =>
        perRow(N, C, (row) =>
          row.map((i, c) => {
            const n = Math.floor(i / C);
            const target = labelSmoothing / C + (labels[n] === c ? 1 - labelSmoothing : 0);
            return Math.abs(at(dOut, n)) * (Math.exp(at(logProbs, i)) + target);
          }),
        ),
    });
  }),
  sgdStep: problems(sgdSpec, ({ n, ...options }, data) =>
    problem({
      arrays: {
        param: data.floats(n),
        velocity: options.momentum === 0 ? data.junk(data.below(2) * n) : data.floats(n),
        grad: data.floats(n),
      },
      writes: ['param', 'velocity'],
      call: (kernels, { param, velocity, grad }) => kernels.sgdStep(param, velocity, grad, options),
      rtol: 8 * U,
      atol: TINY,
      scale: 'terms',
      // The update is subtracted; added, it gives the sum of the terms' magnitudes.
      callOnMagnitudes: (kernels, { param, velocity, grad }) =>
        kernels.sgdStep(param, velocity, grad, { ...options, lr: -options.lr }),
    }),
  ),
  adamStep: problems(adamSpec, ({ n, ...options }, data) => {
    const arrays = {
      param: data.floats(n),
      expAvg: data.floats(n),
      expAvgSq: data.floats(n).map(Math.abs),
      maxExpAvgSq: options.amsgrad ? data.floats(n).map(Math.abs) : data.junk(data.below(2) * n),
      grad: data.floats(n),
    };
    return problem({
      arrays,
      writes: ['param', 'expAvg', 'expAvgSq', 'maxExpAvgSq'],
      call: (kernels, { param, expAvg, expAvgSq, maxExpAvgSq, grad }) =>
        kernels.adamStep(param, expAvg, expAvgSq, maxExpAvgSq, grad, options),
      rtol: 16 * U,
      // A first moment among the denormals is off by one of them, and is divided by eps at least.
      atol: (TINY * options.lr) / options.eps / (1 - options.beta1 ** options.step) + TINY,
      scale: 'terms',
      callOnMagnitudes: (_kernels, magnitudes) => adamMagnitudes(magnitudes, arrays, options),
    });
  }),
};
