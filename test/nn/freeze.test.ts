import { Generator, kernelsFor, manualSeed, randn, Tape, tensor, TapeError } from '@unfold/core';
import { Conv2d, crossEntropy, Flatten, Linear, ReLU, Sequential, type Module } from '@unfold/nn';
import { SGD } from '@unfold/train';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

let first: Conv2d;
let second: Conv2d;
let head: Linear;
let model: Sequential;
let optimizer: SGD;
const x = randn([4, 1, 7, 6], { generator: new Generator(1) });
const labels = tensor(Int32Array.of(0, 2, 1, 2));

beforeEach(() => {
  manualSeed(4);
  first = new Conv2d(1, 3, 3);
  second = new Conv2d(3, 4, [2, 1]);
  head = new Linear(64, 3);
  model = new Sequential(first, new ReLU(), second, new ReLU(), new Flatten(), head);
  optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9, weightDecay: 0.1 });
});

afterEach(() => {
  vi.restoreAllMocks();
  optimizer.dispose();
  model.dispose();
});

/** A step of training that leaves the gradients where they are. */
function step(): void {
  using tape = new Tape();
  tape.backward(crossEntropy(model.forward(x), labels));
  optimizer.step();
}

function valuesOf(module: Module): number[][] {
  return Array.from(module.parameters(), ({ data }) => Array.from(data));
}

describe('freeze', () => {
  it('keeps every bit, though the optimiser holds momentum, weight decay and old gradients', () => {
    for (let i = 0; i < 3; i++) step();
    expect(first.weight.grad).not.toBeNull();
    expect(first.freeze()).toBe(first);
    second.freeze();
    const [frozen, free] = [[first, second].map(valuesOf), valuesOf(head)];
    for (let i = 0; i < 5; i++) step();
    expect([first, second].map(valuesOf)).toEqual(frozen);
    expect(valuesOf(head)).not.toEqual(free);
    for (const layer of [first, second]) {
      expect(Array.from(layer.parameters(), ({ grad }) => grad)).toEqual([null, null]);
    }
  });

  it('spares the work: no gradient of a convolution is computed for frozen layers', () => {
    const kernels = kernelsFor('float32');
    const calls = [
      vi.spyOn(kernels, 'conv2dBackwardInput'),
      vi.spyOn(kernels, 'conv2dBackwardWeight'),
    ];
    const count = (): number[] => calls.map(({ mock }) => mock.calls.length);
    step();
    expect(count()).toEqual([1, 2]);
    first.freeze();
    step();
    expect(count()).toEqual([1, 3]);
    second.freeze();
    step();
    expect(count()).toEqual([1, 3]);
  });

  it('lets the gradient through a frozen layer to what comes before it', () => {
    const gradient = (): number[] => {
      using tape = new Tape();
      model.zeroGrad();
      tape.backward(crossEntropy(model.forward(x), labels));
      return Array.from(first.weight.grad?.data ?? []);
    };
    const wanted = gradient();
    second.freeze();
    head.freeze();
    expect(gradient()).toEqual(wanted);
    expect(wanted.some((value) => value !== 0)).toBe(true);
    expect([second.weight.grad, head.weight.grad]).toEqual([null, null]);
  });

  it('of everything leaves nothing to walk back from, and says so', () => {
    model.freeze();
    expect(() => step()).toThrow(TapeError);
    expect(() => step()).toThrow('none of its inputs requires a gradient');
  });
});

describe('unfreeze', () => {
  it('takes up training again', () => {
    model.freeze();
    first.unfreeze();
    expect(Array.from(model.parameters(), ({ requiresGrad }) => requiresGrad)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
    const frozen = [second, head].map(valuesOf);
    const before = valuesOf(first);
    step();
    expect(valuesOf(first)).not.toEqual(before);
    expect([second, head].map(valuesOf)).toEqual(frozen);
    expect(model.unfreeze()).toBe(model);
    step();
    expect([second, head].map(valuesOf)).not.toEqual(frozen);
  });
});
