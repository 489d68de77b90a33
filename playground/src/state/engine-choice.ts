import { signal } from '@preact/signals';
import type { EngineChoice } from '../lab/protocol.js';
import { lack } from './support.js';

/** More than these the small networks of the page have no use for. */
const MOST_THREADS = 4;

/** Whether threads may share memory here. A host that sends no isolation headers has a page of one thread. */
export const isIsolated: boolean =
  globalThis.crossOriginIsolated === true && typeof SharedArrayBuffer !== 'undefined';

/** The cores that the browser reports. */
export const cores: number = navigator.hardwareConcurrency || 1;

/** The most threads that a choice of engine may have here. */
export const mostThreads: number = isIsolated ? Math.min(MOST_THREADS, cores) : 1;

/** What the next run computes with, from its beginning on. */
export const engineChoice = signal<EngineChoice>({
  // The kernels are made of vectors; without these, plain loops do the same.
  kernels: lack === 'noSimd' ? 'reference' : 'wasm',
  threads: lack === 'noSimd' ? 1 : mostThreads,
  compiled: lack !== 'noSimd',
});
