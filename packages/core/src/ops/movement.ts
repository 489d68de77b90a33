import { defineFunction, defineGradient, type Context } from '../autograd/function.js';
import { ones, zeros } from '../creation.js';
import { copyChecked, isFloat, type DType } from '../dtype.js';
import { kernelsFor } from '../engine/engine.js';
import { ConfigError, ShapeError } from '../errors.js';
import { tracer } from '../graph/tracer.js';
import { requireList, valueText } from '../options.js';
import {
  formatShape,
  normalizeAxis,
  sameShape,
  sizeOf,
  stridesOf,
  withDim,
  type Shape,
} from '../shape.js';
import { copyOf } from '../copy.js';
import { fills, hostCall, reads } from '../host-call.js';
import { empty, requireTensor, type Tensor } from '../tensor.js';
import { copyFrom, copyTo } from './strided.js';
import { bytesOf, sameDType } from './support.js';

const cloneFunction = defineFunction('clone', {
  forward: (_ctx: Context<object>, x: Tensor) => copyOf(x, 'clone'),
  backward: (_ctx, dOut) => dOut,
});

/**
 * A copy with memory of its own, through which gradients flow; `clone(x.detach())` is a constant.
 * @param x Of any shape and dtype.
 * @throws DisposedError if the tensor's scope has ended.
 */
export function clone<D extends DType>(x: Tensor<D>): Tensor<D>;
export function clone(x: Tensor): Tensor {
  if (tracer) return tracer.operation('clone', clone, { x });
  requireTensor('clone', 'x', x);
  return cloneFunction(x);
}

const reshapeFunction = defineFunction('reshape', {
  forward(ctx: Context<{ shape: Shape }>, x: Tensor, { shape }: { shape: Shape }) {
    ctx.save({ shape: x.shape });
    return x.view(shape, 'reshape');
  },
  backward: (ctx, dOut) => dOut.view(ctx.saved.shape, 'reshape'),
  recordedBackward: (ctx, dOut): Tensor => reshapeFunction(dOut, ctx.saved),
});

/**
 * The same elements in another shape. The memory is shared, nothing is copied. One dimension may
 * be -1: it takes what is left.
 * @throws ShapeError if the number of elements differs.
 */
export function reshape<D extends DType>(x: Tensor<D>, shape: Shape): Tensor<D>;
export function reshape(x: Tensor, shape: Shape): Tensor {
  if (tracer) return tracer.operation('reshape', reshape, { x, shape });
  requireTensor('reshape', 'x', x);
  requireList('reshape', 'a shape', shape, '[2, -1]');
  const open = shape.indexOf(-1);
  const known = sizeOf(shape.filter((_, axis) => axis !== open));
  if (open >= 0 && known === 0) {
    throw new ShapeError(
      `reshape: ${x.describe()} to ${formatShape(shape)}: beside a 0, -1 could be anything; give ` +
        'the dimension',
    );
  }
  const target = shape.map((dim, axis) => (axis === open && known > 0 ? x.size / known : dim));
  if (sizeOf(target) !== x.size || !target.every((dim) => Number.isInteger(dim) && dim >= 0)) {
    throw new ShapeError(
      `reshape: ${x.describe()} has ${x.size} elements, which do not fill ${formatShape(shape)}`,
    );
  }
  return reshapeFunction(x, { shape: target });
}

const permuteFunction = defineFunction('permute', {
  forward(ctx: Context<{ axes: number[] }>, x: Tensor, { axes }: { axes: number[] }) {
    ctx.save({ axes });
    const shape = axes.map((axis) => x.shape[axis]);
    // Where rows stay rows, in the order in which fewer of them lie apart before the next one follows on.
    if (axes.at(-1) === x.ndim - 1 && x.shape[x.ndim - 2] < shape[x.ndim - 2]) {
      const out = empty(shape, x.dtype, 'permute');
      const strides = stridesOf(shape);
      copyTo(
        out,
        x,
        x.shape.map((_, axis) => strides[axes.indexOf(axis)]),
        0,
      );
      return out;
    }
    const strides = stridesOf(x.shape);
    return copyFrom(
      'permute',
      x,
      shape,
      axes.map((axis) => strides[axis]),
    );
  },
  backward(ctx, dOut) {
    const inverse: number[] = [];
    ctx.saved.axes.forEach((axis, position) => {
      inverse[axis] = position;
    });
    return permute(dOut, inverse);
  },
});

/**
 * Reorders the axes: axis i of the result is axis `axes[i]` of x. Copies.
 * @throws ShapeError unless `axes` names each axis once.
 */
