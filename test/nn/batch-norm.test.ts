import {
  ConfigError,
  DTypeError,
  Generator,
  heapStats,
  mean,
  mul,
  randn,
  Scope,
  ShapeError,
  sum,
  Tape,
  tensor,
  TapeError,
  zeros,
  type Tensor,
} from '@unfold/core';
import { BatchNorm, BatchNorm1d, BatchNorm2d, batchNorm, Conv2d, Sequential } from '@unfold/nn';
import { describe, expect, it } from 'vitest';
import { expectClose } from '../support/compare.js';
import { onEveryEngine } from '../support/convolutions/engines.js';
import { refuse } from '../support/refuse.js';
import { gradchecks } from '../support/gradchecks.js';

const source = (): Generator => new Generator(7);

describe('gradcheck of batchNorm', () => {
  const shapes = [
    [4, 3],
    [3, 2, 5],
    [2, 3, 4, 3],
  ];

  it.each(shapes)('in training, x, weight and bias, [%i,%i,…]', (...shape) => {
    using _scope = new Scope();
    const random = { dtype: 'float64', generator: source(), requiresGrad: true } as const;
    const C = [shape[1] ?? 0];
    gradchecks(
      (...[x, weight, bias]) =>
        batchNorm(x as Tensor, null, null, {
          weight: weight as Tensor,
          bias: bias as Tensor,
          training: true,
        }),
      [randn(shape, random), randn(C, random), randn(C, random)],
    );
  });

  it.each([
    ['x', 0],
    ['weight', 1],
    ['bias', 2],
  ])('by %s alone, in training and by given numbers', (_, only) => {
    using _scope = new Scope();
    const random = { dtype: 'float64', generator: source() } as const;
    const inputs = [randn([3, 2, 4, 2], random), randn([2], random), randn([2], random)];
    const [runningMean, runningVar] = [
      randn([2], random),
      tensor([0.5, 2], [2], { dtype: 'float64' }),
    ];
    for (const [i, input] of inputs.entries()) input.requiresGrad = i === only;
    for (const training of [true, false]) {
      gradchecks(
        (...[x, weight, bias]) =>
          batchNorm(x as Tensor, runningMean, runningVar, {
            weight: weight as Tensor,
            bias: bias as Tensor,
            training,
            momentum: 0,
          }),
        inputs,
      );
    }
  });

  it('of the layer in a chain, in training and in evaluation', () => {
    using _scope = new Scope();
    const dtype = 'float64';
    const network = new Sequential(new Conv2d(2, 3, 2, { dtype }), new BatchNorm2d(3, { dtype }));
    const x = randn([2, 2, 4, 3], { dtype, generator: source(), requiresGrad: true });
    for (const mode of [true, false]) {
      network.train(mode);
      gradchecks((input) => network.forward(input as Tensor), [x]);
    }
    network.dispose();
  });
});

