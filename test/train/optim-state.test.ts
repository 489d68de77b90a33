import {
  ConfigError,
  DTypeError,
  heapStats,
  Parameter,
  ShapeError,
  Tape,
  tensor,
  zeros,
  type Tensor,
} from '@unfold/core';
import { decodeSafetensors, encodeSafetensors } from '@unfold/io';
import type { OptimizerState } from '@unfold/train';
import { describe, expect, it } from 'vitest';
import { makeOptimizer } from '../support/fixtures/optimizer-fixtures.js';

const KINDS = [
  { kind: 'SGD', options: { lr: 0.1, momentum: 0.9, nesterov: true }, buffers: 1 },
  { kind: 'SGD', options: { lr: 0.1 }, buffers: 0 },
  { kind: 'Adam', options: { lr: 0.01, amsgrad: true }, buffers: 3 },
  { kind: 'AdamW', options: { betas: [0.8, 0.9] }, buffers: 2 },
  { kind: 'RMSprop', options: { centered: true, momentum: 0.5 }, buffers: 3 },
  { kind: 'RMSprop', options: {}, buffers: 1 },
  { kind: 'Adagrad', options: { lrDecay: 0.1 }, buffers: 1 },
] as const;

type Kind = (typeof KINDS)[number];

/** Two parameters in two groups, the second of which gets its first gradient at step 2. */
function start({ kind, options }: Kind) {
  const [a, b] = [new Parameter(zeros([2, 3])), new Parameter(tensor([1, 2]))];
  const optimizer = makeOptimizer(kind, [{ params: [a] }, { params: [b], lr: 0.02 }], options);
  const run = (from: number, to: number) => {
    for (let step = from; step < to; step++) {
      using _tape = new Tape();
      optimizer.zeroGrad();
      const values = Float32Array.from({ length: 6 }, (_, i) => Math.sin(i + 5 * step));
      a.grad = tensor(values, [2, 3]).keep();
      if (step >= 2) b.grad = tensor(values.subarray(1, 3)).keep();
      optimizer.step();
    }
    return [a.toArray(), b.toArray()];
  };
  return { optimizer, run, parameters: [a, b] as const };
}

/** As a file has it: tensors by safetensors, the rest by JSON. */
function throughFile({ tensors, json }: OptimizerState): OptimizerState {
  const { state, metadata } = decodeSafetensors(
    encodeSafetensors(tensors, { optimizer: JSON.stringify(json) }),
  );
  return { tensors: state, json: JSON.parse(metadata['optimizer'] ?? '') };
}

describe.each(KINDS)('$kind $options', (given) => {
  it.each([0, 1, 4])('stopped after %i steps and resumed, it ends with the same bits', (stop) => {
    const whole = start(given);
    const expected = whole.run(0, 8);
    const first = start(given);
    first.run(0, stop);
    const second = start(given);
    // What it held before is gone.
    second.run(3, 5);
    second.parameters.forEach((own, i) => {
      own.update((data) => data.set((first.parameters[i] as Parameter).data));
    });
    second.optimizer.lr = 0.7;
    second.optimizer.loadStateDict(throughFile(first.optimizer.stateDict()));
    expect(second.optimizer.stateDict().json).toEqual(first.optimizer.stateDict().json);
    expect(second.run(stop, 8)).toEqual(expected);
    expect(second.optimizer.groups.map(({ lr }) => lr)).toEqual(
      whole.optimizer.groups.map(({ lr }) => lr),
    );
  });

  it('says what it holds', () => {
    const { optimizer, run } = start(given);
    const before = heapStats().liveTensors;
    run(0, 4);
    const { tensors, json } = optimizer.stateDict();
    expect(json.optimizer).toBe(given.kind);
    expect(json.parameters.map(({ step }) => step)).toEqual([4, 2]);
    expect([...tensors.values()].map(({ shape }) => shape)).toEqual([
      ...Array.from({ length: given.buffers }, () => [2, 3]),
      ...Array.from({ length: given.buffers }, () => [2]),
    ]);
    // The two gradients, and what is remembered.
    expect(heapStats().liveTensors).toBe(before + 2 + 2 * given.buffers);
    optimizer.zeroGrad();
    optimizer.dispose();
    expect(heapStats().liveTensors).toBe(before);
    expect(optimizer.stateDict().tensors.size).toBe(0);
  });
});

