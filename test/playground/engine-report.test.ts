import { describe, expect, it } from 'vitest';
import type { EngineTiming } from '../../playground/src/lab/protocol.js';
import { PRESETS } from '../../playground/src/spec/presets.js';
import { candidates } from '../../playground/src/views/engine/candidates.js';
import type { Measurement } from '../../playground/src/views/engine/measurement.js';
import { reportText } from '../../playground/src/views/engine/report.js';
import { EXPERIMENT } from './lab-under-test.js';

const timing = (fingerprint: string): EngineTiming => ({
  engine: { description: 'wasm simd 128-bit · 1 thread', threads: 1, warnings: [] },
  compiled: false,
  strict: true,
  milliseconds: 2.5,
  gflops: 49.5,
  fingerprint,
});

describe('the engines to measure', () => {
  it('have several threads only where there can be some', () => {
    const threads = (most: number): number[] =>
      candidates(most).map(({ choice }) => choice.threads);
    expect(threads(1)).toEqual([1, 1, 1, 1]);
    expect(threads(4)).toEqual([1, 1, 1, 1, 4, 4]);
  });
});

describe('the report of a measurement', () => {
  it('says where it was made, of what, and whose bits agree', () => {
    const fingerprints = ['0badf00d', 'c0ffee00', 'c0ffee00'];
    const measurement: Measurement = {
      experiment: { ...EXPERIMENT, network: PRESETS.lenet, batchSize: 64 },
      rows: candidates(1).map((candidate, i) => ({
        candidate,
        outcome: fingerprints[i]
          ? { state: 'done', timing: timing(fingerprints[i]) }
          : { state: 'cancelled' },
      })),
    };
    const place = { browser: 'A/1', cores: 2, isIsolated: false };
    expect(reportText(measurement, place).split('\n')).toEqual([
      'Unfold playground: engines',
      'Browser: A/1',
      'Cores: 2, cross-origin isolated: no',
      'Of lenet: 5,994 parameters, 322,560 multiplications forwards an image, 64 images a batch.',
      '',
      'Reference | wasm simd 128-bit · 1 thread | 2.5 ms | 49.5 GFLOP/s | other: 0badf00d',
      'SIMD, strict | wasm simd 128-bit · 1 thread | 2.5 ms | 49.5 GFLOP/s | c0ffee00',
      'SIMD, strict, compiled | wasm simd 128-bit · 1 thread | 2.5 ms | 49.5 GFLOP/s | same as strict',
      'SIMD, fused, compiled | cancelled',
      '',
    ]);
  });
});
