/*
 * Functions whose bits differ between engines, made of + - * / alone: a seed gives the same
 * pictures everywhere. Their errors are some units in the last place, far below what a pixel shows.
 */

/** sin and cos of an angle in degrees; those of multiples of 90° are exactly 0, 1 or -1. */
export function sinCosDegrees(degrees: number): readonly [sin: number, cos: number] {
  const quarters = Math.round(degrees / 90);
  const x = ((degrees - 90 * quarters) * Math.PI) / 180;
  const x2 = x * x;
  // Taylor series up to x¹⁹, for |x| ≤ π/4, innermost factor first.
  let sin = 1;
  let cos = 1;
  for (let n = 18; n >= 2; n -= 2) {
    sin = 1 - (sin * x2) / (n * (n + 1));
    cos = 1 - (cos * x2) / (n * (n - 1));
  }
  sin *= x;
  switch (((quarters % 4) + 4) % 4) {
    case 0:
      return [sin, cos];
    case 1:
      return [cos, -sin];
    case 2:
      return [-sin, -cos];
    default:
      return [-cos, sin];
  }
}

/** eˣ: the Taylor series of a small part of x, squared. */
export function exp(x: number): number {
  let squarings = 0;
  for (; Math.abs(x) > 0.5; squarings++) x /= 2;
  let power = 1;
  for (let n = 14; n >= 1; n--) power = 1 + (power * x) / n;
  for (; squarings > 0; squarings--) power *= power;
  return power;
}

/** ln x of a finite x above 0: x = 2ᵏ·m, and ln m = 2·artanh((m - 1) / (m + 1)) as a series. */
export function log(x: number): number {
  let k = 0;
  for (; x > Math.SQRT2; k++) x /= 2;
  for (; x < Math.SQRT1_2; k--) x *= 2;
  const s = (x - 1) / (x + 1);
  let series = 0;
  for (let n = 23; n >= 1; n -= 2) series = series * s * s + 1 / n;
  return k * Math.LN2 + 2 * s * series;
}
