import { describe, expect, it } from 'vitest';
import { describeGoals } from '../../bench/src/goals.js';
import type { Measurement, TaskResult } from '../../bench/src/measurements.js';
import type { SimdWidth, System, SystemName } from '../../bench/src/systems.js';
import { TASKS } from '../../bench/src/tasks.js';

/** What a system took, in milliseconds. */
interface Took {
  readonly name: SystemName;
  readonly medianMs: number;
  readonly minMs?: number;
  readonly spread?: number;
  readonly simd?: SimdWidth;
  readonly threads?: number;
  readonly peakShare?: number;
}

function measurementOf(took: Took): Measurement {
  const { name, medianMs, minMs = medianMs, spread = 0, threads = 2, peakShare = null } = took;
  const simd = took.simd ?? (name === 'unfold' ? 256 : null);
  const system: System = { name, threads, simd, launch: { file: '', args: [] } };
  return { system, runs: 9, medianMs, minMs, spread, gflops: 1, peakShare, wrong: null };
}

function resultOf(name: string, ...all: readonly Took[]): TaskResult {
  const task = TASKS.find((candidate) => candidate.name === name);
  if (!task) throw new Error(`no task ${name}`);
  return { task, measurements: all.map(measurementOf), peaks: [], failures: [] };
}

/** The lines of goals, without the header, blanks joined. */
const goalsOf = (...results: readonly TaskResult[]) =>
  describeGoals(results, [])
    .split('\n')
    .slice(1)
    .map((line) => line.trim().replaceAll(/ +/g, ' '));

describe('goals of the benchmark', () => {
  it('count medians where the runs of both sides vary by less than 20 %', () => {
    const ours: Took = { name: 'unfold', medianMs: 1, minMs: 0.5, spread: 0.19 };
    const peer: Took = { name: 'pytorch', medianMs: 2.3, minMs: 0.5, spread: 0.1 };
    expect(goalsOf(resultOf('cnn-step', ours, peer))).toEqual([
      'cnn-step, pytorch ÷ Unfold 2.30 ≥ 2.2 pass',
    ]);
  });

  it.each([
    ['ours', 0.2, 0],
    ["the peer's", 0, 0.5],
  ])('count the shortest runs where %s vary more, and say so', (_, spread, peerSpread) => {
    const ours: Took = { name: 'unfold', medianMs: 1, minMs: 0.9, spread };
    const peer: Took = { name: 'pytorch', medianMs: 9, minMs: 1.8, spread: peerSpread };
    expect(goalsOf(resultOf('cnn-step', ours, peer))).toEqual([
      'cnn-step, pytorch ÷ Unfold 2.00 ≥ 2.2 MISS (min)',
      '(min): by the shortest runs, since the runs of a side vary by 20 % or more',
    ]);
  });

  it('take the faster PyTorch where both layouts were measured', () => {
    const ours: Took = { name: 'unfold', medianMs: 1, peakShare: 0.61 };
    const eager: Took = { name: 'pytorch', medianMs: 4 };
    const last: Took = { name: 'pytorch-channels-last', medianMs: 2.5 };
    const faster = 'the faster of pytorch and pytorch-channels-last';
    expect(goalsOf(resultOf('lenet-step', ours, eager, last))).toEqual([
      'lenet-step, pytorch ÷ Unfold 4.00 ≥ 3.7 pass',
      `lenet-step, ${faster} ÷ Unfold 2.50 ≥ 2.8 MISS`,
      'lenet-step, 2 threads, share of the register peak 0.610 ≥ 0.6 pass',
    ]);
  });

  it('are asked with equal threads, and of our widest vectors', () => {
    const ours = (threads: number, simd: SimdWidth, medianMs: number): Took => ({
      name: 'unfold',
      ...{ threads, simd, medianMs },
    });
    const peer = (threads: number, medianMs: number): Took => ({
      name: 'onnxruntime',
      ...{ threads, medianMs },
    });
    const all = [ours(1, 256, 1), ours(1, 128, 3), ours(2, 256, 2), peer(1, 1.6), peer(2, 9)];
    expect(goalsOf(resultOf('lenet-forward-1', ...all))).toEqual([
      'lenet-forward-1, onnxruntime ÷ Unfold, one thread 1.60 ≥ 1.5 pass',
    ]);
  });

  it('take the faster of ours, eager and compiled', () => {
    const compiled: Took = { name: 'unfold-compiled', medianMs: 1, simd: 256 };
    const all: Took[] = [
      { name: 'unfold', medianMs: 2, spread: 1 },
      compiled,
      { name: 'pytorch', medianMs: 2.4 },
    ];
    expect(goalsOf(resultOf('cnn-step', ...all))).toEqual([
      'cnn-step, pytorch ÷ Unfold 2.40 ≥ 2.2 pass',
    ]);
  });

  it('of all convolution layers need all of them', () => {
    const layers = TASKS.filter(({ kind }) => kind === 'conv').map(({ name }, i) =>
      resultOf(name, { name: 'unfold', medianMs: 1 }, { name: 'pytorch', medianMs: i ? 1.5 : 0.9 }),
    );
    expect(layers).toHaveLength(6);
    expect(goalsOf(...layers)).toEqual([
      'convolution layers, the least of them, pytorch ÷ Unfold 0.900 ≥ 1 MISS',
      'convolution layers, geometric mean, pytorch ÷ Unfold 1.38 ≥ 1.3 pass',
    ]);
    expect(describeGoals(layers.slice(1), [])).toBe('No goal had both of its sides measured.');
  });

  it('are lower with vectors of 128 bits', () => {
    const all: Took[] = [
      { name: 'unfold', medianMs: 1, simd: 128 },
      { name: 'pytorch', medianMs: 1.5 },
    ];
    expect(goalsOf(resultOf('cnn-step', ...all))).toEqual([
      'cnn-step, pytorch ÷ Unfold 1.50 ≥ 1.2 pass',
    ]);
  });
});
