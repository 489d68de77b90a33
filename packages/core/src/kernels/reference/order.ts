import type { NumericArray, OrderGeometry } from '../contract.js';

/** Below 0 where a comes first, the smallest first and NaN last; 0 for equals, as -0 and 0 are. */
function compare(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a < b ? -1 : Number(a > b);
}

/** By a sort that keeps the order of equals, as all of JavaScript's do. */
export function sortRows(
  values: NumericArray,
  indices: Int32Array,
  x: NumericArray,
  { rows, n, descending }: OrderGeometry,
): void {
  const sign = descending ? -1 : 1;
  for (let row = 0; row < rows; row++) {
    const start = row * n;
    const order = Int32Array.from({ length: n }, (_, j) => j);
    order.sort((a, b) => sign * compare(x[start + a], x[start + b]));
    order.forEach((from, to) => {
      values[start + to] = x[start + from];
      indices[start + to] = from;
    });
  }
}
