import { EngineError } from '../../errors.js';
import { RESERVED_BYTES, type Heap } from '../../memory/heap.js';
import { checkedMoreKernels } from '../checked-more.js';
import type { MoreKernels } from '../contract.js';
import { MORE_KERNELS } from '../table/more-kernels.js';
import { MORE_JOB } from '../table/more-layout.js';
import type { WasmInstance } from './instantiate.js';
import { bindKernels } from './launch.js';
import { MORE_WRITERS } from './more-parameters.js';

/** What the second binary needs of the first. */
type First = Pick<WasmInstance, 'wasm' | 'frame' | 'jobs' | 'bindings' | 'moreAddress'>;

/** The place in a binary's table of functions: see assembly/more.ts. */
const PLACE = 0;

/**
 * Puts the second binary beside the first: from here on the first calls it, on this thread at once, and
 * on a worker when that meets one of its kernels, for which its bytes are laid on the heap.
 * @throws EngineError if the JavaScript engine refuses it, or the heap has no room for it.
 */
export function instantiateMore(
  binary: Uint8Array,
  heap: Heap,
  { wasm, frame, jobs, bindings, moreAddress }: First,
): MoreKernels {
  const { memory } = heap;
  if (!memory) throw new EngineError(`engine: there is no WebAssembly memory (${heap.refusal})`);
  const bytes = new Uint8Array(binary);
  let exports: WebAssembly.Exports;
  try {
    ({ exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } }));
  } catch (error) {
    throw new EngineError(`engine: the second binary does not start here: ${String(error)}`, {
      cause: error,
    });
  }
  const { runPart, staticEnd } = exports;
  if (!isFunction(runPart) || !isFunction(staticEnd) || Number(staticEnd()) > RESERVED_BYTES) {
    throw new EngineError('engine: this is no binary of the Unfold kernels; rebuild or reinstall');
  }
  wasm.table.set(PLACE, runPart);
  if (heap.shared) {
    const address = heap.allocate(bytes.length);
    new Uint8Array(heap.buffer, address, bytes.length).set(bytes);
    heap.words.set([address, bytes.length], moreAddress / 4);
  }
  const kernels = bindKernels(MORE_KERNELS, MORE_JOB, MORE_WRITERS, frame, jobs, bindings);
  return checkedMoreKernels(kernels as MoreKernels, heap);
}

function isFunction(value: unknown): value is () => unknown {
  return typeof value === 'function';
}
