import {
  compile,
  ConfigError,
  DTypeError,
  Generator,
  heapStats,
  manualSeed,
  randn,
  relu,
  Scope,
  ShapeError,
  sum,
  Tape,
  tensor,
  zeros,
  type NestedArray,
  type Tensor,
} from '@unfold/core';
import {
  adaptiveAvgPool1d,
  adaptiveMaxPool2d,
  avgPool1d,
  AvgPool1d,
  avgPool2d,
  CircularPad2d,
  conv1d,
  Conv1d,
  Conv2d,
  convTranspose1d,
  ConvTranspose1d,
  maxPool1d,
  MaxPool1d,
  maxPool2d,
  MaxPool2d,
  ReflectionPad2d,
  ReplicationPad2d,
  Sequential,
  summary,
  ZeroPad2d,
  type Layer,
  type Module,
} from '@unfold/nn';
import { afterEach, describe, expect, it } from 'vitest';
import { padImages } from '../../packages/nn/src/conv2d/padding-mode.js';
import { onEveryEngine } from '../support/convolutions/engines.js';
import { gradchecks } from '../support/gradchecks.js';
import { call, make, refuseMisuses } from '../support/misuse.js';

const random = (...shape: number[]): Tensor =>
  randn(shape, { dtype: 'float64', generator: new Generator(5), requiresGrad: true });

describe('gradients, and theirs', () => {
  const bias = random(4);
  const cases: Readonly<Record<string, readonly [(...xs: Tensor[]) => Tensor, ...Tensor[]]>> = {
    conv1d: [
      (x, weight, b) => conv1d(x, weight, b, { stride: 2, padding: 2, dilation: 2, groups: 2 }),
      random(2, 4, 8),
      random(4, 2, 3),
      bias,
    ],
    convTranspose1d: [
      (x, weight, b) =>
        convTranspose1d(x, weight, b, { stride: 3, padding: 1, outputPadding: 2, groups: 2 }),
      random(2, 4, 4),
      random(4, 2, 3),
      bias,
    ],
    'maxPool1d, dilated': [
      (x) => maxPool1d(x, 3, { stride: 2, padding: 1, dilation: 2 }),
      random(2, 3, 9),
    ],
    'maxPool2d, ceil mode': [
      (x) => maxPool2d(x, [3, 2], { stride: 2, padding: 1, ceilMode: true }),
      random(1, 2, 6, 5),
    ],
    'avgPool1d, ceil mode': [
      (x) => avgPool1d(x, 4, { stride: 3, padding: 2, ceilMode: true }),
      random(2, 3, 9),
    ],
    'avgPool2d, ceil mode, padding not counted': [
      (x) => avgPool2d(x, 3, { stride: 2, padding: 1, ceilMode: true, countIncludePad: false }),
      random(1, 2, 6, 4),
    ],
    'avgPool2d, divisor': [
      (x) => avgPool2d(x, [2, 3], { stride: [1, 2], divisorOverride: 5 }),
      random(1, 2, 4, 5),
    ],
    adaptiveAvgPool1d: [(x) => adaptiveAvgPool1d(x, 4), random(2, 3, 7)],
    'adaptiveMaxPool2d, of windows that overlap': [
      (x) => adaptiveMaxPool2d(x, [3, 2]),
      random(1, 2, 7, 5),
    ],
    'adaptiveMaxPool2d, of windows that touch': [
      (x) => adaptiveMaxPool2d(x, [3, 2]),
      random(1, 2, 6, 4),
    ],
  };

  it.each(Object.entries(cases))('%s', (_, [fn, ...inputs]) => {
    using _scope = new Scope();
    gradchecks(fn, inputs);
  });

  it.each(['reflect', 'replicate', 'circular'] as const)(
    'Conv2d, padding mode %s',
    (paddingMode) => {
      using _scope = new Scope();
      const options = { padding: 'same', paddingMode, dtype: 'float64' } as const;
      const layer = new Conv2d(2, 3, [3, 2], options);
      gradchecks((x) => layer.forward(x), [random(2, 2, 4, 3)]);
    },
  );
});

