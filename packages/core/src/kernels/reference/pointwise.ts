import { erf as erfOf } from '../../math.js';
import { map } from './map.js';

/* Elementwise functions of one input that few networks need. */

export const floor = map((x) => Math.floor(x));
export const ceil = map((x) => Math.ceil(x));
export const trunc = map((x) => Math.trunc(x));
/** `Math.round` takes the larger of two, which is one too large where it is odd. */
export const round = map((x) => {
  const rounded = Math.round(x);
  return Math.abs(x % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
});
/** Not `Math.sign`, which makes NaN of NaN. */
export const sign = map((x) => Number(x > 0) - Number(x < 0));
export const sin = map((x) => Math.sin(x));
export const cos = map((x) => Math.cos(x));
export const tan = map((x) => Math.tan(x));
export const asin = map((x) => Math.asin(x));
export const acos = map((x) => Math.acos(x));
export const atan = map((x) => Math.atan(x));
export const sinh = map((x) => Math.sinh(x));
export const cosh = map((x) => Math.cosh(x));
export const erf = map(erfOf);
export const log1p = map((x) => Math.log1p(x));
export const expm1 = map((x) => Math.expm1(x));
export const log2 = map((x) => Math.log2(x));
export const log10 = map((x) => Math.log10(x));
