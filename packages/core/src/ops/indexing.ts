import { defineFunction, defineGradient, type Context } from '../autograd/function.js';
import type { DType } from '../dtype.js';
import { zeros } from '../creation.js';
import { moreKernelsFor } from '../engine/more.js';
import { tracer } from '../graph/tracer.js';
import type { IndexGeometry } from '../kernels/contract.js';
import { ShapeError } from '../errors.js';
import { hostCall, reads } from '../host-call.js';
import { normalizeAxis, reduceGeometry, withDim, type Shape } from '../shape.js';
import { empty, requireTensor, type Tensor } from '../tensor.js';
import { int32Of } from './support.js';

interface Saved {
  readonly index: Tensor;
  readonly axis: number;
  readonly shape: Shape;
  readonly geometry: IndexGeometry;
}

const indexSelectFunction = defineFunction('indexSelect', {
  forward(ctx: Context<Saved>, x: Tensor, index: Tensor, { axis }: { axis: number }) {
    const geometry = { ...reduceGeometry(x.shape, axis), count: index.size };
    ctx.save({ index, axis, shape: x.shape, geometry });
    const out = empty(withDim(x.shape, axis, index.size), x.dtype, 'indexSelect');
    moreKernelsFor(x.dtype).indexSelect(
      out.buffer,
      x.buffer,
      int32Of('indexSelect', index),
      geometry,
    );
    return out;
  },
  backward: (ctx, dOut): (Tensor | null)[] => [indexAddFunction(dOut, ctx.saved), null],
});

/** The transpose: adds each slice to its position, and is the gradient. */
const indexAddFunction = defineGradient('indexAdd', {
  forward(ctx: Context<{ index: Tensor; axis: number }>, x: Tensor, to: Saved) {
    const { index, axis, shape, geometry } = to;
    const out = zeros(shape, { dtype: x.dtype });
    const at = int32Of('indexSelect', index);
    moreKernelsFor(x.dtype).indexAdd(out.buffer, x.buffer, at, geometry);
    ctx.save({ index, axis });
    return out;
  },
  backward: (ctx, d) => indexSelectFunction(d, ctx.saved.index, { axis: ctx.saved.axis }),
});

/** @throws ShapeError for a position in `index` (int32) that is none of x's axis. */
export function requirePositions(name: string, x: Tensor, axis: number, index: Tensor): void {
  const dim = x.shape[axis];
  const whole = x.describe();
  hostCall(name, [reads(index)], (positions) => {
    positions.forEach((position, i) => {
      if (position >= 0 && position < dim) return;
      throw new ShapeError(
        `${name}: index ${position} at element ${i} is outside 0 … ${dim - 1}, axis ${axis} of ${whole}`,
      );
    });
  });
}

/**
 * The slices of x along `axis` at the positions in `index` (int32, one dimension), in that order;
 * a position may come several times.
 * @throws ShapeError if `index` has another number of dimensions or a position is out of range,
 * DTypeError unless it is int32.
 */
export function indexSelect<D extends DType>(x: Tensor<D>, axis: number, index: Tensor): Tensor<D>;
export function indexSelect(x: Tensor, axis: number, index: Tensor): Tensor {
  if (tracer) return tracer.operation('indexSelect', indexSelect, { x, axis, index });
  requireTensor('indexSelect', 'x', x);
  requireTensor('indexSelect', 'index', index);
  const normal = normalizeAxis('indexSelect', axis, x.ndim);
  if (index.ndim !== 1) {
    throw new ShapeError(
      `indexSelect: expected an index of one dimension, got ${index.describe()}`,
    );
  }
  int32Of('indexSelect', index);
  requirePositions('indexSelect', x, normal, index);
  return indexSelectFunction(x, index, { axis: normal });
}
