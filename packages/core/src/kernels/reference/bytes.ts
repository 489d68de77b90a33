import type { ReduceGeometry } from '../contract.js';
import { zip } from './zip.js';

/* Truth values, a byte each: 0 is false, anything else is true, and results are 0 and 1. */

export const logicalAnd = zip((a, b) => (a !== 0 && b !== 0 ? 1 : 0));
export const logicalOr = zip((a, b) => (a !== 0 || b !== 0 ? 1 : 0));
export const logicalXor = zip((a, b) => ((a !== 0) !== (b !== 0) ? 1 : 0));

export function sumBytes(
  out: Int32Array,
  x: Uint8Array,
  { outer, n, inner }: ReduceGeometry,
): void {
  out.fill(0, 0, outer * inner);
  for (let o = 0; o < outer; o++) {
    for (let j = 0; j < n; j++) {
      for (let i = 0; i < inner; i++) out[o * inner + i] += x[(o * n + j) * inner + i];
    }
  }
}
