import type { IndexGeometry, NumericArray } from '../contract.js';

export function indexSelect(
  out: NumericArray,
  x: NumericArray,
  index: Int32Array,
  { outer, n, inner, count }: IndexGeometry,
): void {
  for (let o = 0; o < outer; o++) {
    for (let j = 0; j < count; j++) {
      const from = (o * n + index[j]) * inner;
      const to = (o * count + j) * inner;
      for (let i = 0; i < inner; i++) out[to + i] = x[from + i];
    }
  }
}

/** An index may come many times, so the sums of one `[n, inner]` are held as doubles. */
export function indexAdd(
  dX: NumericArray,
  dOut: NumericArray,
  index: Int32Array,
  { outer, n, inner, count }: IndexGeometry,
): void {
  const sums = new Float64Array(n * inner);
  for (let o = 0; o < outer; o++) {
    const start = o * n * inner;
    for (let i = 0; i < sums.length; i++) sums[i] = dX[start + i];
    for (let j = 0; j < count; j++) {
      const to = index[j] * inner;
      const from = (o * count + j) * inner;
      for (let i = 0; i < inner; i++) {
        sums[to + i] = sums[to + i] + dOut[from + i];
      }
    }
    for (let i = 0; i < sums.length; i++) dX[start + i] = sums[i];
  }
}
