import {
  findLeaks,
  Generator,
  generator,
  heapStats,
  randn,
  Scope,
  sum,
  Tape,
  tensor,
  type Tensor,
} from '@unfold/core';
import {
  AvgPool2d,
  BatchNorm2d,
  Conv2d,
  ConvTranspose2d,
  crossEntropy,
  Dropout,
  Dropout2d,
  Flatten,
  GELU,
  LayerNorm,
  Linear,
  MaxPool2d,
  ReLU,
  Sequential,
  Softmax,
  type Layer,
} from '@unfold/nn';
import { stateOf } from '@unfold/core/internal';
import { describe, expect, it } from 'vitest';
import { onEveryEngine } from '../support/convolutions/engines.js';

onEveryEngine('memory', ({ dtype }) => {
  const random = { dtype, generator: new Generator(1) };

  it('2,000 convolutions forward and backward hold the heap flat', () => {
    const conv = new Conv2d(2, 4, 3, { padding: 1, groups: 2, dtype });
    const x = randn([2, 2, 6, 5], { ...random, requiresGrad: true });
    const step = (): void => {
      using tape = new Tape();
      conv.zeroGrad();
      x.zeroGrad();
      tape.backward(sum(conv.forward(x)));
    };
    for (let i = 0; i < 10; i++) step();
    const before = heapStats();
    for (let i = 0; i < 2000; i++) step();
    const after = heapStats();
    expect(after.usedBytes).toBe(before.usedBytes);
    expect(after.liveTensors).toBe(before.liveTensors);
    expect(after.peakBytes).toBe(before.peakBytes);
    expect(after.heapBytes).toBe(before.heapBytes);
    conv.dispose();
    x.dispose();
  });

  it('a training step leaves nothing behind but the gradients of the parameters', async () => {
    const network = new Sequential(
      new Conv2d(1, 3, 3, { dtype }),
      new ReLU(),
      new MaxPool2d(2),
      new Flatten(),
      new Linear(3 * 3 * 3, 4, { dtype }),
    );
    const x = randn([2, 1, 8, 8], random);
    const labels = tensor(Int32Array.of(1, 3));
    const leaks = await findLeaks(() => {
      using tape = new Tape();
      tape.backward(crossEntropy(network.forward(x), labels));
    });
    const gradients = [...network.parameters()].map(({ grad }) => grad?.size ?? 0);
    const bytes = dtype === 'float64' ? 8 : 4;
    const byNumber = (a: number, b: number): number => a - b;
    expect(leaks.map((leak) => leak.bytes).sort(byNumber)).toEqual(
      gradients.map((size) => size * bytes).sort(byNumber),
    );
    for (const tensor of [x, labels]) tensor.dispose();
    network.dispose();
  });

  it('inference in a Scope takes no new memory once warm', () => {
    const conv = new Conv2d(2, 4, 3, { padding: 1, dtype });
    const x = randn([2, 2, 9, 7], random);
    const infer = (): void => Scope.run(() => void conv.forward(x).toTypedArray());
    for (let i = 0; i < 3; i++) infer();
    const warm = heapStats();
    for (let i = 0; i < 200; i++) infer();
    expect(heapStats()).toEqual(warm);
    conv.dispose();
    x.dispose();
  });

  it('a forward in a Scope frees all that it made', () => {
    const conv = new Conv2d(2, 3, 3, { dtype });
    const x = randn([2, 2, 6, 5], random);
    const before = heapStats();
    Scope.run(() => {
      conv.forward(x);
      expect(heapStats().liveTensors).toBe(before.liveTensors + 1);
    });
    expect(heapStats().liveTensors).toBe(before.liveTensors);
    expect(heapStats().usedBytes).toBe(before.usedBytes);
    conv.dispose();
    x.dispose();
  });

  it.each<[string, () => Layer]>([
    ['Conv2d', () => new Conv2d(2, 3, 3, { dtype })],
    ['ConvTranspose2d', () => new ConvTranspose2d(2, 3, 3, { dtype })],
    ['BatchNorm2d in training', () => new BatchNorm2d(2, { dtype })],
    ['BatchNorm2d in evaluation', () => new BatchNorm2d(2, { dtype }).eval()],
    ['LayerNorm', () => new LayerNorm([6, 5], { dtype })],
    ['MaxPool2d', () => new MaxPool2d(2)],
    ['AvgPool2d', () => new AvgPool2d(3, { padding: 1 })],
    ['Dropout', () => new Dropout()],
    ['Dropout2d', () => new Dropout2d()],
    ['GELU', () => new GELU()],
    ['Softmax', () => new Softmax(1)],
  ])('a forward outside of any scope keeps its result and nothing else: %s', (_name, make) => {
    const layer = make();
    const x = randn([2, 2, 6, 5], random);
    // The words of dropout's stream are there from the first draw on.
    stateOf(generator('dropout'));
    const before = heapStats();
    const out = layer.forward(x);
    expect(heapStats().liveTensors).toBe(before.liveTensors + 1);
    out.dispose();
    expect(heapStats().usedBytes).toBe(before.usedBytes);
    layer.dispose();
    x.dispose();
  });

  it('a bad call leaves nothing behind', () => {
    const conv = new Conv2d(2, 3, 3, { dtype });
    const x = randn([1, 4, 6, 5], random);
    const before = heapStats();
    const bad = (): Tensor => conv.forward(x);
    expect(bad).toThrow('expects 2 input channels');
    expect(heapStats().liveTensors).toBe(before.liveTensors);
    conv.dispose();
    x.dispose();
  });
});

describe('layers', () => {
  it('that could not be made leave nothing behind', () => {
    const before = heapStats();
    expect(() => new Conv2d(4, 6, 3, { stride: 0 })).toThrow('stride');
    expect(() => new Conv2d(4, 6, 3, { groups: 4 })).toThrow('groups');
    expect(heapStats().liveTensors).toBe(before.liveTensors);
  });
});
