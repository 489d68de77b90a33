import { elementsOf } from '@unfold/core';
import type { StateDict } from '@unfold/nn';
import { requireState } from '../arguments.js';
import { filesFor } from '../files/files-for.js';

const INSTEAD = "hash the bytes by crypto.subtle.digest('SHA-256', bytes)";

/**
 * SHA-256 of the bytes of all tensors of a state, in its order, as hexadecimal digits.
 * @throws ConfigError in a browser.
 */
export function weightsSha256(state: StateDict): string {
  requireState('weightsSha256', state);
  return filesFor('weightsSha256', INSTEAD).sha256(bytesOf(state));
}

function* bytesOf(state: StateDict): Iterable<Uint8Array> {
  for (const tensor of state.values()) {
    const { buffer, byteOffset, byteLength } = elementsOf(tensor);
    // A copy, because hashes take no shared memory.
    yield new Uint8Array(buffer, byteOffset, byteLength).slice();
  }
}
