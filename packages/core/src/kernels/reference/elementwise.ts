import { normalCdf, normalPdf } from '../../math.js';
import type { NumericArray } from '../contract.js';

/*
 * Operations on one element at a time, and their gradients. `out` may be any of the inputs: an
 * element is read before it is written, and never again.
 */

type Unary = (out: NumericArray, x: NumericArray) => void;
type UnaryBackward = (dX: NumericArray, dOut: NumericArray, saved: NumericArray) => void;

/** out[i] = f(x[i]). */
const map =
  (f: (x: number) => number): Unary =>
  (out, x) => {
    for (let i = 0; i < out.length; i++) out[i] = f(x[i]);
  };

/** dX[i] = f(dOut[i], saved[i]), where `saved` is the input or the result of the operation. */
const mapBackward =
  (f: (dOut: number, saved: number) => number): UnaryBackward =>
  (dX, dOut, saved) => {
    for (let i = 0; i < dX.length; i++) dX[i] = f(dOut[i], saved[i]);
  };

export const neg = map((x) => -x);
export const exp = map((x) => Math.exp(x));
export const log = map((x) => Math.log(x));
export const sqrt = map((x) => Math.sqrt(x));
export const abs = map((x) => Math.abs(x));
export const tanh = map((x) => Math.tanh(x));
/** Below -40 the factor Φ is 0, which must not meet an infinite x. */
export const gelu = map((x) => Math.max(x, -40) * normalCdf(x));

/** Written as "x ≤ 0 gives 0", so that NaN, which is not ≤ 0, stays NaN. */
export const relu = map((x) => (x <= 0 ? 0 : x));

/** Both forms are 1 / (1 + e⁻ˣ); the exponential that stays below 1 is the one taken. */
export const sigmoid = map((x) => {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
});

export function leakyRelu(
  out: NumericArray,
  x: NumericArray,
  { slope }: { readonly slope: number },
): void {
  map((value) => (value > 0 ? value : slope * value))(out, x);
}

export function clamp(
  out: NumericArray,
  x: NumericArray,
  { min, max }: { readonly min: number; readonly max: number },
): void {
  map((value) => Math.min(Math.max(value, min), max))(out, x);
}

export function lerp(
  x: NumericArray,
  end: NumericArray,
  { weight }: { readonly weight: number },
): void {
  for (let i = 0; i < x.length; i++) {
    const old = x[i];
    x[i] = old + weight * (end[i] - old);
  }
}

/** Written as relu is, so that NaN lets the gradient through. */
export const reluBackward = mapBackward((dOut, out) => (out <= 0 ? 0 : dOut));
export const sigmoidBackward = mapBackward((dOut, out) => dOut * out * (1 - out));
export const tanhBackward = mapBackward((dOut, out) => dOut * (1 - out * out));
/** Beyond ±40 the density is 0, which must not meet an infinite x. */
export const geluBackward = mapBackward((dOut, x) => {
  const near = Math.min(Math.max(x, -40), 40);
  return dOut * (normalCdf(near) + near * normalPdf(near));
});
/** Not by `Math.sign`, which makes NaN of NaN. */
export const absBackward = mapBackward((dOut, x) => dOut * (Number(x > 0) - Number(x < 0)));
export const sqrtBackward = mapBackward((dOut, out) => dOut / (2 * out));

export function leakyReluBackward(
  dX: NumericArray,
  dOut: NumericArray,
  x: NumericArray,
  { slope }: { readonly slope: number },
): void {
  mapBackward((d, value) => (value > 0 ? d : slope * d))(dX, dOut, x);
}

export function clampBackward(
  dX: NumericArray,
  dOut: NumericArray,
  x: NumericArray,
  { min, max }: { readonly min: number; readonly max: number },
): void {
  mapBackward((d, value) => (min <= value && value <= max ? d : 0))(dX, dOut, x);
}