onEveryEngine('windows that end behind the image', ({ dtype }) => {
  const row = (...values: number[]): Tensor => tensor(values, [1, 1, values.length], { dtype });

  it('count where they begin in it, or in the padding before it', () => {
    const x = row(1, 2, 3, 4, 5);
    const pool = (size: number, options: object): NestedArray =>
      (call(maxPool1d, x, size, options) as Tensor).toArray();
    expect(pool(2, {})).toEqual([[[2, 4]]]);
    expect(pool(2, { ceilMode: true })).toEqual([[[2, 4, 5]]]);
    // A third window would begin behind the last element.
    expect(pool(2, { stride: 3, padding: 1, ceilMode: true })).toEqual([[[1, 4]]]);
    expect(pool(7, { ceilMode: true, stride: 3 })).toEqual([[[5]]]);
  });

  it('are means over what lies in the image and its padding', () => {
    const options = { stride: 2, ceilMode: true } as const;
    expect(avgPool1d(row(2, 4, 6), 2, options).toArray()).toEqual([[[3, 6]]]);
    // Of the last window one element lies in the image, one on the padding, and one behind both.
    const padded = { ...options, padding: 1 };
    expect(avgPool1d(row(3, 6, 9, 12), 3, padded).toArray()).toEqual([[[3, 9, 6]]]);
    expect(avgPool1d(row(3, 6, 9, 12), 3, { ...padded, countIncludePad: false }).toArray()).toEqual(
      [[[4.5, 9, 12]]],
    );
    const image = tensor([3, 6, 9, 12], [1, 1, 2, 2], { dtype });
    expect(avgPool2d(image, 2, { divisorOverride: 3 }).toArray()).toEqual([[[[10]]]]);
  });

  it('keep what there is of infinities and NaN', () => {
    const x = row(-Infinity, NaN, Infinity, -Infinity, -Infinity);
    expect(maxPool1d(x, 2, { ceilMode: true }).toArray()).toEqual([[[NaN, Infinity, -Infinity]]]);
    expect(avgPool1d(x, 2, { ceilMode: true }).toArray()).toEqual([[[NaN, NaN, -Infinity]]]);
  });
});

onEveryEngine('adaptiveMaxPool2d', ({ dtype }) => {
  it('gives the gradient to the first of equals in row-major order, and to the first NaN', () => {
    using tape = new Tape();
    const values = [0, 1, 0, 1, 0, 0, 0, 0, 0, /**/ 0, 0, 0, NaN, 0, 0, 0, NaN, NaN];
    const x = tensor(values, [1, 2, 3, 3], { dtype, requiresGrad: true });
    const out = adaptiveMaxPool2d(x, 2);
    expect(out.toArray()).toEqual([
      [
        [
          [1, 1],
          [1, 0],
        ],
        [
          [NaN, 0],
          [NaN, NaN],
        ],
      ],
    ]);
    tape.backward(sum(out));
    expect(x.grad?.toArray()).toEqual([
      [
        [
          [0, 2, 0],
          [1, 1, 0],
          [0, 0, 0],
        ],
        [
          [0, 1, 0],
          [2, 0, 0],
          [0, 1, 0],
        ],
      ],
    ]);
  });

  it('takes an empty batch, and more windows than pixels', () => {
    using _scope = new Scope();
    expect(adaptiveMaxPool2d(zeros([0, 2, 5, 4], { dtype }), [3, 3]).shape).toEqual([0, 2, 3, 3]);
    const pixel = tensor([7], [1, 1, 1, 1], { dtype });
    expect(adaptiveMaxPool2d(pixel, 2).toArray()).toEqual([
      [
        [
          [7, 7],
          [7, 7],
        ],
      ],
    ]);
  });
});

