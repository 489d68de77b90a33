import { type Convolution, dOutAt, weightAt } from './convolution.js';
import { type Geometry, type Pixel, rowOf, type Tap } from './geometry.js';

/*
 * The second way to dX: a full convolution of dOut with the kernel flipped in both axes. It moves by one pixel
 * whatever the stride, over dOut with its numbers a stride apart and zeros between and around them.
 */

/** Rows and columns of dOut spread out. */
export function spreadSize({ PH, PW, KH, KW, dilation }: Geometry): [number, number] {
  return [PH + dilation * (KH - 1), PW + dilation * (KW - 1)];
}

/** The output pixel whose dOut stands at row `a`, column `b` of dOut spread out; null for a zero. */
export function spreadSource(geometry: Geometry, a: number, b: number): number | null {
  const { KH, KW, OH, OW, dilation, stride } = geometry;
  const i = (a - dilation * (KH - 1)) / stride;
  const j = (b - dilation * (KW - 1)) / stride;
  const isOne = Number.isInteger(i) && Number.isInteger(j) && i >= 0 && j >= 0 && i < OH && j < OW;
  return isOne ? i * OW + j : null;
}

export function spreadAt(
  convolution: Convolution,
  n: number,
  o: number,
  a: number,
  b: number,
): number {
  const r = spreadSource(convolution.geometry, a, b);
  return r === null ? 0 : dOutAt(convolution, n, o, r);
}

/** The flipped kernel of output channel `o`. */
export function flippedWeightAt(convolution: Convolution, o: number, { c, m, q }: Tap): number {
  const { KH, KW } = convolution.geometry;
  const tap = { c, m: KH - 1 - m, q: KW - 1 - q };
  return weightAt(convolution, o, rowOf(convolution.geometry, tap));
}

/** `dX` at a pixel of the padded input: equal to what fold makes of dU. */
export const flippedRouteAt = (convolution: Convolution, n: number, pixel: Pixel): number =>
  flippedTermsAt(convolution, n, pixel).reduce(
    (sum, [weight, gradient]) => sum + weight * gradient,
    0,
  );

/** The products that the sum has at a pixel, but for those with the zeros of the spread dOut. */
export function flippedTermsAt(
  convolution: Convolution,
  n: number,
  { c, h, w }: Pixel,
): (readonly [number, number])[] {
  const { KH, KW, dilation, groupC, groupOC } = convolution.geometry;
  const first = Math.floor(c / groupC) * groupOC;
  const terms: (readonly [number, number])[] = [];
  for (let o = first; o < first + groupOC; o++) {
    for (let m = 0; m < KH; m++) {
      for (let q = 0; q < KW; q++) {
        const r = spreadSource(convolution.geometry, h + m * dilation, w + q * dilation);
        if (r === null) continue;
        const weight = flippedWeightAt(convolution, o, { c, m, q });
        terms.push([weight, dOutAt(convolution, n, o, r)]);
      }
    }
  }
  return terms;
}
