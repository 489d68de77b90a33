import type { NumericArray, ReduceGeometry, RowsGeometry } from '../contract.js';

/** Terms that are added up before their sum is added to the total. */
const BLOCK = 256;

export function sumOfSquares(sum: Float64Array, x: NumericArray, { n }: { n: number }): void {
  const sums = [0, 0, 0, 0];
  const whole = n - (n % 4);
  for (let i = 0; i < n; i++) sums[i < whole ? i % 4 : 0] += x[i] * x[i];
  const [a, b, c, d] = sums;
  sum[0] = a + b + (c + d);
}

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

/** The largest of x[start] … x[start + n - 1]; NaN if one of them is. */
function rowMax(x: NumericArray, start: number, n: number): number {
  let largest = -Infinity;
  for (let j = 0; j < n; j++) largest = Math.max(largest, x[start + j]);
  return largest;
}

export function softmax(out: NumericArray, x: NumericArray, { rows, n }: RowsGeometry): void {
  const exponentials = new Float64Array(n);
  for (let row = 0; row < rows; row++) {
    const start = row * n;
    const largest = rowMax(x, start, n);
    let total = 0;
    for (let j = 0; j < n; j++) {
      const e = Math.exp(x[start + j] - largest);
      exponentials[j] = e;
      total += e;
    }
    for (let j = 0; j < n; j++) out[start + j] = exponentials[j] / total;
  }
}

export function logSoftmax(out: NumericArray, x: NumericArray, { rows, n }: RowsGeometry): void {
  for (let row = 0; row < rows; row++) {
    const start = row * n;
    const largest = rowMax(x, start, n);
    let total = 0;
    for (let j = 0; j < n; j++) total += Math.exp(x[start + j] - largest);
    const logTotal = Math.log(total);
    for (let j = 0; j < n; j++) out[start + j] = x[start + j] - largest - logTotal;
  }
}

/** Whether x[start] … x[start + n - 1] are all 0: a row that a mask left out. */
function isZero(x: NumericArray, start: number, n: number): boolean {
  for (let j = 0; j < n; j++) if (x[start + j] !== 0) return false;
  return true;
}

export function softmaxBackward(
  dX: NumericArray,
  dOut: NumericArray,
  out: NumericArray,
  { rows, n }: RowsGeometry,
): void {
  for (let row = 0; row < rows; row++) {
    const start = row * n;
    if (isZero(dOut, start, n)) {
      dX.fill(0, start, start + n);
      continue;
    }
    let dot = 0;
    for (let j = 0; j < n; j++) dot += dOut[start + j] * out[start + j];
    for (let j = 0; j < n; j++) {
      dX[start + j] = out[start + j] * (dOut[start + j] - dot);
    }
  }
}

export function logSoftmaxBackward(
  dX: NumericArray,
  dOut: NumericArray,
  out: NumericArray,
  { rows, n }: RowsGeometry,
): void {
  for (let row = 0; row < rows; row++) {
    const start = row * n;
    if (isZero(dOut, start, n)) {
      dX.fill(0, start, start + n);
      continue;
    }
    let total = 0;
    for (let j = 0; j < n; j++) total += dOut[start + j];
    for (let j = 0; j < n; j++) {
      dX[start + j] = dOut[start + j] - Math.exp(out[start + j]) * total;
    }
  }
}