describe('layers', () => {
  it('of sequences take an empty batch and sequences of length 1', () => {
    using _scope = new Scope();
    const layers: readonly Layer[] = [
      new Conv1d(2, 3, 1),
      new ConvTranspose1d(2, 3, 2),
      new MaxPool1d(1),
      new AvgPool1d(1),
    ];
    const shapes = (N: number): unknown =>
      layers.map((layer) => layer.forward(zeros([N, 2, 1])).shape);
    expect(shapes(0)).toEqual([
      [0, 3, 1],
      [0, 3, 2],
      [0, 2, 1],
      [0, 2, 1],
    ]);
    expect(shapes(4)).toEqual([
      [4, 3, 1],
      [4, 3, 2],
      [4, 2, 1],
      [4, 2, 1],
    ]);
  });

  it('ConvTranspose1d becomes as long as it is asked to', () => {
    using _scope = new Scope();
    const layer = new ConvTranspose1d(2, 3, 4, { stride: 3 });
    const x = zeros([1, 2, 5]);
    expect([[16], [1, 3, 17], [18]].map((size) => layer.forward(x, size).shape[2])).toEqual([
      16, 17, 18,
    ]);
    expect(layer.forward(x).shape).toEqual([1, 3, 16]);
  });

  it.each<[Module, string]>([
    [new Conv1d(4, 6, 3), 'Conv1d(4, 6, kernelSize=[3], stride=[1])'],
    [
      new Conv1d(4, 6, 3, { stride: 2, padding: 1, dilation: 2, groups: 2, bias: false }),
      'Conv1d(4, 6, kernelSize=[3], stride=[2], padding=[1], dilation=[2], groups=2, bias=false)',
    ],
    [
      new Conv2d(1, 2, 3, { padding: 1, paddingMode: 'reflect' }),
      "Conv2d(1, 2, kernelSize=[3, 3], stride=[1, 1], padding=[1, 1], paddingMode='reflect')",
    ],
    [
      new Conv1d(1, 2, 3, { padding: 'same', paddingMode: 'circular' }),
      "Conv1d(1, 2, kernelSize=[3], stride=[1], padding='same', paddingMode='circular')",
    ],
    [
      new ConvTranspose1d(4, 6, 3, { stride: 2, outputPadding: 1, groups: 2 }),
      'ConvTranspose1d(4, 6, kernelSize=[3], stride=[2], outputPadding=[1], groups=2)',
    ],
    [
      new MaxPool1d(3, { stride: 2, ceilMode: true }),
      'MaxPool1d(kernelSize=3, stride=2, padding=0, ceilMode=true)',
    ],
    [new MaxPool2d(3, { dilation: 2 }), 'MaxPool2d(kernelSize=3, stride=3, padding=0, dilation=2)'],
    [new AvgPool1d(2), 'AvgPool1d(kernelSize=2, stride=2, padding=0)'],
    [new ReflectionPad2d(2), 'ReflectionPad2d([2, 2, 2, 2])'],
    [new ZeroPad2d([1, 2, 3, 4]), 'ZeroPad2d([1, 2, 3, 4])'],
  ])('%s', (layer, text) => {
    expect(String(layer)).toBe(text);
  });

  it('start as those of images do, by the same stream', () => {
    manualSeed(3);
    const images = new Conv2d(3, 4, [1, 5]);
    manualSeed(3);
    const sequences = new Conv1d(3, 4, 5);
    expect(sequences.weight.data).toEqual(images.weight.data);
    expect(sequences.bias?.data).toEqual(images.bias?.data);
  });

  it('a summary counts what convolutions of sequences multiply', () => {
    const model = new Sequential(new Conv1d(3, 4, 5), new ConvTranspose1d(4, 2, 3, { stride: 2 }));
    expect(summary(model, [1, 3, 12]).rows.map(({ macs }) => macs)).toEqual([
      0,
      4 * 8 * 3 * 5,
      4 * 8 * 2 * 3,
    ]);
  });
});

