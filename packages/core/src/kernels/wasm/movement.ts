import type { Kernels } from '../contract.js';
import type { WasmExports } from './exports.js';
import type { Frame } from './frame.js';
import { JOB, type Jobs } from './jobs.js';
import { isShared, runShared } from './run.js';
import { writeWalk } from './walk.js';

type F = Float32Array;

/** Kernels that move elements without computing, and the adjoint of one. */
export function movementKernels(wasm: WasmExports, frame: Frame, jobs: Jobs) {
  return {
    fill(out, { value }) {
      const n = out.length;
      frame.enter(1, out);
      try {
        if (isShared(jobs, n)) runShared(jobs, frame, JOB.fill, n, value);
        else wasm.fill(frame.first, n, value);
      } finally {
        frame.leave();
      }
    },

    copyStrided(out, x, { shape, outStrides, outOffset, xStrides, xOffset }) {
      frame.enter(1, out, x);
      try {
        writeWalk(frame, shape, outStrides, xStrides);
        wasm.copyStrided(
          frame.first + outOffset * 4,
          frame.second + xOffset * 4,
          frame.blockAddress,
          shape.length,
        );
      } finally {
        frame.leave();
      }
    },

    indexSelect(out, x, index, { outer, n, inner, count }) {
      frame.enter(1, out, x, index);
      try {
        wasm.indexSelect(frame.first, frame.second, frame.third, outer, n, inner, count);
      } finally {
        frame.leave();
      }
    },

    indexAdd(dX, dOut, index, { outer, n, inner, count }) {
      frame.enter(1, dX, dOut, index);
      try {
        wasm.indexAdd(frame.first, frame.second, frame.third, outer, n, inner, count);
      } finally {
        frame.leave();
      }
    },
  } satisfies Partial<Kernels<F>>;
}
