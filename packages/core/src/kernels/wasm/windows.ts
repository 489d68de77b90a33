import type { Kernels, NumericArray, WindowGeometry } from '../contract.js';
import type { WasmExports } from './exports.js';
import type { Frame } from './frame.js';

type F = Float32Array;

/** Windows over one image. */
export function windowKernels(wasm: WasmExports, frame: Frame) {
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
    run: WasmExports['maxPool2d'],
    outputs: number,
    first: NumericArray,
    second: NumericArray,
    third: NumericArray,
    geometry: WindowGeometry,
  ) => {
    frame.enter(outputs, first, second, third);
    try {
      writeWindow(frame.block, geometry);
      run(frame.first, frame.second, frame.third, frame.blockAddress);
    } finally {
      frame.leave();
    }
  };

  return {
    unfold: move(wasm.unfold),
    fold: move(wasm.fold),
    maxPool2d: (out, indices, x, geometry) => pool(wasm.maxPool2d, 2, out, indices, x, geometry),
    maxPool2dBackward: (dX, dOut, indices, geometry) =>
      pool(wasm.maxPool2dBackward, 1, dX, dOut, indices, geometry),
  } satisfies Partial<Kernels<F>>;
}

/** In the order of the fields of Window in assembly/window.ts. */
function writeWindow(block: Int32Array, geometry: WindowGeometry): void {
  block[0] = geometry.C;
  block[1] = geometry.H;
  block[2] = geometry.W;
  block[3] = geometry.KH;
  block[4] = geometry.KW;
  block[5] = geometry.OH;
  block[6] = geometry.OW;
  block[7] = geometry.strideH;
  block[8] = geometry.strideW;
  block[9] = geometry.padTop;
  block[10] = geometry.padLeft;
  block[11] = geometry.dilationH;
  block[12] = geometry.dilationW;
}