describe('a compiled step', () => {
  const models: Readonly<Record<string, () => Layer>> = {
    'of sequences': () =>
      new Sequential(
        new Conv1d(4, 6, 3, { padding: 1 }),
        new MaxPool1d(3, { stride: 2, padding: 1, dilation: 2, ceilMode: true }),
        new ConvTranspose1d(6, 3, 3, { stride: 2 }),
        new AvgPool1d(3, { stride: 2, ceilMode: true }),
      ),
    'with padding modes': () =>
      new Sequential(
        new Conv1d(4, 6, 3, { padding: 1, paddingMode: 'replicate' }),
        new Conv1d(6, 6, 3, { padding: 2, paddingMode: 'reflect' }),
        new Conv1d(6, 2, 3, { padding: 3, paddingMode: 'circular' }),
      ),
  };

  it.each(Object.entries(models))('%s has the same bits', (_, build) => {
    manualSeed(11);
    using _scope = new Scope();
    const model = build();
    const step = (x: Tensor): Tensor => {
      using tape = new Tape();
      const loss = sum(relu(model.forward(x)));
      model.zeroGrad();
      tape.backward(loss);
      return loss.keep();
    };
    const compiled = compile(step, { modules: [model] });
    const bits = (run: (x: Tensor) => Tensor, seed: number): unknown => {
      const loss = run(randn([3, 4, 13], { generator: new Generator(seed) })).item();
      return [loss, ...[...model.parameters()].map((weight) => weight.grad?.toTypedArray())];
    };
    for (const seed of [1, 2, 3]) expect(bits(compiled, seed)).toEqual(bits(step, seed));
  });

  it.each([
    { kernel: 2, ceilMode: true },
    { kernel: 3, stride: 2, ceilMode: true },
    { kernel: 3, stride: 2, padding: 1, dilation: 2, ceilMode: true },
    { kernel: 2, stride: 1, dilation: 3 },
  ])('pools behind a convolution with the same bits, %j', ({ kernel, ...options }) => {
    manualSeed(12);
    using _scope = new Scope();
    const model = new Sequential(new Conv2d(3, 8, 3), new MaxPool2d(kernel, options));
    const forward = (x: Tensor): Tensor => relu(model.forward(x));
    const compiled = compile(forward, { modules: [model] });
    for (const seed of [1, 2, 3]) {
      const x = randn([2, 3, 11, 13], { generator: new Generator(seed) });
      expect(compiled(x).toTypedArray()).toEqual(forward(x).toTypedArray());
    }
  });
});

it('what layers of sequences, poolings and paddings make in a scope is freed at its end', () => {
  const model = new Sequential(
    new Conv1d(2, 3, 3, { padding: 2, paddingMode: 'reflect' }),
    new MaxPool1d(2, { ceilMode: true }),
    new ConvTranspose1d(3, 2, 3, { stride: 2 }),
    new AvgPool1d(3, { stride: 2, padding: 1, ceilMode: true }),
  );
  const images = new Sequential(new CircularPad2d(2), new ReplicationPad2d(1), new ZeroPad2d(1));
  const step = (): void => {
    using tape = new Tape();
    const x = randn([2, 2, 9], { requiresGrad: true });
    tape.backward(sum(model.forward(x)));
    sum(adaptiveMaxPool2d(images.forward(randn([1, 2, 5, 4])), [3, 2]));
  };
  for (let i = 0; i < 10; i++) step();
  const before = heapStats();
  for (let i = 0; i < 50; i++) step();
  const after = heapStats();
  expect(after.usedBytes).toBe(before.usedBytes);
  expect(after.liveTensors).toBe(before.liveTensors);
});

describe('a padding mode in a bundle that left the padding out', () => {
  const { by } = padImages;
  afterEach(() => {
    padImages.by = by;
  });

  it('is an error at once, and zeros are none', () => {
    padImages.by = null;
    const message =
      "Conv2d: paddingMode 'reflect' is not in this bundle; use a layer, such as ReflectionPad2d";
    expect(() => new Conv2d(1, 1, 3, { paddingMode: 'reflect' })).toThrow(new ConfigError(message));
    // Conv1d brings it along.
    expect(String(new Conv1d(1, 1, 3, { paddingMode: 'reflect' }))).toContain('reflect');
    expect(new Conv2d(1, 1, 1, { paddingMode: 'zeros' }).forward(zeros([1, 1, 2, 2])).size).toBe(4);
  });
});

