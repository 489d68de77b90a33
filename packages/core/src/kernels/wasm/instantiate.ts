import { RESERVED_BYTES, type Heap } from '../../memory/heap.js';
import { EngineError } from '../../errors.js';
import type { CoreKernels } from '../contract.js';
import type { Bindings } from './bindings.js';
import type { WasmExports } from './exports.js';
import { Frame } from './frame.js';
import { createWasmKernels } from './index.js';
import { Jobs } from './jobs.js';

type Variant = 'local-plain' | 'local-fused' | 'shared-plain' | 'shared-fused';

/** The binaries: for memory that workers share or not, with or without fused multiply-add. */
export type BinaryName = `unfold-${Variant}`;

/** Those of the kernels that not every network needs. */
export type MoreBinaryName = `unfold-more-${Variant}`;

/** A module whose only function, `f`, is f32x4.relaxed_madd of its three floats, in every lane. */
const RELAXED_MADD_MODULE = [
  '0061736d01000000', // magic number, version 1
  '01080160037d7d7d017d', // one type: three f32 to one
  '03020100', // one function of that type
  '07050101660000', // exported as 'f'
  // Its code: three times local.get and f32x4.splat, the instruction, f32x4.extract_lane 0, end.
  '0a160114002000fd132001fd132002fd13fd8502fd1f000b',
].join('');

/** x² = 1 + 2⁻¹¹ + 2⁻²⁴, whose last bit a float32 has no room for. */
const FUSED_X = 1 + 2 ** -12;

/**
 * Whether this JavaScript engine compiles the fused binaries, and really rounds a·b + c only once.
 * Node 20 does with `--experimental-wasm-relaxed-simd`, later versions by themselves. On some
 * processors, and in WebKit on x64, the instruction is a product and a sum, which the binaries
 * without it do as well, and faster.
 */
export function supportsFused(): boolean {
  const hex = RELAXED_MADD_MODULE.match(/../g) ?? [];
  const bytes = Uint8Array.from(hex, (byte) => Number.parseInt(byte, 16));
  if (!WebAssembly.validate(bytes)) return false;
  try {
    const { f } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
    return typeof f === 'function' && f(FUSED_X, FUSED_X, -(1 + 2 ** -11)) === 2 ** -24;
  } catch {
    // A content security policy allows no WebAssembly: the kernels' own start will say so.
    return false;
  }
}

/** Where the second binary's bytes begin, and how many there are. */
const MORE_WORDS = 2;

/** A binary that runs: what the kernels are made of, and what threads need to join in. */
export interface WasmInstance {
  readonly module: WebAssembly.Module;
  readonly wasm: WasmExports;
  readonly jobs: Jobs;
  readonly kernels: CoreKernels;
  readonly frame: Frame;
  /** How launches of kernels are made, those of the second binary among them once it is there. */
  readonly bindings: Bindings;
  /** Two words of the heap that say where the second binary's bytes lie there, for workers; 0 before. */
  readonly moreAddress: number;
}

/**
 * Compiles a binary and binds its kernels to the heap.
 * @throws EngineError if the JavaScript engine refuses it: it has no WebAssembly, or no SIMD, or the
 * binary wants shared memory (or fused multiply-add) where there is none.
 */
export function instantiateKernels(binary: Uint8Array, heap: Heap): WasmInstance {
  const { memory } = heap;
  if (!memory) throw new EngineError(`engine: there is no WebAssembly memory (${heap.refusal})`);
  let module: WebAssembly.Module;
  let instance: WebAssembly.Instance;
  try {
    module = new WebAssembly.Module(new Uint8Array(binary));
    // The second binary is put in its place before it is called.
    const more = { loadMore() {} };
    instance = new WebAssembly.Instance(module, { env: { memory }, more });
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
  const frame = new Frame(heap);
  const bindings: Bindings = new Map();
  const kernels = createWasmKernels(wasm, heap, frame, jobs, bindings);
  const moreAddress = heap.allocate(MORE_WORDS * 4);
  heap.words.fill(0, moreAddress / 4, moreAddress / 4 + MORE_WORDS);
  return { module, wasm, jobs, kernels, frame, bindings, moreAddress };
}

/** Tells a binary of ours by its mark; the compiler and the tests vouch for the rest. */
function isWasmExports(exports: object): exports is WasmExports {
  return 'staticEnd' in exports && typeof exports.staticEnd === 'function';
}
