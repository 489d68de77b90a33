import { sumAxes } from '../autograd/sum-to.js';
import { tracer } from '../graph/tracer.js';
import { reducedShape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import {
  asGiven,
  reduction,
  type KeepdimOptions,
  type ReduceAxes,
  type ReduceOptions,
} from './axes.js';
import { eq, ne } from './compare.js';
import { truthOf } from './logic.js';
import { composed } from './support.js';

type Counting = 'any' | 'all' | 'countNonzero';

/** Counts what is not 0 along the axes, and says what `answer` makes of it and of how many there are. */
function counted<T extends Tensor>(
  name: Counting,
  run: (x: Tensor, axis?: ReduceAxes, options?: KeepdimOptions) => T,
  x: Tensor,
  axis: ReduceAxes | undefined,
  options: KeepdimOptions | undefined,
  answer: (count: Tensor<'int32'>, of: number) => T,
): T {
  const given = reduction(name, x, axis, options);
  if (tracer) return tracer.operation(name, run, asGiven(x, axis, given));
  x.assertAlive();
  const { axes, keepdim } = given;
  return composed(() => {
    const count = sumAxes(truthOf(x), axes).view(reducedShape(x.shape, axes, keepdim), name);
    // Truth values are summed in int32.
    return answer(count as Tensor<'int32'>, sizeOf(axes.map((axis) => x.shape[axis])));
  });
}

/**
 * Whether any element is not 0, over any axes, given as those of `sum`: a bool tensor, of any dtype.
 * NaN is not 0; over no element it is false. No gradient.
 */
export function any(
  x: Tensor,
  axis?: ReduceAxes,
  options?: Pick<ReduceOptions, 'keepdim'>,
): Tensor<'bool'> {
  return counted('any', any, x, axis, options, (count) => ne(count, 0));
}

/**
 * Whether no element is 0, over any axes, given as those of `sum`: a bool tensor, of any dtype. NaN is
 * not 0; over no element it is true. No gradient.
 */
export function all(
  x: Tensor,
  axis?: ReduceAxes,
  options?: Pick<ReduceOptions, 'keepdim'>,
): Tensor<'bool'> {
  return counted('all', all, x, axis, options, (count, of) => eq(count, of));
}

/**
 * How many elements are not 0, over any axes, given as those of `sum`: int32, of any dtype. NaN is not
 * 0. No gradient.
 */
export function countNonzero(
  x: Tensor,
  axis?: ReduceAxes,
  options?: Pick<ReduceOptions, 'keepdim'>,
): Tensor<'int32'> {
  return counted('countNonzero', countNonzero, x, axis, options, (count) => count);
}
