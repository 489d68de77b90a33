import { defineFunction, type Context } from '../autograd/function.js';
import { floatCounting, type DType } from '../dtype.js';
import { copyOf } from '../copy.js';
import { arange, full, zeros } from '../creation.js';
import { moreKernelsFor } from '../engine/more.js';
import { ShapeError } from '../errors.js';
import { tracer } from '../graph/tracer.js';
import type { IndexGeometry } from '../kernels/contract.js';
import {
  broadcastShapes,
  formatShape,
  normalizeAxis,
  reduceGeometry,
  sameShape,
  stridesOf,
  withDim,
  type Shape,
} from '../shape.js';
import { empty, requireTensor, type Tensor } from '../tensor.js';
import { eq } from './compare.js';
import { requirePositions } from './indexing.js';
import { reshape, slice, type SliceRange } from './movement.js';
import { broadcastTo } from './stretch.js';
import { copyTo } from './strided.js';
import { requireOperand } from './promotion.js';
import { composed, int32Of, requireNumber, sameDType, type Operand } from './support.js';
import { where } from './where.js';

interface Axis {
  readonly axis: number;
}

/** What an operation along an axis keeps for backward. */
interface Saved extends Axis {
  readonly index: Tensor;
  readonly shape: Shape;
}

/** How the kernels see a whole of `shape`, and positions of the same shape but along the axis. */
function geometryOf(shape: Shape, index: Tensor, axis: number): IndexGeometry {
  return { ...reduceGeometry(shape, axis), count: index.shape[axis] };
}

/** A copy of x with elements of `src` put, or added, where `index` says. */
function putAlong(
  name: 'scatter' | 'scatterAdd',
  x: Tensor,
  index: Tensor,
  src: Tensor,
  axis: number,
): Tensor {
  const out = copyOf(x, name);
  const geometry = geometryOf(x.shape, index, axis);
  moreKernelsFor(x.dtype)[`${name}Along`](out.buffer, src.buffer, int32Of(name, index), geometry);
  return out;
}

/*
 * The three functions below take positions that were checked, and tensors that agree in shape but along
 * the axis. Each one's gradients are calls of the others.
 */

/** `gather` itself, by positions that are known to be right. */
export const gatherFunction = defineFunction('gather', {
  forward(ctx: Context<Saved>, x: Tensor, index: Tensor, { axis }: Axis) {
    ctx.save({ axis, index, shape: x.shape });
    const out = empty(index.shape, x.dtype, 'gather');
    const geometry = geometryOf(x.shape, index, axis);
    moreKernelsFor(x.dtype).gatherAlong(out.buffer, x.buffer, int32Of('gather', index), geometry);
    return out;
  },
  backward(ctx, dOut): (Tensor | null)[] {
    const { axis, index, shape } = ctx.saved;
    return [scatterAddFunction(zeros(shape, { dtype: dOut.dtype }), index, dOut, { axis }), null];
  },
});

const scatterAddFunction = defineFunction('scatterAdd', {
  forward(ctx: Context<Saved>, x: Tensor, index: Tensor, src: Tensor, { axis }: Axis) {
    ctx.save({ axis, index, shape: src.shape });
    return putAlong('scatterAdd', x, index, src, axis);
  },
  backward(ctx, dOut) {
    const { axis, index } = ctx.saved;
    return [dOut, null, ctx.needsInputGrad[2] ? gatherFunction(dOut, index, { axis }) : null];
  },
});

/** Where the element of `index` is the last one for its place, which alone has a part in the result. */
function isLast(index: Tensor, shape: Shape, axis: number): Tensor {
  const count = index.shape[axis];
  const dtype = floatCounting(count);
  const along = index.shape.map((dim, at) => (at === axis ? dim : 1));
  const order = broadcastTo(reshape(arange(0, count, 1, { dtype }), along), index.shape);
  const placed = scatterFunction(zeros(shape, { dtype }), index, order, { axis });
  return eq(gatherFunction(placed, index, { axis }), order);
}

