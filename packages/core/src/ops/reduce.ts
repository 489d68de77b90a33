import { defineFunction, type Context } from '../autograd/function.js';
import { sumAxes } from '../autograd/sum-to.js';
import { kernelsFor } from '../engine/engine.js';
import { ConfigError, DTypeError, ShapeError } from '../errors.js';
import { tracer } from '../graph/tracer.js';
import type { ReduceGeometry } from '../kernels/contract.js';
import { Scope } from '../memory/scope.js';
import { checkOptions, flag, type OptionRule, type OptionRules, valueText } from '../options.js';
import {
  broadcastStrides,
  normalizeAxes,
  reducedShape,
  reduceGeometry,
  sizeOf,
  type Shape,
} from '../shape.js';
import { empty, requireTensor, Tensor } from '../tensor.js';
import { mul } from './arithmetic.js';
import { permute } from './movement.js';
import { copyFrom } from './strided.js';
import { composed, int32Of, requireFloat, requireNumber } from './support.js';

/** The axes that a reduction runs over, and the shape that it leaves. */
export interface ReduceOptions {
  /** The axis or axes to reduce; all of them by default. Negative ones count from the back. */
  readonly axis?: number | readonly number[];
  /** Whether reduced axes stay, with size 1. Default false. */
  readonly keepdim?: boolean;
}

interface Axes {
  readonly axes: readonly number[];
  readonly keepdim: boolean;
}

/** Where a reduction's axes stand: behind the tensor, or in an object with its other option. */
export type ReduceAxes = number | readonly number[] | ReduceOptions;

const axis: OptionRule = {
  expected: 'an axis or a list of axes',
  accepts: (value) => typeof value === 'number' || Array.isArray(value),
};

/** The options behind an axis. */
type KeepdimOptions = Pick<ReduceOptions, 'keepdim'>;

const KEEPDIM_OPTIONS: OptionRules<KeepdimOptions> = { keepdim: flag };
const REDUCE_OPTIONS: OptionRules<ReduceOptions> = { axis, ...KEEPDIM_OPTIONS };

/** `f(x)`, `f(x, axis)`, `f(x, [axis, axis], { keepdim })` and `f(x, { axis, keepdim })`. */
function reduction(
  name: string,
  x: Tensor,
  axes: ReduceAxes | undefined,
  options: KeepdimOptions | undefined,
): Axes {
  requireTensor(name, 'x', x);
  if (axes instanceof Tensor) {
    const mend = name === 'max' || name === 'min' ? `; ${name}imum(a, b) compares two tensors` : '';
    throw new ConfigError(`${name}: expected an axis or axes, got ${valueText(axes)}${mend}`);
  }
  if (axes === undefined || typeof axes === 'number' || isList(axes)) {
    if (options !== undefined) checkOptions(name, options, KEEPDIM_OPTIONS);
    return { axes: normalizeAxes(name, axes, x.ndim), keepdim: options?.keepdim ?? false };
  }
  checkOptions(name, axes, REDUCE_OPTIONS);
  if (options !== undefined) {
    throw new ConfigError(
      `${name}: expected options once, got ${valueText(axes)} and ${valueText(options)}; ` +
        `${name}(x, axis, { keepdim })`,
    );
  }
  return { axes: normalizeAxes(name, axes.axis, x.ndim), keepdim: axes.keepdim ?? false };
}

/** The arguments of a reduction as a graph keeps them, after they were checked. */
function asGiven(
  x: Tensor,
  axis: ReduceAxes | undefined,
  { keepdim }: Axes,
): { x: Tensor; axis: ReduceOptions['axis']; options: KeepdimOptions } {
  const isOptions = typeof axis === 'object' && !isList(axis);
  return { x, axis: isOptions ? axis.axis : axis, options: { keepdim } };
}

function isList(value: object): value is readonly number[] {
  return Array.isArray(value);
}

const sumFunction = defineFunction('sum', {
  forward(ctx: Context<Axes & { shape: Shape }>, x: Tensor, { axes, keepdim }: Axes) {
    requireNumber('sum', x);
    if (x.dtype === 'uint8') {
      throw new DTypeError(
        `sum: uint8 overflows at 256, got ${x.describe()}; cast(x, 'int32') first`,
      );
    }
    ctx.save({ axes, keepdim, shape: x.shape });
    return sumAxes(x, axes).view(reducedShape(x.shape, axes, keepdim), 'sum');
  },
  backward(ctx, dOut) {
    const { axes, shape } = ctx.saved;
    const kept = reducedShape(shape, axes, true);
    // Repeated along the axes that were summed.
    return copyFrom('sum', dOut, shape, broadcastStrides(kept, shape));
  },
});

/**
 * The sum over any axes, all by default; 0 over no element. `sum(x, 1)`, `sum(x, [0, 2], { keepdim:
 * true })`; `sum(x, { axis: 1 })` does the same.
 * @throws DTypeError for bool and uint8.
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
 * The mean over any axes, given as those of `sum`.
 * @throws ShapeError over no element at all, DTypeError for integers.
 */
export function mean(
  x: Tensor,
  axis?: ReduceAxes,
  options?: Pick<ReduceOptions, 'keepdim'>,
): Tensor {
  requireFloat('mean', x);
  const given = reduction('mean', x, axis, options);
  if (tracer) return tracer.operation('mean', mean, asGiven(x, axis, given));
  const { axes, keepdim } = given;
  const count = sizeOf(axes.map((axis) => x.shape[axis]));
  if (count === 0) throw new ShapeError(`mean: ${x.describe()} has no elements to average`);
  return composed(() => mul(sumFunction(x, { axes, keepdim }), 1 / count));
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
function gatherAxes(x: Tensor, axes: readonly number[]): { x: Tensor; geometry: ReduceGeometry } {
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

/**
 * The position of the first largest value along `axis`, or in the flattened tensor without one:
 * int32, no gradient. NaN counts as the largest.
 * @throws ShapeError over no element at all.
 */
export function argmax(
  x: Tensor,
  axis?: number | { readonly axis?: number; readonly keepdim?: boolean },
  options?: Pick<ReduceOptions, 'keepdim'>,
): Tensor {
  requireNumber('argmax', x);
  const given = reduction('argmax', x, axis, options);
  if (tracer) return tracer.operation('argmax', argmax, asGiven(x, axis, given));
  const { axes, keepdim } = given;
  if (axes.length !== 1 && axes.length !== x.ndim) {
    throw new ConfigError(`argmax: expected one axis, or none for all, got [${axes.join(', ')}]`);
  }
  if (axes.some((axis) => x.shape[axis] === 0)) {
    throw new ShapeError(`argmax: ${x.describe()} has no elements along the reduced axes`);
  }
  const geometry = reduceGeometry(x.shape, axes[0] ?? 0, axes.at(-1) ?? -1);
  // A scope even where a tape records, which would keep the values for nobody.
  return Scope.run(() => {
    const indices = empty(reducedShape(x.shape, axes, keepdim), 'int32', 'argmax');
    const values = empty(indices.shape, x.dtype, 'argmax');
    kernelsFor(x.dtype).max(values.buffer, int32Of('argmax', indices), x.buffer, geometry);
    return indices;
  });
}
