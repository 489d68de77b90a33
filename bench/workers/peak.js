import { Worker, isMainThread, workerData } from 'node:worker_threads';
import { createPeak } from './peak-module.js';
import { serve, unavailable } from './serve.js';

/**
 * The register peak as a system of its own, so that it is measured in the same rounds as the
 * others: a run is a fixed number of multiply-adds on each of the threads at once.
 */

/** About 2 ms: long beside the start of a thread's share, short beside a slice of the scheduler. */
const ROUNDS = 1_000_000;
/** Accumulators that fill the registers: 12 of 128 bit, or 12 of 256 bit made of pairs. */
const VECTORS = { 128: 12, 256: 24 };

/** The shared words: the number of the run, and how many threads have finished it. */
const RUN = 0;
const DONE = 1;

/** @typedef {import('../src/systems.js').PeakOptions} PeakOptions */

/** @param {PeakOptions} options */
const peakOf = ({ simd, fused }) => createPeak({ vectors: VECTORS[simd], fused });

/** @param {Int32Array} shared @param {PeakOptions} options */
function work(shared, options) {
  const { run } = peakOf(options);
  for (let last = 0; ;) {
    Atomics.wait(shared, RUN, last);
    last = Atomics.load(shared, RUN);
    run(ROUNDS);
    Atomics.add(shared, DONE, 1);
  }
}

/** @param {PeakOptions} options */
function lead(options) {
  const peak = peakOf(options);
  const shared = new Int32Array(new SharedArrayBuffer(8));
  for (let i = 1; i < options.threads; i++) {
    new Worker(new URL(import.meta.url), { workerData: { shared, options } });
  }
  const run = () => {
    Atomics.store(shared, DONE, 0);
    Atomics.add(shared, RUN, 1);
    Atomics.notify(shared, RUN);
    peak.run(ROUNDS);
    while (Atomics.load(shared, DONE) < options.threads - 1);
  };
  return serve(
    {
      version: 'multiply-add in registers',
      flopsPerRun: options.threads * ROUNDS * peak.flopsPerRound,
    },
    () => ({ run, outputs: () => ({}) }),
  );
}

if (isMainThread) {
  try {
    await lead(JSON.parse(process.argv[2] ?? ''));
  } catch (error) {
    unavailable(error);
  }
} else {
  work(workerData.shared, workerData.options);
}
