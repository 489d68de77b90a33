import type { Heap } from '../../engine/heap.js';
import type { Kernels } from '../contract.js';
import type { WasmExports } from './exports.js';
import type { Frame } from './frame.js';

type F = Float32Array;

/** The matrix product, with the memory in which it packs its operands. */
export function matmulKernels(wasm: WasmExports, frame: Frame, heap: Heap) {
  const scratch = heap.allocate(wasm.matmulScratchBytes());
  return {
    matmul(out, a, b, geometry) {
      const { M, N, K, batch, aBatchStride, bBatchStride } = geometry;
      frame.enter(1, out, a, b);
      try {
        const { block } = frame;
        block[0] = M;
        block[1] = N;
        block[2] = K;
        block[3] = geometry.transposeA ? 1 : 0;
        block[4] = geometry.transposeB ? 1 : 0;
        block[5] = geometry.accumulate ? 1 : 0;
        for (let i = 0; i < batch; i++) {
          wasm.matmul(
            frame.first + i * M * N * 4,
            frame.second + i * aBatchStride * 4,
            frame.third + i * bBatchStride * 4,
            frame.blockAddress,
            0,
            M,
            scratch,
          );
        }
      } finally {
        frame.leave();
      }
    },
  } satisfies Partial<Kernels<F>>;
}
