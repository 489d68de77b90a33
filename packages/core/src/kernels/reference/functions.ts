import { normalCdf, normalPdf } from '../../math.js';
import type { NumericArray } from '../contract.js';
import { map, mapBackward } from './map.js';

export const exp = map((x) => Math.exp(x));
export const log = map((x) => Math.log(x));
export const sqrt = map((x) => Math.sqrt(x));
export const abs = map((x) => Math.abs(x));
export const tanh = map((x) => Math.tanh(x));
/** Below -40 the factor Φ is 0, which must not meet an infinite x. */
export const gelu = map((x) => Math.max(x, -40) * normalCdf(x));

/** Both forms are 1 / (1 + e⁻ˣ); the exponential that stays below 1 is the one taken. */
export const sigmoid = map((x) => {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
});

export function clamp(
  out: NumericArray,
  x: NumericArray,
  { min, max }: { readonly min: number; readonly max: number },
): void {
  map((value) => Math.min(Math.max(value, min), max))(out, x);
}

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

export function clampBackward(
  dX: NumericArray,
  dOut: NumericArray,
  x: NumericArray,
  { min, max }: { readonly min: number; readonly max: number },
): void {
  mapBackward((d, value) => (min <= value && value <= max ? d : 0))(dX, dOut, x);
}
