import {
  full,
  heapStats,
  indexSelect,
  randn,
  Scope,
  ShapeError,
  sum,
  Tape,
  tensor,
  zeros,
  type Tensor,
} from '@unfold/core';
import {
  adaptiveAvgPool2d,
  avgPool2d,
  conv2d,
  convTranspose2d,
  fold,
  maxPool2d,
  unfold,
  type Conv2dOptions,
} from '@unfold/nn';
import { describe, expect, it } from 'vitest';
import { onEveryEngine } from '../support/convolutions/engines.js';
import { refuse } from '../support/refuse.js';

/** The result of a convolution of fixed operands, and the gradients of its sum. */
function results(options: Conv2dOptions, dtype: 'float32' | 'float64'): number[][] {
  return Scope.run(() => {
    const count = (shape: number[]) =>
      tensor(
        Float64Array.from({ length: shape.reduce((n, dim) => n * dim, 1) }, (_, i) => (i % 7) - 3),
        shape,
        { dtype, requiresGrad: true },
      );
    const [x, weight, bias] = [count([2, 4, 9, 8]), count([6, 2, 3, 2]), count([6])];
    using tape = new Tape();
    const out = conv2d(x, weight, bias, { groups: 2, ...options });
    tape.backward(sum(out));
    const gradients = [x, weight, bias].map(({ grad }) => [...(grad?.toTypedArray() ?? [])]);
    return [[...out.shape], [...out.toTypedArray()], ...gradients];
  });
}

/** Fails if `run` changes a tensor that has no part in it. */
function unharmed(run: () => void): void {
  using others = new Scope();
  const other = full([4096], 5);
  run();
  expect(other.toTypedArray().every((value) => value === 5)).toBe(true);
  others.close();
}

onEveryEngine('options of a convolution far beyond its image', ({ dtype }) => {
  // From a dilation of the image's size on, only the taps in line with a pixel meet anything.
  it.each([9000, 65_536, 2 ** 24, 2 ** 28, 2 ** 29])('dilation and padding of %d', (far) => {
    const near = results({ dilation: [20, 1], padding: [20, 0], stride: [2, 2] }, dtype);
    unharmed(() => {
      const away = results({ dilation: [far, 1], padding: [far, 0], stride: [2, 2] }, dtype);
      expect(away).toEqual(near);
    });
  });

  it.each([9000, 2 ** 20])('dilation and padding of %d along both axes', (far) => {
    // Across, both taps lie on the padding.
    const options = (d: number): Conv2dOptions => ({ dilation: d, padding: [d, d / 2] });
    const near = results(options(20), dtype);
    unharmed(() => expect(results(options(far), dtype)).toEqual(near));
  });

  // The first and the last row of windows lie wholly on the padding.
  it.each([65_536, 2 ** 20, 2 ** 28])('padding and stride of %d', (far) => {
    const near = results({ padding: [20, 0], stride: [20, 1] }, dtype);
    unharmed(() => expect(results({ padding: [far, 0], stride: [far, 1] }, dtype)).toEqual(near));
  });

  it.each([2 ** 20, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 1e15, 1e300])(
    'stride %d, where there is one window',
    (far) => {
      const near = results({ stride: 20 }, dtype);
      unharmed(() => expect(results({ stride: far }, dtype)).toEqual(near));
    },
  );
});

onEveryEngine('other windows', ({ dtype }) => {
  const x = (): Tensor =>
    tensor(
      Float64Array.from({ length: 144 }, (_, i) => (i * 37) % 101),
      [1, 2, 9, 8],
      { dtype },
    );

  it.each([2 ** 31, 2 ** 32, 1e300])('a stride of %d, where there is one window', (stride) => {
    using scope = new Scope();
    const values = (of: Tensor) => [...of.toTypedArray()];
    expect(values(maxPool2d(x(), 2, { stride }))).toEqual(
      values(maxPool2d(x(), 2, { stride: 20 })),
    );
    expect(values(avgPool2d(x(), 2, { stride }))).toEqual(
      values(avgPool2d(x(), 2, { stride: 20 })),
    );
    const columns = unfold(x(), 2, { stride });
    expect(values(columns)).toEqual(values(unfold(x(), 2, { stride: 20 })));
    expect(values(fold(columns, [9, 8], 2, { stride }))).toEqual(
      values(fold(columns, [9, 8], 2, { stride: 20 })),
    );
    const pixel = full([1, 2, 1, 1], 3, { dtype });
    const weight = full([2, 1, 3, 2], 2, { dtype });
    expect(values(convTranspose2d(pixel, weight, null, { stride }))).toEqual(
      values(convTranspose2d(pixel, weight, null, { stride: 1 })),
    );
    scope.close();
  });

  it('a pooling with a kernel far larger than the image', () => {
    using scope = new Scope();
    const largest = maxPool2d(x(), 2 ** 30, { padding: 2 ** 29 });
    expect(largest.shape).toEqual([1, 2, 1, 1]);
    const planes = [x().toTypedArray().subarray(0, 72), x().toTypedArray().subarray(72)];
    expect([...largest.toTypedArray()]).toEqual(planes.map((plane) => Math.max(...plane)));
    scope.close();
  });
});

