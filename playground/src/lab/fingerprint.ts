import type { Module } from '@unfold/nn';
import { crc32Of } from '@unfold/io/internal';

/** CRC-32 of the bytes of all parameters and buffers, in the order of the state, as eight hexadecimal digits. */
export function fingerprintOf(model: Module): string {
  const parts = [...model.stateDict().values()].map((tensor) => {
    const { buffer } = tensor.toTypedArray();
    return new Uint8Array(buffer);
  });
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return crc32Of(bytes).toString(16).padStart(8, '0');
}