onEveryEngine('BatchNorm2d', ({ dtype }) => {
  const close = dtype === 'float64' ? { rtol: 1e-12, atol: 1e-12 } : { rtol: 1e-5, atol: 1e-5 };

  it('leaves every channel with mean 0 and variance 1, whatever it was', () => {
    using _scope = new Scope();
    const layer = new BatchNorm2d(3, { eps: 0, dtype });
    const x = randn([5, 3, 4, 6], { dtype, generator: source() });
    const scaled = mul(x, tensor([1, 20, 0.05], [3, 1, 1], { dtype }));
    const out = layer.forward(scaled);
    const axis = [0, 2, 3];
    expectClose(mean(out, { axis }).data, [0, 0, 0], close);
    expectClose(mean(mul(out, out), { axis }).data, [1, 1, 1], close);
    layer.dispose();
  });

  it('keeps its precision where the mean is large: two passes', () => {
    using _scope = new Scope();
    const layer = new BatchNorm1d(1, { eps: 0, dtype });
    // 4096 + 0, 1, 2, 3: every sum is exact in float32, and E[x²] - E[x]² would be lost.
    const x = tensor([4096, 4097, 4098, 4099], [4, 1], { dtype });
    const deviation = Math.sqrt(1.25);
    const expected = [-1.5, -0.5, 0.5, 1.5].map((value) => value / deviation);
    expectClose(layer.forward(x).data, expected, { rtol: 1e-6, atol: 0 });
    expectClose(layer.runningVar?.data ?? [], [0.9 + 0.1 * (5 / 3)], { rtol: 1e-6, atol: 0 });
    layer.dispose();
  });

  it('moves the running statistics by momentum, the variance unbiased, in training only', () => {
    using _scope = new Scope();
    const layer = new BatchNorm1d(2, { momentum: 0.25, dtype });
    const state = (): number[][] =>
      [...layer.namedBuffers()].map(([, value]) => Array.from(value.data));
    const x = tensor([1, 10, 3, 30], [2, 2], { dtype });
    expect(state()).toEqual([[0, 0], [1, 1], [0]]);
    layer.forward(x);
    // Means 2 and 20, unbiased variances 2 and 200.
    expect(state()).toEqual([[0.5, 5], [0.75 + 0.5, 0.75 + 50], [1]]);
    layer.eval();
    const out = layer.forward(x);
    expect(state()).toEqual([[0.5, 5], [1.25, 50.75], [1]]);
    const by = (value: number, at: number, variance: number): number =>
      (value - at) / Math.sqrt(variance + 1e-5);
    expectClose(
      out.data,
      [by(1, 0.5, 1.25), by(10, 5, 50.75), by(3, 0.5, 1.25), by(30, 5, 50.75)],
      close,
    );
    layer.dispose();
  });

  it('with momentum null the running statistics are averages of all batches', () => {
    using _scope = new Scope();
    const layer = new BatchNorm1d(1, { momentum: null, dtype });
    for (const at of [1, 5, 9]) layer.forward(tensor([at - 1, at + 1], [2, 1], { dtype }));
    expectClose(layer.runningMean?.data ?? [], [5], close);
    expectClose(layer.runningVar?.data ?? [], [2], close);
    expect(layer.numBatchesTracked?.item()).toBe(3);
    layer.dispose();
  });

  it('without running statistics normalises by the batch in evaluation too', () => {
    using _scope = new Scope();
    const layer = new BatchNorm2d(2, { trackRunningStats: false, dtype });
    const x = randn([3, 2, 2, 2], { dtype, generator: source() });
    const trained = layer.forward(x);
    expect(layer.eval().forward(x).data).toEqual(trained.data);
    expect([...layer.stateDict().keys()]).toEqual(['weight', 'bias']);
    layer.dispose();
  });

  it('takes an empty batch in evaluation', () => {
    const layer = new BatchNorm2d(2, { dtype }).eval();
    expect(layer.forward(zeros([0, 2, 3, 3], { dtype })).shape).toEqual([0, 2, 3, 3]);
    layer.dispose();
  });

  it('holds the heap flat over training steps', () => {
    const layer = new BatchNorm2d(3, { dtype });
    const x = randn([2, 3, 4, 5], { dtype, generator: source(), requiresGrad: true });
    const step = (): void => {
      using tape = new Tape();
      layer.zeroGrad();
      x.zeroGrad();
      tape.backward(sum(mul(layer.forward(x), x)));
    };
    for (let i = 0; i < 3; i++) step();
    const before = heapStats();
    for (let i = 0; i < 20; i++) step();
    const after = heapStats();
    expect([after.usedBytes, after.liveTensors]).toEqual([before.usedBytes, before.liveTensors]);
    layer.dispose();
    x.dispose();
  });
});

describe('BatchNorm', () => {
  it("has PyTorch's state: names, order, shapes and types", () => {
    const layer = new BatchNorm2d(3);
    expect([...layer.stateDict()].map(([name, { shape, dtype }]) => [name, shape, dtype])).toEqual([
      ['weight', [3], 'float32'],
      ['bias', [3], 'float32'],
      ['running_mean', [3], 'float32'],
      ['running_var', [3], 'float32'],
      ['num_batches_tracked', [], 'int32'],
    ]);
    expect([...layer.namedParameters()].map(([name]) => name)).toEqual(['weight', 'bias']);
    expect(layer).toBeInstanceOf(BatchNorm);
    layer.dispose();
    expect([...new BatchNorm1d(3, { affine: false }).stateDict().keys()]).toEqual([
      'running_mean',
      'running_var',
      'num_batches_tracked',
    ]);
  });

  it('travels by its state', () => {
    using _scope = new Scope();
    const [one, other] = [new BatchNorm1d(2), new BatchNorm1d(2)];
    const x = randn([4, 2], { generator: source() });
    one.forward(x);
    other.loadStateDict(one.stateDict());
    expect(other.eval().forward(x).data).toEqual(one.eval().forward(x).data);
    expect(other.numBatchesTracked?.item()).toBe(1);
    one.dispose();
    other.dispose();
  });

  it('made inside a scope outlives it', () => {
    const layer = Scope.run(() => ({ layer: new BatchNorm1d(2) })).layer;
    expect(layer.runningVar?.toArray()).toEqual([1, 1]);
    layer.dispose();
  });

  it('refuses backward after its weight was changed', () => {
    using tape = new Tape();
    const layer = new BatchNorm1d(2);
    const loss = sum(layer.forward(randn([3, 2], { requiresGrad: true })));
    layer.weight?.update((data) => data.fill(2));
    expect(() => tape.backward(loss)).toThrow(TapeError);
    layer.dispose();
  });
});

