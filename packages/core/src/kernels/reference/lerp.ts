import type { NumericArray } from '../contract.js';

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
