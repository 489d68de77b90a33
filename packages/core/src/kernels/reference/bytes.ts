import type { ReduceGeometry } from '../contract.js';

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
