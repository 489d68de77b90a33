import crc32 from 'crc-32';

/** Node's own is several times as fast; pages have none. */
const native = globalThis.process?.getBuiltinModule?.('node:zlib')?.crc32;

/** At once, because lengths beyond 32 bits are cut by zlib. */
const CHUNK_BYTES = 2 ** 26;

/** CRC-32 of ISO 3309, that of zip, PNG and Python's `zlib.crc32`: from 0 to 2³² - 1. */
export function crc32Of(
  bytes: Uint8Array,
  update: (bytes: Uint8Array, crc: number) => number = native ?? crc32.buf,
): number {
  let crc = 0;
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    crc = update(bytes.subarray(at, at + CHUNK_BYTES), crc);
  }
  return crc >>> 0;
}
