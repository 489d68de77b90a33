import type { NumericArray, StridedGeometry } from '../contract.js';
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