describe('a call that is wrong is an error that names the right one', () => {
  const x = zeros([2, 3, 8]).keep();
  const options1d = 'stride, padding, dilation, groups';
  refuseMisuses([
    [
      'conv1d(images, weight)',
      () => conv1d(zeros([2, 3, 8, 8]), zeros([4, 3, 3, 3])),
      ShapeError,
      'conv1d: expected x [N,C,L] and weight [OC,C/groups,K], got [2,3,8,8] and [4,3,3,3]',
    ],
    [
      'conv1d(one sequence, weight)',
      () => conv1d(zeros([3, 8]), zeros([4, 3, 3])),
      ShapeError,
      'conv1d: expected x [N,C,L] and weight [OC,C/groups,K], got [3,8] and [4,3,3]; one sequence needs a batch axis in front',
    ],
    [
      'conv1d(x, weight of other channels)',
      () => conv1d(x, zeros([4, 2, 3])),
      ShapeError,
      'conv1d: weight [4,2,3] expects 2 input channels, x [2,3,8] has 3; the second axis of x must be its channels',
    ],
    [
      'conv1d(x, weight longer than x)',
      () => conv1d(x, zeros([4, 3, 5]), null, { dilation: 2 }),
      ShapeError,
      'conv1d: the kernel spans [9] pixels and the padded input has [8]; use a smaller kernel or more padding',
    ],
    [
      "conv1d(…, { padding: 'same', stride: 2 })",
      () => conv1d(x, zeros([4, 3, 3]), null, { padding: 'same', stride: 2 }),
      ConfigError,
      "conv1d: padding 'same' needs stride 1, got [2]; give the padding in numbers",
    ],
    [
      'conv1d(…, { stride: [2] })',
      () => call(conv1d, x, zeros([4, 3, 3]), null, { stride: [2] }),
      ConfigError,
      'conv1d: stride must be an integer from 1, got [2]',
    ],
    [
      "conv1d(…, { padding: 'all' })",
      () => call(conv1d, x, zeros([4, 3, 3]), null, { padding: 'all' }),
      ConfigError,
      "conv1d: padding must be an integer from 0, 'same' or 'valid', got 'all'",
    ],
    [
      'new Conv1d(3, 4, 3, 2)',
      () => make(Conv1d, 3, 4, 3, 2),
      ConfigError,
      `Conv1d: expected options as an object, such as { stride: … }, got 2; the options are ${options1d}, bias, dtype, paddingMode`,
    ],
    [
      "new Conv1d(3, 4, 3, { padding_mode: 'same' })",
      () => make(Conv1d, 3, 4, 3, { padding_mode: 'reflect' }),
      ConfigError,
      `Conv1d: unknown option 'padding_mode'; did you mean paddingMode? The options are ${options1d}, bias, dtype, paddingMode`,
    ],
    [
      "new Conv2d(3, 4, 3, { paddingMode: 'mirror' })",
      () => make(Conv2d, 3, 4, 3, { paddingMode: 'mirror' }),
      ConfigError,
      "Conv2d: paddingMode must be 'zeros', 'reflect', 'replicate' or 'circular', got 'mirror'",
    ],
    [
      'new Conv1d(3, 4, [3])',
      () => make(Conv1d, 3, 4, [3]),
      ConfigError,
      'Conv1d: kernel size must be an integer from 1, got [3]',
    ],
    [
      'new Conv1d(3, 4, 3, { groups: 2 })',
      () => new Conv1d(3, 4, 3, { groups: 2 }),
      ShapeError,
      'Conv1d: 3 input and 4 output channels must both be divisible by groups = 2',
    ],
    [
      'a mirror of more than there is',
      () => new Conv1d(3, 4, 3, { padding: 8, paddingMode: 'reflect' }).forward(x),
      ShapeError,
      "pad: mode 'reflect' finds at most 7 elements for a side of axis 2 of float32 tensor [2,3,8], got [8, 8]; use less padding",
    ],
    [
      'a padding mode, and one sequence without a batch',
      () => new Conv1d(3, 4, 3, { padding: 1, paddingMode: 'reflect' }).forward(zeros([3, 8])),
      ShapeError,
      'conv1d: expected x [N,C,L] and weight [OC,C/groups,K], got [3,8] and [4,3,3]; one sequence needs a batch axis in front',
    ],
    [
      'new ConvTranspose1d(…, { outputPadding: 2 })',
      () => new ConvTranspose1d(3, 4, 3, { outputPadding: 2, stride: 2 }),
      ConfigError,
      'ConvTranspose1d: outputPadding must be smaller than the stride or the dilation, got [2] with stride [2] and dilation [1]; pad the output for more',
    ],
    [
      'transposed.forward(x, [40])',
      () => new ConvTranspose1d(3, 4, 3, { stride: 2 }).forward(x, [40]),
      ShapeError,
      'ConvTranspose1d: x [2,3,8] can become a length of 17 … 18, got outputSize [40]',
    ],
    [
      'transposed.forward(x, 18)',
      () => call((size: number[]) => new ConvTranspose1d(3, 4, 3).forward(x, size), 18),
      ShapeError,
      'ConvTranspose1d: x [2,3,8] can become a length of 10 … 10, got outputSize 18',
    ],
    [
      "convTranspose1d(x, a convolution's weight)",
      () => convTranspose1d(x, zeros([4, 3, 3])),
      ShapeError,
      "convTranspose1d: weight [4,3,3] expects 4 input channels, x [2,3,8] has 3; weight looks like a convolution's [OC,C/groups,…], here the input channels come first",
    ],
    [
      'new MaxPool1d(3, 2)',
      () => make(MaxPool1d, 3, 2),
      ConfigError,
      'MaxPool1d: expected options as an object, such as { stride: … }, got 2; the options are stride, padding, dilation, ceilMode',
    ],
    [
      'new MaxPool1d([3])',
      () => make(MaxPool1d, [3]),
      ConfigError,
      'MaxPool1d: kernel size must be an integer from 1, got [3]',
    ],
    [
      'new AvgPool1d(3, { padding: 2 })',
      () => new AvgPool1d(3, { padding: 2 }),
      ConfigError,
      'AvgPool1d: padding must be at most half the kernel [3], got [2]',
    ],
    [
      'maxPool1d(images)',
      () => maxPool1d(zeros([1, 2, 3, 4]), 2),
      ShapeError,
      'maxPool1d: expected x [N,C,L], got [1,2,3,4]',
    ],
    [
      'maxPool1d(nothing)',
      () => maxPool1d(zeros([1, 2, 0]), 2),
      ShapeError,
      'maxPool1d: expected images with pixels, got x [1,2,0]',
    ],
    [
      'a dilated window between the pixels',
      () => maxPool2d(zeros([1, 1, 4, 2]), [1, 2], { padding: [0, 1], dilation: [1, 3] }),
      ShapeError,
      'maxPool2d: dilation [1,3] leaves a window without a pixel of x [1,1,4,2]; use less dilation or padding',
    ],
    [
      "new MaxPool2d(2, { ceilMode: 'yes' })",
      () => make(MaxPool2d, 2, { ceilMode: 'yes' }),
      ConfigError,
      "MaxPool2d: ceilMode must be true or false, got 'yes'",
    ],
    [
      'avgPool2d(…, { divisorOverride: 0 })',
      () => avgPool2d(zeros([1, 1, 4, 4]), 2, { divisorOverride: 0 }),
      ConfigError,
      'avgPool2d: divisorOverride must be an integer from 1, got 0',
    ],
    [
      'avgPool1d(integers)',
      () => avgPool1d(zeros([1, 2, 4], { dtype: 'int32' }), 2),
      DTypeError,
      'avgPool1d: expected a float tensor, got int32 tensor [1,2,1,4]; cast it first',
    ],
    [
      'adaptiveAvgPool1d(x, [4])',
      () => call(adaptiveAvgPool1d, x, [4]),
      ConfigError,
      'adaptiveAvgPool1d: output size must be an integer from 1, got [4]',
    ],
    [
      'adaptiveMaxPool2d(x)',
      () => adaptiveMaxPool2d(x, 2),
      ShapeError,
      'adaptiveMaxPool2d: expected x [N,C,H,W], got [2,3,8]',
    ],
    [
      'new ReflectionPad2d([1, 2])',
      () => make(ReflectionPad2d, [1, 2]),
      ConfigError,
      'ReflectionPad2d: expected an integer of at least 0 for the padding, or four, [left, right, top, bottom], got [1, 2]',
    ],
    [
      'new ZeroPad2d(1).forward(sequences)',
      () => new ZeroPad2d(1).forward(x),
      ShapeError,
      'ZeroPad2d: expected x [N,C,H,W], got [2,3,8]',
    ],
  ]);
});
