import type { PairedRun, PairedStep } from './compare.js';
import { discordance, type Discordance, mcnemarExact } from './mcnemar.js';
import type { NetworkName } from './networks.js';
import { relativeDifference, type Spread, spreadOf } from './statistics.js';
import type { TfjsBackend } from './tensorflow.js';
import type { Yardstick } from './yardstick.js';
import { figure, grouped, percent } from '@unfold/monitor/internal';

/** Over the first steps from the same weights, losses may differ by so much, relative to theirs. */
export const LOSS_BAR = 2e-5;
export const BAR_STEPS = 20;
/** Below this probability a difference is taken for more than chance. */
const SIGNIFICANCE = 0.05;
/** Steps of the first seed that the JSON holds. */
const JSON_STEPS = 50;

/** One a seed. */
export type Runs = readonly [PairedRun, ...PairedRun[]];

/** The means of a side's results over all seeds. */
export interface SideSummary {
  readonly accuracy: Spread;
  readonly imagesPerSecond: number;
}

/** All that the report tells of the runs. */
export interface Comparison {
  readonly model: NetworkName;
  readonly backend: TfjsBackend;
  readonly runs: Runs;
  readonly testImages: number;
  readonly ours: SideSummary;
  readonly tfjs: SideSummary;
  readonly discordance: Discordance;
  readonly mcnemarP: number;
  /** The steps of the first seed that are held against the bar: as many as it is for, or all if fewer. */
  readonly earlySteps: number;
  readonly earlyDifference: number;
  readonly yardstick: Yardstick;
  readonly conclusion: string;
}

/** The object that `--json` writes. */
export interface ComparisonJson {
  readonly model: string;
  readonly tfjsBackend: string;
  readonly steps: readonly (PairedStep & { readonly absDiff: number })[];
  readonly runs: readonly {
    readonly seed: number;
    readonly ours: { readonly testAccuracy: number; readonly imagesPerSecond: number };
    readonly tfjs: { readonly testAccuracy: number; readonly imagesPerSecond: number };
  }[];
  readonly mcnemarP: number;
  readonly conclusion: string;
}

/** The parts of a comparison that its summary follows from. */
export type ComparisonParts = Pick<Comparison, 'model' | 'backend' | 'runs' | 'yardstick'>;

/** Sums up the runs. */
export function summarise(parts: ComparisonParts): Comparison {
  const { runs } = parts;
  const pairs = discordance(runs.map(({ ours, tfjs }) => ({ ours: ours.hits, theirs: tfjs.hits })));
  const side = (name: 'ours' | 'tfjs'): SideSummary => ({
    accuracy: spreadOf(runs.map((run) => run[name].testAccuracy)),
    imagesPerSecond: spreadOf(runs.map((run) => run[name].imagesPerSecond)).mean,
  });
  const early = runs[0].steps.slice(0, BAR_STEPS);
  const facts = {
    ...parts,
    testImages: runs[0].ours.hits.length,
    ours: side('ours'),
    tfjs: side('tfjs'),
    discordance: pairs,
    mcnemarP: mcnemarExact(pairs.ours, pairs.theirs),
    earlySteps: early.length,
    earlyDifference: Math.max(...differences(early)),
  };
  return { ...facts, conclusion: conclude(facts) };
}

/** |ours - tfjs| / |tfjs| of each step. */
export function differences(steps: readonly PairedStep[]): number[] {
  return steps.map(({ ours, tfjs }) => relativeDifference(ours, tfjs));
}

/** The one sentence. */
function conclude(facts: Omit<Comparison, 'conclusion'>): string {
  const { earlySteps, earlyDifference, ours, tfjs, mcnemarP, runs, yardstick } = facts;
  const own = tiny(Math.max(...yardstick.differences.slice(0, earlySteps)));
  const holds = earlyDifference <= LOSS_BAR;
  const steps = earlySteps === 1 ? 'first step' : `first ${earlySteps} steps`;
  const losses = holds
    ? `agree within ${tiny(earlyDifference)} (the bar is ${tiny(LOSS_BAR)})`
    : `differ by up to ${tiny(earlyDifference)}, more than the bar of ${tiny(LOSS_BAR)} ` +
      `(and those of our own run ${yardstick.description} by ${own})`;
  const seeds = runs.length === 1 ? '' : ` in the mean of ${runs.length} seeds`;
  const chance = mcnemarP < SIGNIFICANCE ? 'more' : 'no more';
  const ratio = ours.imagesPerSecond / tfjs.imagesPerSecond;
  const speed =
    ratio >= 1
      ? `Unfold trains ${factor(ratio)} times as fast`
      : `TensorFlow.js trains ${factor(1 / ratio)} times as fast`;
  return (
    `From the same weights the losses of the ${steps} ${losses}; the test accuracies${seeds}, ` +
    `${percent(ours.accuracy.mean)} for Unfold and ${percent(tfjs.accuracy.mean)} for ` +
    `TensorFlow.js, differ by ${chance} than chance (McNemar's exact test, ` +
    `${probability(mcnemarP)}); ${speed}.`
  );
}

export function toJson(comparison: Comparison): ComparisonJson {
  const { model, backend, runs, mcnemarP, conclusion } = comparison;
  return {
    model,
    tfjsBackend: backend,
    steps: runs[0].steps
      .slice(0, JSON_STEPS)
      .map(({ step, ours, tfjs }) => ({ step, ours, tfjs, absDiff: Math.abs(ours - tfjs) })),
    runs: runs.map(({ seed, ours, tfjs }) => ({
      seed,
      ours: { testAccuracy: ours.testAccuracy, imagesPerSecond: ours.imagesPerSecond },
      tfjs: { testAccuracy: tfjs.testAccuracy, imagesPerSecond: tfjs.imagesPerSecond },
    })),
    mcnemarP,
    conclusion,
  };
}

/** `98.76 ± 0.05 %`; without a deviation as `percent`. */
export function percentSpread({ mean, deviation }: Spread): string {
  if (deviation === null) return percent(mean);
  return `${(100 * mean).toFixed(2)} ± ${(100 * deviation).toFixed(2)} %`;
}

/** `p = 0.37`, `p < 0.001`. */
export const probability = (p: number): string => (p < 0.001 ? 'p < 0.001' : `p = ${figure(p, 2)}`);

/** `1.2e-7`, `0.034`, `0`. */
export const tiny = (value: number): string => figure(value, 2);

/** `3.4`, `1,200`. */
const factor = (ratio: number): string =>
  ratio < 10 ? ratio.toFixed(1) : grouped(Math.round(ratio));
