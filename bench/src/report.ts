import { writeFileSync } from 'node:fs';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import type { Footprint } from './footprint.js';
import type { TaskResult } from './measurements.js';
import { pairsOf } from './ratios.js';
import { labelOf, type NodeBinary, type SimdWidth, type System } from './systems.js';

/** What `--json` writes. */
export interface Report {
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryBytes: number;
    readonly platform: string;
  };
  /** The version that ran us. */
  readonly node: string;
  /** The commit that `unfold-before` is; absent without `--against`. */
  readonly against?: string;
  readonly results: readonly {
    readonly task: string;
    readonly system: System['name'];
    readonly threads: number;
    /** Bits of our vectors; null where that is not ours to say. */
    readonly simd: SimdWidth | null;
    readonly medianMs: number;
    readonly minMs: number;
    /** Width of the middle half of the runs, as a share of the median. */
    readonly spread: number;
    readonly gflops: number;
  }[];
  /** How many times longer a peer takes than we do. */
  readonly ratios: readonly {
    readonly task: string;
    readonly ours: string;
    readonly peer: string;
    readonly peerOverOurs: number;
    /** The same by the shortest runs. */
    readonly peerOverOursMin: number;
  }[];
  readonly footprints: readonly {
    readonly system: System['name'];
    readonly threads: number;
    readonly simd: SimdWidth | null;
    readonly startMs: number;
    readonly peakBytes: number | null;
  }[];
}

/** What was measured, on which Node, against which commit. */
export interface BenchRun {
  readonly node: NodeBinary;
  readonly against?: string;
  readonly results: readonly TaskResult[];
  readonly footprints: readonly Footprint[];
}

export function reportOf({ node, against, results, footprints }: BenchRun): Report {
  return {
    machine: {
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: cpus().length,
      memoryBytes: totalmem(),
      platform: `${platform()} ${release()} ${arch()}`,
    },
    node: node.version,
    ...(against === undefined ? {} : { against }),
    results: results.flatMap(({ task, measurements }) =>
      measurements
        .filter(({ wrong }) => wrong === null)
        .map(({ system: { name, threads, simd }, medianMs, minMs, spread, gflops }) => ({
          task: task.name,
          system: name,
          threads,
          simd,
          medianMs,
          minMs,
          spread,
          gflops,
        })),
    ),
    ratios: results.flatMap((result) =>
      pairsOf(result).map(({ ours, peer, peerOverOurs, peerOverOursMin }) => ({
        task: result.task.name,
        ours: labelOf(ours.system),
        peer: labelOf(peer.system),
        peerOverOurs,
        peerOverOursMin,
      })),
    ),
    footprints: footprints.map(({ system: { name, threads, simd }, startMs, peakBytes }) => ({
      system: name,
      threads,
      simd,
      startMs,
      peakBytes,
    })),
  };
}

export function writeReport(file: string, run: BenchRun): void {
  writeFileSync(file, `${JSON.stringify(reportOf(run), null, 2)}\n`);
}
