import type { IndexGeometry, NumericArray } from '../contract.js';

/** Calls `visit` with the place of each `[o, j, i]` and of `[o, index[o, j, i], i]`, j ascending. */
function visitEach(
  index: Int32Array,
  { outer, n, inner, count }: IndexGeometry,
  visit: (selected: number, whole: number) => void,
): void {
  for (let o = 0; o < outer; o++) {
    for (let j = 0; j < count; j++) {
      for (let i = 0; i < inner; i++) {
        const selected = (o * count + j) * inner + i;
        visit(selected, (o * n + index[selected]) * inner + i);
      }
    }
  }
}

export function gatherAlong(
  out: NumericArray,
  x: NumericArray,
  index: Int32Array,
  geometry: IndexGeometry,
): void {
  visitEach(index, geometry, (selected, whole) => (out[selected] = x[whole]));
}

export function scatterAlong(
  out: NumericArray,
  src: NumericArray,
  index: Int32Array,
  geometry: IndexGeometry,
): void {
  visitEach(index, geometry, (selected, whole) => (out[whole] = src[selected]));
}

/** A place may come many times, so the sums are held as doubles. */
export function scatterAddAlong(
  out: NumericArray,
  src: NumericArray,
  index: Int32Array,
  geometry: IndexGeometry,
): void {
  const sums = Float64Array.from(out);
  visitEach(index, geometry, (selected, whole) => (sums[whole] = sums[whole] + src[selected]));
  for (let i = 0; i < out.length; i++) out[i] = sums[i];
}
