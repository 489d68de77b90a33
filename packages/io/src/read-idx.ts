import { FileFormatError, type OptionRule, type OptionRules } from '@unfold/core';
import { checkedInUse, checkOptions } from '@unfold/core/internal';
import { requireFile } from './arguments.js';
import { filesFor } from './files/files-for.js';
import { type Files, GzipError, type OpenFile } from './files/files.js';
import {
  checkLength,
  decodeIdx,
  dimsRule,
  type IdxArray,
  type IdxHeader,
  type IdxOptions,
  isGzip,
  parseIdxHeader,
} from './idx.js';
import { completeLimits, IDX_LIMITS, type IdxLimits, isTooDense, raise } from './limits.js';
import { MAX_DEFLATE_RATIO } from './inflate.js';
import { reasonOf } from './messages.js';

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

const sha256Rule: OptionRule = {
  expected: '64 hexadecimal digits',
  accepts: (value) => typeof value === 'string' && /^[\da-f]{64}$/i.test(value),
};

const OPTIONS: OptionRules<ReadIdxOptions> = {
  dims: dimsRule,
  sha256: sha256Rule,
  limits: checkedInUse,
};

/** Packed bytes that surely hold a header. */
const PACKED_PREFIX = 4096;

const INSTEAD =
  "fetch the bytes, unpack what is .gz by new DecompressionStream('gzip'), and give them to parseIdx";

/**
 * Reads an IDX file, plain or packed with gzip; which of the two is told by its first bytes, not by
 * its name. What a packed file inflates to is bounded by the dimensions in its header.
 * @throws FileFormatError if the file can't be read, is damaged, beyond the limits, or isn't what was
 * expected; ConfigError for an unknown option or limit, or in a browser.
 */
export async function readIdx(path: string, options: ReadIdxOptions = {}): Promise<IdxArray> {
  requireFile('readIdx', path);
  checkOptions('readIdx', options, OPTIONS);
  const { dims } = options;
  const sha256 = options.sha256?.toLowerCase();
  const { maxBytes, maxRatio } = completeLimits('readIdx', IDX_LIMITS, options.limits);
  const files = filesFor('readIdx', INSTEAD);
  const file = await openIdx(files, path);
  try {
    const stats = await reading(path, () => file.stat());
    if (stats.size > maxBytes) {
      throw new FileFormatError(
        `idx: ${path}: expected at most ${maxBytes} bytes, got ${stats.size}; is it the right file? Then, ` +
          raise('maxBytes', stats.size),
      );
    }
    const prefix = await reading(path, () => file.read(0, Math.min(stats.size, PACKED_PREFIX)));
    const packed = isGzip(prefix);
    const start = packed ? inflateStart(files, prefix, path) : prefix;
    const header = parseIdxHeader(start, path, dims);
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
    const stored = await reading(path, () => file.read(0, stats.size));
    if (sha256 !== undefined) checkSha256(stored, files.sha256([stored]), sha256, path);
    const bytes = packed ? await inflateAll(files, stored, header, path) : stored;
    checkLength(header, bytes.length, path);
    return decodeIdx(header, bytes);
  } finally {
    await file.close();
  }
}

/** @throws FileFormatError if the SHA-256 of a file's bytes is another than that expected. */
function checkSha256({ length }: Uint8Array, got: string, expected: string, name: string): void {
  if (got !== expected) {
    throw new FileFormatError(
      `idx: ${name}: expected SHA-256 ${expected}, got ${got} over ${length} bytes; ` +
        'the file is damaged or not the published one: fetch it again',
    );
  }
}

async function openIdx(files: Files, path: string): Promise<OpenFile> {
  // Opening a pipe would wait for its other end.
  const found = await reading(path, () => files.stat(path));
  if (!found || found.isFile) return reading(path, () => files.open(path));
  throw new FileFormatError(`idx: ${path}: expected a file, got a folder, a pipe or a device`);
}

/** Turns the system's errors into ours. */
async function reading<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw new FileFormatError(
      `idx: ${path}: can't be read: ${reasonOf(error)}; see that the path is right and the file may be read`,
      { cause: error },
    );
  }
}

/** Inflates as much as the first packed bytes give: enough for the header. */
function inflateStart(files: Files, prefix: Uint8Array, name: string): Uint8Array {
  try {
    return files.gunzipStart(prefix, PACKED_PREFIX * MAX_DEFLATE_RATIO);
  } catch (error) {
    throw gzipFailure(error, name);
  }
}

async function inflateAll(
  files: Files,
  packed: Uint8Array,
  { totalBytes, dims }: IdxHeader,
  name: string,
): Promise<Uint8Array> {
  let bytes: Uint8Array | null;
  try {
    bytes = await files.gunzip(packed, totalBytes);
  } catch (error) {
    throw gzipFailure(error, name);
  }
  if (bytes) return bytes;
  throw new FileFormatError(
    `idx: ${name}: byte ${totalBytes}: expected the end, since the header promises ` +
      `[${dims.join(', ')}], got more bytes; the file is oversized or its header is damaged`,
  );
}

/** Makes the error for packed bytes that don't unpack; any other error is passed on. */
function gzipFailure(error: unknown, name: string): unknown {
  if (!(error instanceof GzipError)) return error;
  const mend = error.isTruncated
    ? 'the packed data ends too early: fetch the file again'
    : 'the packed data is corrupt: fetch the file again';
  return new FileFormatError(
    `idx: ${name}: expected gzip data that inflates, got "${error.message}"; ${mend}`,
    { cause: error },
  );
}
