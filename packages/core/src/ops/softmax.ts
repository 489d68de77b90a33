import { defineFunction, type Context } from '../autograd/function.js';
import { moreKernelsFor } from '../engine/more.js';
import { tracer } from '../graph/tracer.js';
import type { RowsGeometry } from '../kernels/contract.js';
import { normalizeAxis } from '../shape.js';
import { empty, type Tensor } from '../tensor.js';
import { transpose } from './movement.js';
import { composed, requireFloat } from './support.js';

/** x as rows along its last axis. */
function rowsOf(x: Tensor): RowsGeometry {
  const n = x.shape.at(-1) ?? 1;
  return { rows: n === 0 ? 0 : x.size / n, n };
}

/** An operation of rows that saves its result: the two differ in their kernels only. */
const rowFunction = (name: 'softmax' | 'logSoftmax') =>
  defineFunction(name, {
    forward(ctx: Context<{ out: Tensor }>, x: Tensor) {
      const out = empty(x.shape, x.dtype, name);
      moreKernelsFor(x.dtype)[name](out.buffer, x.buffer, rowsOf(x));
      ctx.save({ out });
      return out;
    },
    backward(ctx, dOut) {
      const { out } = ctx.saved;
      const dX = empty(out.shape, out.dtype, name);
      moreKernelsFor(dX.dtype)[`${name}Backward`](dX.buffer, dOut.buffer, out.buffer, rowsOf(out));
      return dX;
    },
  });

const softmaxFunction = rowFunction('softmax');
const logSoftmaxFunction = rowFunction('logSoftmax');

/** Applies a function of rows along `axis`: the kernels know the last axis only. */
function along(name: string, x: Tensor, axis: number, apply: (x: Tensor) => Tensor): Tensor {
  requireFloat(name, x);
  const normal = normalizeAxis(name, axis, x.ndim);
  if (normal === x.ndim - 1) return apply(x);
  return composed(() => transpose(apply(transpose(x, normal, -1)), normal, -1));
}

/**
 * exp(x) / Σ exp(x) along `axis` (default the last); finite for any finite x. A row without a finite
 * largest number is NaN; where its gradient is all 0, as behind `where`, so is that of x.
 */
export function softmax(x: Tensor, axis = -1): Tensor {
  if (tracer) return tracer.operation('softmax', softmax, { x, axis });
  return along('softmax', x, axis, softmaxFunction);
}

/** log(softmax(x)) along `axis` (default the last), without the loss of precision. */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  if (tracer) return tracer.operation('logSoftmax', logSoftmax, { x, axis });
  return along('logSoftmax', x, axis, logSoftmaxFunction);
}
