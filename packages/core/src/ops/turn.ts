import { defineFunction, type Context } from '../autograd/function.js';
import type { DType } from '../dtype.js';
import { ConfigError } from '../errors.js';
import { tracer } from '../graph/tracer.js';
import { valueText } from '../options.js';
import { normalizeAxes, normalizeAxis, stridesOf, withDim } from '../shape.js';
import { empty, requireTensor, type Tensor } from '../tensor.js';
import { clone, reshape } from './movement.js';
import { copyFrom, copyPart } from './strided.js';
import { composed } from './support.js';

interface Axes {
  readonly axes: readonly number[];
}

const flipFunction = defineFunction('flip', {
  forward(ctx: Context<Axes>, x: Tensor, { axes }: Axes) {
    ctx.save({ axes });
    const own = stridesOf(x.shape);
    const last = axes.reduce((at, axis) => at + (x.shape[axis] - 1) * own[axis], 0);
    const strides = own.map((stride, axis) => (axes.includes(axis) ? -stride : stride));
    // Of nothing there is no last element.
    return copyFrom('flip', x, x.shape, strides, x.size === 0 ? 0 : last);
  },
  backward: (ctx, dOut): Tensor => flipFunction(dOut, ctx.saved),
});

/**
 * x with the order of its elements turned round along `axes`, one or a list, all of them by default. A
 * copy.
 * @throws ShapeError for an axis that x does not have, or that is named twice.
 */
export function flip<D extends DType>(x: Tensor<D>, axes?: number | readonly number[]): Tensor<D>;
export function flip(x: Tensor, axes?: number | readonly number[]): Tensor {
  if (tracer) return tracer.operation('flip', flip, { x, axes });
  requireTensor('flip', 'x', x);
  return flipFunction(x, { axes: normalizeAxes('flip', axes, x.ndim) });
}

interface Roll {
  /** By how many places, from 0 to below the axis's size. */
  readonly shift: number;
  readonly axis: number;
}

const rollFunction = defineFunction('roll', {
  forward(ctx: Context<Roll>, x: Tensor, { shift, axis }: Roll) {
    ctx.save({ shift, axis });
    const out = empty(x.shape, x.dtype, 'roll');
    const strides = stridesOf(x.shape);
    const stay = x.shape[axis] - shift;
    const block = (count: number): number[] => withDim(x.shape, axis, count);
    const at = (position: number) => ({ strides, offset: position * strides[axis] });
    copyPart(out, at(shift), x, at(0), block(stay));
    copyPart(out, at(0), x, at(stay), block(shift));
    return out;
  },
  backward(ctx, dOut): Tensor {
    const { shift, axis } = ctx.saved;
    return rollFunction(dOut, { shift: (dOut.shape[axis] - shift) % dOut.shape[axis], axis });
  },
});

/**
 * x moved by `shifts` places along `axes`; what leaves an axis at its end comes in at its beginning. A
 * number goes with one axis, a list with a list of as many; a shift below 0 goes the other way. Without
 * axes the elements are moved in row-major order, as if x were a vector. A copy.
 * @throws ShapeError for an axis that x does not have, ConfigError for shifts that are no integers, or
 * not as many as axes.
 */
export function roll<D extends DType>(
  x: Tensor<D>,
  shifts: number | readonly number[],
  axes?: number | readonly number[],
): Tensor<D>;
export function roll(
  x: Tensor,
  shifts: number | readonly number[],
  axes?: number | readonly number[],
): Tensor {
  if (tracer) return tracer.operation('roll', roll, { x, shifts, axes });
  requireTensor('roll', 'x', x);
  const by = typeof shifts === 'number' ? [shifts] : shifts;
  const along = typeof axes === 'number' ? [axes] : (axes ?? [0]);
  const isList = Array.isArray(by) && Array.isArray(along) && by.length === along.length;
  if (!isList || !by.every(Number.isInteger)) {
    throw new ConfigError(
      `roll: expected integers, as many as axes, got ${valueText(shifts)} for ` +
        `${axes === undefined ? 'no axes, which is one' : valueText(axes)}`,
    );
  }
  return composed(() => {
    const flat = axes === undefined ? reshape(x, [x.size]) : x;
    let moved = flat;
    along.forEach((axis, i) => {
      const at = normalizeAxis('roll', axis, flat.ndim, 'third');
      const dim = flat.shape[at];
      if (dim === 0) return;
      const shift = ((by[i] % dim) + dim) % dim;
      if (shift !== 0) moved = rollFunction(moved, { shift, axis: at });
    });
    if (moved === flat) moved = clone(x);
    return axes === undefined ? reshape(moved, x.shape) : moved;
  });
}
