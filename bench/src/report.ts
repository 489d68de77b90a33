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
  readonly results: readonly {
    readonly task: string;
    readonly system: System['name'];
    readonly threads: number;
    /** Bits of our vectors; null where that is not ours to say. */
    readonly simd: SimdWidth | null;
    readonly medianMs: number;
    readonly minMs: number;
    readonly gflops: number;
  }[];
  /** How many times longer a peer takes than we do. */
  readonly ratios: readonly {
    readonly task: string;
    readonly ours: string;
    readonly peer: string;
    readonly peerOverOurs: number;
  }[];
  readonly footprints: readonly {
    readonly system: System['name'];
    readonly threads: number;
    readonly simd: SimdWidth | null;
    readonly startMs: number;
    readonly peakBytes: number | null;
  }[];
}

export function writeReport(
  file: string,
  node: NodeBinary,
  results: readonly TaskResult[],
  footprints: readonly Footprint[],
): void {
  const report: Report = {
    machine: {
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: cpus().length,
      memoryBytes: totalmem(),
      platform: `${platform()} ${release()} ${arch()}`,
    },
    node: node.version,
    results: results.flatMap(({ task, measurements }) =>
      measurements
        .filter(({ wrong }) => wrong === null)
        .map(({ system: { name, threads, simd }, medianMs, minMs, gflops }) => ({
          task: task.name,
          system: name,
          threads,
          simd,
          medianMs,
          minMs,
          gflops,
        })),
    ),
    ratios: results.flatMap((result) =>
      pairsOf(result).map(({ ours, peer, peerOverOurs }) => ({
        task: result.task.name,
        ours: labelOf(ours.system),
        peer: labelOf(peer.system),
        peerOverOurs,
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
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
}
