import { Inflate } from 'fflate';

/** Deflate makes at most this many bytes out of one. */
export const MAX_DEFLATE_RATIO = 1032;
/** Packed bytes that are unpacked at once. */
const CHUNK = 2 ** 15;
/** So many packed bytes give something, or nothing comes any more: blocks of deflate are no longer. */
const LONGEST_SILENCE = 2 ** 17;

/**
 * Unpacks each `step` bytes of a deflate stream, as long as somebody asks for more.
 * @throws Error if they are no such stream.
 */
export function* inflated(packed: Uint8Array, step = CHUNK): Iterable<Uint8Array> {
  let parts: Uint8Array[] = [];
  const inflate = new Inflate((part) => parts.push(part));
  let silence = 0;
  for (let at = 0; at < packed.length; at += step) {
    inflate.push(packed.subarray(at, at + step), at + step >= packed.length);
    silence += step;
    for (const part of parts) {
      if (part.length > 0) silence = 0;
      yield part;
    }
    // The inflater keeps what follows a stream's end, and copies it each time.
    if (silence > LONGEST_SILENCE) throw new Error('the stream ends before its bytes do');
    parts = [];
  }
}
