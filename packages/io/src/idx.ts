import { FileFormatError, type OptionRule, type OptionRules } from '@unfold/core';
import { completeOptions, optional, text } from '@unfold/core/internal';
import { requireBytes } from './arguments.js';

/**
 * IDX, the file format of MNIST: two zero bytes, one byte for the element type, one for the number
 * of dimensions, each dimension as a big-endian 32-bit integer, then the elements, row-major and
 * big-endian. Nothing is allocated for the elements until type, dimensions and length have been
 * found right.
 */
export interface IdxArray {
  /** The type of the elements. */
  readonly dtype: 'uint8' | 'int32' | 'float32' | 'float64';
  /** The dimensions, outermost first. */
  readonly dims: readonly number[];
  /** The elements, row-major. */
  readonly data: Uint8Array | Int32Array | Float32Array | Float64Array;
}

/** Bounds that an IDX file is checked against. */
export interface IdxOptions {
  /** The dimensions that the file must have; null where any size will do. Default: any. */
  readonly dims?: readonly (number | null)[];
}

/** Options of `parseIdx`. */
export interface ParseIdxOptions extends IdxOptions {
  /** The name of the bytes in errors: a path or an address. */
  readonly name: string;
}

export const dimsRule: OptionRule = {
  expected: 'a list of sizes, with null where any will do',
  accepts: (value) =>
    Array.isArray(value) &&
    value.every((size) => size === null || (Number.isSafeInteger(size) && size >= 0)),
};

const OPTIONS: OptionRules<ParseIdxOptions> = { name: text, dims: optional(dimsRule) };

interface ElementType {
  readonly bytes: number;
  /** Absent where Unfold has no dtype for it. */
  readonly dtype?: IdxArray['dtype'];
  readonly label: string;
}

const ELEMENT_TYPES: ReadonlyMap<number, ElementType> = new Map([
  [0x08, { bytes: 1, dtype: 'uint8', label: 'unsigned byte' }],
  [0x09, { bytes: 1, label: 'signed byte' }],
  [0x0b, { bytes: 2, label: '16-bit integer' }],
  [0x0c, { bytes: 4, dtype: 'int32', label: '32-bit integer' }],
  [0x0d, { bytes: 4, dtype: 'float32', label: '32-bit float' }],
  [0x0e, { bytes: 8, dtype: 'float64', label: '64-bit float' }],
]);

/** A header is at most this long: the number of dimensions is one byte. */
const MAX_HEADER_BYTES = 4 + 4 * 255;

/** The header of an IDX file. */
export interface IdxHeader {
  readonly element: ElementType & { readonly dtype: IdxArray['dtype'] };
  readonly dims: readonly number[];
  readonly headerBytes: number;
  /** Header and elements together. */
  readonly totalBytes: number;
}

/**
 * Reads IDX bytes that are not packed.
 * @returns For unsigned bytes `data` is a view of `bytes`; other types are copied and byte-swapped.
 * @throws FileFormatError naming the file, the byte, what was expected and what is there.
 */
export function parseIdx(bytes: Uint8Array, options: ParseIdxOptions): IdxArray {
  requireBytes('parseIdx', bytes);
  const { name, dims } = completeOptions('parseIdx', OPTIONS, {}, options);
  if (isGzip(bytes)) {
    throw new FileFormatError(
      `idx: ${name}: byte 0: expected IDX (00 00), got gzip (1f 8b); inflate it first, or let readIdx do so`,
    );
  }
  const header = parseIdxHeader(bytes, name, dims);
  checkLength(header, bytes.length, name);
  return decodeIdx(header, bytes);
}

