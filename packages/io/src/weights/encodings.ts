import { formatShape, sizeOf, type DType, type NumericArray, type Shape } from '@unfold/core';
import { bytesPerElement } from '@unfold/core/internal';
import { bfloat16ToFloat32, float16ToFloat32 } from './float16.js';
import { brief, type Fail, quote } from '../messages.js';

/** How the numbers of a tensor lie in a file, and what they become. */
export interface Encoding {
  /** The bytes of one number. */
  readonly bytes: number;
  /** The type that the numbers are read as. */
  readonly dtype: DType;
  /**
   * The numbers in `bytes`, which have a buffer of their own and may be what is returned. Files
   * are little-endian, as every engine is.
   * @throws What `fail` makes of the first number that the dtype cannot hold.
   */
  readonly decode: (bytes: Uint8Array<ArrayBuffer>, fail: Fail) => NumericArray;
}

/** All that can be read. */
export const ENCODINGS = {
  float32: { bytes: 4, dtype: 'float32', decode: ({ buffer }) => new Float32Array(buffer) },
  float64: { bytes: 8, dtype: 'float64', decode: ({ buffer }) => new Float64Array(buffer) },
  float16: {
    bytes: 2,
    dtype: 'float32',
    decode: ({ buffer }) => float16ToFloat32(new Uint16Array(buffer)),
  },
  bfloat16: {
    bytes: 2,
    dtype: 'float32',
    decode: ({ buffer }) => bfloat16ToFloat32(new Uint16Array(buffer)),
  },
  int32: { bytes: 4, dtype: 'int32', decode: ({ buffer }) => new Int32Array(buffer) },
  int64: { bytes: 8, dtype: 'int32', decode: decodeInt64 },
  uint8: { bytes: 1, dtype: 'uint8', decode: (bytes) => bytes },
  bool: { bytes: 1, dtype: 'bool', decode: decodeBool },
} as const satisfies Readonly<Record<string, Encoding>>;

/** PyTorch counts in int64 (`num_batches_tracked`), and Unfold has no such dtype. */
function decodeInt64({ buffer }: Uint8Array<ArrayBuffer>, fail: Fail): Int32Array {
  const words = new Int32Array(buffer);
  const out = new Int32Array(words.length / 2);
  for (let i = 0; i < out.length; i++) {
    const low = words[2 * i] as number;
    // What fits into 32 bits repeats its sign in the upper ones.
    if (words[2 * i + 1] !== low >> 31) {
      throw fail(
        `int64 number ${i} is ${String(new BigInt64Array(buffer)[i])}, which int32 cannot hold; ` +
          'save it as float64, or leave it out',
      );
    }
    out[i] = low;
  }
  return out;
}

function decodeBool(bytes: Uint8Array<ArrayBuffer>, fail: Fail): Uint8Array {
  const wrong = bytes.findIndex((byte) => byte > 1);
  if (wrong >= 0) {
    throw fail(
      `truth value ${wrong} is ${bytes[wrong]}, expected 0 or 1; the file is damaged: save it again`,
    );
  }
  return bytes;
}

/** A copy in a buffer of its own: `slice` gives a view of Node's `Buffer`, and keeps shared memory. */
export function copyOf(bytes: Uint8Array, start = 0, end = bytes.length): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes.subarray(start, end));
}

/** The most axes that NumPy and PyTorch allow. */
export const MAX_DIMENSIONS = 64;
/** The most elements of a tensor. */
const MAX_SIZE = 2 ** 31 - 1;

/**
 * Checks what a file says is the shape of a tensor.
 * @param options.bytes Of one of its numbers.
 * @param options.available The bytes that the file has for all of them.
 * @param options.mayFollow Whether others may follow them. Default false.
 * @throws FileFormatError that names the tensor.
 */
export function checkShape(
  name: string,
  shape: unknown,
  {
    bytes,
    available,
    mayFollow = false,
    fail,
  }: { bytes: number; available: number; mayFollow?: boolean; fail: Fail },
): Shape {
  const damaged = 'the file is damaged: save it again';
  if (!isCounts(shape) || shape.length > MAX_DIMENSIONS) {
    throw fail(
      `tensor ${quote(name)} has shape ${brief(shape)}; expected at most ${MAX_DIMENSIONS} ` +
        `integers of at least 0; ${damaged}`,
    );
  }
  const size = sizeOf(shape);
  if (mayFollow ? size * bytes > available : size * bytes !== available) {
    throw fail(
      `tensor ${quote(name)} ${formatShape(shape)} needs ${size} × ${bytes} bytes, it has ` +
        `${available}; ${damaged}`,
    );
  }
  if (size > MAX_SIZE) {
    throw fail(
      `tensor ${quote(name)} ${formatShape(shape)} has ${size} elements, the limit is 2^31 - 1; ` +
        'split it',
    );
  }
  if (shape.some((dim) => dim > MAX_SIZE)) {
    throw fail(
      `tensor ${quote(name)} ${formatShape(shape)} has a dimension beyond the limit of 2^31 - 1; ${damaged}`,
    );
  }
  return shape;
}

/** The bytes that all tensors of a process share: the memory of WebAssembly. */
const MEMORY_BYTES = 2 ** 32;

/** Checks that tensors can be in memory together, before the first of them is read. */
export function expectRoom(
  tensors: Iterable<{ readonly shape: Shape; readonly dtype: DType }>,
  fail: Fail,
): void {
  let bytes = 0;
  for (const { shape, dtype } of tensors) bytes += sizeOf(shape) * bytesPerElement(dtype);
  if (bytes <= MEMORY_BYTES) return;
  throw fail(
    `its tensors take ${bytes} bytes in memory, which has ${MEMORY_BYTES} at most; split the file, or ` +
      'read a part of it into a model: loadWeights(model, file, { strict: false })',
  );
}

/** Whether `value` is a list of integers of at least 0. */
export function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}
