import { inflateSync } from 'fflate';
import { crc32Of } from '../crc32.js';
import { inflated, MAX_DEFLATE_RATIO } from '../inflate.js';
import { isTooDense, raise, type WeightsLimits } from '../limits.js';
import { copyOf } from './encodings.js';
import { type Fail, quote } from '../messages.js';

/*
 * Reads zip archives through their directory: fflate, which does the inflating, checks no checksums
 * and cannot give the start of an entry, which is what is looked at before memory is spent on it.
 * The layout is that of PKWARE's APPNOTE 6.3.
 */

/** A file in an archive. */
export interface ZipEntry {
  readonly name: string;
  /** Where its record before its content begins, and the byte behind its content. */
  readonly start: number;
  readonly end: number;
  /** The checksum of the content. */
  readonly size: number;
  readonly crc32: number;
  readonly isEncrypted: boolean;
  /** The number of what packs it. */
  readonly method: number;
  /** The content as it lies in the archive. */
  readonly packed: Uint8Array;
}

const END = { signature: 0x06054b50, bytes: 22, maxComment: 0xffff };
const DIRECTORY = { signature: 0x02014b50, bytes: 46 };
const LOCAL = { signature: 0x04034b50, bytes: 30 };
/** Where a 32-bit field has this, the number is elsewhere, in the zip64 fields. */
const ZIP64 = 0xffffffff;
/** The bit of the flags. */
const ENCRYPTED = 1;
/** The sizes follow the content, and what stands before it may be 0. */
const SIZES_FOLLOW = 8;
/** The extra field that has the sizes where their own fields have no room. NumPy always writes it. */
const ZIP64_EXTRA = 1;
const STORED = 0;
const DEFLATED = 8;
/** Bytes of an entry that are unpacked at once to see its start. */
const PREFIX_CHUNK = 256;
const SMALL_BYTES = 2 ** 16;

/**
 * The entries of an archive, none of them unpacked. Their sizes are checked against the archive's and
 * the limits.
 * @throws What `fail` makes of the problem.
 */
export function zipEntries(archive: Uint8Array, limits: WeightsLimits, fail: Fail): ZipEntry[] {
  const view = new DataView(archive.buffer, archive.byteOffset, archive.length);
  const end = findEnd(view);
  if (end < 0) {
    throw fail(
      'it is truncated or not a zip archive: save it by numpy.savez, or download it again',
    );
  }
  const count = view.getUint16(end + 10, true);
  const directory = view.getUint32(end + 16, true);
  if (count === 0xffff || directory === ZIP64) throw fail(TOO_LARGE);
  if (count > limits.maxTensors) {
    throw fail(
      `it has ${count} entries, expected at most ${limits.maxTensors}; ${raise('maxTensors', count)}`,
    );
  }
  const entries: ZipEntry[] = [];
  let packedBytes = 0;
  let at = directory;
  for (let i = 0; i < count; i++) {
    if (at + DIRECTORY.bytes > end || view.getUint32(at, true) !== DIRECTORY.signature) {
      throw fail(DAMAGED);
    }
    const next = [28, 30, 32].reduce(
      (sum, field) => sum + view.getUint16(at + field, true),
      at + DIRECTORY.bytes,
    );
    if (next > end) throw fail(DAMAGED);
    const entry = readEntry(view, at, directory, fail);
    packedBytes += entry.packed.length;
    // Entries that share bytes would make much out of little.
    if (packedBytes > directory) throw fail(DAMAGED);
    entries.push(entry);
    at = next;
  }
  // Python counts bytes, others records: both have to find the same.
  const isMore = at + 4 <= end && view.getUint32(at, true) === DIRECTORY.signature;
  if (isMore || at - directory !== view.getUint32(end + 12, true)) throw fail(DAMAGED);
  checkPlaces(entries, fail);
  checkSizes(entries, archive.length, limits, fail);
  return entries;
}

/** Checks that no byte belongs to two entries. */
function checkPlaces(entries: readonly ZipEntry[], fail: Fail): void {
  let covered = 0;
  for (const { name, start, end } of [...entries].sort((a, b) => a.start - b.start)) {
    if (start < covered) {
      throw fail(`entry ${quote(name)} overlaps the one before; ${DAMAGED}`);
    }
    covered = end;
  }
}

