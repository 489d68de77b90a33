import type { Heap } from '../../memory/heap.js';
import { checkedKernels } from '../checked.js';
import type { CoreKernels } from '../contract.js';
import { KERNELS } from '../table/kernels.js';
import { JOB } from '../table/layout.js';
import type { Bindings } from './bindings.js';
import { conv2dKernels } from './conv2d.js';
import type { WasmExports } from './exports.js';
import type { Frame } from './frame.js';
import type { Jobs } from './jobs.js';
import { bindKernels, type Launcher } from './launch.js';
import { matmulKernels } from './matmul.js';
import { WRITERS } from './parameters.js';

/**
 * The first table's kernels for float32 on WebAssembly, each behind a check of what it is called with:
 * those that the table cuts by what their rows say, those that are cut in their own way by functions
 * of their own. None of them holds state from one call to the next but plans of convolutions
 * (plans.ts); the memory that they work in is the jobs'.
 */
export function createWasmKernels(
  wasm: WasmExports,
  heap: Heap,
  frame: Frame,
  jobs: Jobs,
  bindings: Bindings,
): CoreKernels {
  const own = { ...matmulKernels(wasm, frame, jobs), ...conv2dKernels(wasm, heap, frame, jobs) };
  const kernels: Record<string, Launcher> = bindKernels(
    KERNELS,
    JOB,
    WRITERS,
    frame,
    jobs,
    bindings,
  );
  for (const [name, run] of Object.entries(own)) kernels[name] = givingBack(run, jobs);
  return checkedKernels(kernels as CoreKernels, heap);
}

/** The same kernel, which hands back what it took to work in beyond the usual, however it ends. */
function givingBack(run: Launcher, jobs: Jobs): Launcher {
  return (...args) => {
    try {
      run(...args);
    } finally {
      jobs.giveBack();
    }
  };
}
