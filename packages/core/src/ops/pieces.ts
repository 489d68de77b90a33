import { defineFunction, type Context } from '../autograd/function.js';
import type { DType } from '../dtype.js';
import { ConfigError, ShapeError } from '../errors.js';
import { tracer } from '../graph/tracer.js';
import { checkValue, integerBetween, positiveCount, requireList, valueText } from '../options.js';
import { formatShape, normalizeAxis, sameShape, stridesOf, withDim } from '../shape.js';
import { requireTensor, type Tensor } from '../tensor.js';
import { concat, reshape, sliceAlong } from './movement.js';
import { unsqueeze } from './stretch.js';
import { copyFrom } from './strided.js';
import { composed, sameDType } from './support.js';

/**
 * Joins tensors of one shape along a new axis, which is axis `axis` of the result (default 0).
 * @throws ShapeError if shapes differ, or the list is empty; DTypeError if dtypes differ.
 */
export function stack<D extends DType>(tensors: readonly Tensor<D>[], axis?: number): Tensor<D>;
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  if (tracer) return tracer.operation('stack', stack, { tensors, axis });
  requireList('stack', 'a list of tensors', tensors, '[a, b]');
  tensors.forEach((x, i) => requireTensor('stack', `tensors[${i}]`, x));
  const [first, ...others] = tensors;
  if (!first) throw new ShapeError('stack: expected at least one tensor, got an empty list');
  const at = normalizeAxis('stack', axis, first.ndim + 1);
  for (const other of others) {
    sameDType('stack', first, other);
    if (sameShape(first.shape, other.shape)) continue;
    throw new ShapeError(
      `stack: expected tensors of one shape, got ${formatShape(first.shape)} and ` +
        `${formatShape(other.shape)}; concat joins along an axis that is there`,
    );
  }
  return composed(() =>
    concat(
      tensors.map((x) => unsqueeze(x, at)),
      at,
    ),
  );
}

interface Cut {
  readonly axis: number;
  readonly sizes: readonly number[];
  /** Whether the pieces, which are of size 1 then, lose the axis. */
  readonly drops: boolean;
}

/** One operation with several results: their gradients are joined once, not padded and added up. */
const splitFunction = defineFunction('split', {
  forward(ctx: Context<Cut>, x: Tensor, { axis, sizes, drops }: Cut) {
    ctx.save({ axis, sizes, drops });
    const strides = stridesOf(x.shape);
    const keeps = (_: unknown, at: number): boolean => at !== axis || !drops;
    let start = 0;
    return sizes.map((size) => {
      const shape = withDim(x.shape, axis, size).filter(keeps);
      const offset = start * strides[axis];
      start += size;
      return copyFrom('split', x, shape, strides.filter(keeps), offset);
    });
  },
  backward(ctx, ...dOut) {
    const { axis, drops } = ctx.saved;
    return drops ? stack(dOut, axis) : concat(dOut, axis);
  },
});

/**
 * Cuts x along `axis` (default 0) into pieces of `sizes`: of one size, the last one being what is left,
 * or of the sizes in a list. Each is a copy; the gradient of all of them is one copy, too.
 * @throws ConfigError for a size that is no integer from 1, ShapeError if a list does not add up to the
 * axis, or holds what is no integer from 0.
 */
export function split<D extends DType>(
  x: Tensor<D>,
  sizes: number | readonly number[],
  axis?: number,
): Tensor<D>[];
export function split(x: Tensor, sizes: number | readonly number[], axis = 0): Tensor[] {
  if (tracer) return tracer.operation('split', split, { x, sizes, axis });
  requireTensor('split', 'x', x);
  const at = normalizeAxis('split', axis, x.ndim, 'third');
  if (typeof sizes === 'number') {
    checkValue('split: the size', positiveCount, sizes);
    return splitFunction(x, { axis: at, sizes: piecesOf(x.shape[at], sizes), drops: false });
  }
  requireList('split', 'a size or a list of sizes', sizes, '2 or [2, 3]');
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (!sizes.every((size) => Number.isInteger(size) && size >= 0) || total !== x.shape[at]) {
    throw new ShapeError(
      `split: expected sizes from 0 that add up to ${x.shape[at]}, axis ${at} of ${x.describe()}, ` +
        `got ${valueText(sizes)}`,
    );
  }
  return splitFunction(x, { axis: at, sizes: [...sizes], drops: false });
}

/** The sizes of pieces of `size`, the last one perhaps smaller; of nothing, there is one of nothing. */
function piecesOf(dim: number, size: number): number[] {
  const count = Math.max(1, Math.ceil(dim / size));
  return Array.from({ length: count }, (_, i) => Math.min(size, dim - i * size));
}

/**
 * Cuts x along `axis` (default 0) into `chunks` pieces of one size, the last one being what is left.
 * As of `torch.chunk`, there are fewer where that size fills the axis sooner: 5 elements in 4 chunks are
 * 2, 2 and 1.
 * @throws ConfigError unless `chunks` is an integer from 1 to 2³¹ - 1.
 */
export function chunk<D extends DType>(x: Tensor<D>, chunks: number, axis?: number): Tensor<D>[];
export function chunk(x: Tensor, chunks: number, axis = 0): Tensor[] {
  if (tracer) return tracer.operation('chunk', chunk, { x, chunks, axis });
  requireTensor('chunk', 'x', x);
  checkValue('chunk: the number of chunks', integerBetween(1, 2 ** 31 - 1), chunks);
  const at = normalizeAxis('chunk', axis, x.ndim, 'third');
  const dim = x.shape[at];
  // An axis of nothing is as many pieces of nothing as there were to be.
  const sizes =
    dim === 0 ? new Array<number>(chunks).fill(0) : piecesOf(dim, Math.ceil(dim / chunks));
  return splitFunction(x, { axis: at, sizes, drops: false });
}

/**
 * The slices of x along `axis` (default 0), each without it: as many as the axis is long. Copies.
 * @throws ShapeError for an axis that x does not have.
 */
export function unbind<D extends DType>(x: Tensor<D>, axis?: number): Tensor<D>[];
export function unbind(x: Tensor, axis = 0): Tensor[] {
  if (tracer) return tracer.operation('unbind', unbind, { x, axis });
  requireTensor('unbind', 'x', x);
  const at = normalizeAxis('unbind', axis, x.ndim);
  return splitFunction(x, { axis: at, sizes: new Array<number>(x.shape[at]).fill(1), drops: true });
}

/**
 * The slice of x at position `index` of `axis`, without the axis; an index below 0 counts from the back.
 * A copy.
 * @throws ShapeError unless the position is one of the axis, ConfigError if it is no integer.
 */
export function select<D extends DType>(x: Tensor<D>, axis: number, index: number): Tensor<D>;
export function select(x: Tensor, axis: number, index: number): Tensor {
  if (tracer) return tracer.operation('select', select, { x, axis, index });
  requireTensor('select', 'x', x);
  const at = normalizeAxis('select', axis, x.ndim);
  if (!Number.isInteger(index)) {
    throw new ConfigError(
      `select: expected a position, an integer, got ${valueText(index)}; indexSelect(x, axis, index) ` +
        'takes a tensor of them',
    );
  }
  const dim = x.shape[at];
  const position = index < 0 ? index + dim : index;
  if (position < 0 || position >= dim) {
    throw new ShapeError(
      `select: position ${index} is outside -${dim} … ${dim - 1}, axis ${at} of ${x.describe()}`,
    );
  }
  return composed(() =>
    reshape(
      sliceAlong(x, at, [position, position + 1]),
      x.shape.filter((_, i) => i !== at),
    ),
  );
}
