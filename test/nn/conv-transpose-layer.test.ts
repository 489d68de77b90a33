import {
  ConfigError,
  DTypeError,
  heapStats,
  manualSeed,
  ones,
  rand,
  Scope,
  ShapeError,
  Tape,
  tensor,
  zeros,
  type Tensor,
} from '@unfold/core';
import { Conv2d, ConvTranspose2d, convTranspose2d } from '@unfold/nn';
import { describe, expect, it } from 'vitest';
import { onEveryEngine } from '../support/convolutions/engines.js';
import { refuse } from '../support/refuse.js';

onEveryEngine('convTranspose2d', ({ dtype }) => {
  it('lays a copy of the kernel, times the pixel, for every pixel, a stride apart', () => {
    using _scope = new Scope();
    const x = tensor([[[[1, 2, -1]]]], undefined, { dtype });
    const weight = tensor(
      [
        [
          [
            [1, 10],
            [100, 1000],
          ],
        ],
      ],
      undefined,
      { dtype },
    );
    const bias = tensor([0.5], undefined, { dtype });
    // Side by side; overlapping, where they add up; with gaps and a column at the end.
    expect(convTranspose2d(x, weight, null, { stride: 2 }).toArray()).toEqual([
      [
        [
          [1, 10, 2, 20, -1, -10],
          [100, 1000, 200, 2000, -100, -1000],
        ],
      ],
    ]);
    expect(convTranspose2d(x, weight, bias).toArray()).toEqual([
      [
        [
          [1.5, 12.5, 19.5, -9.5],
          [100.5, 1200.5, 1900.5, -999.5],
        ],
      ],
    ]);
    const wide = { stride: [1, 3], outputPadding: [0, 1], padding: [1, 0] } as const;
    expect(() => convTranspose2d(x, weight, bias, wide)).toThrow('cuts the output');
    expect(
      convTranspose2d(x, weight, bias, { stride: [1, 3], outputPadding: [0, 1] }).toArray(),
    ).toEqual([
      [
        [
          [1.5, 10.5, 0.5, 2.5, 20.5, 0.5, -0.5, -9.5, 0.5],
          [100.5, 1000.5, 0.5, 200.5, 2000.5, 0.5, -99.5, -999.5, 0.5],
        ],
      ],
    ]);
  });

  it.each([
    ['x', [true, false, false]],
    ['weight', [false, true, false]],
    ['bias', [false, false, true]],
    ['x and bias', [true, false, true]],
    ['weight and bias', [false, true, true]],
  ])('gives gradients for %s alone where only they are wanted', (_, wanted) => {
    const inputs = [[2, 3, 5, 6], [3, 2, 3, 3], [2]].map((shape, i) =>
      rand(shape, { dtype, requiresGrad: wanted[i] === true }),
    );
    const [x, weight, bias] = inputs;
    if (!x || !weight || !bias) throw new Error('three inputs');
    using tape = new Tape();
    const out = convTranspose2d(x, weight, bias, { stride: 2 });
    tape.backward(out, ones(out.shape, { dtype }));
    expect(inputs.map((input) => input.grad !== null)).toEqual(wanted);
    // Each pixel of each of the two images adds 1 to its bias.
    if (bias.grad) expect(bias.grad.toArray()).toEqual([2 * 11 * 13, 2 * 11 * 13]);
  });

  it('takes an empty batch', () => {
    using tape = new Tape();
    const weight = rand([3, 2, 3, 3], { dtype, requiresGrad: true });
    const bias = rand([2], { dtype, requiresGrad: true });
    const out = convTranspose2d(zeros([0, 3, 4, 5], { dtype }), weight, bias, { padding: 1 });
    expect(out.shape).toEqual([0, 2, 4, 5]);
    tape.backward(out, zeros(out.shape, { dtype }));
    expect(weight.grad?.toTypedArray().every((value) => value === 0)).toBe(true);
    expect(bias.grad?.toArray()).toEqual([0, 0]);
  });

  it('500 steps hold the heap flat', () => {
    const layer = new ConvTranspose2d(2, 4, 3, { stride: 2, groups: 2, dtype });
    const x = rand([2, 2, 4, 3], { dtype, requiresGrad: true });
    const step = (): void => {
      using tape = new Tape();
      layer.zeroGrad();
      x.zeroGrad();
      const out = layer.forward(x);
      tape.backward(out, ones(out.shape, { dtype }));
    };
    for (let i = 0; i < 10; i++) step();
    const before = heapStats();
    for (let i = 0; i < 500; i++) step();
    expect(heapStats()).toEqual(before);
    layer.dispose();
    x.dispose();
  });
});

