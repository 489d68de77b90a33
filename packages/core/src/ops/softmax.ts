import { defineFunction, defineGradient, type Context } from '../autograd/function.js';
import type { DType } from '../dtype.js';
import { moreKernelsFor } from '../engine/more.js';
import { tracer } from '../graph/tracer.js';
import type { RowsGeometry } from '../kernels/contract.js';
import { normalizeAxis } from '../shape.js';
import { empty, type Tensor } from '../tensor.js';
import { mul, neg, sub } from './arithmetic.js';
import { transpose } from './movement.js';
import { exp } from './pointwise.js';
import { sum } from './reduce.js';
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
    backward: (ctx, dOut) => slopes[name](dOut, ctx.saved.out),
  });

/** The sums of rows, as a column that broadcasts to them. */
const sumOfRows = (x: Tensor): Tensor => sum(x, -1, { keepdim: true });

/**
 * The gradient by x of what its result makes: an operation of rows too, linear in dOut.
 * @param by Its gradients by dOut and by the result, of the gradient d of what it gives.
 */
const slopeFunction = (
  name: 'softmax' | 'logSoftmax',
  by: {
    readonly dOut: (d: Tensor, out: Tensor) => Tensor;
    readonly out: (d: Tensor, dOut: Tensor, out: Tensor) => Tensor;
  },
) =>
  defineGradient(`${name}Backward`, {
    forward(ctx: Context<{ dOut: Tensor; out: Tensor }>, dOut: Tensor, out: Tensor) {
      const dX = empty(out.shape, out.dtype, name);
      moreKernelsFor(dX.dtype)[`${name}Backward`](dX.buffer, dOut.buffer, out.buffer, rowsOf(out));
      ctx.save({ dOut, out });
      return dX;
    },
    backward(ctx, d) {
      const { dOut, out } = ctx.saved;
      const [needsDOut, needsOut] = ctx.needsInputGrad;
      return [needsDOut ? by.dOut(d, out) : null, needsOut ? by.out(d, dOut, out) : null];
    },
  });

const slopes: Readonly<Record<'softmax' | 'logSoftmax', (dOut: Tensor, out: Tensor) => Tensor>> = {
  // dX = out·(dOut - Σ dOut·out), the matrix of which is symmetric.
  softmax: slopeFunction('softmax', {
    dOut: (d, out) => slopes.softmax(d, out),
    out: (d, dOut, out) =>
      sub(mul(d, sub(dOut, sumOfRows(mul(dOut, out)))), mul(dOut, sumOfRows(mul(d, out)))),
  }),
  // dX = dOut - exp(out)·Σ dOut
  logSoftmax: slopeFunction('logSoftmax', {
    dOut: (d, out) => sub(d, sumOfRows(mul(d, exp(out)))),
    out: (d, dOut, out) => neg(mul(mul(d, exp(out)), sumOfRows(dOut))),
  }),
};

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
export function softmax<D extends DType>(x: Tensor<D>, axis?: number): Tensor<D>;
export function softmax(x: Tensor, axis = -1): Tensor {
  if (tracer) return tracer.operation('softmax', softmax, { x, axis });
  return along('softmax', x, axis, softmaxFunction);
}

/** log(softmax(x)) along `axis` (default the last), without the loss of precision. */
export function logSoftmax<D extends DType>(x: Tensor<D>, axis?: number): Tensor<D>;
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  if (tracer) return tracer.operation('logSoftmax', logSoftmax, { x, axis });
  return along('logSoftmax', x, axis, logSoftmaxFunction);
}
