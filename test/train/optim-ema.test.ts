import { ConfigError, heapStats, Parameter, ShapeError, tensor, zeros } from '@unfold/core';
import { Linear, Module } from '@unfold/nn';
import { decodeSafetensors, encodeSafetensors } from '@unfold/io';
import { EMA } from '@unfold/train';
import { describe, expect, it } from 'vitest';

class Small extends Module {
  weight = new Parameter(tensor([1, 2]));
  count = this.registerBuffer('count', tensor(Int32Array.of(7)));
}

/** A model whose average is its weights of one update ago and of now, in equal parts. */
function averaged() {
  const model = new Small();
  const ema = new EMA(model, { decay: 0.5 });
  ema.update();
  model.weight.update((data) => data.set([3, 6]));
  model.count.update((data) => data.set([8]));
  ema.update();
  return { model, ema };
}

const values = ({ weight, count }: Small) => [weight.toArray(), count.toArray()];

it('apply puts the averages into the model, restore its own weights; buffers are copied', () => {
  const { model, ema } = averaged();
  expect(values(model)).toEqual([[3, 6], [8]]);
  model.count.update((data) => data.set([9]));
  ema.apply();
  expect(ema.isApplied).toBe(true);
  expect(values(model)).toEqual([[2, 4], [8]]);
  ema.restore();
  expect(ema.isApplied).toBe(false);
  expect(values(model)).toEqual([[3, 6], [9]]);
  // Nothing was mixed up on the way.
  ema.apply();
  expect(values(model)).toEqual([[2, 4], [8]]);
});

it('useBuffers averages buffers too, but integers', () => {
  class WithMean extends Small {
    mean = this.registerBuffer('mean', tensor([10]));
  }
  const model = new WithMean();
  const ema = new EMA(model, { decay: 0.75, useBuffers: true });
  ema.update();
  model.mean.update((data) => data.set([30]));
  model.count.update((data) => data.set([8]));
  ema.update();
  const { tensors } = ema.stateDict();
  expect(tensors.get('mean')?.toArray()).toEqual([15]);
  expect(tensors.get('count')?.toArray()).toEqual([8]);
});

it('the first update takes the weights as they are', () => {
  const model = new Small();
  const ema = new EMA(model);
  model.weight.update((data) => data.set([5, 5]));
  ema.update();
  expect(ema.stateDict().tensors.get('weight')?.toArray()).toEqual([5, 5]);
});

it('goes on from a state that went through a file, to the bit', () => {
  const { model, ema } = averaged();
  const { tensors, json } = ema.stateDict();
  const { state, metadata } = decodeSafetensors(
    encodeSafetensors(tensors, { ema: JSON.stringify(json) }),
  );
  const other = new EMA(model, { decay: 0.5 });
  other.loadStateDict({ tensors: state, json: JSON.parse(metadata['ema'] ?? '') });
  for (const one of [ema, other]) one.update();
  expect(other.stateDict().json).toEqual({ updates: 3 });
  for (const name of ['weight', 'count']) {
    expect(other.stateDict().tensors.get(name)?.toTypedArray()).toEqual(
      ema.stateDict().tensors.get(name)?.toTypedArray(),
    );
  }
  // What it averages is also the state of a model.
  model.loadStateDict(other.stateDict().tensors as Map<string, Parameter>);
  expect(values(model)).toEqual([[2.5, 5], [8]]);
});

it('holds one copy of the model, and frees it', () => {
  const model = new Linear(4, 3);
  const before = heapStats().liveTensors;
  const ema = new EMA(model);
  for (let i = 0; i < 3; i++) ema.update();
  ema.apply();
  expect(heapStats().liveTensors).toBe(before + 2);
  ema.restore();
  ema.dispose();
  expect(heapStats().liveTensors).toBe(before);
});

describe('errors', () => {
  it.each([-0.1, 1.1, NaN])('a decay of %d', (decay) => {
    expect(() => new EMA(new Small(), { decay })).toThrow(
      new ConfigError(`EMA: decay must be a number from 0 to 1, got ${decay}`),
    );
  });

  it('while the averages are applied, only restore makes sense', () => {
    const { ema } = averaged();
    expect(() => {
      ema.restore();
    }).toThrow(new ConfigError('EMA.restore: nothing is applied; apply() first'));
    const state = ema.stateDict();
    ema.apply();
    for (const call of [
      () => ema.update(),
      () => ema.apply(),
      () => ema.stateDict(),
      () => ema.loadStateDict(state),
    ]) {
      expect(call).toThrow('the averages are applied to the model; restore() first');
    }
  });

  it('a state that does not fit changes nothing', () => {
    const { ema } = averaged();
    const { tensors, json } = ema.stateDict();
    const bad = new Map([...tensors, ['count', zeros([2], { dtype: 'int32' })] as const]);
    bad.set('weight', tensor([9, 9]));
    expect(() => {
      ema.loadStateDict({ tensors: bad, json });
    }).toThrow(
      new ShapeError('EMA.loadStateDict: the state does not fit: count: expected [1], got [2]'),
    );
    expect(() => {
      ema.loadStateDict({ tensors, json: { updates: -1 } });
    }).toThrow(new ConfigError('EMA.loadStateDict: updates: expected an integer from 0, got -1'));
    expect(ema.stateDict().tensors.get('weight')?.toArray()).toEqual([2, 4]);
  });
});
