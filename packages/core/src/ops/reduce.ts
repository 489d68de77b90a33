import { defineFunction, defineGradient, type Context } from '../autograd/function.js';
import { sumAxes } from '../autograd/sum-to.js';
import { isFloat } from '../dtype.js';
import { kernelsFor } from '../engine/engine.js';
import { ConfigError, ShapeError } from '../errors.js';
import { tracer } from '../graph/tracer.js';
import { Scope } from '../memory/scope.js';
import { broadcastStrides, reducedShape, reduceGeometry, sizeOf, type Shape } from '../shape.js';
import { empty, requireTensor, type Tensor } from '../tensor.js';
import { mul } from './arithmetic.js';
import {
  asGiven,
  reduction,
  requireElements,
  type Axes,
  type KeepdimOptions,
  type ReduceAxes,
  type ReduceOptions,
} from './axes.js';
import { cast } from './movement.js';
import { copyFrom } from './strided.js';
import { composed, int32Of, requireFloat, requireNumber } from './support.js';

const sumFunction = defineFunction('sum', {
  forward(ctx: Context<Axes & { shape: Shape }>, x: Tensor, { axes, keepdim }: Axes) {
    ctx.save({ axes, keepdim, shape: x.shape });
    return sumAxes(x, axes).view(reducedShape(x.shape, axes, keepdim), 'sum');
  },
  backward: (ctx, dOut): Tensor => spreadFunction(dOut, ctx.saved),
});

/** The transpose of `sum`: repeats along the axes that were summed. */
const spreadFunction = defineGradient('sum', {
  forward(ctx: Context<Axes>, x: Tensor, { axes, keepdim, shape }: Axes & { shape: Shape }) {
    ctx.save({ axes, keepdim });
    const kept = reducedShape(shape, axes, true);
    return copyFrom('sum', x, shape, broadcastStrides(kept, shape));
  },
  backward: (ctx, d) => sumFunction(d, ctx.saved),
});

/**
 * The sum over any axes, all by default; 0 over no element. `sum(x, 1)`, `sum(x, [0, 2], { keepdim:
 * true })`; `sum(x, { axis: 1 })` does the same. Of bool, which counts what is true, of uint8 and of
 * int32 it is int32, and beyond ±2³¹ it wraps modulo 2³² (PyTorch's is int64).
 */
export function sum<D extends 'float32' | 'float64' | 'int32'>(
  x: Tensor<D>,
  axis?: ReduceAxes,
  options?: Pick<ReduceOptions, 'keepdim'>,
): Tensor<D>;
export function sum(x: Tensor, axis?: ReduceAxes, options?: Pick<ReduceOptions, 'keepdim'>): Tensor;
export function sum(
  x: Tensor,
  axis?: ReduceAxes,
  options?: Pick<ReduceOptions, 'keepdim'>,
): Tensor {
  const axes = reduction('sum', x, axis, options);
  if (tracer) return tracer.operation('sum', sum, asGiven(x, axis, axes));
  return sumFunction(x, axes);
}

/**
 * The mean over any axes, given as those of `sum`. Of bool, the share of what is true, and of uint8 it
 * is float32; PyTorch refuses those.
 * @throws ShapeError over no element at all, DTypeError for int32, which float32 may not hold.
 */
export function mean<D extends 'float32' | 'float64'>(
  x: Tensor<D>,
  axis?: ReduceAxes,
  options?: Pick<ReduceOptions, 'keepdim'>,
): Tensor<D>;
export function mean(
  x: Tensor,
  axis?: ReduceAxes,
  options?: Pick<ReduceOptions, 'keepdim'>,
): Tensor;
export function mean(
  x: Tensor,
  axis?: ReduceAxes,
  options?: Pick<ReduceOptions, 'keepdim'>,
): Tensor {
  requireTensor('mean', 'x', x);
  if (x.dtype === 'int32') requireFloat('mean', x);
  const given = reduction('mean', x, axis, options);
  if (tracer) return tracer.operation('mean', mean, asGiven(x, axis, given));
  const { axes, keepdim } = given;
  const count = sizeOf(axes.map((axis) => x.shape[axis]));
  if (count === 0) throw new ShapeError(`mean: ${x.describe()} has no elements to average`);
  return composed(() => {
    const floats = isFloat(x.dtype) ? x : cast(x, 'float32');
    return mul(sumFunction(floats, { axes, keepdim }), 1 / count);
  });
}

type Extreme = 'max' | 'min';

/** The one axis, or none, that `argmax` and `argmin` run along. */
export type ArgAxis = number | { readonly axis?: number; readonly keepdim?: boolean };

function positionOf(
  which: Extreme,
  x: Tensor,
  axis: ArgAxis | undefined,
  options: KeepdimOptions | undefined,
): Tensor<'int32'> {
  const name = `arg${which}`;
  requireNumber(name, x);
  const given = reduction(name, x, axis, options);
  if (tracer) {
    return tracer.operation(name, which === 'max' ? argmax : argmin, asGiven(x, axis, given));
  }
  const { axes, keepdim } = given;
  if (axes.length !== 1 && axes.length !== x.ndim) {
    throw new ConfigError(`${name}: expected one axis, or none for all, got [${axes.join(', ')}]`);
  }
  requireElements(name, x, axes);
  const geometry = reduceGeometry(x.shape, axes[0] ?? 0, axes.at(-1) ?? -1);
  // A scope even where a tape records, which would keep the values for nobody.
  return Scope.run(() => {
    const indices = empty(reducedShape(x.shape, axes, keepdim), 'int32', name);
    const values = empty(indices.shape, x.dtype, name);
    kernelsFor(x.dtype)[which](values.buffer, int32Of(name, indices), x.buffer, geometry);
    return indices;
  });
}

/**
 * The position of the first largest value along `axis`, or in the flattened tensor without one:
 * int32, no gradient. NaN counts as the largest.
 * @throws ShapeError over no element at all.
 */
export function argmax(
  x: Tensor,
  axis?: ArgAxis,
  options?: Pick<ReduceOptions, 'keepdim'>,
): Tensor<'int32'> {
  return positionOf('max', x, axis, options);
}

/**
 * The position of the first smallest value, otherwise as `argmax`. NaN counts as the smallest.
 * @throws ShapeError over no element at all.
 */
export function argmin(
  x: Tensor,
  axis?: ArgAxis,
  options?: Pick<ReduceOptions, 'keepdim'>,
): Tensor<'int32'> {
  return positionOf('min', x, axis, options);
}
