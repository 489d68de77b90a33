import { kernelsFor } from '../engine/engine.js';
import { mergeAxes, stridesOf, type Shape } from '../shape.js';
import { empty, type Tensor } from '../tensor.js';

/** Where the elements of a part of a tensor lie, in elements. */
export interface Placed {
  readonly strides: readonly number[];
  readonly offset: number;
}

/** Copies elements of `x` to elements of `out`, both of them parts of `shape`. */
export function copyPart(out: Tensor, to: Placed, x: Tensor, from: Placed, shape: Shape): void {
  const merged = mergeAxes(shape, [to.strides, from.strides]);
  kernelsFor(x.dtype).copyStrided(out.buffer, x.buffer, {
    shape: merged.shape,
    outStrides: merged.strides[0],
    outOffset: to.offset,
    xStrides: merged.strides[1],
    xOffset: from.offset,
  });
}

/** Copies `x`, read at the given strides, to a new tensor of `shape`. */
export function copyFrom(
  name: string,
  x: Tensor,
  shape: Shape,
  strides: readonly number[],
  offset = 0,
): Tensor {
  const out = empty(shape, x.dtype, name);
  copyPart(out, { strides: stridesOf(shape), offset: 0 }, x, { strides, offset }, shape);
  return out;
}

/** Copies `x` to the places of `out` that lie at the given strides. */
export function copyTo(out: Tensor, x: Tensor, strides: readonly number[], offset: number): void {
  copyPart(out, { strides, offset }, x, { strides: stridesOf(x.shape), offset: 0 }, x.shape);
}
