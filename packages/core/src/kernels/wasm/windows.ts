import type { Kernels, NumericArray, WindowGeometry } from '../contract.js';
import type { WasmExports } from './exports.js';
import type { Frame } from './frame.js';
import { JOB, type Jobs } from './jobs.js';

type F = Float32Array;

/** Pixels in a part of a pooling, about. */
const POOL_PART = 16384;

/** Windows over one image. */
export function windowKernels(wasm: WasmExports, frame: Frame, jobs: Jobs) {
  const move = (run: WasmExports['unfold']) => (out: F, x: F, geometry: WindowGeometry) => {
    frame.enter(1, out, x);
    try {
      writeWindow(frame.block, geometry);
      run(frame.first, frame.second, frame.blockAddress);
    } finally {
      frame.leave();
    }
  };

  const pool = (
    kernel: number,
    run: WasmExports['maxPool2d'],
    outputs: number,
    first: NumericArray,
    second: NumericArray,
    third: NumericArray,
    geometry: WindowGeometry,
  ) => {
    frame.enter(outputs, first, second, third);
    try {
      const { block } = frame;
      writeWindow(block, geometry);
      const planes = Math.max(1, Math.floor(POOL_PART / Math.max(1, geometry.H * geometry.W)));
      const parts = Math.ceil(geometry.C / planes);
      if (jobs.crew === null || parts < 2) {
        run(frame.first, frame.second, frame.third, frame.blockAddress);
      } else {
        block[13] = frame.first;
        block[14] = frame.second;
        block[15] = frame.third;
        block[16] = planes;
        jobs.run(kernel, frame.blockAddress, parts);
      }
    } finally {
      frame.leave();
    }
  };

  return {
    unfold: move(wasm.unfold),
    fold: move(wasm.fold),
    maxPool2d: (out, indices, x, geometry) =>
      pool(JOB.maxPool2d, wasm.maxPool2d, 2, out, indices, x, geometry),
    maxPool2dBackward: (dX, dOut, indices, geometry) =>
      pool(JOB.maxPool2dBackward, wasm.maxPool2dBackward, 1, dX, dOut, indices, geometry),
  } satisfies Partial<Kernels<F>>;
}

/** In the order of the fields of Window in assembly/window.ts, from word `at` on. */
export function writeWindow(block: Int32Array, geometry: WindowGeometry, at = 0): void {
  block[at] = geometry.C;
  block[at + 1] = geometry.H;
  block[at + 2] = geometry.W;
  block[at + 3] = geometry.KH;
  block[at + 4] = geometry.KW;
  block[at + 5] = geometry.OH;
  block[at + 6] = geometry.OW;
  block[at + 7] = geometry.strideH;
  block[at + 8] = geometry.strideW;
  block[at + 9] = geometry.padTop;
  block[at + 10] = geometry.padLeft;
  block[at + 11] = geometry.dilationH;
  block[at + 12] = geometry.dilationW;
}
