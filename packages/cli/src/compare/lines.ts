import { type Comparison, differences, percentSpread, probability, tiny } from './comparison.js';
import { grouped, speed } from '@unfold/monitor/internal';
import { countDifferent } from './yardstick.js';

/** Steps up to which the drift is told; the last is added. */
const MILESTONES = [20, 50, 100, 200, 500, 1000, 2000, 5000];

/** How far losses have drifted apart up to a step. */
export interface Drift {
  readonly step: number;
  /** The largest relative difference from TensorFlow.js so far. */
  readonly tfjs: number;
  /** The same of our own run with other rounding; null where it was not run so far. */
  readonly own: number | null;
}

/** The drift in the first seed's run at some steps, the last among them. */
export function driftTable({ runs, yardstick }: Comparison): Drift[] {
  const theirs = differences(runs[0].steps);
  const own = yardstick.differences;
  const last = theirs.length;
  return [...MILESTONES.filter((step) => step < last), last].map((step) => ({
    step,
    tfjs: Math.max(...theirs.slice(0, step)),
    own: own.length < step ? null : Math.max(...own.slice(0, step)),
  }));
}

/** On how many test images the two networks of the first seed disagree. */
export const disagreements = ({ runs: [{ ours, tfjs }] }: Comparison): number =>
  countDifferent(ours.hits, tfjs.hits);

/** The end of the report, for the console. */
export function resultLines(comparison: Comparison): string[] {
  const { runs, ours, tfjs, testImages, discordance, mcnemarP, yardstick, conclusion } = comparison;
  const drift = driftTable(comparison).map(
    (row) =>
      `  up to step ${grouped(row.step)}: ${tiny(row.tfjs)} from TensorFlow.js` +
      (row.own === null ? '' : `, ${tiny(row.own)} from our own run`),
  );
  const { description, disagreements: own } = yardstick;
  const imagesPerSecond = (value: number): string => `${speed(value)} images/s`;
  const more = runs.length === 1 ? 'only' : 'for more seeds';
  const seeds = runs.length === 1 ? `1 seed` : `mean ± deviation of ${runs.length} seeds`;
  return [
    `largest difference of the losses, relative, of seed ${runs[0].seed}, and, as a yardstick, that ` +
      `from our own run ${description}:`,
    ...drift,
    `test images on which the networks of seed ${runs[0].seed} disagree: ${grouped(disagreements(comparison))}` +
      (own === null ? '' : `; with our own run ${description}: ${grouped(own)}`),
    `test accuracy, ${seeds}: Unfold ${percentSpread(ours.accuracy)}, TensorFlow.js ` +
      percentSpread(tfjs.accuracy),
    `of ${grouped(testImages)} test images, ${grouped(discordance.ours)} are right ${more} with Unfold and ` +
      `${grouped(discordance.theirs)} with TensorFlow.js: McNemar's exact test, ${probability(mcnemarP)}`,
    `speed: Unfold ${imagesPerSecond(ours.imagesPerSecond)}, TensorFlow.js ${imagesPerSecond(tfjs.imagesPerSecond)}; ` +
      `our own run ${description}, by itself, ${imagesPerSecond(yardstick.imagesPerSecond)}`,
    conclusion,
  ];
}
