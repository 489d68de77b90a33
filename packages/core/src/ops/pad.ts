import { defineFunction, type Context } from '../autograd/function.js';
import { copyChecked, newArray, type DType } from '../dtype.js';
import { kernelsFor } from '../engine/engine.js';
import { ConfigError, ShapeError } from '../errors.js';
import { tracer } from '../graph/tracer.js';
import { checkOptions, oneOf, requireList, valueText, type OptionRules } from '../options.js';
import { stridesOf, withDim, type Shape } from '../shape.js';
import { empty, requireTensor, type Tensor } from '../tensor.js';
import { clone, concat, slice, sliceAlong, type SliceRange } from './movement.js';
import { expand } from './stretch.js';
import { copyTo } from './strided.js';
import { composed } from './support.js';

/** How many elements `pad` adds before and after an axis. */
export type Padding = readonly [before: number, after: number];

/** What `pad` takes the elements from that it adds; see there. */
export type PadMode = 'constant' | 'reflect' | 'replicate' | 'circular';

/** Options of `pad`, named and defaulted as PyTorch's. */
export interface PadOptions {
  /** Default `'constant'`. */
  readonly mode?: PadMode;
  /** What `'constant'` adds; no other mode takes one. Default 0. */
  readonly value?: number;
}

const PAD_OPTIONS: OptionRules<PadOptions> = {
  mode: oneOf('constant', 'reflect', 'replicate', 'circular'),
  value: { expected: 'a number', accepts: (value) => typeof value === 'number' },
};

const padFunction = defineFunction('pad', {
  forward(
    ctx: Context<{ before: number[]; shape: Shape }>,
    x: Tensor,
    { padding, value }: { padding: readonly Padding[]; value: number },
  ) {
    ctx.save({ before: padding.map(([before]) => before), shape: x.shape });
    const shape = x.shape.map((dim, axis) => {
      const [before, after] = padding[axis];
      return before + dim + after;
    });
    const out = empty(shape, x.dtype, 'pad');
    kernelsFor(x.dtype).fill(out.buffer, { value });
    const strides = stridesOf(shape);
    const offset = strides.reduce((at, stride, axis) => at + stride * padding[axis][0], 0);
    copyTo(out, x, strides, offset);
    return out;
  },
  backward(ctx, dOut) {
    const { before, shape } = ctx.saved;
    return slice(
      dOut,
      shape.map((dim, axis): SliceRange => [before[axis], before[axis] + dim]),
    );
  },
});

/** Where the elements come from that a mode adds to an axis of `size`. */
interface Border {
  /** How many there can be on a side. */
  readonly most: (size: number) => number;
  readonly before: (size: number, count: number) => SliceRange;
  readonly after: (size: number, count: number) => SliceRange;
}

const BORDERS: Readonly<Record<Exclude<PadMode, 'constant'>, Border>> = {
  reflect: {
    most: (size) => size - 1,
    before: (_size, count) => [count, 0, -1],
    // Backwards from the last but one; an end of -1 would count from the back.
    after: (size, count) => [size - 2, count === size - 1 ? null : size - 2 - count, -1],
  },
  replicate: {
    most: (size) => (size === 0 ? 0 : Infinity),
    before: () => [0, 1],
    after: (size) => [size - 1, size],
  },
  circular: {
    most: (size) => size,
    before: (size, count) => [size - count, size],
    after: (_size, count) => [0, count],
  },
};

/** x with a border of its own elements along an axis. */
function bordered(
  x: Tensor,
  axis: number,
  [before, after]: Padding,
  mode: Exclude<PadMode, 'constant'>,
): Tensor {
  const size = x.shape[axis];
  const border = BORDERS[mode];
  if (Math.max(before, after) > border.most(size)) {
    throw new ShapeError(
      `pad: mode '${mode}' finds at most ${border.most(size)} elements for a side of axis ${axis} of ` +
        `${x.describe()}, got ${valueText([before, after])}; use less padding`,
    );
  }
  const piece = (range: SliceRange, count: number): Tensor[] => {
    if (count === 0) return [];
    const found = sliceAlong(x, axis, range);
    // One element, many times.
    return [mode === 'replicate' ? expand(found, withDim(x.shape, axis, count)) : found];
  };
  const pieces = [
    ...piece(border.before(size, before), before),
    x,
    ...piece(border.after(size, after), after),
  ];
  return pieces.length === 1 ? x : concat(pieces, axis);
}

/**
 * Surrounds x with elements: `padding[i]` is for axis i, one pair for each axis. By the mode they are a
 * number (`'constant'`, the default, with `value`, 0 unless it is given), or x's own, whose gradients
 * are added up:
 *
 * - `'reflect'`: x mirrored at its first and last element, `c b |a b c| b a`; fewer than the axis has;
 * - `'replicate'`: the first and the last element again, `a a |a b c| c c`;
 * - `'circular'`: x from its other end, `b c |a b c| a b`; at most as many as the axis has.
 *
 * With several axes, the first ones are padded first, which makes no difference. A number in place of
 * the options is the value.
 * @throws ShapeError unless there is a pair of integers ≥ 0 for each axis, or for more than a mode
 * finds in x; DTypeError for a value that x's dtype cannot hold; ConfigError for a bad option.
 */
export function pad<D extends DType>(
  x: Tensor<D>,
  padding: readonly Padding[],
  options?: number | PadOptions,
): Tensor<D>;
export function pad(
  x: Tensor,
  padding: readonly Padding[],
  options: number | PadOptions = {},
): Tensor {
  const given = typeof options === 'number' ? { value: options } : options;
  checkOptions('pad', given, PAD_OPTIONS);
  const { mode = 'constant', value } = given;
  if (mode !== 'constant' && value !== undefined) {
    throw new ConfigError(
      `pad: mode '${mode}' takes no value, got ${valueText(value)}; leave it out`,
    );
  }
  if (tracer) {
    const completed = mode === 'constant' ? { mode, value: value ?? 0 } : { mode };
    return tracer.operation('pad', pad, { x, padding, options: completed });
  }
  requireTensor('pad', 'x', x);
  requireList('pad', 'a pair for each axis', padding, '[[1, 1], [0, 0]]');
  const valid = padding.every(
    (pair) =>
      Array.isArray(pair) && pair.length === 2 && pair.every((n) => Number.isInteger(n) && n >= 0),
  );
  if (padding.length !== x.ndim || !valid) {
    throw new ShapeError(
      `pad: expected a pair of integers of at least 0 for each of the ${x.ndim} axes, got ` +
        valueText(padding),
    );
  }
  if (mode === 'constant') {
    const number = value ?? 0;
    copyChecked('pad', x.dtype, newArray(x.dtype, 1), [number]);
    return padFunction(x, { padding, value: number });
  }
  return composed(() => {
    const out = padding.reduce((part, pair, axis) => bordered(part, axis, pair, mode), x);
    return out === x ? clone(x) : out;
  });
}
