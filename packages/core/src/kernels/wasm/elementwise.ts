import type { Kernels } from '../contract.js';
import type { WasmExports } from './exports.js';
import type { Frame } from './frame.js';

type F = Float32Array;

/** Operations on one element at a time, and their gradients. */
export function elementwiseKernels(wasm: WasmExports, frame: Frame) {
  const unary = (run: WasmExports['neg']) => (out: F, x: F) => {
    const n = out.length;
    frame.enter(1, out, x);
    try {
      run(frame.first, frame.second, n);
    } finally {
      frame.leave();
    }
  };

  const backward = (run: WasmExports['reluBackward']) => (dX: F, dOut: F, saved: F) => {
    const n = dX.length;
    frame.enter(1, dX, dOut, saved);
    try {
      run(frame.first, frame.second, frame.third, n);
    } finally {
      frame.leave();
    }
  };

  return {
    neg: unary(wasm.neg),
    exp: unary(wasm.exp),
    log: unary(wasm.log),
    sqrt: unary(wasm.sqrt),
    abs: unary(wasm.abs),
    relu: unary(wasm.relu),
    sigmoid: unary(wasm.sigmoid),
    tanh: unary(wasm.tanh),
    gelu: unary(wasm.gelu),

    leakyRelu(out, x, { slope }) {
      const n = out.length;
      frame.enter(1, out, x);
      try {
        wasm.leakyRelu(frame.first, frame.second, n, slope);
      } finally {
        frame.leave();
      }
    },

    clamp(out, x, { min, max }) {
      const n = out.length;
      frame.enter(1, out, x);
      try {
        wasm.clamp(frame.first, frame.second, n, min, max);
      } finally {
        frame.leave();
      }
    },

    reluBackward: backward(wasm.reluBackward),
    sigmoidBackward: backward(wasm.sigmoidBackward),
    tanhBackward: backward(wasm.tanhBackward),
    geluBackward: backward(wasm.geluBackward),
    absBackward: backward(wasm.absBackward),
    sqrtBackward: backward(wasm.sqrtBackward),

    leakyReluBackward(dX, dOut, x, { slope }) {
      const n = dX.length;
      frame.enter(1, dX, dOut, x);
      try {
        wasm.leakyReluBackward(frame.first, frame.second, frame.third, n, slope);
      } finally {
        frame.leave();
      }
    },

    clampBackward(dX, dOut, x, { min, max }) {
      const n = dX.length;
      frame.enter(1, dX, dOut, x);
      try {
        wasm.clampBackward(frame.first, frame.second, frame.third, n, min, max);
      } finally {
        frame.leave();
      }
    },
  } satisfies Partial<Kernels<F>>;
}
