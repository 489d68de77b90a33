import { platform } from '#platform';
import { ConfigError } from '../errors.js';
import { rejectUnknown } from '../options.js';

/** WebAssembly SIMD, or plain TypeScript. */
export type KernelSet = 'wasm' | 'reference';

/** How wide the kernels' tiles are: chosen at start, or 16 or 8 columns whatever the machine. */
export type SimdWidth = 'auto' | '256' | '128';

/** What `configureEngine` takes. Each has a variable of the environment that holds if it is not given. */
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

export const MAX_THREADS = 64;

const NAMES = ['kernels', 'threads', 'simd', 'strict'];

/**
 * The settings that follow from options and environment.
 * @throws ConfigError for an option that is unknown or has no meaning, naming where it came from.
 */
export function resolveSettings(options: EngineOptions): Settings {
  rejectUnknown('configureEngine', options, NAMES);
  return {
    kernels:
      options.kernels === undefined
        ? choice('UNFOLD_KERNELS', KERNELS, platform.environment('UNFOLD_KERNELS') ?? 'wasm')
        : choice('configureEngine: kernels', KERNELS, options.kernels),
    threads:
      options.threads === undefined
        ? environmentThreads()
        : threadCount('configureEngine: threads', options.threads),
    simd:
      options.simd === undefined
        ? choice('UNFOLD_SIMD', WIDTHS, platform.environment('UNFOLD_SIMD') ?? 'auto')
        : choice('configureEngine: simd', WIDTHS, options.simd),
    strict:
      options.strict === undefined
        ? choice('UNFOLD_STRICT', SWITCH, platform.environment('UNFOLD_STRICT') ?? '0') === '1'
        : flag('configureEngine: strict', options.strict),
  };
}

const KERNELS: readonly KernelSet[] = ['wasm', 'reference'];
const WIDTHS: readonly SimdWidth[] = ['auto', '256', '128'];
const SWITCH: readonly ('0' | '1')[] = ['0', '1'];

function choice<T extends string>(name: string, choices: readonly T[], value: string): T {
  const found = choices.find((known) => known === value);
  if (found === undefined) {
    const known = choices.map((one) => `'${one}'`);
    const list = `${known.slice(0, -1).join(', ')} or ${known.at(-1)}`;
    throw new ConfigError(`${name} must be ${list}, got '${value}'`);
  }
  return found;
}

function threadCount(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 1 || value > MAX_THREADS) {
    throw new ConfigError(
      `${name} must be a whole number from 1 to ${MAX_THREADS}, got ${String(value)}`,
    );
  }
  return value;
}

function environmentThreads(): number | undefined {
  const text = platform.environment('UNFOLD_THREADS');
  return text === undefined ? undefined : threadCount('UNFOLD_THREADS', Number(text));
}

function flag(name: string, value: boolean): boolean {
  if (typeof value !== 'boolean') {
    throw new ConfigError(`${name} must be true or false, got '${String(value)}'`);
  }
  return value;
}
