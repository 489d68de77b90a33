import type { Heap } from '../../engine/heap.js';
import { checkedKernels } from '../checked.js';
import type { Kernels } from '../contract.js';
import { broadcastKernels } from './broadcast.js';
import { conv2dKernels } from './conv2d.js';
import { elementwiseKernels } from './elementwise.js';
import type { WasmExports } from './exports.js';
import { Frame } from './frame.js';
import type { Jobs } from './jobs.js';
import { matmulKernels } from './matmul.js';
import { movementKernels } from './movement.js';
import { reductionKernels } from './reductions.js';
import { trainingKernels } from './training.js';
import { windowKernels } from './windows.js';

/**
 * The contract's kernels for float32 on WebAssembly, each behind a check of what it is called with.
 * None of them holds state from one call to the next; the memory that they work in is the jobs'.
 */
export function createWasmKernels(
  wasm: WasmExports,
  heap: Heap,
  jobs: Jobs,
): Kernels<Float32Array> {
  const frame = new Frame(heap);
  const kernels = {
    ...elementwiseKernels(wasm, frame, jobs),
    ...broadcastKernels(wasm, frame, jobs),
    ...movementKernels(wasm, frame, jobs),
    ...reductionKernels(wasm, frame, jobs),
    ...matmulKernels(wasm, frame, jobs),
    ...windowKernels(wasm, frame, jobs),
    ...conv2dKernels(wasm, frame, jobs),
    ...trainingKernels(wasm, frame, jobs),
  };
  return checkedKernels(kernels, () => jobs.giveBack());
}
