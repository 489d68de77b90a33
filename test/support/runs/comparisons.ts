import type { PairedRun } from '../../../packages/cli/src/compare/compare.js';
import type { Yardstick } from '../../../packages/cli/src/compare/yardstick.js';

export interface RunFacts {
  readonly seed: number;
  readonly steps?: number;
  /** Relative difference of the losses from step 3 on. */
  readonly drift?: number;
  /** A digit for each test image: 1 for right, 0 for wrong. */
  readonly ours: string;
  readonly tfjs: string;
  /** Images a second. */
  readonly speeds?: readonly [number, number];
}

/** A run made up of what a test is about. */
export function pairedRun({
  seed,
  steps = 60,
  drift = 1e-6,
  ours,
  tfjs,
  speeds = [900, 300],
}: RunFacts): PairedRun {
  const side = (text: string, imagesPerSecond: number): PairedRun['ours'] => {
    const hits = Uint8Array.from(text, Number);
    return { hits, imagesPerSecond, testAccuracy: hits.filter(Boolean).length / hits.length };
  };
  return {
    seed,
    steps: Array.from({ length: steps }, (_, i) => {
      const loss = 2 / (i + 1);
      return { step: i + 1, ours: i < 2 ? loss : loss * (1 + drift), tfjs: loss };
    }),
    ours: side(ours, speeds[0]),
    tfjs: side(tfjs, speeds[1]),
  };
}

/** For a run of 60 steps. */
export const YARDSTICK: Yardstick = {
  description: 'without fused multiply-add',
  differences: Array.from({ length: 60 }, (_, i) => i * 1e-7),
  disagreements: 2,
  imagesPerSecond: 1000,
};
