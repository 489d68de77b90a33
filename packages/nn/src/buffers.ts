import {
  bufferOf,
  elementsOf,
  empty,
  type DeviceBuffer,
  type DType,
  type Tensor,
} from '@unfold/core';

/** Numbers as a tensor of one axis, rounded to `dtype`; an integer dtype must hold them. */
export function vectorOf(values: ArrayLike<number>, dtype: DType, origin: string): Tensor {
  const vector = empty([values.length], dtype, origin);
  elementsOf(vector).set(values);
  return vector;
}

/** The `index`-th run of `length` elements. */
export function part(x: Tensor, index: number, length: number): DeviceBuffer {
  return bufferOf(x).slice(index * length, (index + 1) * length);
}
