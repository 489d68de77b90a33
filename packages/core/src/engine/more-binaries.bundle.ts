import { kernels } from '#more-kernels';
import type { MoreBinaryName } from '../kernels/wasm/instantiate.js';
import { variantOfText } from './variant.js';

/** The second binary, in a bundle: see binaries.bundle.ts. Only who uses one of its kernels has it. */
export function loadBinary(name: MoreBinaryName): Uint8Array {
  return variantOfText(kernels, name);
}
