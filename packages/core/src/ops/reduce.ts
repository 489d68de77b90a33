import { defineFunction, type Context } from '../autograd/function.js';
import { sumAxes } from '../autograd/sum-to.js';
import { isFloat } from '../dtype.js';
import { kernelsFor } from '../engine/engine.js';
import { ConfigError, ShapeError } from '../errors.js';
import { tracer } from '../graph/tracer.js';
import type { ReduceGeometry } from '../kernels/contract.js';
import { Scope } from '../memory/scope.js';
import { broadcastStrides, reducedShape, reduceGeometry, sizeOf, type Shape } from '../shape.js';
import { empty, requireTensor, type Tensor } from '../tensor.js';
import { mul } from './arithmetic.js';
import {
  asGiven,
  reduction,
  type Axes,
  type KeepdimOptions,
  type ReduceAxes,
  type ReduceOptions,
} from './axes.js';
import { cast, gather, permute } from './movement.js';
import { composed, int32Of, requireFloat, requireNumber } from './support.js';

const sumFunction = defineFunction('sum', {
  forward(ctx: Context<Axes & { shape: Shape }>, x: Tensor, { axes, keepdim }: Axes) {
    ctx.save({ axes, keepdim, shape: x.shape });
    return sumAxes(x, axes).view(reducedShape(x.shape, axes, keepdim), 'sum');
  },
  backward(ctx, dOut) {
    const { axes, shape } = ctx.saved;
    const kept = reducedShape(shape, axes, true);
    // Repeated along the axes that were summed.
    return gather('sum', dOut, shape, broadcastStrides(kept, shape));
  },
});

/**
 * The sum over any axes, all by default; 0 over no element. `sum(x, 1)`, `sum(x, [0, 2], { keepdim:
 * true })`; `sum(x, { axis: 1 })` does the same. Of bool, which counts what is true, of uint8 and of
 * int32 it is int32, and beyond ±2³¹ it wraps modulo 2³² (PyTorch's is int64).
 */
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

const extremeFunction = (which: Extreme) =>
  defineFunction(which, {
    forward(
      ctx: Context<{ indices: Tensor; geometry: ReduceGeometry; shape: Shape }>,
      x: Tensor,
      { geometry, shape }: { geometry: ReduceGeometry; shape: Shape },
    ) {
      const out = empty(shape, x.dtype, which);
      const indices = empty(shape, 'int32', which);
      kernelsFor(x.dtype)[which](out.buffer, int32Of(which, indices), x.buffer, geometry);
      ctx.save({ indices, geometry, shape: x.shape });
      return out;
    },
    backward(ctx, dOut) {
      const { indices, geometry, shape } = ctx.saved;
      const dX = empty(shape, dOut.dtype, which);
      const at = int32Of(which, indices);
      kernelsFor(dX.dtype).selectBackward(dX.buffer, dOut.buffer, at, geometry);
      return dX;
    },
  });

const extremeFunctions = { max: extremeFunction('max'), min: extremeFunction('min') };

/**
 * x with `axes` brought together, so that one `[outer, n, inner]` walk reduces them, the first
 * element in row-major order first.
 */
export function gatherAxes(
  x: Tensor,
  axes: readonly number[],
): { x: Tensor; geometry: ReduceGeometry } {
  const first = axes[0] ?? 0;
  const last = axes.at(-1) ?? -1;
  if (last - first + 1 === axes.length)
    return { x, geometry: reduceGeometry(x.shape, first, last) };
  const others = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const moved = permute(x, [...others, ...axes]);
  return { x: moved, geometry: reduceGeometry(moved.shape, others.length, x.ndim - 1) };
}

function extreme(
  which: Extreme,
  x: Tensor,
  axis: ReduceAxes | undefined,
  options: KeepdimOptions | undefined,
): Tensor {
  requireNumber(which, x);
  const given = reduction(which, x, axis, options);
  if (tracer) {
    return tracer.operation(which, which === 'max' ? max : min, asGiven(x, axis, given));
  }
  const { axes, keepdim } = given;
  if (axes.some((axis) => x.shape[axis] === 0)) {
    throw new ShapeError(`${which}: ${x.describe()} has no elements along the reduced axes`);
  }
  const shape = reducedShape(x.shape, axes, keepdim);
  return composed(() => {
    const gathered = gatherAxes(x, axes);
    return extremeFunctions[which](gathered.x, { geometry: gathered.geometry, shape });
  });
}

/**
 * The largest value over any axes, given as those of `sum`; NaN if one is. The gradient goes to the
 * first of equals, or to the first NaN, as PyTorch's along one axis.
 * @throws ShapeError over no element at all.
 */
export function max(
  x: Tensor,
  axis?: ReduceAxes,
  options?: Pick<ReduceOptions, 'keepdim'>,
): Tensor {
  return extreme('max', x, axis, options);
}

/** The smallest value over any axes; NaN if one is. The gradient goes as that of `max`. */
export function min(
  x: Tensor,
  axis?: ReduceAxes,
  options?: Pick<ReduceOptions, 'keepdim'>,
): Tensor {
  return extreme('min', x, axis, options);
}

/** The one axis, or none, that `argmax` and `argmin` run along. */
export type ArgAxis = number | { readonly axis?: number; readonly keepdim?: boolean };

function positionOf(
  which: Extreme,
  x: Tensor,
  axis: ArgAxis | undefined,
  options: KeepdimOptions | undefined,
): Tensor {
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
  if (axes.some((axis) => x.shape[axis] === 0)) {
    throw new ShapeError(`${name}: ${x.describe()} has no elements along the reduced axes`);
  }
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
): Tensor {
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
): Tensor {
  return positionOf('min', x, axis, options);
}
