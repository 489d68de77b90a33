import { DTypeError } from './errors.js';
import type { NumericArray } from './kernels/contract.js';
import { valueText } from './options.js';

/** Element type of a tensor. `bool` is stored as bytes 0 and 1. */
export type DType = 'float32' | 'float64' | 'int32' | 'uint8' | 'bool';

/** The typed array that holds the elements of each dtype. */
export interface ArrayTypes {
  readonly float32: Float32Array;
  readonly float64: Float64Array;
  readonly int32: Int32Array;
  readonly uint8: Uint8Array;
  readonly bool: Uint8Array;
}

interface ArrayType<T extends NumericArray> {
  new (length: number): T;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
  readonly BYTES_PER_ELEMENT: number;
}

const ARRAY_TYPES: { readonly [D in DType]: ArrayType<ArrayTypes[D]> } = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

/** @throws DTypeError for a name that is no dtype, as JavaScript callers may pass. */
export function checkDType(operation: string, dtype: DType): void {
  if (dtype === 'float32') return;
  if (typeof dtype === 'string' && Object.hasOwn(ARRAY_TYPES, dtype)) return;
  throw new DTypeError(
    `${operation}: unknown dtype ${valueText(dtype)}; there are ${Object.keys(ARRAY_TYPES).join(', ')}`,
  );
}

export function bytesPerElement(dtype: DType): number {
  return ARRAY_TYPES[dtype].BYTES_PER_ELEMENT;
}

/** A typed array of `length` elements of `dtype` over `buffer`. */
export function viewOver<D extends DType>(
  dtype: D,
  buffer: ArrayBufferLike,
  byteOffset: number,
  length: number,
): ArrayTypes[D] {
  return new ARRAY_TYPES[dtype](buffer, byteOffset, length);
}

/** A new zeroed typed array, off the heap. */
export function newArray<D extends DType>(dtype: D, length: number): ArrayTypes[D] {
  return new ARRAY_TYPES[dtype](length);
}

export function isFloat(dtype: DType): boolean {
  return dtype === 'float32' || dtype === 'float64';
}

/** The float dtype that counts from 0 to `last` without a gap. */
export function floatCounting(last: number): 'float32' | 'float64' {
  return last < 2 ** 24 ? 'float32' : 'float64';
}

/** The dtype whose elements a typed array holds. @throws DTypeError for types that have none. */
export function dtypeOf(array: ArrayBufferView): DType {
  if (array instanceof Float32Array) return 'float32';
  if (array instanceof Float64Array) return 'float64';
  if (array instanceof Int32Array) return 'int32';
  if (array instanceof Uint8Array) return 'uint8';
  throw new DTypeError(
    `tensor: expected a Float32Array, Float64Array, Int32Array or Uint8Array, got ` +
      `${array.constructor.name}; convert it, or pass { dtype }`,
  );
}

const INTEGER_RANGES: Partial<Record<DType, readonly [number, number]>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint8: [0, 255],
  bool: [0, 1],
};

/**
 * Copies numbers into an array of `dtype`, refusing those it cannot hold: fractions and overflow
 * in an integer type would otherwise change in silence.
 * @param mend Ends the error's message.
 * @throws DTypeError naming the first value that does not fit.
 */
export function copyChecked(
  operation: string,
  dtype: DType,
  target: NumericArray,
  values: ArrayLike<number>,
  mend = '',
): void {
  const range = INTEGER_RANGES[dtype];
  if (range) {
    const [low, high] = range;
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (!Number.isInteger(value) || value < low || value > high) {
        throw new DTypeError(
          `${operation}: ${dtype} holds integers from ${low} to ${high}, got ${value}` +
            (values.length > 1 ? ` at element ${i}` : '') +
            mend,
        );
      }
    }
  }
  target.set(values);
}
