import { kernelsFor as coreKernelsFor, moreKernelsFor, type DType } from '@unfold/core';
import { loadBinary } from '../../../packages/core/src/engine/binaries.source.js';
import type {
  ArrayKernels,
  KernelName,
  Kernels,
} from '../../../packages/core/src/kernels/contract.js';
import {
  referenceKernels as coreReferenceKernels,
  referenceOver as coreReferenceOver,
} from '../../../packages/core/src/kernels/reference/index.js';
import {
  moreReferenceKernels,
  moreReferenceOver,
} from '../../../packages/core/src/kernels/reference/more.js';
import { KERNELS } from '../../../packages/core/src/kernels/table/kernels.js';
import { JOBS } from '../../../packages/core/src/kernels/table/layout.js';
import { MORE_KERNELS } from '../../../packages/core/src/kernels/table/more-kernels.js';
import { MORE_JOBS } from '../../../packages/core/src/kernels/table/more-layout.js';
import {
  instantiateKernels,
  type BinaryName,
  type MoreBinaryName,
  type WasmInstance,
} from '../../../packages/core/src/kernels/wasm/instantiate.js';
import { instantiateMore } from '../../../packages/core/src/kernels/wasm/more.js';
import type { Heap } from '../../../packages/core/src/memory/heap.js';

/*
 * The kernels of both tables together, for tests that are about all of them.
 */

export const ROWS = { ...KERNELS, ...MORE_KERNELS };

/** Their names. */
export const NAMES = Object.keys(ROWS) as KernelName[];

/** All jobs, in the order of their numbers. */
export const ALL_JOBS = [...JOBS, ...MORE_JOBS];

/** Their definitions. */
export const referenceKernels: ArrayKernels = { ...coreReferenceKernels, ...moreReferenceKernels };

/** The same over a memory. */
export function referenceOver(memory: { readonly buffer: ArrayBufferLike }): Kernels {
  return { ...coreReferenceOver(memory), ...moreReferenceOver(memory) };
}

/** All kernels of the engine. */
export function kernelsFor(dtype: DType): Kernels {
  return { ...coreKernelsFor(dtype), ...moreKernelsFor(dtype) };
}

/** The name of the second binary that goes with a first. */
export function moreNameOf(name: BinaryName): MoreBinaryName {
  return name.replace('unfold-', 'unfold-more-') as MoreBinaryName;
}

/** Both binaries, started on a heap, and the kernels of both. */
export function startBinaries(
  name: BinaryName,
  heap: Heap,
): WasmInstance & { readonly kernels: Kernels } {
  const instance = instantiateKernels(loadBinary(name), heap);
  const more = instantiateMore(loadBinary(moreNameOf(name)), heap, instance);
  return { ...instance, kernels: { ...instance.kernels, ...more } };
}
