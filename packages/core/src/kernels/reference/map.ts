import type { NumericArray } from '../contract.js';

/*
 * Operations on one element at a time, and their gradients. `out` may be any of the inputs: an
 * element is read before it is written, and never again.
 */

type Unary = (out: NumericArray, x: NumericArray) => void;
type UnaryBackward = (dX: NumericArray, dOut: NumericArray, saved: NumericArray) => void;

/** out[i] = f(x[i]). */
export const map =
  (f: (x: number) => number): Unary =>
  (out, x) => {
    for (let i = 0; i < out.length; i++) out[i] = f(x[i]);
  };

/** dX[i] = f(dOut[i], saved[i]), where `saved` is the input or the result of the operation. */
export const mapBackward =
  (f: (dOut: number, saved: number) => number): UnaryBackward =>
  (dX, dOut, saved) => {
    for (let i = 0; i < dX.length; i++) dX[i] = f(dOut[i], saved[i]);
  };
