import {
  bufferOf,
  DTypeError,
  elementsOf,
  empty,
  type DeviceBuffer,
  type Tensor,
} from '@unfold/core';

/** Whole numbers, checked by the caller, as an int32 tensor that kernels read. */
export function int32From(values: Int32Array, origin: string): Tensor {
  const made = empty([values.length], 'int32', origin);
  elementsOf(made).set(values);
  return made;
}

/** The buffer of an int32 tensor. @throws DTypeError for another dtype. */
export function int32BufferOf(x: Tensor): DeviceBuffer<'int32'> {
  const buffer = bufferOf(x);
  if (buffer.isOf('int32')) return buffer;
  throw new DTypeError(`${x.origin}: expected an int32 tensor, got ${x.describe()}; cast it first`);
}
