import { defineFunction, type Context } from '../autograd/function.js';
import { zeros } from '../creation.js';
import type { DType } from '../dtype.js';
import { moreKernelsFor } from '../engine/more.js';
import { ShapeError } from '../errors.js';
import { tracer } from '../graph/tracer.js';
import { Scope } from '../memory/scope.js';
import { checkOptions, checkValue, count, flag, type OptionRules } from '../options.js';
import { normalizeAxis, type Shape } from '../shape.js';
import { empty, requireTensor, type Tensor } from '../tensor.js';
import { scatterFunction } from './along.js';
import { sliceAlong, transpose } from './movement.js';
import { int32Of } from './support.js';

/** Options of `sort` and `argsort`. */
export interface SortOptions {
  /** Whether the largest come first. Default false. */
  readonly descending?: boolean;
}

const SORT_OPTIONS: OptionRules<SortOptions> = { descending: flag };

interface Order {
  readonly axis: number;
  readonly descending: boolean;
  /** How many of the first are kept. */
  readonly kept: number;
}

/** The first values along an axis in order, and where they stood. */
function ordered(
  name: string,
  x: Tensor,
  { axis, descending, kept }: Order,
): [Tensor, Tensor<'int32'>] {
  const last = x.ndim - 1;
  const rows = axis === last ? x : transpose(x, axis, last);
  const n = rows.shape[last];
  const values = empty(rows.shape, x.dtype, name);
  const indices = empty(rows.shape, 'int32', name);
  const geometry = { rows: n === 0 ? 0 : x.size / n, n, descending };
  moreKernelsFor(x.dtype).sortRows(values.buffer, int32Of(name, indices), rows.buffer, geometry);
  const back = <D extends DType>(sorted: Tensor<D>): Tensor<D> => {
    const first = kept === n ? sorted : sliceAlong(sorted, last, [0, kept]);
    return axis === last ? first : transpose(first, axis, last);
  };
  return [back(values), back(indices)];
}

interface Saved {
  readonly indices: Tensor;
  readonly axis: number;
  readonly shape: Shape;
}

const orderFunction = (name: 'sort' | 'topk') =>
  defineFunction(name, {
    forward(ctx: Context<Saved>, x: Tensor, order: Order) {
      const [values, indices] = ordered(name, x, order);
      ctx.save({ indices, axis: order.axis, shape: x.shape });
      return [values, indices] as const;
    },
    backward(ctx, dValues) {
      // No two stood at one place.
      const { indices, axis, shape } = ctx.saved;
      return scatterFunction(zeros(shape, { dtype: dValues.dtype }), indices, dValues, { axis });
    },
  });

const sortFunction = orderFunction('sort');
const topkFunction = orderFunction('topk');

/**
 * The values of x along `axis` (default the last) in ascending order, or with `descending` the largest
 * first, and where they stood (int32, as of `argsort`): `const [values, indices] = sort(x)`. The order is
 * stable: equals, -0 and 0 among them, stay in their order. NaN counts as the largest. Each value's
 * gradient goes to where it stood.
 * @throws ShapeError for an axis that x does not have.
 */
export function sort(
  x: Tensor,
  axis = -1,
  options: SortOptions = {},
): readonly [values: Tensor, indices: Tensor] {
  requireTensor('sort', 'x', x);
  const at = normalizeAxis('sort', axis, x.ndim);
  checkOptions('sort', options, SORT_OPTIONS);
  const { descending = false } = options;
  if (tracer) return tracer.operation('sort', sort, { x, axis, options: { descending } });
  return sortFunction(x, { axis: at, descending, kept: x.shape[at] });
}

/**
 * The positions, along `axis` (default the last), of x's values in ascending order, or with `descending`
 * the largest first: int32, in x's shape, in the order of `sort`. `takeAlongAxis(x, indices, axis)` is
 * what was sorted. No gradient.
 * @throws ShapeError for an axis that x does not have.
 */
export function argsort(x: Tensor, axis = -1, options: SortOptions = {}): Tensor<'int32'> {
  requireTensor('argsort', 'x', x);
  const at = normalizeAxis('argsort', axis, x.ndim);
  checkOptions('argsort', options, SORT_OPTIONS);
  const { descending = false } = options;
  if (tracer) return tracer.operation('argsort', argsort, { x, axis, options: { descending } });
  // A scope even where a tape records, which would keep the values for nobody.
  return Scope.run(() => {
    const order = { axis: at, descending, kept: x.shape[at] };
    return ordered('argsort', x, order)[1];
  });
}

/** Options of `topk`. */
export interface TopkOptions {
  /** Whether the largest are wanted, or the smallest. Default true. */
  readonly largest?: boolean;
}

const TOPK_OPTIONS: OptionRules<TopkOptions> = { largest: flag };

/**
 * The k largest values of x along `axis` (default the last), or without `largest` the smallest, the most
 * extreme first, and where they stood (int32): `const [values, indices] = topk(x, 3)`. Of equals the first
 * are taken; NaN counts as the largest. Each value's gradient goes to where it stood.
 * @throws ConfigError unless k is an integer from 0, ShapeError if the axis is shorter, or not x's.
 */
export function topk(
  x: Tensor,
  k: number,
  axis = -1,
  options: TopkOptions = {},
): readonly [values: Tensor, indices: Tensor] {
  requireTensor('topk', 'x', x);
  checkValue('topk: k', count, k);
  const at = normalizeAxis('topk', axis, x.ndim, 'third');
  checkOptions('topk', options, TOPK_OPTIONS);
  const { largest = true } = options;
  if (k > x.shape[at]) {
    throw new ShapeError(
      `topk: expected k of at most ${x.shape[at]}, axis ${at} of ${x.describe()}, got ${k}`,
    );
  }
  if (tracer) return tracer.operation('topk', topk, { x, k, axis, options: { largest } });
  return topkFunction(x, { axis: at, descending: largest, kept: k });
}
