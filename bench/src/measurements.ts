import type { Failure, TaskTimings, Timing } from './rounds.js';
import { median, spread } from './statistics.js';
import type { System } from './systems.js';
import { flopsOf, type Task } from './tasks.js';
import type { Digests } from './worker.js';

/** What is known of one system on one task. */
export interface Measurement {
  readonly system: System;
  readonly runs: number;
  readonly medianMs: number;
  readonly minMs: number;
  /** Width of the middle half of the runs, as a share of the median. */
  readonly spread: number;
  readonly gflops: number;
  /** Share of what multiply-adds in registers reach, where those were measured. */
  readonly peakShare: number | null;
  /** In what its results differ from ours; then the times mean nothing. */
  readonly wrong: string | null;
}

export interface TaskResult {
  readonly task: Task;
  readonly measurements: readonly Measurement[];
  /** The register peaks, as they were beside the others. */
  readonly peaks: readonly Peak[];
  readonly failures: readonly Failure[];
}

export interface Peak {
  readonly system: System;
  readonly gflops: number;
}

/** How close the digests of two systems' results must be, relative to ours. */
const AGREEMENT = 1e-4;
/**
 * And those of their gradients: a value next to 0 in front of a ReLU may be rounded to its other
 * side, and one of some thousand terms is then there or not.
 */
const GRADIENT_AGREEMENT = 1e-2;

/** @param flopsPerRun The arithmetic in a run of a system that does not do the task, but a peak. */
export function resultOf(
  task: Task,
  { timings, failures }: TaskTimings,
  flopsPerRun: (system: System) => number | undefined,
): TaskResult {
  const peaks = timings.flatMap(({ system, samples }) => {
    const flops = flopsPerRun(system);
    // A limit is the best that was seen.
    return flops === undefined ? [] : [{ system, gflops: flops / Math.min(...samples) / 1e6 }];
  });
  const competitors = timings.filter(({ system }) => flopsPerRun(system) === undefined);
  // The reference kernels are the plainest; without them, whichever of ours comes first.
  const ours = competitors.filter(({ system }) => system.name.startsWith('unfold'));
  const judge = ours.find(({ system }) => system.name === 'unfold-reference') ?? ours[0];
  const measurements = competitors.map((timing) =>
    measurementOf(task, timing, judge?.digests, peaks),
  );
  return { task, measurements, peaks, failures };
}

function measurementOf(
  task: Task,
  { system, samples, digests }: Timing,
  expected: Digests | undefined,
  peaks: readonly Peak[],
): Measurement {
  const medianMs = median(samples);
  const gflops = flopsOf(task) / medianMs / 1e6;
  // Fused comes first among the peaks, if it is there at all: then our kernels fuse too.
  const limit = peaks.find(
    ({ system: { threads, simd } }) => threads === system.threads && simd === system.simd,
  );
  return {
    system,
    runs: samples.length,
    medianMs,
    minMs: Math.min(...samples),
    spread: spread(samples),
    gflops,
    peakShare: limit ? gflops / limit.gflops : null,
    wrong: expected ? disagreement(digests, expected) : null,
  };
}

/** The first result that is missing or differs. */
function disagreement(actual: Digests, expected: Digests): string | null {
  for (const [name, value] of Object.entries(expected)) {
    const other = actual[name];
    if (other === undefined) return `gave no ${name}`;
    const agreement = name === 'loss' || name === 'out' ? AGREEMENT : GRADIENT_AGREEMENT;
    if (!(Math.abs(other - value) <= agreement * Math.abs(value))) {
      return `${name}: ${other.toPrecision(6)} instead of ${value.toPrecision(6)}`;
    }
  }
  return null;
}
