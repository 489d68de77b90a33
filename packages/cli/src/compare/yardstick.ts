import { configureEngine, engine, type EngineOptions } from '@unfold/core';
import { type PairedRun, runOurs, type TrainingPlan } from './compare.js';
import { relativeDifference } from './statistics.js';

/** The reference kernels take so many steps, as they are slow. */
const REFERENCE_STEPS = 50;

/**
 * How far two runs of our own drift apart that differ in nothing but how sums are rounded: what a
 * difference from another framework is to be held against.
 */
export interface Yardstick {
  /** The setting that is different, such as `with fused multiply-add`. */
  readonly description: string;
  /** |theirs - ours| / |ours| of steps of the first seed: all, or the first. */
  readonly differences: readonly number[];
  /** Test images that one of the two gets right and the other wrong; null if it didn't end. */
  readonly disagreements: number | null;
  /** It has the machine for itself, where the others take turns. */
  readonly imagesPerSecond: number;
}

/**
 * Repeats our side of a run with other rounding, then configures the engine as it was: with
 * `options`.
 */
export async function measureYardstick(
  plan: TrainingPlan,
  run: PairedRun,
  { options, signal }: { options: EngineOptions; signal: AbortSignal },
): Promise<Yardstick> {
  try {
    const { description, maxSteps } = await roundOtherwise(options);
    const { losses, hits, imagesPerSecond } = await runOurs(plan, run.seed, { signal, maxSteps });
    return {
      description,
      differences: losses.map((loss, i) => relativeDifference(loss, run.steps[i]?.ours ?? NaN)),
      disagreements:
        losses.length === run.steps.length ? countDifferent(hits, run.ours.hits) : null,
      imagesPerSecond,
    };
  } finally {
    await configureEngine(options);
  }
}

/** Changes the engine to the fastest one that rounds in another way. */
async function roundOtherwise(
  options: EngineOptions,
): Promise<{ description: string; maxSteps: number }> {
  const { kernels, fused } = engine();
  if (kernels === 'reference') {
    await configureEngine({ ...options, kernels: 'wasm' });
    return { description: 'on wasm kernels', maxSteps: Infinity };
  }
  const other = await configureEngine({ ...options, strict: fused });
  if (other.fused !== fused) {
    const description = `${fused ? 'without' : 'with'} fused multiply-add`;
    return { description, maxSteps: Infinity };
  }
  await configureEngine({ ...options, kernels: 'reference' });
  return { description: 'on the reference kernels', maxSteps: REFERENCE_STEPS };
}

/** On how many images one of two networks is right and the other wrong. */
export function countDifferent(a: Uint8Array, b: Uint8Array): number {
  let count = 0;
  a.forEach((hit, i) => {
    if (hit !== b[i]) count++;
  });
  return count;
}
