import type { DType, NumericArray } from '@unfold/core';
import { bfloat16ToFloat32, float16ToFloat32 } from '@unfold/io/internal';
import { elementName } from './model.js';

/**
 * Of each type of elements that is read the array in which they lie, little-endian, as typed arrays are on
 * every machine that runs this, and the dtype that stands for it.
 */
const STORED = {
  float32: [Float32Array, 'float32'],
  float64: [Float64Array, 'float64'],
  float16: [Uint16Array, 'float32'],
  bfloat16: [Uint16Array, 'float32'],
  int64: [BigInt64Array, 'int32'],
  uint64: [BigUint64Array, 'int32'],
  int32: [Int32Array, 'int32'],
  uint32: [Uint32Array, 'int32'],
  int16: [Int16Array, 'int32'],
  uint16: [Uint16Array, 'int32'],
  int8: [Int8Array, 'int32'],
  uint8: [Uint8Array, 'uint8'],
  bool: [Uint8Array, 'bool'],
} as const;

type Stored = keyof typeof STORED;

const isStored = (name: string): name is Stored => Object.hasOwn(STORED, name);

/** Numbers as ONNX keeps them: none of a type that isn't read; of floats of 16 bits they are the bits. */
export function rawOf(type: string, elements: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  if (!isStored(type)) return new Uint8Array();
  const array =
    type === 'int64' || type === 'uint64'
      ? STORED[type][0].from(Array.from(elements, BigInt))
      : STORED[type][0].from(elements);
  return new Uint8Array(array.buffer);
}

/** How elements of a type are read. */
export interface Encoding {
  /** The dtype that stands for it. */
  readonly dtype: DType;
  /** Bytes of an element. */
  readonly width: number;
  /** The elements as numbers, int64 too: those beyond 2⁵³ are rounded. */
  decode(bytes: ArrayBuffer): NumericArray;
}

/** The encoding by a number of `ELEMENT`: none of strings, complex numbers and the like. */
export function encodingOf(type: number): Encoding | undefined {
  const name = elementName(type);
  if (!isStored(name)) return undefined;
  const [Elements, dtype] = STORED[name];
  return {
    dtype,
    width: Elements.BYTES_PER_ELEMENT,
    decode(bytes) {
      const elements = new Elements(bytes);
      if (name === 'float16') return float16ToFloat32(elements as Uint16Array);
      if (name === 'bfloat16') return bfloat16ToFloat32(elements as Uint16Array);
      return dtype === 'int32'
        ? Float64Array.from<number | bigint>(elements, Number)
        : (elements as NumericArray);
    },
  };
}
