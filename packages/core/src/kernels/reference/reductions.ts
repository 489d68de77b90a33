import type { NumericArray, ReduceGeometry } from '../contract.js';

/** Terms that are added up before their sum is added to the total. */
const BLOCK = 256;

/**
 * Row by row over `[n, inner]`, in memory order, in doubles. Block by block, so that the error of a
 * long sum of doubles is that of a short one.
 */
export function sum(out: NumericArray, x: NumericArray, { outer, n, inner }: ReduceGeometry): void {
  const totals = new Float64Array(inner);
  const sums = new Float64Array(inner);
  for (let o = 0; o < outer; o++) {
    totals.fill(0);
    for (let block = 0; block < n; block += BLOCK) {
      sums.fill(0);
      for (let j = block; j < Math.min(n, block + BLOCK); j++) addTo(sums, x, (o * n + j) * inner);
      addTo(totals, sums, 0);
    }
    for (let i = 0; i < inner; i++) out[o * inner + i] = totals[i];
  }
}

/** sums[i] += x[start + i]. */
function addTo(sums: Float64Array, x: NumericArray, start: number): void {
  for (let i = 0; i < sums.length; i++) sums[i] = sums[i] + x[start + i];
}

/** Keeps the first value that `wins` over all before it; the first NaN wins over everything. */
const select =
  (wins: (value: number, best: number) => boolean) =>
  (
    out: NumericArray,
    indices: Int32Array,
    x: NumericArray,
    { outer, n, inner }: ReduceGeometry,
  ): void => {
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) {
        const start = o * n * inner + i;
        let best = x[start];
        let bestAt = 0;
        for (let j = 1; j < n; j++) {
          const value = x[start + j * inner];
          if (wins(value, best) || (Number.isNaN(value) && !Number.isNaN(best))) {
            best = value;
            bestAt = j;
          }
        }
        out[o * inner + i] = best;
        indices[o * inner + i] = bestAt;
      }
    }
  };

export const max = select((value, best) => value > best);
export const min = select((value, best) => value < best);

export function selectBackward(
  dX: NumericArray,
  dOut: NumericArray,
  indices: Int32Array,
  { outer, n, inner }: ReduceGeometry,
): void {
  dX.fill(0, 0, outer * n * inner);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const j = indices[o * inner + i];
      dX[(o * n + j) * inner + i] = dOut[o * inner + i];
    }
  }
}
