import type { NumericArray, ScanGeometry } from '../contract.js';

/**
 * Walks each line along n from one end to the other.
 * @param next Gives the result at a place from the one before, which is null at the first.
 */
function scan(
  out: NumericArray,
  { outer, n, inner, reverse }: ScanGeometry,
  next: (before: number | null, at: number) => number,
): void {
  const step = reverse ? -inner : inner;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      let at = (o * n + (reverse ? n - 1 : 0)) * inner + i;
      let before: number | null = null;
      for (let j = 0; j < n; j++) {
        before = next(before, at);
        out[at] = before;
        at += step;
      }
    }
  }
}

export function cumsum(out: NumericArray, x: NumericArray, geometry: ScanGeometry): void {
  scan(out, geometry, (before, at) => (before === null ? x[at] : before + x[at]));
}

export function cumprod(out: NumericArray, x: NumericArray, geometry: ScanGeometry): void {
  scan(out, geometry, (before, at) => (before === null ? x[at] : before * x[at]));
}

export function recurrence(
  out: NumericArray,
  factor: NumericArray,
  x: NumericArray,
  geometry: ScanGeometry,
): void {
  scan(out, geometry, (before, at) => (before === null ? x[at] : factor[at] * before + x[at]));
}
