import { RESERVED_BYTES, type Heap } from '../../engine/heap.js';
import { EngineError } from '../../errors.js';
import type { Kernels } from '../contract.js';
import type { WasmExports } from './exports.js';
import { createWasmKernels } from './index.js';
import { Jobs } from './jobs.js';

/** The binaries: for memory that workers share or not, with or without fused multiply-add. */
export type BinaryName =
  'unfold-local-plain' | 'unfold-local-fused' | 'unfold-shared-plain' | 'unfold-shared-fused';

/** A module whose only function is f32x4.relaxed_madd of its three parameters. */
const RELAXED_MADD_MODULE = [
  '0061736d01000000', // magic number, version 1
  '01080160037b7b7b017b', // one type: three v128 to one
  '03020100', // one function of that type
  '0a0d010b00200020012002fd85020b', // its code: local.get 0, 1, 2, the instruction, end
].join('');

/**
 * Whether this JavaScript engine compiles the fused binaries. Node 20 does with
 * `--experimental-wasm-relaxed-simd`, later versions by themselves.
 */
export function supportsFused(): boolean {
  const bytes = RELAXED_MADD_MODULE.match(/../g) ?? [];
  return WebAssembly.validate(Uint8Array.from(bytes, (byte) => Number.parseInt(byte, 16)));
}

/** A binary that runs: what the kernels are made of, and what threads need to join in. */
export interface WasmInstance {
  readonly module: WebAssembly.Module;
  readonly wasm: WasmExports;
  readonly jobs: Jobs;
  readonly kernels: Kernels<Float32Array>;
}

/**
 * Compiles a binary and binds its kernels to the heap.
 * @throws EngineError if the JavaScript engine refuses it: it has no SIMD, or the binary wants
 * shared memory (or fused multiply-add) where there is none.
 */
export function instantiateKernels(binary: Uint8Array, heap: Heap): WasmInstance {
  let module: WebAssembly.Module;
  let instance: WebAssembly.Instance;
  try {
    module = new WebAssembly.Module(new Uint8Array(binary));
    instance = new WebAssembly.Instance(module, { env: { memory: heap.memory } });
  } catch (error) {
    throw new EngineError(
      `engine: the WebAssembly kernels do not start here: ${String(error)}; ` +
        "configureEngine({ kernels: 'reference' }) runs without them",
      { cause: error },
    );
  }
  const wasm = instance.exports;
  if (!isWasmExports(wasm) || wasm.staticEnd() > RESERVED_BYTES) {
    throw new EngineError('engine: this is no binary of the Unfold kernels; rebuild or reinstall');
  }
  const jobs = new Jobs(wasm, heap);
  return { module, wasm, jobs, kernels: createWasmKernels(wasm, heap, jobs) };
}

/** Tells a binary of ours by its mark; the compiler and the tests vouch for the rest. */
function isWasmExports(exports: object): exports is WasmExports {
  return 'staticEnd' in exports && typeof exports.staticEnd === 'function';
}
