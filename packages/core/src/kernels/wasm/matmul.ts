import { noteWrite } from '../buffer.js';
import type { Kernels } from '../contract.js';
import { KERNELS, PARAMETERS } from '../table/kernels.js';
import { JOB, placesOf } from '../table/layout.js';
import type { WasmExports } from './exports.js';
import type { Frame } from './frame.js';
import type { Jobs } from './jobs.js';
import { refuseTypes } from './operands.js';

/** Multiplications in a part of a batch of small products, about. */
const BATCH_PART_WORK = 500_000;

const at = placesOf(PARAMETERS.matmul);

/** The matrix product. */
export function matmulKernels(wasm: WasmExports, frame: Frame, jobs: Jobs) {
  const scratchBytes = wasm.matmulScratchBytes();

  /** One product, cut into `parts`; slab by slab along k where packing took too much memory. */
  const large = (K: number, parts: number) => {
    const { blockAddress, parametersAddress } = frame;
    const slab = wasm.matmulSlab(parametersAddress);
    const packedBytes = wasm.matmulPackedBytes(parametersAddress, slab);
    const packed = packedBytes > 0 ? jobs.workspace(packedBytes) : 0;
    for (let k = 0; k < K; k += slab) {
      frame.block[at.packed] = packed;
      frame.block[at.kFrom] = k;
      frame.block[at.kTo] = Math.min(K, k + slab);
      if (packedBytes > 0) {
        jobs.run(JOB.matmulPack, blockAddress, wasm.matmulPackParts(parametersAddress));
      }
      jobs.run(JOB.matmul, blockAddress, parts, scratchBytes);
    }
  };

  return {
    matmul(out, a, b, geometry) {
      const { M, N, K, batch, aBatchStride, bBatchStride } = geometry;
      if (out.dtype !== 'float32' || a.dtype !== 'float32' || b.dtype !== 'float32') {
        refuseTypes('matmul', KERNELS.matmul, [out, a, b]);
      }
      noteWrite(out);
      const { block } = frame;
      block[at.M] = M;
      block[at.N] = N;
      block[at.K] = K;
      block[at.transposeA] = geometry.transposeA ? 1 : 0;
      block[at.transposeB] = geometry.transposeB ? 1 : 0;
      block[at.accumulate] = geometry.accumulate ? 1 : 0;
      block[at.out] = out.address;
      block[at.a] = a.address;
      block[at.b] = b.address;
      const parts = wasm.matmulPlan(frame.parametersAddress);
      if (parts === 1) {
        const size = Math.max(1, Math.floor(BATCH_PART_WORK / Math.max(1, M * N * K)));
        block[at.batchSize] = size;
        block[at.batch] = batch;
        block[at.aBatchStride] = aBatchStride;
        block[at.bBatchStride] = bBatchStride;
        const batches = Math.ceil(batch / size);
        jobs.run(JOB.matmulBatch, frame.blockAddress, batches, scratchBytes);
      } else {
        for (let i = 0; i < batch; i++) {
          frame.block[at.out] = out.address + i * M * N * 4;
          frame.block[at.a] = a.address + i * aBatchStride * 4;
          frame.block[at.b] = b.address + i * bBatchStride * 4;
          large(K, parts);
        }
      }
    },
  } satisfies Partial<Kernels>;
}
