import type { NumericArray } from '@unfold/core';
import { bfloat16ToFloat32, float16ToFloat32 } from '@unfold/io/internal';
import type { ElementName } from './model.js';

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

/** The bytes that an element takes; none of a type that is not read. */
const WIDTHS: Readonly<Partial<Record<ElementName, number>>> = {
  float32: 4,
  float64: 8,
  int64: 8,
  uint64: 8,
  int32: 4,
  uint32: 4,
  int16: 2,
  uint16: 2,
  float16: 2,
  bfloat16: 2,
  int8: 1,
  uint8: 1,
  bool: 1,
};

export const widthOf = (type: ElementName): number | undefined => WIDTHS[type];

/** The elements as numbers, int64 too: those beyond 2⁵³ are rounded. */
export function elementsIn(type: ElementName, raw: Uint8Array): NumericArray {
  // A view needs whole elements at a multiple of their size; slice() of a Buffer of Node's is no copy.
  const { buffer } = new Uint8Array(raw);
  switch (type) {
    case 'int64':
      return Float64Array.from(new BigInt64Array(buffer), Number);
    case 'uint64':
      return Float64Array.from(new BigUint64Array(buffer), Number);
    case 'float16':
      return float16ToFloat32(new Uint16Array(buffer));
    case 'bfloat16':
      return bfloat16ToFloat32(new Uint16Array(buffer));
    case 'int16':
      return Int32Array.from(new Int16Array(buffer));
    case 'uint16':
      return Int32Array.from(new Uint16Array(buffer));
    case 'int8':
      return Int32Array.from(new Int8Array(buffer));
    case 'uint32':
      return Float64Array.from(new Uint32Array(buffer));
    case 'string':
      return new Uint8Array();
    default:
      return new ARRAYS[type](buffer);
  }
}
