import { isFloat } from '../dtype.js';
import { kernelsFor } from '../engine/engine.js';
import { reduceGeometry, type Shape } from '../shape.js';
import { empty, type Tensor } from '../tensor.js';

/**
 * Sums `x` over the axes along which `shape` was broadcast to `x.shape`: the adjoint of
 * broadcasting. Null if `shape` does not broadcast to it.
 */
export function sumTo(x: Tensor, shape: Shape): Tensor | null {
  const lead = x.ndim - shape.length;
  if (lead < 0) return null;
  const axes: number[] = [];
  for (let axis = 0; axis < x.ndim; axis++) {
    const dim = axis < lead ? 1 : shape[axis - lead];
    if (axis < lead || (dim === 1 && x.shape[axis] !== 1)) axes.push(axis);
    else if (dim !== x.shape[axis]) return null;
  }
  return sumAxes(x, axes).view(shape, 'sum');
}

/**
 * Sums over `axes` (sorted), one run of neighbouring axes after another, the last run first.
 * @returns A new tensor in which the summed axes have size 1: int32 of integers and of bool.
 */
export function sumAxes(x: Tensor, axes: readonly number[]): Tensor {
  let shape = [...x.shape];
  let result = x;
  let last = axes.length - 1;
  do {
    let first = last;
    while (first > 0 && axes[first - 1] === axes[first] - 1) first--;
    // With no axis at all, the sum over an axis of size 1 is the copy that the caller expects.
    const geometry =
      last < 0 ? { outer: x.size, n: 1, inner: 1 } : reduceGeometry(shape, axes[first], axes[last]);
    shape = shape.map((dim, axis) =>
      axes.slice(Math.max(first, 0), last + 1).includes(axis) ? 1 : dim,
    );
    const next = empty(shape, isFloat(x.dtype) ? x.dtype : 'int32', 'sum');
    const [sums, terms] = [next.buffer, result.buffer];
    if (sums.isOf('int32') && terms.isOf('uint8')) {
      // A kernel of bytes, and the engine's fast kernels are those of float32.
      kernelsFor('float32').sumBytes(sums, terms, geometry);
    } else kernelsFor(next.dtype).sum(sums, terms, geometry);
    result = next;
    last = first - 1;
  } while (last >= 0);
  return result;
}
