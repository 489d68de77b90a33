import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip, gunzipSync, constants } from 'node:zlib';
import { FileFormatError } from '@unfold/core';
import { rejectUnknown } from '@unfold/core/internal';
import { completeLimits, IDX_LIMITS, type IdxLimits, isTooDense, raise } from './limits.js';

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

/** What an IDX file is checked against. */
export interface IdxOptions {
  /** The dimensions that the file must have; null where any size will do. Default: any. */
  readonly dims?: readonly (number | null)[];
}

/** Options of `parseIdx`. */
export interface ParseIdxOptions extends IdxOptions {
  /** What the errors call the bytes: a path or an address. */
  readonly name: string;
}

/** Options of `readIdx`. */
export interface ReadIdxOptions extends IdxOptions {
  /** The SHA-256 of the file as it is stored (packed, if it is packed), in hexadecimal. */
  readonly sha256?: string;
  /**
   * How much a file may take. Defaults: 1 GiB, of the file and of what it inflates to (`maxBytes`); 200
   * bytes from one that is packed (`maxRatio`, above 64 MiB).
   */
  readonly limits?: Partial<IdxLimits>;
}

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
/** Packed bytes that surely hold a header; deflate makes at most 1032 bytes out of one. */
const PACKED_PREFIX = 4096;
const MAX_DEFLATE_RATIO = 1032;

const inflate = promisify(gunzip);

interface Header {
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
export function parseIdx(bytes: Uint8Array, { name, dims }: ParseIdxOptions): IdxArray {
  if (isGzip(bytes)) {
    throw new FileFormatError(
      `idx: ${name}: byte 0: expected IDX (00 00), got gzip (1f 8b); inflate it first, or let readIdx do so`,
    );
  }
  const header = parseHeader(bytes, name, dims);
  checkLength(header, bytes.length, name);
  return decode(header, bytes);
}

/**
 * Reads an IDX file, plain or packed with gzip; which of the two is told by its first bytes, not by
 * its name. What a packed file inflates to is bounded by the dimensions in its header.
 * @throws FileFormatError if the file can't be read, is damaged, beyond the limits, or isn't what was
 * expected; ConfigError for an unknown option or limit.
 */
export async function readIdx(path: string, options: ReadIdxOptions = {}): Promise<IdxArray> {
  rejectUnknown('readIdx', options, ['dims', 'sha256', 'limits']);
  const { dims, sha256 } = options;
  const { maxBytes, maxRatio } = completeLimits('readIdx', IDX_LIMITS, options.limits);
  const file = await openFile(path);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) {
      throw new FileFormatError(`idx: ${path}: expected a file, got a folder or a device`);
    }
    if (stats.size > maxBytes) {
      throw new FileFormatError(
        `idx: ${path}: expected at most ${maxBytes} bytes, got ${stats.size}; is it the right file? Then, ` +
          raise('maxBytes', stats.size),
      );
    }
    const prefix = await readStart(file, Math.min(stats.size, PACKED_PREFIX));
    const packed = isGzip(prefix);
    const start = packed ? inflateStart(prefix, path) : prefix;
    const header = parseHeader(start, path, dims);
    if (header.totalBytes > maxBytes) {
      throw new FileFormatError(
        `idx: ${path}: expected at most ${maxBytes} bytes, got a header that promises ` +
          `[${header.dims.join(', ')}] ${header.element.label}s; the header is damaged, fetch the file again, or, ` +
          raise('maxBytes', header.totalBytes),
      );
    }
    if (!packed) checkLength(header, stats.size, path);
    else if (header.totalBytes > stats.size * MAX_DEFLATE_RATIO) {
      throw new FileFormatError(
        `idx: ${path}: expected ${header.totalBytes} bytes, but ${stats.size} bytes of gzip can't hold more ` +
          `than ${stats.size * MAX_DEFLATE_RATIO}; the file is damaged, fetch it again`,
      );
    }
    if (packed && isTooDense({ unpacked: header.totalBytes, packed: stats.size }, maxRatio)) {
      throw new FileFormatError(
        `idx: ${path}: expected at most ${maxRatio} bytes from one that is packed, got a header that ` +
          `promises ${header.totalBytes} from ${stats.size}; fetch the file again, or, ` +
          raise('maxRatio', header.totalBytes / stats.size),
      );
    }
    const stored = await readStart(file, stats.size);
    if (sha256 !== undefined) checkSha256(stored, sha256, path);
    const bytes = packed ? await inflateAll(stored, header, path) : stored;
    checkLength(header, bytes.length, path);
    return decode(header, bytes);
  } finally {
    await file.close();
  }
}

/** The SHA-256 of `bytes` in hexadecimal. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** @throws FileFormatError if the SHA-256 of `bytes` is another. */
export function checkSha256(bytes: Uint8Array, expected: string, name: string): void {
  const got = sha256Of(bytes);
  if (got !== expected) {
    throw new FileFormatError(
      `idx: ${name}: expected SHA-256 ${expected}, got ${got} over ${bytes.length} bytes; ` +
        'the file is damaged or not the published one: fetch it again',
    );
  }
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    throw new FileFormatError(`idx: ${path}: can't be opened: ${reason(error)}`, { cause: error });
  }
}

/** The first `length` bytes; fewer if the file became shorter meanwhile. */
async function readStart(file: FileHandle, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, filled);
    if (bytesRead === 0) return bytes.subarray(0, filled);
    filled += bytesRead;
  }
  return bytes;
}

/** Inflates as much as the first packed bytes give: enough for the header. */
function inflateStart(prefix: Uint8Array, name: string): Uint8Array {
  try {
    return gunzipSync(prefix, {
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: PACKED_PREFIX * MAX_DEFLATE_RATIO,
    });
  } catch (error) {
    throw gzipError(error, name);
  }
}

async function inflateAll(packed: Uint8Array, header: Header, name: string): Promise<Uint8Array> {
  try {
    // One piece of memory for all of it, and a byte to see whether there is more.
    const { totalBytes } = header;
    return await inflate(packed, { maxOutputLength: totalBytes, chunkSize: totalBytes + 64 });
  } catch (error) {
    if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE') {
      throw new FileFormatError(
        `idx: ${name}: byte ${header.totalBytes}: expected the end, since the header promises ` +
          `[${header.dims.join(', ')}], got more bytes; the file is oversized or its header is damaged`,
        { cause: error },
      );
    }
    throw gzipError(error, name);
  }
}

function gzipError(error: unknown, name: string): FileFormatError {
  const mend =
    codeOf(error) === 'Z_BUF_ERROR'
      ? 'the packed data ends too early: fetch the file again'
      : 'the packed data is corrupt: fetch the file again';
  return new FileFormatError(
    `idx: ${name}: expected gzip data that inflates, got "${reason(error)}"; ${mend}`,
    { cause: error },
  );
}

function parseHeader(
  bytes: Uint8Array,
  name: string,
  expected: readonly (number | null)[] | undefined,
): Header {
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

function checkLength({ dims, element, totalBytes }: Header, got: number, name: string): void {
  if (got === totalBytes) return;
  const promise = `expected ${totalBytes} bytes for [${dims.join(', ')}] ${element.label}s, got ${got}`;
  throw new FileFormatError(
    got < totalBytes
      ? `idx: ${name}: byte ${got}: ${promise}; the file is truncated: fetch it again`
      : `idx: ${name}: byte ${totalBytes}: ${promise}; the file is oversized: ` +
          `${got - totalBytes} bytes follow the data, fetch it again`,
  );
}

function decode({ element, dims, headerBytes, totalBytes }: Header, bytes: Uint8Array): IdxArray {
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

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
