import type { IndexGeometry, NumericArray, StridedGeometry } from '../contract.js';
import { rowCount, rowLength, rowStart, rowStep } from './strides.js';

export function fill(out: NumericArray, { value }: { readonly value: number }): void {
  out.fill(value);
}

export function copyStrided(
  out: NumericArray,
  x: NumericArray,
  { shape, outStrides, outOffset, xStrides, xOffset }: StridedGeometry,
): void {
  const length = rowLength(shape);
  const rows = rowCount(shape);
  const outStep = rowStep(outStrides);
  const xStep = rowStep(xStrides);
  for (let row = 0; row < rows; row++) {
    const outStart = outOffset + rowStart(row, shape, outStrides);
    const xStart = xOffset + rowStart(row, shape, xStrides);
    for (let i = 0; i < length; i++) out[outStart + i * outStep] = x[xStart + i * xStep];
  }
}

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