describe('ConvTranspose2d', () => {
  it("has PyTorch's names and layouts, and the fan of the transposed weight", () => {
    manualSeed(5);
    const layer = new ConvTranspose2d(6, 4, [3, 2], { groups: 2 });
    expect([...layer.stateDict()].map(([name, { shape }]) => [name, shape])).toEqual([
      ['weight', [6, 2, 3, 2]],
      ['bias', [4]],
    ]);
    const largest = Math.max(...Array.from(layer.weight.data, Math.abs));
    const bound = 1 / Math.sqrt(2 * 3 * 2);
    expect(largest).toBeLessThanOrEqual(bound * (1 + 2 ** -23));
    expect(largest).toBeGreaterThan(0.8 * bound);
    expect(new ConvTranspose2d(6, 4, 3, { bias: false }).bias).toBeNull();
  });

  it.each([
    [2, 1],
    [3, 0],
  ])('undoes the size of a Conv2d, stride %i and padding %i, for every size', (stride, padding) => {
    using _scope = new Scope();
    const down = new Conv2d(2, 5, [4, 3], { stride, padding });
    const up = new ConvTranspose2d(5, 2, [4, 3], { stride, padding });
    for (let size = 7; size < 7 + 2 * stride; size++) {
      const x = rand([2, 2, size, size + 1]);
      const code = down.forward(x);
      expect(up.forward(code, x.shape).shape).toEqual(x.shape);
      expect(up.forward(code, [size, size + 1]).shape).toEqual(x.shape);
    }
  });

  it('lets outputSize decide in place of outputPadding', () => {
    using _scope = new Scope();
    const layer = new ConvTranspose2d(2, 3, 2, { stride: 2, outputPadding: 1 });
    const x = rand([1, 2, 4, 5]);
    expect(layer.forward(x).shape).toEqual([1, 3, 9, 11]);
    expect(layer.forward(x, [8, 11]).shape).toEqual([1, 3, 8, 11]);
  });
});

function float(...shape: number[]): Tensor {
  return zeros(shape);
}

/** A transposed convolution of [1,4,6,7] with [4,3,3,2] and the given options, typed or not. */
function withOptions(options: object): () => Tensor {
  return () => convTranspose2d(float(1, 4, 6, 7), float(4, 3, 3, 2), null, options);
}

describe('convTranspose2d refuses', () => {
  refuse({
    'images as NHWC': [
      () => convTranspose2d(float(64, 7, 7, 8), float(8, 3, 5, 5)),
      ShapeError,
      'convTranspose2d: weight [8,3,5,5] expects 8 input channels, x [64,7,7,8] has 7; ' +
        'x looks like NHWC, Unfold is NCHW: permute(x, [0, 3, 1, 2])',
    ],
    "a weight in conv2d's layout": [
      () => convTranspose2d(float(2, 3, 9, 9), float(8, 3, 5, 5)),
      ShapeError,
      'convTranspose2d: weight [8,3,5,5] expects 8 input channels, x [2,3,9,9] has 3; ' +
        "weight looks like a convolution's [OC,C/groups,…], here the input channels come first",
    ],
    'another number of channels': [
      () => convTranspose2d(float(2, 4, 9, 9), float(8, 3, 5, 5)),
      ShapeError,
      'convTranspose2d: weight [8,3,5,5] expects 8 input channels, x [2,4,9,9] has 4; ' +
        'the second axis of x must be its channels',
    ],
    'groups that do not divide the input channels': [
      withOptions({ groups: 3 }),
      ShapeError,
      'convTranspose2d: 4 input channels are not divisible by 3 groups; choose a multiple',
    ],
    'groups 0': [
      withOptions({ groups: 0 }),
      ConfigError,
      'convTranspose2d: groups must be an integer of at least 1, got 0',
    ],
    'a bias for one group only': [
      () => convTranspose2d(float(1, 4, 6, 7), float(4, 3, 3, 2), float(3), { groups: 2 }),
      ShapeError,
      'convTranspose2d: expected bias [6], got [3]',
    ],
    'padding that leaves nothing': [
      withOptions({ padding: [4, 0] }),
      ShapeError,
      'convTranspose2d: padding [4,0] cuts the output of x [1,4,6,7] down to [0,8]; ' +
        'use less padding or a larger kernel',
    ],
    'images without pixels': [
      () => convTranspose2d(float(1, 4, 0, 7), float(4, 3, 3, 2)),
      ShapeError,
      'convTranspose2d: expected images with pixels, got x [1,4,0,7]',
    ],
    'an outputPadding of the stride': [
      withOptions({ stride: [2, 3], outputPadding: [2, 0] }),
      ConfigError,
      'convTranspose2d: outputPadding must be smaller than the stride or the dilation, got [2,0] ' +
        'with stride [2,3] and dilation [1,1]; pad the output for more',
    ],
    'a negative outputPadding': [
      withOptions({ stride: 2, outputPadding: -1 }),
      ConfigError,
      'convTranspose2d: outputPadding must be an integer of at least 0, or two of them, got -1',
    ],
    "padding 'same'": [
      withOptions({ padding: 'same' }),
      ConfigError,
      "convTranspose2d: padding must be an integer of at least 0, or two of them, got 'same'",
    ],
    'stride 0': [
      withOptions({ stride: 0 }),
      ConfigError,
      'convTranspose2d: stride must be an integer of at least 1, or two of them, got 0',
    ],
    'a kernel without taps': [
      () => convTranspose2d(float(1, 4, 6, 7), float(4, 3, 3, 0)),
      ConfigError,
      'convTranspose2d: kernel size must be an integer of at least 1, or two of them, got [3,0]',
    ],
    'one image without a batch axis': [
      () => convTranspose2d(float(3, 8, 8), float(3, 4, 3, 3)),
      ShapeError,
      'convTranspose2d: expected x [N,C,H,W] and weight [C,OC/groups,KH,KW], got [3,8,8] and ' +
        '[3,4,3,3]; one image needs a batch axis in front',
    ],
    'mixed dtypes': [
      () => convTranspose2d(float(1, 1, 8, 8), zeros([1, 4, 3, 3], { dtype: 'float64' })),
      DTypeError,
      'convTranspose2d: expected x, weight and bias of one float dtype, got float32 tensor ' +
        "[1,1,8,8], float64 tensor [1,4,3,3]; cast(x, 'float32') converts",
    ],
  });
});