export function permute<D extends DType>(x: Tensor<D>, axes: readonly number[]): Tensor<D>;
export function permute(x: Tensor, axes: readonly number[]): Tensor {
  if (tracer) return tracer.operation('permute', permute, { x, axes });
  requireTensor('permute', 'x', x);
  requireList('permute', 'a list of axes', axes, '[1, 0]');
  const normal = axes.map((axis) => normalizeAxis('permute', axis, x.ndim));
  if (normal.length !== x.ndim || new Set(normal).size !== x.ndim) {
    throw new ShapeError(
      `permute: expected each of the ${x.ndim} axes once, got ${formatShape(axes)}`,
    );
  }
  return permuteFunction(x, { axes: normal });
}

/** Swaps two axes, by default the last two. Copies. */
export function transpose<D extends DType>(
  x: Tensor<D>,
  first?: number,
  second?: number,
): Tensor<D>;
export function transpose(x: Tensor, first = -2, second = -1): Tensor {
  if (tracer) return tracer.operation('transpose', transpose, { x, first, second });
  requireTensor('transpose', 'x', x);
  const a = normalizeAxis('transpose', first, x.ndim);
  const b = normalizeAxis('transpose', second, x.ndim);
  const axes = x.shape.map((_, axis) => (axis === a ? b : axis === b ? a : axis));
  return permute(x, axes);
}

/**
 * `[start, end]` or `[start, end, step]`, where null is where the step begins and leads to on that axis;
 * null takes the whole axis. A step below 0 goes backwards, so `[null, null, -1]` turns an axis round.
 */
export type SliceRange = readonly [start: number | null, end: number | null, step?: number] | null;

interface SliceWindow {
  readonly shape: number[];
  readonly strides: number[];
  readonly offset: number;
}

function sliceWindow(x: Tensor, ranges: readonly SliceRange[]): SliceWindow {
  if (ranges.length > x.ndim) {
    throw new ShapeError(`slice: ${ranges.length} ranges for ${x.describe()}`);
  }
  const strides = stridesOf(x.shape);
  let offset = 0;
  const shape = x.shape.map((dim, axis) => {
    const range = ranges[axis];
    if (!range) return dim;
    if (!Array.isArray(range) || range.length < 2 || range.length > 3) {
      throw new ConfigError(
        `slice: expected [start, end], [start, end, step] or null for axis ${axis}, got ` +
          valueText(range),
      );
    }
    const [start = null, end = null, step = 1] = range;
    // Backwards an axis begins at its last element and leads to one before its first.
    const [low, high] = step < 0 ? [-1, dim - 1] : [0, dim];
    const given = [start, end].filter((at) => at !== null);
    if (![...given, step].every(Number.isInteger) || step === 0) {
      throw new ShapeError(
        `slice: expected integers and a step that is not 0 for axis ${axis}, got ${valueText(range)}`,
      );
    }
    const bound = (at: number): number => Math.min(Math.max(at < 0 ? at + dim : at, low), high);
    const from = start === null ? (step < 0 ? high : low) : bound(start);
    const to = end === null ? (step < 0 ? low : high) : bound(end);
    const length = Math.max(0, Math.ceil((to - from) / step));
    // Where nothing is taken, from may lie outside.
    if (length > 0) offset += from * strides[axis];
    strides[axis] = strides[axis] * step;
    return length;
  });
  return { shape, strides, offset };
}

const sliceFunction = defineFunction('slice', {
  forward(
    ctx: Context<{ window: SliceWindow; shape: Shape }>,
    x: Tensor,
    { window }: { window: SliceWindow },
  ) {
    ctx.save({ window, shape: x.shape });
    return copyFrom('slice', x, window.shape, window.strides, window.offset);
  },
  backward: (ctx, dOut): Tensor => unsliceFunction(dOut, ctx.saved),
});

/** The transpose of `slice`: zeros with x in the window. */
const unsliceFunction = defineGradient('slice', {
  forward(
    ctx: Context<{ window: SliceWindow }>,
    x: Tensor,
    { window, shape }: { window: SliceWindow; shape: Shape },
  ) {
    ctx.save({ window });
    const out = zeros(shape, { dtype: x.dtype });
    copyTo(out, x, window.strides, window.offset);
    return out;
  },
  backward: (ctx, d) => sliceFunction(d, ctx.saved),
});

/**
 * The part of x inside `ranges`, one for each axis from the first on; axes without one are taken
 * whole. As in Python, starts and ends below 0 count from the back, those outside are cut, and a step
 * below 0 goes backwards. Copies. `select` picks one position and drops the axis.
 * @throws ConfigError for a range that is none, ShapeError for more ranges than axes, for what is no
 * integer, and for a step of 0.
 */
