import fc from 'fast-check';
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
} from './kernels-problem.js';

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

export const TRAINING_PROBLEMS = {
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
};