function checkSizes(
  entries: readonly ZipEntry[],
  packed: number,
  { maxBytes, maxRatio }: WeightsLimits,
  fail: Fail,
): void {
  const unpacked = entries.reduce((sum, { size }) => sum + size, 0);
  if (unpacked > maxBytes) {
    throw fail(
      `its entries unpack to ${unpacked} bytes, expected at most ${maxBytes}; use .safetensors, or, ` +
        raise('maxBytes', unpacked),
    );
  }
  if (isTooDense({ unpacked, packed }, maxRatio)) {
    throw fail(
      `its ${packed} bytes unpack to ${unpacked}, expected at most ${maxRatio} from one; save it by ` +
        `numpy.savez, which packs nothing, or, ${raise('maxRatio', unpacked / packed)}`,
    );
  }
}

const DAMAGED = 'the directory of the archive is damaged: save or download it again';
const TOO_LARGE = 'zip64 archives (2 GiB and more) are not read; use .safetensors';

/** The position of the record that ends an archive; negative if there is none. */
function findEnd(view: DataView): number {
  const last = view.byteLength - END.bytes;
  for (let at = last; at >= Math.max(0, last - END.maxComment); at--) {
    // The comment reaches to the end of the file, or, as for Python, other bytes follow it.
    const isEnd =
      view.getUint32(at, true) === END.signature && view.getUint16(at + 20, true) <= last - at;
    if (isEnd) return at;
  }
  return -1;
}

/** The entry whose record in the directory, which starts at `directory`, is at `at`. */
function readEntry(view: DataView, at: number, directory: number, fail: Fail): ZipEntry {
  const bytesAt = (start: number, length: number): Uint8Array =>
    new Uint8Array(view.buffer, view.byteOffset + start, length);
  const nameLength = view.getUint16(at + 28, true);
  const nameBytes = bytesAt(at + DIRECTORY.bytes, nameLength);
  const name = new TextDecoder().decode(copyOf(nameBytes));
  const flags = view.getUint16(at + 8, true);
  const method = view.getUint16(at + 10, true);
  const crc32 = view.getUint32(at + 16, true);
  const packedSize = view.getUint32(at + 20, true);
  const size = view.getUint32(at + 24, true);
  const local = view.getUint32(at + 42, true);
  if ([packedSize, size, local].includes(ZIP64)) throw fail(TOO_LARGE);
  if (local + LOCAL.bytes > directory || view.getUint32(local, true) !== LOCAL.signature) {
    throw fail(DAMAGED);
  }
  const extraStart = local + LOCAL.bytes + view.getUint16(local + 26, true);
  const start = extraStart + view.getUint16(local + 28, true);
  const end = start + packedSize;
  const most = method === DEFLATED ? packedSize * MAX_DEFLATE_RATIO : packedSize;
  const isReadable = method === STORED || method === DEFLATED;
  if (end > directory || (isReadable && size > most)) throw fail(DAMAGED);
  const localName = bytesAt(local + LOCAL.bytes, extraStart - local - LOCAL.bytes);
  const isEncrypted = (flags & ENCRYPTED) !== 0;
  const problem = disagreement(view, local, { isEncrypted, method, crc32, packedSize, size });
  if (problem !== null || !areEqual(nameBytes, localName)) {
    throw fail(
      `entry ${quote(name)} has another ${problem ?? 'name'} before its content than in the ` +
        'directory; the archive is damaged: save or download it again',
    );
  }
  return {
    name,
    start: local,
    end,
    size,
    crc32,
    isEncrypted,
    method,
    packed: bytesAt(start, packedSize),
  };
}

interface Described {
  readonly isEncrypted: boolean;
  readonly method: number;
  readonly crc32: number;
  readonly packedSize: number;
  readonly size: number;
}

/**
 * Says where an entry's record before its content, at `local`, differs from the directory; null if
 * they agree. Readers go by the one or the other, and must not find different arrays.
 */
function disagreement(view: DataView, local: number, entry: Described): string | null {
  const flags = view.getUint16(local + 6, true);
  if (view.getUint16(local + 8, true) !== entry.method) return 'method';
  if (((flags & ENCRYPTED) !== 0) !== entry.isEncrypted) return 'encryption';
  if ((flags & SIZES_FOLLOW) !== 0) return null;
  if (view.getUint32(local + 14, true) !== entry.crc32) return 'checksum';
  const wide = zip64Sizes(view, local);
  const sizeAt = (field: number, long: number | undefined): number | undefined => {
    const short = view.getUint32(local + field, true);
    return short === ZIP64 ? long : short;
  };
  if (sizeAt(18, wide?.packedSize) !== entry.packedSize) return 'packed size';
  return sizeAt(22, wide?.size) === entry.size ? null : 'size';
}

