import type { Kernels, ReduceGeometry, RowsGeometry } from '../contract.js';
import type { WasmExports } from './exports.js';
import type { Frame } from './frame.js';

type F = Float32Array;

/** Sums and extremes along an axis, softmax and logSoftmax along rows. */
export function reductionKernels(wasm: WasmExports, frame: Frame) {
  const select =
    (run: WasmExports['max']) =>
    (out: F, indices: Int32Array, x: F, { outer, n, inner }: ReduceGeometry) => {
      frame.enter(2, out, indices, x);
      try {
        run(frame.first, frame.second, frame.third, outer, n, inner);
      } finally {
        frame.leave();
      }
    };

  const byRows =
    (run: WasmExports['softmax']) =>
    (out: F, x: F, { rows, n }: RowsGeometry) => {
      frame.enter(1, out, x);
      try {
        run(frame.first, frame.second, rows, n);
      } finally {
        frame.leave();
      }
    };

  const byRowsBackward =
    (run: WasmExports['softmaxBackward']) =>
    (dX: F, dOut: F, out: F, { rows, n }: RowsGeometry) => {
      frame.enter(1, dX, dOut, out);
      try {
        run(frame.first, frame.second, frame.third, rows, n);
      } finally {
        frame.leave();
      }
    };

  return {
    sum(out, x, { outer, n, inner }) {
      frame.enter(1, out, x);
      try {
        wasm.sum(frame.first, frame.second, outer, n, inner);
      } finally {
        frame.leave();
      }
    },

    max: select(wasm.max),
    min: select(wasm.min),

    selectBackward(dX, dOut, indices, { outer, n, inner }) {
      frame.enter(1, dX, dOut, indices);
      try {
        wasm.selectBackward(frame.first, frame.second, frame.third, outer, n, inner);
      } finally {
        frame.leave();
      }
    },

    softmax: byRows(wasm.softmax),
    logSoftmax: byRows(wasm.logSoftmax),
    softmaxBackward: byRowsBackward(wasm.softmaxBackward),
    logSoftmaxBackward: byRowsBackward(wasm.logSoftmaxBackward),
  } satisfies Partial<Kernels<F>>;
}
