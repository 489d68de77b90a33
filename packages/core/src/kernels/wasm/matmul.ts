import type { Kernels } from '../contract.js';
import type { WasmExports } from './exports.js';
import type { Frame } from './frame.js';
import { JOB, type Jobs } from './jobs.js';

type F = Float32Array;

/** Multiplications in a part of a batch of small products, about. */
const BATCH_PART_WORK = 500_000;

/** The matrix product. */
export function matmulKernels(wasm: WasmExports, frame: Frame, jobs: Jobs) {
  const scratchBytes = wasm.matmulScratchBytes();

  /** One product, cut into `parts`; slab by slab along k where packing took too much memory. */
  const large = (K: number, parts: number) => {
    const address = frame.blockAddress;
    const slab = wasm.matmulSlab(address);
    const packedBytes = wasm.matmulPackedBytes(address, slab);
    const packed = packedBytes > 0 ? jobs.workspace(packedBytes) : 0;
    for (let k = 0; k < K; k += slab) {
      // Both areas may have grown the heap.
      frame.renew();
      frame.block[9] = packed;
      frame.block[10] = k;
      frame.block[11] = Math.min(K, k + slab);
      if (packedBytes > 0) jobs.run(JOB.matmulPack, address, wasm.matmulPackParts(address));
      jobs.run(JOB.matmul, address, parts, scratchBytes);
    }
  };

  return {
    matmul(out, a, b, geometry) {
      const { M, N, K, batch, aBatchStride, bBatchStride } = geometry;
      frame.enter(1, out, a, b);
      try {
        const { block, first, second, third } = frame;
        block[0] = M;
        block[1] = N;
        block[2] = K;
        block[3] = geometry.transposeA ? 1 : 0;
        block[4] = geometry.transposeB ? 1 : 0;
        block[5] = geometry.accumulate ? 1 : 0;
        block[6] = first;
        block[7] = second;
        block[8] = third;
        const parts = wasm.matmulPlan(frame.blockAddress);
        if (parts === 1) {
          const size = Math.max(1, Math.floor(BATCH_PART_WORK / Math.max(1, M * N * K)));
          block[12] = size;
          block[13] = batch;
          block[14] = aBatchStride;
          block[15] = bBatchStride;
          const batches = Math.ceil(batch / size);
          jobs.run(JOB.matmulBatch, frame.blockAddress, batches, scratchBytes);
        } else {
          for (let i = 0; i < batch; i++) {
            frame.renew();
            frame.block[6] = first + i * M * N * 4;
            frame.block[7] = second + i * aBatchStride * 4;
            frame.block[8] = third + i * bBatchStride * 4;
            large(K, parts);
          }
        }
      } finally {
        frame.leave();
      }
    },
  } satisfies Partial<Kernels<F>>;
}
