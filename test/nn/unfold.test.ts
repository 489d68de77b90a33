import {
  arange,
  ConfigError,
  DTypeError,
  Generator,
  matmul,
  randn,
  reshape,
  Scope,
  ShapeError,
  Tape,
  zeros,
  type Tensor,
} from '@unfold/core';
import { conv2d, fold, unfold } from '@unfold/nn';
import { describe, expect, it } from 'vitest';
import { expectClose } from '../support/compare.js';
import { onEveryEngine } from '../support/convolutions/engines.js';
import { loadFixture, tensorOf } from '../support/fixtures/fixtures.js';
import { refuse } from '../support/refuse.js';
import { gradchecks } from '../support/gradchecks.js';

const { cases } = loadFixture('unfold');

onEveryEngine('unfold and fold', ({ dtype }) => {
  it.each(cases)('are those of PyTorch: $name', ({ kernel, options, x, columns, folded }) => {
    using _scope = new Scope();
    const U = unfold(tensorOf(x, dtype), kernel, options);
    expect(U.shape).toEqual(columns.shape);
    expect(Array.from(U.data)).toEqual(Array.from(columns.data));
    const [, , H = 0, W = 0] = x.shape;
    const back = fold(U, [H, W], kernel, options);
    expect(back.shape).toEqual(x.shape);
    expect(Array.from(back.data)).toEqual(Array.from(folded.data));
  });

  it.each(cases)("have each other's values as gradients: $name", (given) => {
    const { kernel, options, columns, folded } = given;
    using tape = new Tape();
    const x = tensorOf(given.x, dtype, { requiresGrad: true });
    tape.backward(unfold(x, kernel, options), tensorOf(columns, dtype));
    expect(Array.from(x.grad?.data ?? [])).toEqual(Array.from(folded.data));
    using second = new Tape();
    const U = tensorOf(columns, dtype, { requiresGrad: true });
    const [, , H = 0, W = 0] = x.shape;
    second.backward(fold(U, [H, W], kernel, options), x);
    expect(Array.from(U.grad?.data ?? [])).toEqual(Array.from(columns.data));
  });

  it('make a convolution of a product, as docs/convolution.md says', () => {
    using _scope = new Scope();
    const random = { dtype, generator: new Generator(4) };
    const x = randn([2, 3, 7, 6], random);
    const weight = randn([4, 3, 3, 2], random);
    const options = { stride: [2, 1], padding: [1, 0], dilation: [1, 2] } as const;
    const product = matmul(reshape(weight, [4, -1]), unfold(x, [3, 2], options));
    const out = conv2d(x, weight, null, options);
    const close = dtype === 'float64' ? 1e-12 : 1e-5;
    expectClose(product.data, out.data, { rtol: close, atol: close });
  });

  it('take an empty batch', () => {
    using _scope = new Scope();
    const U = unfold(zeros([0, 2, 4, 5], { dtype }), 2);
    expect(U.shape).toEqual([0, 8, 12]);
    expect(fold(U, [4, 5], 2).shape).toEqual([0, 2, 4, 5]);
  });
});

describe('unfold', () => {
  it('counts patches along rows, and channel, row, column inside a patch', () => {
    const x = reshape(arange(24), [1, 2, 3, 4]);
    expect(unfold(x, [2, 3]).toArray()).toEqual([
      [
        [0, 1, 4, 5],
        [1, 2, 5, 6],
        [2, 3, 6, 7],
        [4, 5, 8, 9],
        [5, 6, 9, 10],
        [6, 7, 10, 11],
        [12, 13, 16, 17],
        [13, 14, 17, 18],
        [14, 15, 18, 19],
        [16, 17, 20, 21],
        [17, 18, 21, 22],
        [18, 19, 22, 23],
      ],
    ]);
  });

  it.each(cases)('gradcheck, $name', ({ kernel, options, x, columns }) => {
    using _scope = new Scope();
    const leaf = (shape: readonly number[]): Tensor =>
      randn(shape, { dtype: 'float64', generator: new Generator(9), requiresGrad: true });
    const [, , H = 0, W = 0] = x.shape;
    gradchecks((...[image]) => unfold(image as Tensor, kernel, options), [leaf(x.shape)]);
    gradchecks((...[U]) => fold(U as Tensor, [H, W], kernel, options), [leaf(columns.shape)]);
  });
});

describe('unfold and fold refuse', () => {
  refuse({
    'one image without a batch axis': [
      () => unfold(zeros([3, 8, 8]), 3),
      ShapeError,
      'unfold: expected x [N,C,H,W], got [3,8,8]',
    ],
    bytes: [
      () => unfold(zeros([1, 3, 8, 8], { dtype: 'uint8' }), 3),
      DTypeError,
      'unfold: expected a float tensor, got uint8 tensor [1,3,8,8]; cast it first',
    ],
    'a kernel larger than the padded image': [
      () => unfold(zeros([1, 3, 8, 8]), 11, { padding: 1 }),
      ShapeError,
      'unfold: the kernel spans [11,11] pixels and the padded input has [10,10]; ' +
        'use a smaller kernel or more padding',
    ],
    'stride 0': [
      () => unfold(zeros([1, 3, 8, 8]), 3, { stride: 0 }),
      ConfigError,
      'unfold: stride must be an integer of at least 1, or two of them, got 0',
    ],
    'columns without a batch axis': [
      () => fold(zeros([27, 36]), 8, 3),
      ShapeError,
      'fold: expected columns [N,C·KH·KW,OH·OW], got [27,36]',
    ],
    'rows that are not whole patches': [
      () => fold(zeros([2, 28, 36]), 8, 3),
      ShapeError,
      'fold: images of [8,8] and patches of [3,3] expect columns [N,C·9,36], got [2,28,36]',
    ],
    'another number of patches': [
      () => fold(zeros([2, 27, 30]), [8, 7], 3, { padding: 1 }),
      ShapeError,
      'fold: images of [8,7] and patches of [3,3] expect columns [N,C·9,56], got [2,27,30]',
    ],
    'columns of bytes': [
      () => fold(zeros([2, 27, 36], { dtype: 'uint8' }), 8, 3),
      DTypeError,
      'fold: expected a float tensor, got uint8 tensor [2,27,36]; cast it first',
    ],
    'images without pixels': [
      () => fold(zeros([2, 27, 36]), [8, 0], 3),
      ConfigError,
      'fold: size must be an integer of at least 1, or two of them, got [8,0]',
    ],
  });
});
