import { adamFactors } from '../adam-factors.js';
import type { Kernels } from '../contract.js';
import type { WasmExports } from './exports.js';
import type { Frame } from './frame.js';
import { JOB, type Jobs } from './jobs.js';
import { isShared, runShared, writeRun } from './run.js';

type F = Float32Array;

/** The loss and the update of a training step. */
export function trainingKernels(wasm: WasmExports, frame: Frame, jobs: Jobs) {
  return {
    crossEntropy(out, logProbs, labels, { N, C, labelSmoothing }) {
      const everywhere = labelSmoothing / C;
      frame.enter(1, out, logProbs, labels);
      try {
        const { first, second, third } = frame;
        wasm.crossEntropy(first, second, third, N, C, 1 - labelSmoothing, everywhere);
      } finally {
        frame.leave();
      }
    },

    crossEntropyBackward(dX, dOut, logProbs, labels, { N, C, labelSmoothing }) {
      const everywhere = labelSmoothing / C;
      frame.enter(1, dX, dOut, logProbs, labels);
      try {
        const { first, second, third, fourth } = frame;
        const atLabel = 1 - labelSmoothing;
        wasm.crossEntropyBackward(first, second, third, fourth, N, C, atLabel, everywhere);
      } finally {
        frame.leave();
      }
    },

    sgdStep(param, velocity, grad, options) {
      const n = param.length;
      const { lr, momentum, weightDecay } = options;
      frame.enter(2, param, velocity, grad);
      try {
        if (isShared(jobs, n)) {
          const { block, floats } = frame;
          floats[6] = momentum;
          floats[7] = 1 - options.dampening;
          block[8] = options.nesterov ? 1 : 0;
          block[9] = options.firstStep ? 1 : 0;
          runShared(jobs, frame, JOB.sgdStep, n, lr, weightDecay);
        } else if (momentum === 0) wasm.sgdPlainStep(frame.first, frame.third, n, lr, weightDecay);
        else {
          wasm.sgdMomentumStep(
            frame.first,
            frame.second,
            frame.third,
            n,
            lr,
            weightDecay,
            momentum,
            1 - options.dampening,
            options.nesterov ? 1 : 0,
            options.firstStep ? 1 : 0,
          );
        }
      } finally {
        frame.leave();
      }
    },

    adamStep(param, expAvg, expAvgSq, maxExpAvgSq, grad, options) {
      const n = param.length;
      const { beta1, beta2, eps, amsgrad } = options;
      const { stepSize, rootScale, decay, shrinkage } = adamFactors(options);
      frame.enter(4, param, expAvg, expAvgSq, maxExpAvgSq, grad);
      try {
        const { block, floats } = frame;
        block[6] = frame.fourth;
        block[7] = frame.fifth;
        floats[8] = beta1;
        floats[9] = 1 - beta1;
        floats[10] = beta2;
        floats[11] = 1 - beta2;
        floats[12] = eps;
        floats[13] = decay;
        floats[14] = shrinkage;
        block[15] = amsgrad ? 1 : 0;
        if (isShared(jobs, n)) runShared(jobs, frame, JOB.adamStep, n, stepSize, rootScale);
        else {
          writeRun(frame, n, stepSize, rootScale);
          wasm.adamStep(frame.blockAddress);
        }
      } finally {
        frame.leave();
      }
    },
  } satisfies Partial<Kernels<F>>;
}
