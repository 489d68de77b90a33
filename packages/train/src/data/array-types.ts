import type { DType } from '@unfold/core';

const ARRAY_TYPES = [
  [Float32Array, 'float32'],
  [Float64Array, 'float64'],
  [Int32Array, 'int32'],
  [Uint8Array, 'uint8'],
] as const satisfies readonly (readonly [unknown, DType])[];

/** A typed array that tensors can be made of, with their dtype. */
export interface TypedArray {
  readonly data: Float32Array | Float64Array | Int32Array | Uint8Array;
  readonly dtype: (typeof ARRAY_TYPES)[number][1];
}

/** Null for what is no typed array, and for those whose numbers no tensor holds. */
export function asTypedArray(value: unknown): TypedArray | null {
  for (const [Kind, dtype] of ARRAY_TYPES) if (value instanceof Kind) return { data: value, dtype };
  return null;
}

/** A typed array of a dtype. */
export function arrayFrom(dtype: DType, values: ArrayLike<number>): TypedArray['data'] {
  const [Kind] = ARRAY_TYPES.find(([, name]) => name === dtype) ?? ARRAY_TYPES[0];
  return Kind.from(values);
}

/** What a typed array of another kind is told. */
export const ARRAY_KINDS = 'a Float32Array, Float64Array, Int32Array or Uint8Array';
