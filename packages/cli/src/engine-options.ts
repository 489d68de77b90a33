import type { KernelSet, SimdWidth } from '@unfold/core';
import { Option, type Command } from 'commander';
import { integer } from './parsers.js';

/** The options of every command that computes much. */
export interface EngineArguments {
  readonly kernels?: KernelSet;
  readonly threads?: number;
  readonly simd?: SimdWidth;
  readonly strict?: boolean;
}

/** Adds --kernels, --threads, --simd and --strict to a command's options. */
export function addEngineOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--kernels <set>',
        'what computes: WebAssembly SIMD (default), or plain TypeScript',
      ).choices(['wasm', 'reference']),
    )
    .option('--threads <n>', 'threads that compute (default: the cores, up to 8)', integer(1, 64))
    .addOption(
      new Option('--simd <bits>', 'width of vectors (default: auto, the faster)').choices([
        'auto',
        '256',
        '128',
      ]),
    )
    .option('--strict', 'no fused multiply-add: the same bits on every machine');
}
