import {
  ConfigError,
  DTypeError,
  Generator,
  gradcheck,
  gradgradcheck,
  randn,
  Scope,
  ShapeError,
  slice,
  sum,
  Tape,
  tensor,
  zeros,
  type Tensor,
} from '@unfold/core';
import { AdaptiveAvgPool2d, adaptiveAvgPool2d, AvgPool2d, avgPool2d } from '@unfold/nn';
import { describe, expect, it } from 'vitest';
import { expectClose } from '../support/compare.js';
import { onEveryEngine } from '../support/convolutions/engines.js';
import { refuse } from '../support/refuse.js';

describe('gradcheck', () => {
  const image = (N = 2, C = 3): Tensor =>
    randn([N, C, 7, 6], { dtype: 'float64', generator: new Generator(2), requiresGrad: true });

  /** Gradients of gradients of fewer planes: there is a difference for each element here and there. */
  const check = (pool: (x: Tensor) => Tensor): void => {
    gradcheck((x) => pool(x as Tensor), [image()]);
    gradgradcheck((x) => pool(x as Tensor), [image(1, 2)]);
  };

  it.each([
    [2, {}],
    [[3, 2], { stride: [2, 1] }],
    [[2, 3], { stride: 1, padding: [1, 1] }],
    [3, { stride: [1, 3], padding: [1, 0], countIncludePad: false }],
    [[7, 6], {}],
  ] as const)('avgPool2d, kernel %j, %j', (kernel, options) => {
    using _scope = new Scope();
    check((x) => avgPool2d(x, kernel, options));
  });

  it.each([[1], [[7, 3]], [[3, 4]], [[9, 5]]] as const)('adaptiveAvgPool2d to %j', (size) => {
    using _scope = new Scope();
    check((x) => adaptiveAvgPool2d(x, size));
  });
});

onEveryEngine('AvgPool2d', ({ dtype }) => {
  const picture = tensor([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 1, 3, 3], { dtype });

  it('averages windows that touch, and leaves a rest unread', () => {
    expect(new AvgPool2d(2).forward(picture).toArray()).toEqual([[[[3]]]]);
    expect(new AvgPool2d([1, 3]).forward(picture).toArray()).toEqual([[[[2], [5], [8]]]]);
  });

  it('counts the zeros of the padding, or does not', () => {
    const options = { stride: 2, padding: 1 };
    expect(avgPool2d(picture, 2, options).toArray()).toEqual([
      [
        [
          [0.25, 1.25],
          [2.75, 7],
        ],
      ],
    ]);
    expect(avgPool2d(picture, 2, { ...options, countIncludePad: false }).toArray()).toEqual([
      [
        [
          [1, 2.5],
          [5.5, 7],
        ],
      ],
    ]);
  });

  it('gives every pixel of a window the same share', () => {
    using tape = new Tape();
    const x = tensor([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 1, 3, 3], { dtype, requiresGrad: true });
    tape.backward(sum(avgPool2d(x, 2, { stride: 1 })));
    expect(x.grad?.toArray()).toEqual([
      [
        [
          [0.25, 0.5, 0.25],
          [0.5, 1, 0.5],
          [0.25, 0.5, 0.25],
        ],
      ],
    ]);
  });

  it('takes more than it unfolds at a time: an image comes out as it does alone', () => {
    using tape = new Tape();
    // 90 planes of 9·26·26 taps: twice what is unfolded at a time, and a rest.
    const random = { dtype, generator: new Generator(4), requiresGrad: true };
    const x = randn([30, 3, 28, 28], random);
    const out = avgPool2d(x, 3, { stride: 1 });
    const weights = randn(out.shape, { dtype, generator: new Generator(5) });
    tape.backward(out, weights);
    for (const image of [0, 17, 29]) {
      using alone = new Tape();
      const one = slice(x.detach(), [[image, image + 1]]);
      one.requiresGrad = true;
      const expected = avgPool2d(one, 3, { stride: 1 });
      expectClose(slice(out.detach(), [[image, image + 1]]).data, expected.data, {
        rtol: 0,
        atol: 0,
      });
      alone.backward(expected, slice(weights, [[image, image + 1]]));
      const size = 3 * 28 * 28;
      const gradient = x.grad?.data.subarray(image * size, (image + 1) * size) ?? [];
      expectClose(gradient, one.grad?.data ?? [], { rtol: 0, atol: 0 });
    }
  });

  it('takes an empty batch', () => {
    expect(avgPool2d(zeros([0, 3, 4, 4], { dtype }), 2).shape).toEqual([0, 3, 2, 2]);
  });
});

onEveryEngine('AdaptiveAvgPool2d', ({ dtype }) => {
  it('with output size 1 is the mean of each channel, with the own size the image', () => {
    using _scope = new Scope();
    const x = tensor([1, 2, 3, 6, 0, 0, 0, 4], [1, 2, 2, 2], { dtype });
    expect(new AdaptiveAvgPool2d(1).forward(x).toArray()).toEqual([[[[3]], [[1]]]]);
    expect(new AdaptiveAvgPool2d(2).forward(x).data).toEqual(x.data);
  });

  it('takes overlapping windows where the size does not divide', () => {
    using _scope = new Scope();
    const x = tensor([1, 2, 3, 4, 5], [1, 1, 1, 5], { dtype });
    // Windows 0…1, 1…3 and 3…4.
    expect(adaptiveAvgPool2d(x, [1, 3]).toArray()).toEqual([[[[1.5, 3, 4.5]]]]);
  });
});

describe('pooling refuses', () => {
  const float = (...shape: number[]): Tensor => zeros(shape);
  refuse({
    'an image without a batch axis': [
      () => avgPool2d(float(3, 8, 8), 2),
      ShapeError,
      'avgPool2d: expected x [N,C,H,W], got [3,8,8]',
    ],
    'a kernel larger than the image': [
      () => new AvgPool2d(3).forward(float(1, 1, 4, 2)),
      ShapeError,
      'avgPool2d: the kernel spans [3,3] pixels and the padded input has [4,2]; ' +
        'use a smaller kernel or more padding',
    ],
    'more padding than half the kernel': [
      () => avgPool2d(float(1, 1, 4, 4), 2, { padding: 2 }),
      ConfigError,
      'avgPool2d: padding must be at most half the kernel [2,2], got [2,2]',
    ],
    bytes: [
      () => avgPool2d(zeros([1, 1, 4, 4], { dtype: 'uint8' }), 2),
      DTypeError,
      'avgPool2d: expected a float tensor, got uint8 tensor [1,1,4,4]; cast it first',
    ],
    'an output of no pixels': [
      () => new AdaptiveAvgPool2d([0, 2]),
      ConfigError,
      'AdaptiveAvgPool2d: output size must be an integer of at least 1, or two of them, got [0,2]',
    ],
    'one image to adapt without a batch axis': [
      () => adaptiveAvgPool2d(float(3, 8, 8), 1),
      ShapeError,
      'adaptiveAvgPool2d: expected x [N,C,H,W], got [3,8,8]',
    ],
    'images without pixels': [
      () => adaptiveAvgPool2d(float(1, 1, 0, 4), 1),
      ShapeError,
      'adaptiveAvgPool2d: expected images with pixels, got x [1,1,0,4]',
    ],
    'bytes to adapt': [
      () => adaptiveAvgPool2d(zeros([1, 1, 4, 4], { dtype: 'uint8' }), 1),
      DTypeError,
      'adaptiveAvgPool2d: expected a float tensor, got uint8 tensor [1,1,4,4]; cast it first',
    ],
  });
});
