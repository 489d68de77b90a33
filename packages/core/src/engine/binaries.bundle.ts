import { kernels } from '#kernels';
import type { BinaryName } from '../kernels/wasm/instantiate.js';
import { variantOfText } from './variant.js';

/**
 * The compiled kernels, in a bundle: the one that most JavaScript engines run is in it as text, so
 * that the first operation can start it at once, and the others are made of it. Bundles for browsers
 * find this file by the condition `browser`, those for Node by `module`, which bundlers set and Node
 * doesn't. (Chromium compiles up to 8 MB on a page's main thread, since version 114; it was 4 KB
 * before.)
 */
export function loadBinary(name: BinaryName): Uint8Array {
  return variantOfText(kernels, name);
}
