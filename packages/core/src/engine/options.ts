import { platform } from '#platform';
import {
  checkOptions,
  checkValue,
  flag,
  integerBetween,
  oneOf,
  type OptionRules,
} from '../options.js';

/** WebAssembly SIMD, or plain TypeScript. */
export type KernelSet = 'wasm' | 'reference';

/** How wide the kernels' tiles are: chosen at start, or 16 or 8 columns whatever the machine. */
export type SimdWidth = 'auto' | '256' | '128';

/**
 * Options of `configureEngine`. Each has a variable of the environment that holds if it is not
 * given.
 */
export interface EngineOptions {
  /** WebAssembly SIMD, or plain TypeScript. Default `wasm`; `UNFOLD_KERNELS`. */
  readonly kernels?: KernelSet | undefined;
  /** 1 … 64. Default: the cores available, at most 8; `UNFOLD_THREADS`. */
  readonly threads?: number | undefined;
  /**
   * `auto` takes 256-bit vectors where they are faster: on Node 24 and later, after
   * `enableNodeFlags`. Default `auto`; `UNFOLD_SIMD`.
   */
  readonly simd?: SimdWidth | undefined;
  /** No fused multiply-add: the same bits on every machine. Default false; `UNFOLD_STRICT`. */
  readonly strict?: boolean | undefined;
}

export interface Settings {
  readonly kernels: KernelSet;
  /** Undefined: as many as the machine has cores. */
  readonly threads: number | undefined;
  readonly simd: SimdWidth;
  readonly strict: boolean;
}

const MAX_THREADS = 64;

const KERNELS = ['wasm', 'reference'] as const;
const WIDTHS = ['auto', '256', '128'] as const;
const SWITCH = ['0', '1'] as const;

const OPTIONS: OptionRules<EngineOptions> = {
  kernels: oneOf(...KERNELS),
  threads: integerBetween(1, MAX_THREADS),
  simd: oneOf(...WIDTHS),
  strict: flag,
};

/**
 * The settings that follow from options and environment.
 * @throws ConfigError for an option that is unknown or has no meaning, naming where it came from.
 */
export function resolveSettings(options: EngineOptions): Settings {
  checkOptions('configureEngine', options, OPTIONS);
  return {
    kernels: options.kernels ?? fromEnvironment('UNFOLD_KERNELS', KERNELS) ?? 'wasm',
    threads: options.threads ?? threadsOfEnvironment(),
    simd: options.simd ?? fromEnvironment('UNFOLD_SIMD', WIDTHS) ?? 'auto',
    strict: options.strict ?? fromEnvironment('UNFOLD_STRICT', SWITCH) === '1',
  };
}

/** The word that a variable holds; undefined if it is not set. */
function fromEnvironment<T extends string>(variable: string, words: readonly T[]): T | undefined {
  const value = platform.environment(variable);
  if (value !== undefined) checkValue(variable, oneOf(...words), value);
  return words.find((word) => word === value);
}

function threadsOfEnvironment(): number | undefined {
  const text = platform.environment('UNFOLD_THREADS');
  if (text === undefined) return undefined;
  const threads = Number(text);
  checkValue('UNFOLD_THREADS', OPTIONS.threads, Number.isNaN(threads) ? text : threads);
  return threads;
}
