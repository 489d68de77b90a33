import { defineFunction, type Context } from '../autograd/function.js';
import type { DType } from '../dtype.js';
import { ShapeError } from '../errors.js';
import { tracer } from '../graph/tracer.js';
import { requireList } from '../options.js';
import {
  broadcastStrides,
  checkShape,
  formatShape,
  normalizeAxes,
  normalizeAxis,
  type Shape,
} from '../shape.js';
import { requireTensor, type Tensor } from '../tensor.js';
import { reshape } from './movement.js';
import { copyFrom } from './strided.js';
import { composed } from './support.js';

/**
 * x without the axes of size 1, or without those of `axis`, a number or a list, that have size 1. The
 * memory is shared, as by `reshape`.
 * @throws ShapeError for an axis that x does not have.
 */
export function squeeze<D extends DType>(
  x: Tensor<D>,
  axis?: number | readonly number[],
): Tensor<D>;
export function squeeze(x: Tensor, axis?: number | readonly number[]): Tensor {
  if (tracer) return tracer.operation('squeeze', squeeze, { x, axis });
  requireTensor('squeeze', 'x', x);
  const axes = normalizeAxes('squeeze', axis, x.ndim);
  return reshape(
    x,
    x.shape.filter((dim, at) => dim !== 1 || !axes.includes(at)),
  );
}

/**
 * x with an axis of size 1 more, which is axis `axis` of the result; -1 puts it last. The memory is
 * shared, as by `reshape`.
 * @throws ShapeError for an axis that the result does not have.
 */
export function unsqueeze<D extends DType>(x: Tensor<D>, axis: number): Tensor<D>;
export function unsqueeze(x: Tensor, axis: number): Tensor {
  if (tracer) return tracer.operation('unsqueeze', unsqueeze, { x, axis });
  requireTensor('unsqueeze', 'x', x);
  const at = normalizeAxis('unsqueeze', axis, x.ndim + 1);
  return reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)]);
}

const expandFunction = defineFunction('expand', {
  forward(_ctx: Context<object>, x: Tensor, { shape }: { shape: Shape }) {
    return copyFrom('expand', x, shape, broadcastStrides(x.shape, shape));
  },
  // The tape sums over the axes that were stretched.
  backward: (_ctx, dOut) => dOut,
});

/** @throws ShapeError unless a tensor of shape `from` broadcasts to `shape`. */
function requireStretch(name: string, from: Shape, shape: Shape): void {
  checkShape(name, shape);
  const lead = shape.length - from.length;
  const fits = from.every((dim, axis) => dim === 1 || dim === shape[axis + lead]);
  if (lead >= 0 && fits) return;
  throw new ShapeError(
    `${name}: shape ${formatShape(from)} does not broadcast to ${formatShape(shape)}: aligned at ` +
      'the last axis, only a 1 is stretched',
  );
}

/**
 * x with its axes of size 1 stretched to `shape`, which may have more axes in front; -1 leaves an axis
 * as it is. A copy, where PyTorch gives a view: tensors are contiguous here. Arithmetic broadcasts by
 * itself, and needs none. The gradient is summed over the stretched axes.
 * @throws ShapeError if x does not broadcast to the shape.
 */
export function expand<D extends DType>(x: Tensor<D>, shape: Shape): Tensor<D>;
export function expand(x: Tensor, shape: Shape): Tensor {
  if (tracer) return tracer.operation('expand', expand, { x, shape });
  requireTensor('expand', 'x', x);
  requireList('expand', 'a shape', shape, '[2, -1]');
  const lead = shape.length - x.ndim;
  const target = shape.map((dim, axis) => (dim === -1 ? (x.shape[axis - lead] ?? dim) : dim));
  requireStretch('expand', x.shape, target);
  return expandFunction(x, { shape: target });
}

/**
 * x stretched to `shape`, as arithmetic does with its operands. A copy; the gradient is summed over the
 * stretched axes.
 * @throws ShapeError if x does not broadcast to the shape.
 */
export function broadcastTo<D extends DType>(x: Tensor<D>, shape: Shape): Tensor<D>;
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  if (tracer) return tracer.operation('broadcastTo', broadcastTo, { x, shape });
  requireTensor('broadcastTo', 'x', x);
  requireStretch('broadcastTo', x.shape, shape);
  return expandFunction(x, { shape: [...shape] });
}

/** x several times along each axis; `repeats` has as many numbers as x has axes, or more. */
function repeated(name: string, x: Tensor, repeats: readonly number[]): Tensor {
  checkShape(name, repeats);
  const lead = repeats.length - x.ndim;
  const own = repeats.map((_, axis) => x.shape[axis - lead] ?? 1);
  const shape = own.map((dim, axis) => dim * repeats[axis]);
  checkShape(name, shape);
  return composed(() => {
    // Each axis gets one in front of it, which is stretched.
    const once = reshape(
      x,
      own.flatMap((dim) => [1, dim]),
    );
    const often = expandFunction(once, { shape: own.flatMap((dim, axis) => [repeats[axis], dim]) });
    return reshape(often, shape);
  });
}

/**
 * x repeated `repeats[i]` times along axis i, the whole of it one after another. More numbers than axes
 * make new axes in front.
 * @throws ShapeError for fewer numbers than axes (`tile` takes fewer), or what is no integer ≥ 0.
 */
export function repeat<D extends DType>(x: Tensor<D>, repeats: readonly number[]): Tensor<D>;
export function repeat(x: Tensor, repeats: readonly number[]): Tensor {
  if (tracer) return tracer.operation('repeat', repeat, { x, repeats });
  requireTensor('repeat', 'x', x);
  requireList('repeat', 'a list of repeats', repeats, '[2, 1]');
  if (repeats.length < x.ndim) {
    throw new ShapeError(
      `repeat: expected a number for each of the ${x.ndim} axes, or more, got ` +
        `${formatShape(repeats)}; tile(x, repeats) takes fewer`,
    );
  }
  return repeated('repeat', x, repeats);
}

/**
 * As `repeat`; with fewer numbers than axes they are those of the last axes.
 * @throws ShapeError for what is no integer ≥ 0.
 */
export function tile<D extends DType>(x: Tensor<D>, repeats: readonly number[]): Tensor<D>;
export function tile(x: Tensor, repeats: readonly number[]): Tensor {
  if (tracer) return tracer.operation('tile', tile, { x, repeats });
  requireTensor('tile', 'x', x);
  requireList('tile', 'a list of repeats', repeats, '[2, 1]');
  const ones = new Array<number>(Math.max(0, x.ndim - repeats.length)).fill(1);
  return repeated('tile', x, [...ones, ...repeats]);
}
