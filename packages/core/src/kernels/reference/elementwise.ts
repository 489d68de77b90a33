import type { NumericArray } from '../contract.js';
import { map, mapBackward } from './map.js';

export const neg = map((x) => -x);

/** Written as "x ≤ 0 gives 0", so that NaN, which is not ≤ 0, stays NaN. */
export const relu = map((x) => (x <= 0 ? 0 : x));

export function leakyRelu(
  out: NumericArray,
  x: NumericArray,
  { slope }: { readonly slope: number },
): void {
  map((value) => (value > 0 ? value : slope * value))(out, x);
}

/** Written as relu is, so that NaN lets the gradient through. */
export const reluBackward = mapBackward((dOut, out) => (out <= 0 ? 0 : dOut));

export function leakyReluBackward(
  dX: NumericArray,
  dOut: NumericArray,
  x: NumericArray,
  { slope }: { readonly slope: number },
): void {
  mapBackward((d, value) => (value > 0 ? d : slope * d))(dX, dOut, x);
}
