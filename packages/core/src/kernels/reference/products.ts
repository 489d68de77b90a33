import type { NumericArray, ReduceGeometry } from '../contract.js';

/** Row by row over `[n, inner]`, in memory order, in doubles; of whole numbers modulo 2³². */
export function prod(out: NumericArray, x: NumericArray, geometry: ReduceGeometry): void {
  const { outer, n, inner } = geometry;
  const isWhole = out instanceof Int32Array;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      let product = 1;
      for (let j = 0; j < n; j++) {
        const factor = x[(o * n + j) * inner + i];
        product = isWhole ? Math.imul(product, factor) : product * factor;
      }
      out[o * inner + i] = product;
    }
  }
}
