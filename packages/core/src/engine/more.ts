import { loadBinary } from '#more-binaries';
import type { DType } from '../dtype.js';
import type { MoreKernels } from '../kernels/contract.js';
import { checkedMoreKernels } from '../kernels/checked-more.js';
import { moreReferenceOver } from '../kernels/reference/more.js';
import { MORE_KERNELS } from '../kernels/table/more-kernels.js';
import { addRows } from '../kernels/table/rows.js';
import { instantiateMore } from '../kernels/wasm/more.js';
import {
  engine,
  heap,
  noteFault,
  noteReference,
  type ProgramParts,
  runningBinary,
} from './engine.js';
import { probe } from './probe.js';
import { findMoreFault } from './verify-more.js';

/*
 * The kernels of the second table. Programs that import nothing from here carry none of them, neither
 * rows nor loops nor the binary, which is loaded when the first of its kernels is asked for.
 */

let reference: MoreKernels | undefined;
/** The kernels of the second binary beside each of the first; the reference where they are wrong. */
const loaded = new WeakMap<ProgramParts, MoreKernels>();
/** Those that were asked for last, and beside which binary. */
let last: { readonly binary: ProgramParts; readonly kernels: MoreKernels } | undefined;

/**
 * The kernels beyond those of `kernelsFor` that compute tensors of `dtype`: functions, softmax,
 * normalisation, losses, updates and all that not every network needs. The first call starts them.
 * @throws EngineError if their binary is missing, or does not start.
 */
export function moreKernelsFor(dtype: DType): MoreKernels {
  const kernels = dtype === 'float32' ? float32() : plainLoops();
  return probe ? probe.kernels(kernels) : kernels;
}

function float32(): MoreKernels {
  const binary = runningBinary();
  if (binary === null) return plainLoops();
  if (last?.binary !== binary) last = { binary, kernels: kernelsBeside(binary) };
  return last.kernels;
}

function plainLoops(): MoreKernels {
  if (reference === undefined) {
    reference = checkedMoreKernels(moreReferenceOver(heap), heap);
    noteReference(reference);
    addRows(MORE_KERNELS);
  }
  return reference;
}

function kernelsBeside(binary: ProgramParts): MoreKernels {
  let kernels = loaded.get(binary);
  if (kernels === undefined) {
    kernels = start(binary);
    loaded.set(binary, kernels);
  }
  return kernels;
}

/** Starts the second binary, and checks it as the first one is. */
function start(binary: ProgramParts): MoreKernels {
  const variant =
    `${heap.shared ? 'shared' : 'local'}-${engine().fused ? 'fused' : 'plain'}` as const;
  const name = `unfold-more-${variant}` as const;
  addRows(MORE_KERNELS);
  const kernels = instantiateMore(loadBinary(name), heap, binary);
  if (isSound(kernels)) return kernels;
  noteFault(binary, `the kernels of ${name} disagree with the reference here and are not used`);
  return plainLoops();
}

function isSound(kernels: MoreKernels): boolean {
  try {
    return findMoreFault(kernels, heap) === null;
  } catch (error) {
    // A kernel that leaves the memory is at fault, too; a full heap is another matter.
    if (error instanceof WebAssembly.RuntimeError) return false;
    throw error;
  }
}
