import type { DType, NumericArray } from '@unfold/core';
import { bfloat16ToFloat32, float16ToFloat32 } from '@unfold/io/internal';
import { ELEMENT } from './model.js';

/** Where the elements of each type are written. */
const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int16: Int16Array,
  uint16: Uint16Array,
  uint8: Uint8Array,
  int8: Int8Array,
  bool: Uint8Array,
} as const;

/**
 * The elements as ONNX keeps them: little-endian, as typed arrays are on every machine that runs this.
 */
export function rawOf(
  type: keyof typeof ARRAYS | 'int64',
  elements: ArrayLike<number>,
): Uint8Array<ArrayBuffer> {
  const array =
    type === 'int64'
      ? BigInt64Array.from(Array.from(elements, (value) => BigInt(value)))
      : ARRAYS[type].from(elements);
  return new Uint8Array(array.buffer);
}

/** A type of elements that is read. */
export interface Encoding {
  /** The dtype that stands for it. */
  readonly dtype: DType;
  /** Bytes of an element. */
  readonly width: number;
  /** The elements as numbers, int64 too: those beyond 2⁵³ are rounded. */
  readonly decode: (bytes: ArrayBuffer) => NumericArray;
}

/** By the numbers of `ELEMENT`; none of strings, complex numbers and the like. */
const ENCODINGS: Readonly<Record<number, Encoding>> = {
  [ELEMENT.float32]: { dtype: 'float32', width: 4, decode: (bytes) => new Float32Array(bytes) },
  [ELEMENT.float64]: { dtype: 'float64', width: 8, decode: (bytes) => new Float64Array(bytes) },
  [ELEMENT.float16]: {
    dtype: 'float32',
    width: 2,
    decode: (bytes) => float16ToFloat32(new Uint16Array(bytes)),
  },
  [ELEMENT.bfloat16]: {
    dtype: 'float32',
    width: 2,
    decode: (bytes) => bfloat16ToFloat32(new Uint16Array(bytes)),
  },
  [ELEMENT.int64]: {
    dtype: 'int32',
    width: 8,
    decode: (bytes) => Float64Array.from(new BigInt64Array(bytes), Number),
  },
  [ELEMENT.uint64]: {
    dtype: 'int32',
    width: 8,
    decode: (bytes) => Float64Array.from(new BigUint64Array(bytes), Number),
  },
  [ELEMENT.int32]: { dtype: 'int32', width: 4, decode: (bytes) => new Int32Array(bytes) },
  [ELEMENT.uint32]: {
    dtype: 'int32',
    width: 4,
    decode: (bytes) => Float64Array.from(new Uint32Array(bytes)),
  },
  [ELEMENT.int16]: {
    dtype: 'int32',
    width: 2,
    decode: (bytes) => Int32Array.from(new Int16Array(bytes)),
  },
  [ELEMENT.uint16]: {
    dtype: 'int32',
    width: 2,
    decode: (bytes) => Int32Array.from(new Uint16Array(bytes)),
  },
  [ELEMENT.int8]: {
    dtype: 'int32',
    width: 1,
    decode: (bytes) => Int32Array.from(new Int8Array(bytes)),
  },
  [ELEMENT.uint8]: { dtype: 'uint8', width: 1, decode: (bytes) => new Uint8Array(bytes) },
  [ELEMENT.bool]: { dtype: 'bool', width: 1, decode: (bytes) => new Uint8Array(bytes) },
};

export const encodingOf = (type: number): Encoding | undefined => ENCODINGS[type];
