import { formatShape, ShapeError, sizeOf } from '@unfold/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  broadcastGeometry,
  broadcastShapes,
  broadcastStrides,
  checkShape,
  mergeAxes,
  normalizeAxes,
  normalizeAxis,
  reducedShape,
  reduceGeometry,
  sameShape,
  stridesOf,
} from '../../packages/core/src/shape.js';

const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });

/** The offsets that a walk over `shape` visits, in row-major order. */
function offsets(shape: readonly number[], strides: readonly number[]): number[] {
  return shape.reduce<number[]>(
    (starts, dim, axis) =>
      starts.flatMap((start) =>
        Array.from({ length: dim }, (_, i) => start + i * (strides[axis] ?? 0)),
      ),
    [0],
  );
}

describe('formatShape and sizeOf', () => {
  it.each([
    [[], '[]', 1],
    [[0], '[0]', 0],
    [[2, 3], '[2,3]', 6],
    [[4, 0, 5], '[4,0,5]', 0],
  ] as const)('%j', (shape, text, size) => {
    expect(formatShape(shape)).toBe(text);
    expect(sizeOf(shape)).toBe(size);
  });

  it('sameShape compares rank and dimensions', () => {
    expect(sameShape([2, 3], [2, 3])).toBe(true);
    expect(sameShape([], [])).toBe(true);
    expect(sameShape([2, 3], [3, 2])).toBe(false);
    expect(sameShape([2], [2, 1])).toBe(false);
    expect(sameShape([2, 1], [2])).toBe(false);
  });
});

describe('checkShape', () => {
  it.each([[[]], [[0]], [[1, 2, 3]], [[2 ** 31 - 1]], [[2 ** 20, 2 ** 20, 0]]])(
    'takes %j',
    (shape) => {
      expect(() => checkShape('zeros', shape)).not.toThrow();
    },
  );

  it.each([
    [[-1], 'zeros: shape [-1] must hold integers of at least 0'],
    [[2, 1.5], 'zeros: shape [2,1.5] must hold integers of at least 0'],
    [[NaN], 'zeros: shape [NaN] must hold integers of at least 0'],
    [[Infinity], 'zeros: shape [Infinity] must hold integers of at least 0'],
    [[2 ** 31], 'zeros: shape [2147483648] has 2147483648 elements; the limit is 2^31 - 1'],
    [[65536, 32768], 'zeros: shape [65536,32768] has 2147483648 elements; the limit is 2^31 - 1'],
  ])('refuses %j', (shape, text) => {
    expect(() => checkShape('zeros', shape)).toThrow(new ShapeError(text));
  });
});

describe('normalizeAxis', () => {
  it('counts negative axes from the back', () => {
    expect([-3, -2, -1, 0, 1, 2].map((axis) => normalizeAxis('sum', axis, 3))).toEqual([
      0, 1, 2, 0, 1, 2,
    ]);
  });

  it.each([3, -4, 0.5, NaN])('refuses %s of three', (axis) => {
    expect(() => normalizeAxis('sum', axis, 3)).toThrow(
      new ShapeError(`sum: axis ${axis} is out of range for a tensor of 3 dimensions`),
    );
  });

  it('normalizeAxes sorts, takes all by default, and refuses repeats', () => {
    expect(normalizeAxes('sum', undefined, 3)).toEqual([0, 1, 2]);
    expect(normalizeAxes('sum', -1, 3)).toEqual([2]);
    expect(normalizeAxes('sum', [-1, 0], 3)).toEqual([0, 2]);
    expect(normalizeAxes('sum', [], 3)).toEqual([]);
    expect(() => normalizeAxes('sum', [1, -2], 3)).toThrow(
      new ShapeError('sum: axes [1,-2] name an axis twice'),
    );
  });
});

describe('broadcastShapes', () => {
  it.each([
    [[], [], []],
    [[3], [], [3]],
    [[2, 1], [3], [2, 3]],
    [
      [4, 1, 5],
      [3, 1],
      [4, 3, 5],
    ],
    [[0, 3], [1], [0, 3]],
    [[1], [0], [0]],
  ])('%j and %j make %j', (a, b, expected) => {
    expect(broadcastShapes('add', a, b)).toEqual(expected);
    expect(broadcastShapes('add', b, a)).toEqual(expected);
  });

  it.each([
    [[2, 3], [2], 'axis -1 has 3 and 2'],
    [[2, 3], [3, 3], 'axis -2 has 2 and 3'],
    [[0], [2], 'axis -1 has 0 and 2'],
  ])('refuses %j and %j', (a, b, where) => {
    expect(() => broadcastShapes('add', a, b)).toThrow(
      new ShapeError(
        `add: shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast: ${where}; equal ` +
          'sizes, or a 1, would do',
      ),
    );
  });

  it('is commutative and associative, and a shape with itself is itself', () => {
    const attempt = (...list: readonly (readonly number[])[]): readonly number[] | null => {
      try {
        return list.reduce((a, b) => broadcastShapes('add', a, b));
      } catch {
        return null;
      }
    };
    fc.assert(
      fc.property(shapes, shapes, shapes, (a, b, c) => {
        expect(attempt(a, a)).toEqual(a);
        expect(attempt(a, b)).toEqual(attempt(b, a));
        const [left, right] = [attempt(a, b), attempt(b, c)];
        if (left && right) expect(attempt(left, c)).toEqual(attempt(a, right));
      }),
    );
  });
});