export function slice<D extends DType>(x: Tensor<D>, ranges: readonly SliceRange[]): Tensor<D>;
export function slice(x: Tensor, ranges: readonly SliceRange[]): Tensor {
  if (tracer) return tracer.operation('slice', slice, { x, ranges });
  requireTensor('slice', 'x', x);
  requireList('slice', 'a list with a range for each axis', ranges, '[[0, 2], null]');
  return sliceFunction(x, { window: sliceWindow(x, ranges) });
}

/** A range of x along an axis, the others whole. */
export function sliceAlong<D extends DType>(
  x: Tensor<D>,
  axis: number,
  range: SliceRange,
): Tensor<D> {
  return slice(
    x,
    x.shape.map((_, at) => (at === axis ? range : null)),
  );
}

const concatFunction = defineFunction('concat', {
  forward(
    ctx: Context<{ axis: number; sizes: number[] }>,
    ...args: [...Tensor[], { axis: number }]
  ) {
    const tensors = args.slice(0, -1) as Tensor[];
    const { axis } = args.at(-1) as { axis: number };
    const sizes = tensors.map((x) => x.shape[axis]);
    ctx.save({ axis, sizes });
    const first = tensors[0];
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const shape = withDim(first.shape, axis, total);
    const out = empty(shape, first.dtype, 'concat');
    const strides = stridesOf(shape);
    let start = 0;
    tensors.forEach((x, i) => {
      copyTo(out, x, strides, start * strides[axis]);
      start += sizes[i];
    });
    return out;
  },
  backward(ctx, dOut) {
    const { axis, sizes } = ctx.saved;
    let start = 0;
    return sizes.map((size, i) => {
      const from = start;
      start += size;
      return ctx.needsInputGrad[i] ? sliceAlong(dOut, axis, [from, start]) : null;
    });
  },
});

/**
 * Joins tensors along `axis`; their other dimensions agree.
 * @throws ShapeError if they do not, or the list is empty; DTypeError if dtypes differ.
 */
export function concat<D extends DType>(tensors: readonly Tensor<D>[], axis?: number): Tensor<D>;
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  if (tracer) return tracer.operation('concat', concat, { tensors, axis });
  requireList('concat', 'a list of tensors', tensors, '[a, b]');
  tensors.forEach((x, i) => requireTensor('concat', `tensors[${i}]`, x));
  const [first, ...others] = tensors;
  if (!first) throw new ShapeError('concat: expected at least one tensor, got an empty list');
  const normal = normalizeAxis('concat', axis, first.ndim);
  const frame = (x: Tensor): number[] => withDim(x.shape, normal, 0);
  for (const other of others) {
    sameDType('concat', first, other);
    if (!sameShape(frame(first), frame(other))) {
      throw new ShapeError(
        `concat: shapes ${formatShape(first.shape)} and ${formatShape(other.shape)} must agree ` +
          `but for axis ${normal}`,
      );
    }
  }
  return concatFunction(...tensors, { axis: normal });
}

const castFunction = defineFunction('cast', {
  forward(ctx: Context<{ dtype: DType }>, x: Tensor, { dtype }: { dtype: DType }) {
    ctx.save({ dtype: x.dtype });
    const out = empty(x.shape, dtype, 'cast');
    if (x.dtype === 'bool' && dtype === 'float32') {
      // Masks are multiplied with what is trained: a kernel, so that JavaScript has no part in it.
      const geometry = { shape: [x.size], conditionStrides: [1], aStrides: [0], bStrides: [0] };
      const [one, zero] = [ones([]), zeros([])];
      kernelsFor(dtype).where(
        out.buffer,
        bytesOf('cast', x.buffer),
        one.buffer,
        zero.buffer,
        geometry,
      );
      return out;
    }
    const truncates = isFloat(x.dtype) && !isFloat(dtype);
    hostCall('cast', [fills(out), reads(x)], (to, from) => {
      if (dtype === 'bool') from.forEach((value, i) => (to[i] = value === 0 ? 0 : 1));
      else copyChecked('cast', dtype, to, truncates ? from.map(Math.trunc) : from);
    });
    return out;
  },
  backward: (ctx, dOut) => cast(dOut, ctx.saved.dtype),
});

/**
 * x in another dtype. Floats become integers by truncation; to bool, everything but 0 is true.
 * @throws DTypeError for a value that the dtype cannot hold: NaN or 300 as uint8.
 */
export function cast<D extends DType>(x: Tensor, dtype: D): Tensor<D>;
export function cast(x: Tensor, dtype: DType): Tensor {
  if (tracer) return tracer.operation('cast', cast, { x, dtype });
  requireTensor('cast', 'x', x);
  return castFunction(x, { dtype });
}
