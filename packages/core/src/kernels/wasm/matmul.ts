import { noteWrite, type DeviceBuffer } from '../buffer.js';
import type { Epilogue, Kernels, MatmulGeometry } from '../contract.js';
import { ACTIVATIONS, KERNELS, PARAMETERS } from '../table/kernels.js';
import { JOB, placesOf } from '../table/layout.js';
import type { WasmExports } from './exports.js';
import type { Frame } from './frame.js';
import type { Jobs } from './jobs.js';
import { refuseTypes } from './operands.js';

/** Multiplications in a part of a batch of small products, about. */
const BATCH_PART_WORK = 500_000;

const at = placesOf(PARAMETERS.matmul);

/** The words of a block that hold the operands' addresses, in the operands' order. */
export const MATMUL_ADDRESSES = [at.out, at.a, at.b, at.bias];

/** Nothing is done with the results. */
export const PLAIN: Epilogue = { activation: 'none', slope: 0 };

/** Where the jobs of a product go whose arguments lie in the frame's block. */
export interface JobTaker {
  /** Takes a job before the block changes again. */
  take(job: number, parts: number, scratchBytes: number): void;
  /** Memory that all threads see, for one product after another. */
  workspace(bytes: number): number;
}

/** Cuts products into jobs, by their sizes alone. */
export function matmulCutter(wasm: WasmExports, frame: Frame) {
  const scratchBytes = wasm.matmulScratchBytes();

  /** One product, cut into `parts`; slab by slab along k where packing took too much memory. */
  const large = (K: number, parts: number, taker: JobTaker) => {
    const { parametersAddress } = frame;
    const slab = wasm.matmulSlab(parametersAddress);
    const packedBytes = wasm.matmulPackedBytes(parametersAddress, slab);
    const packed = packedBytes > 0 ? taker.workspace(packedBytes) : 0;
    for (let k = 0; k < K; k += slab) {
      frame.block[at.packed] = packed;
      frame.block[at.kFrom] = k;
      frame.block[at.kTo] = Math.min(K, k + slab);
      if (packedBytes > 0) {
        taker.take(JOB.matmulPack, wasm.matmulPackParts(parametersAddress), 0);
      }
      taker.take(JOB.matmul, parts, scratchBytes);
    }
  };

  /** The product, and what is done with its results. */
  return (
    out: DeviceBuffer,
    a: DeviceBuffer,
    b: DeviceBuffer,
    bias: DeviceBuffer | null,
    geometry: MatmulGeometry,
    { activation, slope }: Epilogue,
    taker: JobTaker,
  ): void => {
    const { M, N, K, batch, aBatchStride, bBatchStride } = geometry;
    const { block } = frame;
    block[at.activation] = ACTIVATIONS[activation];
    frame.floats[at.slope] = slope;
    block[at.bias] = bias === null ? 0 : bias.address;
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
      taker.take(JOB.matmulBatch, Math.ceil(batch / size), scratchBytes);
    } else {
      for (let i = 0; i < batch; i++) {
        frame.block[at.out] = out.address + i * M * N * 4;
        frame.block[at.a] = a.address + i * aBatchStride * 4;
        frame.block[at.b] = b.address + i * bBatchStride * 4;
        large(K, parts, taker);
      }
    }
  };
}

/** The matrix product. */
export function matmulKernels(wasm: WasmExports, frame: Frame, jobs: Jobs) {
  const cut = matmulCutter(wasm, frame);
  const taker: JobTaker = {
    take: (job, parts, scratchBytes) => jobs.run(job, frame.blockAddress, parts, scratchBytes),
    workspace: (bytes) => jobs.workspace(bytes),
  };
  return {
    matmul(out, a, b, geometry) {
      if (out.dtype !== 'float32' || a.dtype !== 'float32' || b.dtype !== 'float32') {
        refuseTypes('matmul', KERNELS.matmul, [out, a, b]);
      }
      noteWrite(out);
      cut(out, a, b, null, geometry, PLAIN, taker);
    },

    matmulJoined(out, a, b, bias, geometry) {
      const operands = [out, a, b, bias];
      if (operands.some((operand) => operand !== null && operand.dtype !== 'float32')) {
        refuseTypes('matmulJoined', KERNELS.matmulJoined, operands);
      }
      noteWrite(out);
      cut(out, a, b, bias, geometry, geometry, taker);
    },
  } satisfies Partial<Kernels>;
}
