import {
  ConfigError,
  DTypeError,
  Generator,
  heapStats,
  randn,
  Scope,
  ShapeError,
  tensor,
  zeros,
  type Tensor,
} from '@unfold/core';
import {
  interpolate,
  PixelShuffle,
  pixelShuffle,
  PixelUnshuffle,
  pixelUnshuffle,
  Unflatten,
  unflatten,
  Upsample,
  type InterpolateOptions,
} from '@unfold/nn';
import { describe, expect, it } from 'vitest';
import { expectClose } from '../support/compare.js';
import { onEveryEngine } from '../support/convolutions/engines.js';
import { gradchecks } from '../support/gradchecks.js';
import { refuse } from '../support/refuse.js';

const CALLS: readonly (readonly [readonly number[], InterpolateOptions])[] = [
  [[2, 3, 4, 5], { scaleFactor: 2 }],
  [[2, 3, 4, 5], { size: [3, 7], mode: 'nearest-exact' }],
  [[2, 3, 4], { size: 7, mode: 'linear' }],
  [[2, 3, 4, 5], { size: [7, 3], mode: 'bilinear' }],
  [[2, 3, 4, 5], { scaleFactor: [1.7, 0.6], mode: 'bilinear' }],
  [[2, 3, 4, 5], { size: [1, 9], mode: 'bilinear', alignCorners: true }],
  [[1, 2, 1, 1], { size: 3, mode: 'bilinear' }],
  [[1, 2, 3, 2, 4], { scaleFactor: 1.5 }],
];
const calls = CALLS.map(([shape, options]) => ({ shape, options }));

const random = { dtype: 'float64', generator: new Generator(3), requiresGrad: true } as const;

describe('gradcheck', () => {
  it.each(calls)('interpolate of $shape, $options', ({ shape, options }) => {
    using _scope = new Scope();
    gradchecks((x) => interpolate(x as Tensor, options), [randn(shape, random)]);
  });

  it('pixelShuffle, pixelUnshuffle and unflatten', () => {
    using _scope = new Scope();
    gradchecks((x) => pixelShuffle(x as Tensor, 2), [randn([2, 8, 3, 2], random)]);
    gradchecks((x) => pixelUnshuffle(x as Tensor, 2), [randn([2, 3, 4, 6], random)]);
    gradchecks((x) => unflatten(x as Tensor, 1, [2, 3]), [randn([2, 6, 2], random)]);
  });
});

onEveryEngine('interpolate', ({ dtype }) => {
  const line = (values: readonly number[], options: InterpolateOptions): number[] => {
    using _scope = new Scope();
    return [...interpolate(tensor(values, [1, 1, values.length], { dtype }), options).data];
  };

  it('repeats pixels, and takes the one that a corner or a centre lies in', () => {
    expect(line([1, 2, 3], { scaleFactor: 2 })).toEqual([1, 1, 2, 2, 3, 3]);
    expect(line([1, 2, 3, 4, 5], { size: 3 })).toEqual([1, 2, 4]);
    expect(line([1, 2, 3, 4, 5], { size: 3, mode: 'nearest-exact' })).toEqual([1, 3, 5]);
    expect(line([1, 2, 3, 4], { scaleFactor: 0.5 })).toEqual([1, 3]);
  });

  it('shares between neighbours, by centres or by corners', () => {
    expect(line([0, 4, 8], { scaleFactor: 2, mode: 'linear' })).toEqual([0, 1, 3, 5, 7, 8]);
    const aligned = { size: 5, mode: 'linear', alignCorners: true } as const;
    expect(line([0, 4, 8], aligned)).toEqual([0, 2, 4, 6, 8]);
    expect(line([3], aligned)).toEqual([3, 3, 3, 3, 3]);
    expect(line([3, 7], { ...aligned, size: 1 })).toEqual([3]);
  });

  it('copies a size that stays, and repeats in nearest where one doubles, whatever the factor', () => {
    const line = (...values: number[]): Tensor => tensor(values, [1, 1, values.length]);
    const by = (scaleFactor: number, mode: 'nearest' | 'nearest-exact' | 'linear', x: Tensor) =>
      interpolate(x, { scaleFactor, mode }).toTypedArray();
    expect([...by(1.25, 'linear', line(0, 1, 2))]).toEqual([0, 1, 2]);
    expect([...by(1.25, 'nearest', line(0, 1, 2))]).toEqual([0, 1, 2]);
    expect([...by(2.4, 'nearest', line(0, 1))]).toEqual([0, 0, 1, 1]);
    expect([...by(1.25, 'nearest-exact', line(0, 1, 2))]).toEqual([0, 1, 2]);
    const image = tensor([0, 1, 2, 3, 4, 5], [1, 1, 2, 3]);
    const same = interpolate(image, { scaleFactor: 1.25, mode: 'bilinear' });
    expect(same.toArray()).toEqual(image.toArray());
  });

  it('keeps NaN and infinities to the places that take a share of them', () => {
    const options = { size: 5, mode: 'linear', alignCorners: true } as const;
    expect(line([Infinity, 1, 2], options)).toEqual([Infinity, Infinity, 1, 1.5, 2]);
    expect(line([1, NaN, 2], options)).toEqual([1, NaN, NaN, NaN, 2]);
    expect(line([1, Infinity], { scaleFactor: 2 })).toEqual([1, 1, Infinity, Infinity]);
  });

  it('is bilinear in images', () => {
    using _scope = new Scope();
    const x = tensor([0, 4, 8, 12], [1, 1, 2, 2], { dtype });
    const out = interpolate(x, { size: 3, mode: 'bilinear', alignCorners: true });
    expect([...out.data]).toEqual([0, 2, 4, 4, 6, 8, 8, 10, 12]);
    expectClose(
      new Upsample({ size: 3, mode: 'bilinear', alignCorners: true }).forward(x).data,
      out.data,
      { rtol: 0, atol: 0 },
    );
  });

  it('takes no images', () => {
    expect(interpolate(zeros([0, 2, 3, 4], { dtype }), { scaleFactor: 2 }).shape).toEqual([
      0, 2, 6, 8,
    ]);
  });
});

