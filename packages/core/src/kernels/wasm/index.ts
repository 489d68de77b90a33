import type { Heap } from '../../engine/heap.js';
import type { Kernels } from '../contract.js';
import { broadcastKernels } from './broadcast.js';
import { elementwiseKernels } from './elementwise.js';
import type { WasmExports } from './exports.js';
import { Frame } from './frame.js';
import { matmulKernels } from './matmul.js';
import { movementKernels } from './movement.js';
import { reductionKernels } from './reductions.js';
import { trainingKernels } from './training.js';
import { windowKernels } from './windows.js';

/**
 * The contract's kernels for float32 on WebAssembly. They take about 1.2 MB of the heap for their
 * own use, once, and none of them holds state from one call to the next.
 */
export function createWasmKernels(wasm: WasmExports, heap: Heap): Kernels<Float32Array> {
  const frame = new Frame(heap);
  return {
    ...elementwiseKernels(wasm, frame),
    ...broadcastKernels(wasm, frame),
    ...movementKernels(wasm, frame),
    ...reductionKernels(wasm, frame),
    ...matmulKernels(wasm, frame, heap),
    ...windowKernels(wasm, frame),
    ...trainingKernels(wasm, frame),
  };
}