describe('BatchNorm refuses', () => {
  const float = (...shape: number[]): Tensor => zeros(shape);
  const training = { training: true };
  refuse({
    'one value to a channel in training': [
      () => new BatchNorm2d(4).forward(float(1, 4, 1, 1)),
      ShapeError,
      'batchNorm: expected more than 1 value per channel when training, got x [1,4,1,1]; ' +
        'use a larger batch, or eval()',
    ],
    'an empty batch in training': [
      () => new BatchNorm1d(4).forward(float(0, 4)),
      ShapeError,
      'batchNorm: expected more than 1 value per channel when training, got x [0,4]; ' +
        'use a larger batch, or eval()',
    ],
    'images as NHWC': [
      () => new BatchNorm2d(3).forward(float(2, 8, 8, 3)),
      ShapeError,
      'BatchNorm2d: expected x [N,3,H,W], got [2,8,8,3]; ' +
        'x looks like NHWC, Unfold is NCHW: permute(x, [0, 3, 1, 2])',
    ],
    'one image without a batch axis': [
      () => new BatchNorm2d(3).forward(float(3, 8, 8)),
      ShapeError,
      'BatchNorm2d: expected x [N,3,H,W], got [3,8,8]; one image needs a batch axis in front',
    ],
    'another number of channels': [
      () => new BatchNorm2d(3).forward(float(2, 4, 8, 8)),
      ShapeError,
      'BatchNorm2d: expected x [N,3,H,W], got [2,4,8,8]',
    ],
    'images in one dimension': [
      () => new BatchNorm1d(3).forward(float(2, 3, 8, 8)),
      ShapeError,
      'BatchNorm1d: expected x [N,3] or [N,3,L], got [2,3,8,8]',
    ],
    'no channels': [
      () => new BatchNorm2d(0),
      ConfigError,
      'BatchNorm2d: expected a positive number of channels, got 0',
    ],
    'a negative eps': [
      () => new BatchNorm1d(3, { eps: -1 }),
      ConfigError,
      'BatchNorm1d: eps must be a number of at least 0, got -1',
    ],
    'a momentum above 1': [
      () => new BatchNorm1d(3, { momentum: 1.1 }),
      ConfigError,
      'BatchNorm1d: momentum must be in 0 … 1, got 1.1',
    ],
    'a momentum of NaN': [
      () => batchNorm(float(2, 3), null, null, { training: true, momentum: NaN }),
      ConfigError,
      'batchNorm: momentum must be in 0 … 1, got NaN',
    ],
    'a vector': [
      () => batchNorm(float(3), null, null, training),
      ShapeError,
      'batchNorm: expected x [N,C] or [N,C,…], got [3]',
    ],
    integers: [
      () => batchNorm(zeros([2, 3], { dtype: 'uint8' }), null, null, training),
      DTypeError,
      'batchNorm: expected a float tensor, got uint8 tensor [2,3]; cast it first',
    ],
    'a weight of another length': [
      () => batchNorm(float(2, 3), null, null, { training: true, weight: float(2) }),
      ShapeError,
      'batchNorm: x [2,3] has 3 channels and expects weight [3], got [2]; ' +
        'the second axis of x must be its channels',
    ],
    'mixed dtypes': [
      () => new BatchNorm1d(3).forward(zeros([2, 3], { dtype: 'float64' })),
      DTypeError,
      'batchNorm: expected x and runningMean of one dtype, got float64 and float32; ' +
        'cast(x, dtype) converts',
    ],
    'no statistics outside of training': [
      () => batchNorm(float(2, 3), null, null),
      ConfigError,
      'batchNorm: expected runningMean and runningVar outside of training, got null; pass ' +
        '{ training: true } to normalise by the batch',
    ],
    'half of the running statistics': [
      () => batchNorm(float(2, 3), float(3), null, training),
      ConfigError,
      'batchNorm: expected both runningMean and runningVar, or neither',
    ],
  });
});
