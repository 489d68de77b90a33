import { Generator } from '@unfold/core';
import { PIXELS } from '../spec/digits.js';
import type { Experiment } from '../spec/experiment.js';
import { inspectNetwork } from '../spec/network.js';
import { fingerprintOf } from './fingerprint.js';
import type { DigitSet, EngineInfo, EngineTiming } from './protocol.js';
import { Run } from './run.js';

/** Steps before the clock runs: programs are recorded and compilers have done their work. */
const WARM_UPS = 4;
/** Enough of them were timed then, however many were asked for. */
const MOST_SECONDS = 3;

/**
 * The time of a training step of an experiment's network: forward, backward and update, with a batch of
 * made-up digits. The fingerprint is taken after the warm-ups, whose number is the same for every engine.
 * @param steps So many are timed at most, and one at least.
 */
export async function timeSteps(
  experiment: Experiment,
  how: { readonly engine: EngineInfo; readonly compiled: boolean; readonly steps: number },
): Promise<EngineTiming> {
  const { engine, compiled, steps } = how;
  const { batchSize, network, strict } = experiment;
  const digits = madeUp(batchSize, experiment.seed);
  const run = new Run(experiment, { digits, augment: null, compiled });
  try {
    await run.prepare();
    for (let i = 0; i < WARM_UPS; i++) run.advance();
    const fingerprint = fingerprintOf(run.model);
    const times: number[] = [];
    const begin = performance.now();
    do {
      const start = performance.now();
      run.advance();
      times.push(performance.now() - start);
    } while (times.length < steps && performance.now() - begin < 1000 * MOST_SECONDS);
    const milliseconds = median(times);
    // Two operations a multiplication that is added up; back, each layer costs twice what it does forwards.
    const flops = 2 * 3 * inspectNetwork(network).macs * batchSize;
    const gflops = flops / (milliseconds * 1e6);
    return { engine, compiled, strict, milliseconds, gflops, fingerprint };
  } finally {
    run.dispose();
  }
}

/** As many digits as a batch has: an epoch is a step. */
function madeUp(count: number, seed: number): DigitSet {
  const random = new Generator(seed, 'timing');
  return {
    images: Uint8Array.from({ length: count * PIXELS }, () => random.integer(256)),
    labels: Uint8Array.from({ length: count }, (_, i) => i % 10),
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? 0)) / 2;
}
