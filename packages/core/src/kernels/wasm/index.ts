import type { Heap } from '../../memory/heap.js';
import { checkedKernels } from '../checked.js';
import type { KernelName, Kernels } from '../contract.js';
import { KERNELS } from '../table/kernels.js';
import { JOB, KERNEL_NAMES } from '../table/layout.js';
import { conv2dKernels } from './conv2d.js';
import type { WasmExports } from './exports.js';
import type { Frame } from './frame.js';
import type { Jobs } from './jobs.js';
import { type Launcher, launcherOf } from './launch.js';
import { matmulKernels } from './matmul.js';
import { isCutByTable, writerOf } from './parameters.js';

/**
 * The contract's kernels for float32 on WebAssembly, each behind a check of what it is called with:
 * those that the table cuts by what their rows say, those that are cut in their own way by functions
 * of their own. None of them holds state from one call to the next but plans of convolutions
 * (plans.ts); the memory that they work in is the jobs'.
 */
export function createWasmKernels(
  wasm: WasmExports,
  heap: Heap,
  frame: Frame,
  jobs: Jobs,
): Kernels {
  const kernels: Partial<Record<KernelName, Launcher>> = {};
  const own: Partial<Record<KernelName, Launcher>> = {
    ...matmulKernels(wasm, frame, jobs),
    ...conv2dKernels(wasm, heap, frame, jobs),
  };
  for (const name of KERNEL_NAMES) {
    const run = own[name];
    if (run) kernels[name] = givingBack(run, jobs);
    else if (isCutByTable(name)) {
      const row = KERNELS[name];
      kernels[name] = launcherOf(name, JOB[name], row, writerOf(row), frame, jobs);
    }
  }
  return checkedKernels(kernels as Kernels, heap);
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