describe('ConvTranspose2d refuses', () => {
  const layer = new ConvTranspose2d(2, 3, 3, { stride: 2, padding: 1 });
  const sized = (x: Tensor, size: readonly number[]) => () => layer.forward(x, size);
  refuse({
    'a size that its stride does not offer': [
      sized(float(5, 2, 4, 6), [9, 11]),
      ShapeError,
      'ConvTranspose2d: x [5,2,4,6] can become a height of 7 … 8 and a width of 11 … 12, ' +
        'got outputSize [9,11]',
    ],
    'a size of one number': [
      sized(float(5, 2, 4, 6), [8]),
      ShapeError,
      'ConvTranspose2d: x [5,2,4,6] can become a height of 7 … 8 and a width of 11 … 12, ' +
        'got outputSize [8]',
    ],
    'a size of three numbers': [
      sized(float(5, 2, 4, 6), [3, 8, 12]),
      ShapeError,
      'ConvTranspose2d: x [5,2,4,6] can become a height of 7 … 8 and a width of 11 … 12, ' +
        'got outputSize [3,8,12]',
    ],
    'a size that is no list, as plain JavaScript may pass it': [
      () => Reflect.apply(layer.forward.bind(layer), undefined, [float(5, 2, 4, 6), 8]),
      ShapeError,
      'ConvTranspose2d: x [5,2,4,6] can become a height of 7 … 8 and a width of 11 … 12, ' +
        'got outputSize 8',
    ],
    'one image, also with a size': [
      sized(float(2, 4, 6), [8, 12]),
      ShapeError,
      'convTranspose2d: expected x [N,C,H,W] and weight [C,OC/groups,KH,KW], got [2,4,6] and ' +
        '[2,3,3,3]; one image needs a batch axis in front',
    ],
    'no channels': [
      () => new ConvTranspose2d(2, 0, 3),
      ConfigError,
      'ConvTranspose2d: expected positive numbers of channels, got 2 and 0',
    ],
    'groups that do not divide': [
      () => new ConvTranspose2d(4, 6, 3, { groups: 4 }),
      ShapeError,
      'ConvTranspose2d: 4 input and 6 output channels must both be divisible by groups = 4',
    ],
    'kernel size 0': [
      () => new ConvTranspose2d(4, 6, [3, 0]),
      ConfigError,
      'ConvTranspose2d: kernel size must be an integer of at least 1, or two of them, got [3,0]',
    ],
    'an outputPadding that its stride does not allow': [
      () => new ConvTranspose2d(4, 6, 3, { outputPadding: 1 }),
      ConfigError,
      'convTranspose2d: outputPadding must be smaller than the stride or the dilation, got [1,1] ' +
        'with stride [1,1] and dilation [1,1]; pad the output for more',
    ],
  });

  it('and leaves nothing behind', () => {
    const before = heapStats();
    expect(() => new ConvTranspose2d(4, 6, 3, { outputPadding: 1 })).toThrow('outputPadding');
    expect(heapStats().liveTensors).toBe(before.liveTensors);
  });
});
