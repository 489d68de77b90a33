import { loadBinary } from '#binaries';
import type { DType } from '../dtype.js';
import { ConfigError } from '../errors.js';
import type { Kernels, NumericArray } from '../kernels/contract.js';
import { referenceKernels } from '../kernels/reference/index.js';
import { instantiateKernels, supportsFused } from '../kernels/wasm/instantiate.js';
import { Heap } from './heap.js';

export type KernelSet = 'wasm' | 'reference';

/** What computes: which kernels, on how many threads, with which instructions. */
export interface Engine {
  /** `wasm`: SIMD for float32; `reference`: plain TypeScript for everything. */
  readonly kernels: KernelSet;
  /** Whether multiply-add rounds once (relaxed SIMD), where the JavaScript engine offers it. */
  readonly fused: boolean;
  readonly threads: number;
  /** One line for people: `wasm simd 128-bit fma · 1 thread`. */
  readonly description: string;
}

export interface EngineOptions {
  readonly kernels?: KernelSet;
}

interface RunningEngine extends Engine {
  readonly float32: Kernels<Float32Array>;
}

/** The heap of every tensor. One for the life of the program: kernels change, tensors stay. */
export const heap = new Heap({ shared: false });

let running: RunningEngine | undefined;

/**
 * Chooses the kernels. Without a call, the first operation starts the WebAssembly ones. Tensors
 * made before stay valid: both sets of kernels work on the same heap.
 * @throws ConfigError for an unknown option or kernel set, EngineError if the engine can't start.
 */
export async function configureEngine(options: EngineOptions): Promise<Engine> {
  for (const key of Object.keys(options)) {
    if (key !== 'kernels') throw new ConfigError(`configureEngine: unknown option '${key}'`);
  }
  running = start(options.kernels ?? 'wasm');
  return running;
}

/** The engine that runs; starts the default one if none does. */
export function engine(): Engine {
  running ??= start('wasm');
  return running;
}

/**
 * The kernels that compute tensors of `dtype`: the engine's for float32, the reference kernels for
 * every other type.
 */
export function kernelsFor(dtype: DType): Kernels<NumericArray> {
  if (dtype !== 'float32') return referenceKernels;
  running ??= start('wasm');
  return running.float32;
}

let wasmKernels: Kernels<Float32Array> | undefined;

function start(kernels: KernelSet): RunningEngine {
  if (kernels === 'reference') {
    return {
      kernels,
      fused: false,
      threads: 1,
      description: 'reference kernels in plain TypeScript · 1 thread',
      float32: referenceKernels,
    };
  }
  if (kernels !== 'wasm') {
    throw new ConfigError(
      `configureEngine: kernels must be 'wasm' or 'reference', got '${String(kernels)}'`,
    );
  }
  const fused = supportsFused();
  const binary = fused ? 'unfold-local-fused' : 'unfold-local-plain';
  const float32 = (wasmKernels ??= instantiateKernels(loadBinary(binary), heap));
  return {
    kernels,
    fused,
    threads: 1,
    description: `wasm simd 128-bit${fused ? ' fma' : ''} · 1 thread`,
    float32,
  };
}