describe('strides', () => {
  it('stridesOf visits a contiguous tensor in order', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        expect(offsets(shape, stridesOf(shape))).toEqual([...new Array(sizeOf(shape)).keys()]);
      }),
    );
  });

  /** A shape that broadcasts to `target`: some leading axes gone, some axes 1. */
  const narrowed = fc
    .tuple(shapes, fc.nat(4), fc.array(fc.boolean(), { maxLength: 4 }))
    .map(
      ([target, cut, flat]) =>
        [target, target.map((dim, axis) => (flat[axis] ? 1 : dim)).slice(cut)] as const,
    );

  it('broadcastStrides reads the element that NumPy would', () => {
    fc.assert(
      fc.property(narrowed, ([target, shape]) => {
        const lead = target.length - shape.length;
        const own = stridesOf(shape);
        const expected = offsets(
          target,
          target.map((_, axis) =>
            axis < lead || shape[axis - lead] === 1 ? 0 : (own[axis - lead] ?? 0),
          ),
        );
        expect(offsets(target, broadcastStrides(shape, target))).toEqual(expected);
      }),
    );
  });

  it('mergeAxes visits the same elements, over axes that cannot be fewer', () => {
    fc.assert(
      fc.property(narrowed, ([target, shape]) => {
        const all = [stridesOf(target), broadcastStrides(shape, target)];
        const merged = mergeAxes(target, all);
        expect(merged.shape).not.toContain(1);
        all.forEach((strides, k) => {
          expect(merged.strides[k]).toHaveLength(merged.shape.length);
          expect(offsets(merged.shape, merged.strides[k] ?? [])).toEqual(offsets(target, strides));
        });
      }),
    );
    const plain = [4, 3, 2];
    expect(mergeAxes(plain, [stridesOf(plain)])).toEqual({ shape: [24], strides: [[1]] });
    expect(mergeAxes([1, 1], [[0, 0]])).toEqual({ shape: [], strides: [[]] });
    // A bias over the channels of N×C×H×W: three axes are left.
    expect(mergeAxes([8, 3, 5, 5], [stridesOf([8, 3, 5, 5]), [0, 1, 0, 0]])).toEqual({
      shape: [8, 3, 25],
      strides: [
        [75, 25, 1],
        [0, 1, 0],
      ],
    });
  });

  it('broadcastGeometry fills the target element by element', () => {
    fc.assert(
      fc.property(narrowed, ([target, shape]) => {
        const geometry = broadcastGeometry(target, shape, target);
        expect(sizeOf(geometry.shape)).toBe(sizeOf(target));
        expect(offsets(geometry.shape, geometry.bStrides)).toEqual(
          offsets(target, broadcastStrides(shape, target)),
        );
      }),
    );
  });
});

describe('reductions', () => {
  it('reducedShape drops axes, or leaves 1', () => {
    expect(reducedShape([2, 3, 4], [0, 2], false)).toEqual([3]);
    expect(reducedShape([2, 3, 4], [0, 2], true)).toEqual([1, 3, 1]);
    expect(reducedShape([2, 3], [], true)).toEqual([2, 3]);
    expect(reducedShape([], [], false)).toEqual([]);
  });

  it('reduceGeometry sees a run of axes as one', () => {
    expect(reduceGeometry([2, 3, 4, 5], 1)).toEqual({ outer: 2, n: 3, inner: 20 });
    expect(reduceGeometry([2, 3, 4, 5], 1, 2)).toEqual({ outer: 2, n: 12, inner: 5 });
    expect(reduceGeometry([2, 3], 0, 1)).toEqual({ outer: 1, n: 6, inner: 1 });
    // No axis at all: every element is a sum of its own.
    expect(reduceGeometry([2, 3], 0, -1)).toEqual({ outer: 1, n: 1, inner: 6 });
  });
});