/** `scatter` itself, by positions that are known to be right. */
export const scatterFunction = defineFunction('scatter', {
  forward(ctx: Context<Saved>, x: Tensor, index: Tensor, src: Tensor, { axis }: Axis) {
    ctx.save({ axis, index, shape: x.shape });
    return putAlong('scatter', x, index, src, axis);
  },
  backward(ctx, dOut): (Tensor | null)[] {
    const { axis, index, shape } = ctx.saved;
    const dX = (): Tensor => {
      const nothing = zeros(index.shape, { dtype: dOut.dtype });
      return scatterFunction(dOut, index, nothing, { axis });
    };
    const dSrc = (): Tensor =>
      where(isLast(index, shape, axis), gatherFunction(dOut, index, { axis }), 0);
    return [ctx.needsInputGrad[0] ? dX() : null, null, ctx.needsInputGrad[2] ? dSrc() : null];
  },
});

/** x with `part` in the place of its first elements along each axis. */
const placeFunction = defineFunction('place', {
  forward(ctx: Context<{ shape: Shape }>, x: Tensor, part: Tensor) {
    ctx.save({ shape: part.shape });
    const out = copyOf(x, 'scatter');
    copyTo(out, part, stridesOf(x.shape), 0);
    return out;
  },
  backward(ctx, dOut): (Tensor | null)[] {
    const { shape } = ctx.saved;
    const dX = (): Tensor => placeFunction(dOut, zeros(shape, { dtype: dOut.dtype }));
    return [
      ctx.needsInputGrad[0] ? dX() : null,
      ctx.needsInputGrad[1] ? firstOf(dOut, shape) : null,
    ];
  },
});

/** The first elements of x along each axis, as many as `shape` says. */
function firstOf(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  return slice(
    x,
    shape.map((dim): SliceRange => [0, dim]),
  );
}

/**
 * @returns The axis, counted from the front.
 * @throws DTypeError unless `index` is int32; ShapeError unless it has x's number of dimensions, is
 * nowhere longer than x but along the axis, and holds positions of the axis.
 */
function checkIndex(name: string, x: Tensor, axis: number, index: Tensor): number {
  requireTensor(name, 'x', x);
  const normal = normalizeAxis(name, axis, x.ndim);
  int32Of(name, index);
  const fits = index.shape.every((dim, at) => at === normal || dim <= x.shape[at]);
  if (index.ndim !== x.ndim || !fits) {
    throw new ShapeError(
      `${name}: expected an index that fits into ${formatShape(x.shape)} but along axis ${normal}, ` +
        `got ${index.describe()}`,
    );
  }
  requirePositions(name, x, normal, index);
  return normal;
}

/** The shape of a whole whose elements the index reaches: the index's, but along the axis. */
function reached(x: Tensor, axis: number, index: Tensor): Shape {
  return withDim(index.shape, axis, x.shape[axis]);
}

/**
 * Picks along `axis` by a position for each element of the result, which has the shape of `index`
 * (int32): for axis 1 of three, out[i, j, k] = x[i, index[i, j, k], k]. The index has x's number of
 * dimensions, and is nowhere longer than x but along the axis. The gradient is added up where a position
 * comes several times.
 * @throws ShapeError for an index that does not fit or a position out of range, DTypeError unless it is
 * int32.
 */
export function gather<D extends DType>(x: Tensor<D>, axis: number, index: Tensor): Tensor<D>;
export function gather(x: Tensor, axis: number, index: Tensor): Tensor {
  if (tracer) return tracer.operation('gather', gather, { x, axis, index });
  const at = checkIndex('gather', x, axis, index);
  return composed(() => gatherFunction(firstOf(x, reached(x, at, index)), index, { axis: at }));
}

/**
 * As `gather`, where x and `index` broadcast against each other but along `axis`, as NumPy's
 * `take_along_axis` and `torch.take_along_dim`; without an axis both are taken as vectors. So
 * `takeAlongAxis(x, argsort(x, 1), 1)` is x in order.
 * @throws ShapeError for shapes that don't broadcast or a position out of range, DTypeError unless the
 * index is int32.
 */