it('loading its own state changes nothing', () => {
  const given = KINDS[2];
  const expected = start(given).run(0, 6);
  const { optimizer, run } = start(given);
  run(0, 3);
  optimizer.loadStateDict(optimizer.stateDict());
  expect(run(3, 6)).toEqual(expected);
});

/** A state's JSON, open to changes. */
interface Json {
  optimizer: string;
  groups: Record<string, unknown>[];
  parameters: { step: number; buffers: string[] }[];
}

describe('a state that does not fit', () => {
  const given = KINDS[3];

  /** A state of four steps, with something changed. */
  function changed(change: (state: { tensors: Map<string, Tensor>; json: Json }) => void) {
    const { optimizer, run } = start(given);
    run(0, 4);
    const { tensors, json } = optimizer.stateDict();
    const state = { tensors: new Map(tensors), json: JSON.parse(JSON.stringify(json)) as Json };
    change(state);
    return state as OptimizerState;
  }

  it.each<[string, (state: { tensors: Map<string, Tensor>; json: Json }) => void, Error]>([
    [
      'of another optimiser',
      ({ json }) => (json.optimizer = 'SGD'),
      new ConfigError('AdamW.loadStateDict: got the state of SGD'),
    ],
    [
      'of fewer groups',
      ({ json }) => json.groups.pop(),
      new ConfigError('AdamW.loadStateDict: groups: expected a list of 2, got 1'),
    ],
    [
      'of fewer parameters',
      ({ json }) => json.parameters.pop(),
      new ConfigError('AdamW.loadStateDict: parameters: expected a list of 2, got 1'),
    ],
    [
      'with an option out of range',
      ({ json }) => (json.groups[1] = { ...json.groups[1], lr: -1 }),
      new ConfigError('AdamW: lr must be a finite number of at least 0, got -1'),
    ],
    [
      'without an option',
      ({ json }) => delete json.groups[1]?.['eps'],
      new ConfigError('AdamW: eps must be a finite number of at least 0, got undefined'),
    ],
    [
      'with a step that is no count',
      ({ json }) => (json.parameters[1] = { step: 1.5, buffers: [] }),
      new ConfigError(
        'AdamW.loadStateDict: parameter 1: step: expected an integer from 0, got 1.5',
      ),
    ],
    [
      'with a buffer of another optimiser',
      ({ json }) => json.parameters[1]?.buffers.push('momentumBuffer'),
      new ConfigError('AdamW.loadStateDict: parameter 1: unknown buffer "momentumBuffer"'),
    ],
    [
      'without a tensor, and with another',
      ({ tensors }) => {
        tensors.set('2.expAvg', tensor([1]));
        tensors.delete('1.expAvg');
      },
      new ShapeError(
        'AdamW.loadStateDict: the state does not fit: missing: 1.expAvg; unexpected: 2.expAvg',
      ),
    ],
    [
      'with a tensor of another shape',
      ({ tensors }) => tensors.set('1.expAvgSq', zeros([3])),
      new ShapeError(
        'AdamW.loadStateDict: the state does not fit: 1.expAvgSq: expected [2], got [3]',
      ),
    ],
    [
      'with a tensor of another dtype',
      ({ tensors }) => tensors.set('1.expAvgSq', zeros([2], { dtype: 'float64' })),
      new DTypeError(
        'AdamW.loadStateDict: 1.expAvgSq is float32, got float64; load it into a model of that dtype',
      ),
    ],
    [
      'that is no object',
      (state) => Object.assign(state, { json: null }),
      new ConfigError('AdamW.loadStateDict: expected an object, got null'),
    ],
  ])('%s is refused, and nothing is changed', (_, change, error) => {
    const { optimizer, run } = start(given);
    run(0, 2);
    const expected = start(given).run(0, 5);
    const state = changed(change);
    expect(() => {
      optimizer.loadStateDict(state);
    }).toThrow(error);
    expect(run(2, 5)).toEqual(expected);
  });
});
