import { ConfigError } from '@unfold/core';
import { valueText } from '@unfold/core/internal';

/** Bytes that are made a text at once: so many arguments a call may have everywhere. */
const CHUNK = 0x8000;

/** The bytes of numbers, which are little-endian wherever there is WebAssembly to be fast, as base64. */
export function toBase64(numbers: Float32Array | Float64Array | Int32Array): string {
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  let text = '';
  for (let at = 0; at < bytes.length; at += CHUNK) {
    text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  }
  return btoa(text);
}

/**
 * The memory of the numbers of which `toBase64` made a text.
 * @throws ConfigError unless it has `size` bytes.
 */
export function fromBase64(where: string, text: unknown, size: number): ArrayBuffer {
  const characters = typeof text === 'string' ? decoded(text) : null;
  if (characters?.length !== size) {
    const got = characters === null ? valueText(text).slice(0, 40) : `${characters.length} bytes`;
    throw new ConfigError(`${where}: expected the base64 of ${size} bytes, got ${got}`);
  }
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = characters.charCodeAt(i);
  return bytes.buffer;
}

/** The bytes as characters; null if the text is no base64. */
function decoded(text: string): string | null {
  try {
    return atob(text);
  } catch {
    return null;
  }
}
