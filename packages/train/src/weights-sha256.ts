import { createHash } from 'node:crypto';
import type { StateDict } from '@unfold/nn';

/** SHA-256 of the bytes of all tensors of a state, in its order, as hexadecimal digits. */
export function weightsSha256(state: StateDict): string {
  const hash = createHash('sha256');
  for (const { data } of state.values()) {
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice());
  }
  return hash.digest('hex');
}
