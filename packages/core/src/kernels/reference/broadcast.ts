import type { NumericArray, WhereGeometry } from '../contract.js';
import { rowCount, rowLength, rowStart, rowStep } from './strides.js';
import { type Binary, zip } from './zip.js';

const product = zip((a, b) => a * b);
/** A product of two int32 may not fit a double; `imul` gives its low 32 bits. */
const productInt32 = zip((a, b) => Math.imul(a, b));

export const add = zip((a, b) => a + b);
export const sub = zip((a, b) => a - b);
export const mul: Binary = (out, a, b, geometry) =>
  (out instanceof Int32Array ? productInt32 : product)(out, a, b, geometry);
export const div = zip((a, b) => a / b);

export function where(
  out: NumericArray,
  condition: Uint8Array,
  a: NumericArray,
  b: NumericArray,
  { shape, conditionStrides, aStrides, bStrides }: WhereGeometry,
): void {
  const length = rowLength(shape);
  const rows = rowCount(shape);
  const conditionStep = rowStep(conditionStrides);
  const aStep = rowStep(aStrides);
  const bStep = rowStep(bStrides);
  for (let row = 0; row < rows; row++) {
    const outStart = row * length;
    const conditionStart = rowStart(row, shape, conditionStrides);
    const aStart = rowStart(row, shape, aStrides);
    const bStart = rowStart(row, shape, bStrides);
    for (let i = 0; i < length; i++) {
      out[outStart + i] =
        condition[conditionStart + i * conditionStep] !== 0
          ? a[aStart + i * aStep]
          : b[bStart + i * bStep];
    }
  }
}
