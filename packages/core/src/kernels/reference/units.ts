import type { NumericArray } from '../contract.js';
import { map, mapBackward } from './map.js';

/*
 * Linear units that are bent near 0. A factor that has reached 0 must not meet an infinite x: from there
 * on, another number stands for it.
 */

export const relu6Backward = mapBackward((dOut, out) => (out > 0 && out < 6 ? dOut : 0));

export const hardswish = map((x) => (Math.max(x, -3) * Math.min(Math.max(x + 3, 0), 6)) / 6);

function hardswishSlope(x: number): number {
  if (x <= -3) return 0;
  return x >= 3 ? 1 : x / 3 + 0.5;
}

export const hardswishBackward = mapBackward((dOut, x) => dOut * hardswishSlope(x));

interface Elu {
  readonly alpha: number;
}

export function elu(out: NumericArray, x: NumericArray, { alpha }: Elu): void {
  map((value) => (value > 0 ? value : alpha * Math.expm1(value)))(out, x);
}

export function eluBackward(
  dX: NumericArray,
  dOut: NumericArray,
  x: NumericArray,
  { alpha }: Elu,
): void {
  mapBackward((d, value) => (value > 0 ? d : d * (alpha * Math.exp(value))))(dX, dOut, x);
}

/**
 * With e = eˣ, tanh(ln(1 + e)) is n/(n + 2) for n = e·(e + 2), which loses no digits where e is small. From
 * 40 on it is 1, and below -800 it is 0.
 */
function mishParts(x: number): { near: number; e: number; n: number } {
  const near = Math.min(Math.max(x, -800), 40);
  const e = Math.exp(near);
  return { near, e, n: e * (e + 2) };
}

export const mish = map((x) => {
  const { n } = mishParts(x);
  return Math.max(x, -800) * (n / (n + 2));
});

/** The derivative of n/(n + 2) is 4e·(e + 1)/(n + 2)². */
export const mishBackward = mapBackward((dOut, x) => {
  const { near, e, n } = mishParts(x);
  return dOut * (n / (n + 2) + (near * 4 * e * (e + 1)) / (n + 2) ** 2);
});
