import { createHash } from 'node:crypto';
import { elementsOf } from '@unfold/core';
import type { StateDict } from '@unfold/nn';

/** SHA-256 of the bytes of all tensors of a state, in its order, as hexadecimal digits. */
export function weightsSha256(state: StateDict): string {
  const hash = createHash('sha256');
  for (const tensor of state.values()) {
    const { buffer, byteOffset, byteLength } = elementsOf(tensor);
    hash.update(new Uint8Array(buffer, byteOffset, byteLength).slice());
  }
  return hash.digest('hex');
}
