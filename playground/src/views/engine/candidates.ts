import type { EngineChoice } from '../../lab/protocol.js';

/** An engine that is measured. */
export interface Candidate {
  readonly name:
    'reference' | 'strict' | 'strictCompiled' | 'strictThreads' | 'fused' | 'fusedThreads';
  readonly choice: EngineChoice;
  readonly strict: boolean;
  /** At most; of the slowest, few must do. */
  readonly steps: number;
}

/** The one that the others' bits are held against. */
export const BASELINE: Candidate['name'] = 'strict';

/** The engines to measure, on one thread and, where there can be more, on all of those. */
export function candidates(threads: number): readonly Candidate[] {
  const wasm = (
    name: Candidate['name'],
    strict: boolean,
    compiled: boolean,
    threads: number,
  ): Candidate => ({
    name,
    strict,
    choice: { kernels: 'wasm', threads, compiled },
    steps: 60,
  });
  return [
    {
      name: 'reference',
      strict: true,
      choice: { kernels: 'reference', threads: 1, compiled: false },
      steps: 5,
    },
    wasm('strict', true, false, 1),
    wasm('strictCompiled', true, true, 1),
    wasm('fused', false, true, 1),
    ...(threads > 1
      ? [wasm('strictThreads', true, true, threads), wasm('fusedThreads', false, true, threads)]
      : []),
  ];
}