/** The sizes in the extra fields of the record at `local`, which ends within the archive. */
function zip64Sizes(
  view: DataView,
  local: number,
): { readonly size: number; readonly packedSize: number } | undefined {
  let at = local + LOCAL.bytes + view.getUint16(local + 26, true);
  const end = at + view.getUint16(local + 28, true);
  while (at + 4 <= end) {
    const [id, length] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
    if (id === ZIP64_EXTRA && length >= 16 && at + 20 <= end) {
      return {
        size: Number(view.getBigUint64(at + 4, true)),
        packedSize: Number(view.getBigUint64(at + 12, true)),
      };
    }
    at += 4 + length;
  }
  return undefined;
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** @throws What `fail` makes of an entry that is encrypted or packed in a way that isn't read. */
export function expectReadable({ name, isEncrypted, method }: ZipEntry, fail: Fail): void {
  if (!isEncrypted && (method === STORED || method === DEFLATED)) return;
  throw fail(
    `entry ${quote(name)} is encrypted or packed by method ${method}; Unfold reads stored and ` +
      'deflated ones: save it by numpy.savez',
  );
}

/** The first `length` bytes of an entry, or all if it has fewer. Nothing else is unpacked. */
export function zipPrefix(entry: ZipEntry, length: number, fail: Fail): Uint8Array {
  const { name, packed, method } = entry;
  if (method === STORED) return packed.subarray(0, length);
  if (isSmall(entry)) return unpackedAtOnce(entry, fail).subarray(0, length);
  const parts: Uint8Array[] = [];
  let filled = 0;
  unpacking(name, fail, () => {
    for (const part of inflated(packed, PREFIX_CHUNK)) {
      parts.push(part);
      filled += part.length;
      if (filled >= length) break;
    }
  });
  const prefix = new Uint8Array(filled);
  let at = 0;
  for (const part of parts) {
    prefix.set(part, at);
    at += part.length;
  }
  return prefix.subarray(0, length);
}

/** The whole content of an entry, perhaps a view of the archive. Its checksum is right. */
export function zipContent(entry: ZipEntry, fail: Fail): Uint8Array {
  const { name, size, crc32, packed, method } = entry;
  if (method === STORED) {
    if (packed.length !== size || crc32Of(packed) !== crc32) throw fail(damaged(name));
    return packed;
  }
  if (isSmall(entry)) {
    const content = unpackedAtOnce(entry, fail);
    if (crc32Of(content) !== crc32) throw fail(damaged(name));
    return content;
  }
  const out = new Uint8Array(size);
  let filled = 0;
  unpacking(name, fail, () => {
    for (const part of inflated(packed)) {
      if (filled + part.length > size) throw new Error('it is longer than it says');
      out.set(part, filled);
      filled += part.length;
    }
  });
  if (filled !== size || crc32Of(out) !== crc32) throw fail(damaged(name));
  return out;
}

/** An inflater that is fed bit by bit takes longer to make than such an entry takes to unpack. */
function isSmall({ size, packed }: ZipEntry): boolean {
  return size <= SMALL_BYTES && packed.length <= SMALL_BYTES;
}

/** The content of a small entry, whatever its checksum. One that unpacks to more is refused after that. */
function unpackedAtOnce({ name, size, packed }: ZipEntry, fail: Fail): Uint8Array {
  let content = new Uint8Array(0);
  unpacking(name, fail, () => {
    // What has no room is not kept; one byte shows that there was more.
    content = inflateSync(packed, { out: new Uint8Array(size + 1) });
  });
  if (content.length !== size) throw fail(damaged(name));
  return content;
}

function unpacking(name: string, fail: Fail, unpack: () => void): void {
  try {
    unpack();
  } catch {
    // Whatever was thrown: the bytes are no deflate stream, or one of another size.
    throw fail(damaged(name));
  }
}

function damaged(name: string): string {
  return `entry ${quote(name)} is damaged: its checksum is wrong; save or download it again`;
}
