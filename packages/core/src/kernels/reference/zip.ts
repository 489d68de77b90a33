import type { BroadcastGeometry, NumericArray } from '../contract.js';
import { rowCount, rowLength, rowStart, rowStep } from './strides.js';

/*
 * Operations on two broadcast operands. `out` is contiguous, so its elements are simply counted;
 * the operands are walked by their strides.
 */

export type Binary = (
  out: NumericArray,
  a: NumericArray,
  b: NumericArray,
  geometry: BroadcastGeometry,
) => void;

/** out[…] = f(a[…], b[…]). */
export const zip =
  (f: (a: number, b: number) => number): Binary =>
  (out, a, b, { shape, aStrides, bStrides }) => {
    const length = rowLength(shape);
    const rows = rowCount(shape);
    const aStep = rowStep(aStrides);
    const bStep = rowStep(bStrides);
    for (let row = 0; row < rows; row++) {
      const outStart = row * length;
      const aStart = rowStart(row, shape, aStrides);
      const bStart = rowStart(row, shape, bStrides);
      for (let i = 0; i < length; i++) {
        out[outStart + i] = f(a[aStart + i * aStep], b[bStart + i * bStep]);
      }
    }
  };
