import crc32 from 'crc-32';
import { files } from '#files';

/** At once, because lengths beyond 32 bits are cut by zlib. */
const CHUNK_BYTES = 2 ** 26;

/**
 * CRC-32 of ISO 3309, that of zip, PNG and Python's `zlib.crc32`: from 0 to 2³² - 1.
 * @param update Continues one. Default: the system's own, which is several times as fast, if it has one.
 */
export function crc32Of(
  bytes: Uint8Array,
  update: (bytes: Uint8Array, crc: number) => number = files?.crc32 ?? crc32.buf,
): number {
  let crc = 0;
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    crc = update(bytes.subarray(at, at + CHUNK_BYTES), crc);
  }
  return crc >>> 0;
}
