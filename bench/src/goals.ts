import type { Footprint } from './footprint.js';
import type { Measurement, TaskResult } from './measurements.js';
import { ratio } from './numbers.js';
import { pairsOf, widest } from './ratios.js';
import { geometricMean } from './statistics.js';
import type { SystemName } from './systems.js';
import { alignColumns } from './table.js';
import { TASKS } from './tasks.js';

/** What Unfold is meant to reach, and what it reached. */
interface Goal {
  readonly what: string;
  /** undefined where one of the sides was not measured. */
  readonly reached: number | undefined;
  readonly atLeast: number;
}

/** On both sides, where a goal does not say otherwise. */
const THREADS = 2;

/** What was measured, by name. */
class Findings {
  readonly #results: readonly TaskResult[];
  readonly #footprints: readonly Footprint[];

  constructor(results: readonly TaskResult[], footprints: readonly Footprint[]) {
    this.#results = results;
    this.#footprints = footprints;
  }

  /** Whether our vectors have 256 bits in this run; the goals are higher then. */
  get isWide(): boolean {
    return this.#results.some(({ measurements }) =>
      measurements.some(({ system }) => system.simd === 256),
    );
  }

  /** How many times longer the peer takes. */
  times(task: string, peer: SystemName, threads = THREADS): number | undefined {
    const result = this.#results.find((candidate) => candidate.task.name === task);
    const pairs = result ? pairsOf(result) : [];
    return pairs.find(
      ({ ours, peer: { system } }) => system.name === peer && ours.system.threads === threads,
    )?.peerOverOurs;
  }

  /** Ours, with the widest vectors that there are. */
  ours(task: string, threads: number): Measurement | undefined {
    const result = this.#results.find((candidate) => candidate.task.name === task);
    return widest(result?.measurements ?? []).find(({ system }) => system.threads === threads);
  }

  /** The peer's divided by ours. */
  footprintTimes(peer: SystemName, measure: 'startMs' | 'peakBytes'): number | undefined {
    const [theirs, ours] = [peer, 'unfold'].map(
      (name) => this.#footprints.find(({ system }) => system.name === name)?.[measure],
    );
    return theirs && ours ? theirs / ours : undefined;
  }

  /** Over all single layers; undefined unless each was measured. */
  convLayersTimes(peer: SystemName): number | undefined {
    const layers = TASKS.filter(({ kind }) => kind === 'conv');
    const times = layers.map(({ name }) => this.times(name, peer) ?? NaN);
    const mean = geometricMean(times);
    return Number.isNaN(mean) ? undefined : mean;
  }
}

function goalsOf(found: Findings): Goal[] {
  const { isWide } = found;
  const one = found.ours('cnn-step', 1);
  const two = found.ours('cnn-step', THREADS);
  const goal = (what: string, reached: number | undefined, wide: number, narrow = wide): Goal => ({
    what,
    reached,
    atLeast: isWide ? wide : narrow,
  });
  return [
    goal('lenet-step, PyTorch ÷ Unfold', found.times('lenet-step', 'pytorch'), 2.5, 1.5),
    goal('cnn-step, PyTorch ÷ Unfold', found.times('cnn-step', 'pytorch'), 1.5, 0.8),
    isWide
      ? goal('matmul-1024, PyTorch ÷ Unfold', found.times('matmul-1024', 'pytorch'), 1)
      : goal(
          'matmul-1024, one thread: share of the register peak',
          found.ours('matmul-1024', 1)?.peakShare ?? undefined,
          0.85,
        ),
    goal('lenet-step, tfjs-node ÷ Unfold', found.times('lenet-step', 'tfjs-node'), 8, 5),
    goal('lenet-forward-1, PyTorch ÷ Unfold', found.times('lenet-forward-1', 'pytorch'), 3, 2),
    goal(
      'convolution layers, geometric mean, PyTorch ÷ Unfold',
      found.convLayersTimes('pytorch'),
      1,
      0.6,
    ),
    goal('lenet-step, tfjs-cpu ÷ Unfold', found.times('lenet-step', 'tfjs-cpu'), 1000),
    goal(
      'peak memory of cnn steps, PyTorch ÷ Unfold',
      found.footprintTimes('pytorch', 'peakBytes'),
      2,
    ),
    goal(
      'start to end of first step, PyTorch ÷ Unfold',
      found.footprintTimes('pytorch', 'startMs'),
      5,
    ),
    goal(
      `cnn-step, one thread ÷ ${THREADS}`,
      one && two ? one.medianMs / two.medianMs : undefined,
      1.7,
    ),
    goal(
      'cnn-step, one thread, reference ÷ WebAssembly',
      found.times('cnn-step', 'unfold-reference', 1),
      10,
    ),
  ];
}

/** The goals of which both sides were measured, for people. */
export function describeGoals(
  results: readonly TaskResult[],
  footprints: readonly Footprint[],
): string {
  const rows = goalsOf(new Findings(results, footprints)).flatMap(({ what, reached, atLeast }) =>
    reached === undefined
      ? []
      : [[`  ${what}`, ratio(reached), `≥ ${atLeast}`, reached >= atLeast ? 'pass' : 'MISS']],
  );
  if (rows.length === 0) return 'No goal had both of its sides measured.';
  return alignColumns([['goals', 'reached', 'goal', ''], ...rows]);
}