onEveryEngine('pixelShuffle', ({ dtype }) => {
  it('makes blocks of channels, and pixelUnshuffle channels of blocks', () => {
    using _scope = new Scope();
    const x = tensor([...Array(12).keys()], [1, 4, 1, 3], { dtype });
    const out = pixelShuffle(x, 2);
    expect(out.shape).toEqual([1, 1, 2, 6]);
    expect([...out.data]).toEqual([0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]);
    expect(pixelUnshuffle(out, 2).toArray()).toEqual(x.toArray());
    expect(new PixelShuffle(2).forward(x).data).toEqual(out.data);
    expect(new PixelUnshuffle(2).forward(out).data).toEqual(x.data);
  });

  it('takes images without a batch, of whole numbers, and of nothing', () => {
    using _scope = new Scope();
    expect(pixelShuffle(zeros([9, 2, 4], { dtype: 'int32' }), 3).describe()).toBe(
      'int32 tensor [1,6,12]',
    );
    expect(pixelUnshuffle(zeros([0, 2, 4, 0], { dtype }), 2).shape).toEqual([0, 8, 2, 0]);
  });
});

describe('unflatten', () => {
  it('splits an axis, from the back too, and finds a size', () => {
    using _scope = new Scope();
    const x = randn([2, 12, 3]);
    expect(unflatten(x, 1, [3, 4]).shape).toEqual([2, 3, 4, 3]);
    expect(unflatten(x, -2, [-1, 2, 2]).shape).toEqual([2, 3, 2, 2, 3]);
    expect(new Unflatten(1, [3, 4]).forward(x).data).toEqual(x.data);
    expect(String(new Unflatten(1, [3, 4]))).toBe('Unflatten(axis=1, unflattenedSize=[3, 4])');
  });
});

describe('images in other shapes', () => {
  it('leave nothing on the heap but their results', () => {
    const x = randn([1, 4, 4, 4]);
    const before = heapStats().liveTensors;
    const results = [
      interpolate(x, { scaleFactor: 2, mode: 'bilinear' }),
      pixelShuffle(x, 2),
      pixelUnshuffle(x, 2),
    ];
    expect(heapStats().liveTensors).toBe(before + results.length);
    for (const made of [x, ...results]) made.dispose();
  });

  const x = (): Tensor => zeros([1, 4, 5, 6]);
  refuse({
    'neither size nor factor': [
      () => interpolate(x(), {}),
      ConfigError,
      'interpolate: expected size or scaleFactor, got neither',
    ],
    'size and factor': [
      () => new Upsample({ size: 2, scaleFactor: 2 }),
      ConfigError,
      'Upsample: expected size or scaleFactor, got both',
    ],
    'corners of nearest': [
      () => new Upsample({ size: 2, alignCorners: true }),
      ConfigError,
      "Upsample: alignCorners is for linear and bilinear, got 'nearest'",
    ],
    'images for linear': [
      () => interpolate(x(), { size: 2, mode: 'linear' }),
      ShapeError,
      "interpolate: expected x [N,C,L] for mode 'linear', got [1,4,5,6]",
    ],
    'a matrix': [
      () => interpolate(zeros([2, 3]), { size: 2 }),
      ShapeError,
      "interpolate: expected x [N,C,…] for mode 'nearest', got [2,3]",
    ],
    'another number of sizes': [
      () => interpolate(x(), { size: [2] }),
      ShapeError,
      'interpolate: expected 2 numbers for the axes of x [1,4,5,6], got [2]',
    ],
    'a result of no pixels': [
      () => interpolate(x(), { scaleFactor: 0.1 }),
      ShapeError,
      'interpolate: expected pixels before and after, got x [1,4,5,6] and size [0,0]',
    ],
    'images of no pixels': [
      () => interpolate(zeros([1, 1, 0, 3]), { size: 2 }),
      ShapeError,
      'interpolate: expected pixels before and after, got x [1,1,0,3] and size [2,2]',
    ],
    integers: [
      () => interpolate(zeros([1, 1, 2, 3], { dtype: 'int32' }), { size: 2 }),
      DTypeError,
      'interpolate: expected a float tensor, got int32 tensor [1,1,2,3]; cast it first',
    ],
    'channels that are no blocks': [
      () => pixelShuffle(x(), 3),
      ShapeError,
      'pixelShuffle: expected x […,C·9,H,W], got [1,4,5,6]',
    ],
    'images that are no blocks': [
      () => pixelUnshuffle(x(), 2),
      ShapeError,
      'pixelUnshuffle: expected x […,C,H·2,W·2], got [1,4,5,6]',
    ],
    'sizes that do not make the axis': [
      () => unflatten(x(), 1, [3, -1]),
      ShapeError,
      'unflatten: axis 1 of x [1,4,5,6] is not one of [3,-1]',
    ],
    'an axis that is none': [
      () => unflatten(x(), 4, [2, 2]),
      ShapeError,
      'unflatten: axis 4 of x [1,4,5,6] is not one of [2,2]',
    ],
  });
});
