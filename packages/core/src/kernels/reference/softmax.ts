import type { NumericArray, RowsGeometry } from '../contract.js';

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
