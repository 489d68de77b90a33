import type { Kernels, ReduceGeometry, RowsGeometry } from '../contract.js';
import type { WasmExports } from './exports.js';
import type { Frame } from './frame.js';
import { JOB, type Jobs } from './jobs.js';

type F = Float32Array;

/** Floats that a part of a sum reads, about. */
const SUM_PART = 16384;

/** Sums and extremes along an axis, softmax and logSoftmax along rows. */
export function reductionKernels(wasm: WasmExports, frame: Frame, jobs: Jobs) {
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
        // Cut along outer, or along inner where there is only one; never along what is summed.
        const side = outer === 1 ? inner : outer;
        const part = Math.max(1, Math.floor((SUM_PART * side) / Math.max(1, outer * n * inner)));
        const size = outer === 1 ? Math.ceil(part / 16) * 16 : part;
        const parts = Math.ceil(side / size);
        if (jobs.crew === null || parts < 2) wasm.sum(frame.first, frame.second, outer, n, inner);
        else {
          const { block } = frame;
          block[0] = frame.first;
          block[1] = frame.second;
          block[2] = outer;
          block[3] = n;
          block[4] = inner;
          block[5] = size;
          jobs.run(JOB.sum, frame.blockAddress, parts);
        }
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