describe('what does not fit into 32 bits is refused', () => {
  const image = () => zeros([1, 2, 9, 8]);
  const weight = () => zeros([6, 2, 3, 2]);
  const windows = (operation: string, kernel: string, rest: string) =>
    `${operation}: expected windows whose positions stay below 2^31, got kernel ${kernel}, ${rest} ` +
    'over images of [9,8]; use smaller ones';

  refuse({
    'a dilation': [
      () => conv2d(image(), weight(), null, { dilation: [2 ** 30, 1], padding: [2 ** 30, 0] }),
      ShapeError,
      windows(
        'conv2d',
        '[3,2]',
        'stride [1,1], padding [1073741824,0] and dilation [1073741824,1]',
      ),
    ],
    'a padding': [
      () => conv2d(image(), weight(), null, { padding: [2 ** 32, 0], stride: [2 ** 32, 1] }),
      ShapeError,
      'conv2d: expected integers of 0 … 2^31 - 1, got the stride = 4294967296; use smaller sizes',
    ],
    'more windows than there may be': [
      () => conv2d(image(), weight(), null, { padding: 2 ** 30 }),
      ShapeError,
      'conv2d: expected integers of 0 … 2^31 - 1, got OH = 2147483655; use smaller sizes',
    ],
    'a transposed convolution': [
      () => convTranspose2d(image(), zeros([2, 1, 3, 3]), null, { stride: 2 ** 29 }),
      ShapeError,
      'convTranspose2d: expected integers of 0 … 2^31 - 1, got H = 4294967299; use smaller sizes',
    ],
    'an unfold': [
      () => unfold(image(), 3, { dilation: 2 ** 31, padding: 2 ** 31 }),
      ShapeError,
      'unfold: expected integers of 0 … 2^31 - 1, got the padding = 2147483648; use smaller sizes',
    ],
    'a fold': [
      () => fold(zeros([1, 9, 72]), [9, 8], 3, { dilation: 2 ** 30, padding: 2 ** 30 }),
      ShapeError,
      windows(
        'fold',
        '[3,3]',
        'stride [1,1], padding [1073741824,1073741824] and dilation [1073741824,1073741824]',
      ),
    ],
    'an average over windows that nobody can unfold': [
      () => avgPool2d(image(), 2 ** 20, { padding: 2 ** 19 }),
      ShapeError,
      'avgPool2d: shape [1,1099511627776] has 1099511627776 elements; the limit is 2^31 - 1',
    ],
    'an adaptive output': [
      () => adaptiveAvgPool2d(image(), 2 ** 30),
      ShapeError,
      'adaptiveAvgPool2d: shape [1,2,1073741824,1073741824] has 2305843009213694000 elements; the ' +
        'limit is 2^31 - 1',
    ],
    'an unfold of no images': [
      () => unfold(zeros([0, 1, 60_000, 60_000]), 3),
      ShapeError,
      'unfold: shape [0,9,3599760004] has a dimension beyond the limit of 2^31 - 1',
    ],
    'a dimension beside a 0': [
      () => zeros([2 ** 40, 0]),
      ShapeError,
      'zeros: shape [1099511627776,0] has a dimension beyond the limit of 2^31 - 1',
    ],
  });
});

describe('work space', () => {
  it('of a convolution that needs much is given back', () => {
    const usedBy = (size: number): number => {
      using scope = new Scope();
      conv2d(zeros([1, 64, size, size]), zeros([1, 64, 3, 3]), null, { padding: 1 });
      scope.close();
      return heapStats().usedBytes;
    };
    const small = usedBy(32);
    // Its planes take 64·514·514·4 bytes.
    expect(usedBy(512)).toBeLessThan(small + 2 ** 24);
  });

  it('is not taken for planes that are mostly padding', () => {
    using scope = new Scope();
    const x = randn([1, 4, 9, 8]);
    const weight = randn([3, 4, 3, 3]);
    const before = heapStats().heapBytes;
    conv2d(x, weight, null, { dilation: 9000, padding: 9000 });
    expect(heapStats().heapBytes - before).toBeLessThan(2 ** 26);
    scope.close();
  });
});

it('so many channels that a block holds no Winograd tile', () => {
  using scope = new Scope();
  const [N, C, OC] = [17, 8200, 72];
  const x = full([N, C, 7, 7], 1);
  const weight = full([OC, C, 3, 3], 2 ** -10);
  const out = conv2d(x, weight, null, { padding: 1 }).toTypedArray();
  // A corner's window meets four pixels, another one nine.
  expect(out[0]).toBe((4 * C) / 1024);
  expect(out[8]).toBe((9 * C) / 1024);
  expect(out.at(-9)).toBe((9 * C) / 1024);
  scope.close();
});

it('indices that were changed after the operation harm nobody', () => {
  unharmed(() => {
    using tape = new Tape();
    const x = zeros([4, 3], { requiresGrad: true });
    const index = tensor(Int32Array.of(3, 1));
    const loss = sum(indexSelect(x, 0, index));
    index.data[0] = 1000;
    expect(() => tape.backward(loss)).toThrow(
      new ShapeError(
        'indexAdd: expected positions of 0 … 3, got 1000 at element 0; were the indices changed ' +
          'since the operation that checked them?',
      ),
    );
  });
});