export function takeAlongAxis<D extends DType>(
  x: Tensor<D>,
  index: Tensor,
  axis?: number,
): Tensor<D>;
export function takeAlongAxis(x: Tensor, index: Tensor, axis?: number): Tensor {
  if (tracer) return tracer.operation('takeAlongAxis', takeAlongAxis, { x, index, axis });
  requireTensor('takeAlongAxis', 'x', x);
  int32Of('takeAlongAxis', index);
  if (axis === undefined) {
    return composed(() => takeAlongAxis(reshape(x, [x.size]), reshape(index, [index.size]), 0));
  }
  const at = normalizeAxis('takeAlongAxis', axis, x.ndim, 'third');
  if (index.ndim !== x.ndim) {
    throw new ShapeError(
      `takeAlongAxis: expected an index of ${x.ndim} dimensions, as x has, got ${index.describe()}`,
    );
  }
  requirePositions('takeAlongAxis', x, at, index);
  const [own, other] = [withDim(x.shape, at, 1), withDim(index.shape, at, 1)];
  const shape = broadcastShapes('takeAlongAxis', own, other);
  return composed(() => {
    const whole = stretched(x, withDim(shape, at, x.shape[at]));
    return gatherFunction(whole, stretched(index, withDim(shape, at, index.shape[at])), {
      axis: at,
    });
  });
}

/** x itself where it has the shape. */
function stretched(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : broadcastTo(x, shape);
}

type Scatter = (x: Tensor, index: Tensor, src: Tensor, options: Axis) => Tensor;

/** Runs `put` on what the index reaches of x, and takes of `src` what it has a position for. */
function scatterBy(
  name: string,
  put: Scatter,
  x: Tensor,
  axis: number,
  index: Tensor,
  src: Tensor,
): Tensor {
  sameDType(name, x, src);
  const fits = index.shape.every((dim, i) => dim <= src.shape[i]);
  if (src.ndim !== index.ndim || !fits) {
    throw new ShapeError(
      `${name}: expected a source at least as large as the index ${formatShape(index.shape)}, got ` +
        src.describe(),
    );
  }
  return composed(() => {
    const shape = reached(x, axis, index);
    const part = put(firstOf(x, shape), index, firstOf(src, index.shape), { axis });
    return sameShape(shape, x.shape) ? part : placeFunction(x, part);
  });
}

/**
 * A copy of x in which elements of `src`, a tensor or a number, stand along `axis` where `index` (int32)
 * says: for axis 1 of three, out[i, index[i, j, k], k] = src[i, j, k]. Of several for one place the last
 * stays, and it alone gets the gradient; PyTorch leaves open which one. The index has x's number of
 * dimensions, and is nowhere longer than src, nor than x but along the axis.
 * @throws ShapeError for shapes that do not fit or a position out of range, DTypeError unless the index
 * is int32, or if x and src differ in dtype.
 */
export function scatter<D extends DType>(
  x: Tensor<D>,
  axis: number,
  index: Tensor,
  src: Operand,
): Tensor<D>;
export function scatter(x: Tensor, axis: number, index: Tensor, src: Operand): Tensor {
  if (tracer) return tracer.operation('scatter', scatter, { x, axis, index, src });
  const at = checkIndex('scatter', x, axis, index);
  requireOperand('scatter', 'src', src);
  return composed(() => {
    const source = typeof src === 'number' ? full(index.shape, src, { dtype: x.dtype }) : src;
    return scatterBy('scatter', scatterFunction, x, at, index, source);
  });
}

/**
 * A copy of x to which elements of `src` are added along `axis` where `index` (int32) says: for axis 1 of
 * three, out[i, index[i, j, k], k] += src[i, j, k], in the order of j. Shapes are as those of `scatter`.
 * @throws ShapeError for shapes that do not fit or a position out of range, DTypeError unless the index
 * is int32, or if x and src differ in dtype or are bool.
 */
export function scatterAdd<D extends DType>(
  x: Tensor<D>,
  axis: number,
  index: Tensor,
  src: Tensor,
): Tensor<D>;
export function scatterAdd(x: Tensor, axis: number, index: Tensor, src: Tensor): Tensor {
  if (tracer) return tracer.operation('scatterAdd', scatterAdd, { x, axis, index, src });
  const at = checkIndex('scatterAdd', x, axis, index);
  requireTensor('scatterAdd', 'src', src);
  requireNumber('scatterAdd', x);
  return scatterBy('scatterAdd', scatterAddFunction, x, at, index, src);
}