/** Whether the bytes are packed with gzip. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** @throws FileFormatError if it is no header of an IDX file, or one of other dimensions. */
export function parseIdxHeader(
  bytes: Uint8Array,
  name: string,
  expected: readonly (number | null)[] | undefined,
): IdxHeader {
  const view = new DataView(
    bytes.buffer,
    bytes.byteOffset,
    Math.min(bytes.length, MAX_HEADER_BYTES),
  );
  if (view.byteLength < 4) throw tooShortForHeader(name, 4, bytes.length);
  if (view.getUint16(0) !== 0) {
    throw new FileFormatError(
      `idx: ${name}: byte ${view.getUint8(0) === 0 ? 1 : 0}: expected an IDX file (00 00) or gzip (1f 8b), ` +
        `got ${hex(view.getUint8(0))} ${hex(view.getUint8(1))}; ${guessContent(bytes)}`,
    );
  }
  const code = view.getUint8(2);
  const element = ELEMENT_TYPES.get(code);
  if (element === undefined) {
    throw new FileFormatError(
      `idx: ${name}: byte 2: expected an element type (08, 09, 0b, 0c, 0d or 0e), got ${hex(code)}; ` +
        'this is no IDX file, or it is damaged',
    );
  }
  if (element.dtype === undefined) {
    throw new FileFormatError(
      `idx: ${name}: byte 2: expected unsigned bytes (08), 32-bit integers (0c) or floats (0d, 0e), ` +
        `got ${hex(code)}, ${element.label}s, which Unfold has no dtype for; convert the file`,
    );
  }
  const ndim = view.getUint8(3);
  if (ndim === 0 || (expected !== undefined && ndim !== expected.length)) {
    const wanted = expected === undefined ? 'at least 1 dimension' : countDims(expected.length);
    throw new FileFormatError(
      `idx: ${name}: byte 3: expected ${wanted}, got ${ndim}${guessKind(ndim, expected)}`,
    );
  }
  const headerBytes = 4 + 4 * ndim;
  if (view.byteLength < headerBytes) throw tooShortForHeader(name, headerBytes, bytes.length);
  const dims = Array.from({ length: ndim }, (_, axis) => view.getUint32(4 + 4 * axis));
  expected?.forEach((size, axis) => {
    if (size !== null && size !== dims[axis]) {
      throw new FileFormatError(
        `idx: ${name}: byte ${4 + 4 * axis}: expected dimension ${axis} to be ${size}, got ${dims[axis]}; ` +
          'this is another data set, or the header is damaged',
      );
    }
  });
  // Sizes beyond all numbers times 0 would be no number at all.
  const size = dims.includes(0) ? 0 : dims.reduce((a, b) => a * b, element.bytes);
  const totalBytes = headerBytes + size;
  return { element: { ...element, dtype: element.dtype }, dims, headerBytes, totalBytes };
}

/** @throws FileFormatError if there are fewer or more bytes than a header promises. */
export function checkLength(
  { dims, element, totalBytes }: IdxHeader,
  got: number,
  name: string,
): void {
  if (got === totalBytes) return;
  const promise = `expected ${totalBytes} bytes for [${dims.join(', ')}] ${element.label}s, got ${got}`;
  throw new FileFormatError(
    got < totalBytes
      ? `idx: ${name}: byte ${got}: ${promise}; the file is truncated: fetch it again`
      : `idx: ${name}: byte ${totalBytes}: ${promise}; the file is oversized: ` +
          `${got - totalBytes} bytes follow the data, fetch it again`,
  );
}

/** The elements behind a header; of unsigned bytes a view. */
export function decodeIdx(
  { element, dims, headerBytes, totalBytes }: IdxHeader,
  bytes: Uint8Array,
): IdxArray {
  const { dtype } = element;
  if (dtype === 'uint8') {
    // Not subarray: of a Buffer that would be a Buffer, whose methods mean other things.
    const start = bytes.byteOffset + headerBytes;
    return { dtype, dims, data: new Uint8Array(bytes.buffer, start, totalBytes - headerBytes) };
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + headerBytes);
  const length = (totalBytes - headerBytes) / element.bytes;
  if (dtype === 'int32') {
    return { dtype, dims, data: Int32Array.from({ length }, (_, i) => view.getInt32(4 * i)) };
  }
  if (dtype === 'float32') {
    return { dtype, dims, data: Float32Array.from({ length }, (_, i) => view.getFloat32(4 * i)) };
  }
  return { dtype, dims, data: Float64Array.from({ length }, (_, i) => view.getFloat64(8 * i)) };
}

function tooShortForHeader(name: string, expected: number, got: number): FileFormatError {
  return new FileFormatError(
    `idx: ${name}: byte ${got}: expected a header of at least ${expected} bytes, got ${got} in all; ` +
      'the file is truncated: fetch it again',
  );
}

function guessContent(bytes: Uint8Array): string {
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, 256)).trimStart().toLowerCase();
  if (start.startsWith('<')) {
    return 'it looks like a web page, such as a server sends with an error: fetch the file again';
  }
  if (start.startsWith('pk')) return 'it looks like a zip archive: unpack it first';
  return 'this is no IDX file, or it is damaged: fetch it again';
}

function guessKind(got: number, expected: readonly unknown[] | undefined): string {
  if (expected?.length === 1 && got === 3)
    return '; this looks like an images file given as labels';
  if (expected?.length === 3 && got === 1) return '; this looks like a labels file given as images';
  return '; this is another kind of data, or the header is damaged';
}

function countDims(count: number): string {
  return count === 1 ? '1 dimension' : `${count} dimensions`;
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
