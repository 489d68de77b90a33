import type { Kernels } from '../contract.js';
import type { WasmExports } from './exports.js';
import type { Frame } from './frame.js';
import { JOB, type Jobs } from './jobs.js';
import { isShared, runShared } from './run.js';

type F = Float32Array;

/** Operations on one element at a time, and their gradients. */
export function elementwiseKernels(wasm: WasmExports, frame: Frame, jobs: Jobs) {
  const unary = (kernel: number, run: WasmExports['neg']) => (out: F, x: F) => {
    const n = out.length;
    frame.enter(1, out, x);
    try {
      if (isShared(jobs, n)) runShared(jobs, frame, kernel, n);
      else run(frame.first, frame.second, n);
    } finally {
      frame.leave();
    }
  };

  const backward =
    (kernel: number, run: WasmExports['reluBackward']) => (dX: F, dOut: F, saved: F) => {
      const n = dX.length;
      frame.enter(1, dX, dOut, saved);
      try {
        if (isShared(jobs, n)) runShared(jobs, frame, kernel, n);
        else run(frame.first, frame.second, frame.third, n);
      } finally {
        frame.leave();
      }
    };

  return {
    neg: unary(JOB.neg, wasm.neg),
    exp: unary(JOB.exp, wasm.exp),
    log: unary(JOB.log, wasm.log),
    sqrt: unary(JOB.sqrt, wasm.sqrt),
    abs: unary(JOB.abs, wasm.abs),
    relu: unary(JOB.relu, wasm.relu),
    sigmoid: unary(JOB.sigmoid, wasm.sigmoid),
    tanh: unary(JOB.tanh, wasm.tanh),
    gelu: unary(JOB.gelu, wasm.gelu),

    leakyRelu(out, x, { slope }) {
      const n = out.length;
      frame.enter(1, out, x);
      try {
        if (isShared(jobs, n)) runShared(jobs, frame, JOB.leakyRelu, n, slope);
        else wasm.leakyRelu(frame.first, frame.second, n, slope);
      } finally {
        frame.leave();
      }
    },

    clamp(out, x, { min, max }) {
      const n = out.length;
      frame.enter(1, out, x);
      try {
        if (isShared(jobs, n)) runShared(jobs, frame, JOB.clamp, n, min, max);
        else wasm.clamp(frame.first, frame.second, n, min, max);
      } finally {
        frame.leave();
      }
    },

    reluBackward: backward(JOB.reluBackward, wasm.reluBackward),
    sigmoidBackward: backward(JOB.sigmoidBackward, wasm.sigmoidBackward),
    tanhBackward: backward(JOB.tanhBackward, wasm.tanhBackward),
    geluBackward: backward(JOB.geluBackward, wasm.geluBackward),
    absBackward: backward(JOB.absBackward, wasm.absBackward),
    sqrtBackward: backward(JOB.sqrtBackward, wasm.sqrtBackward),

    leakyReluBackward(dX, dOut, x, { slope }) {
      const n = dX.length;
      frame.enter(1, dX, dOut, x);
      try {
        if (isShared(jobs, n)) runShared(jobs, frame, JOB.leakyReluBackward, n, slope);
        else wasm.leakyReluBackward(frame.first, frame.second, frame.third, n, slope);
      } finally {
        frame.leave();
      }
    },

    clampBackward(dX, dOut, x, { min, max }) {
      const n = dX.length;
      frame.enter(1, dX, dOut, x);
      try {
        if (isShared(jobs, n)) runShared(jobs, frame, JOB.clampBackward, n, min, max);
        else wasm.clampBackward(frame.first, frame.second, frame.third, n, min, max);
      } finally {
        frame.leave();
      }
    },
  } satisfies Partial<Kernels<F>>;
}
