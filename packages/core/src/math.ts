/*
 * Functions that ECMAScript lacks, or leaves to each engine. They are made of + - * / and of bits,
 * which every engine computes alike; only `erf` and its kin call `Math.exp` as well.
 */

const view = new DataView(new ArrayBuffer(8));

/** ln 2 in two parts. The first has 32 bits, so its product with an exponent is exact. */
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;

/**
 * The natural logarithm, the same bits on every engine (`Math.log` differs between them). The
 * error is below 1 ulp. NaN below 0, -Infinity at 0.
 *
 * x = 2ᵏ·(1 + f) with 1 + f between √½ and √2. With s = f / (2 + f), ln(1 + f) = 2·artanh(s), whose
 * Taylor series is 2s + s·r, r = ⅔s² + ⅖s⁴ + …; and 2s = f - s·f, which keeps the large part, f,
 * free of rounding.
 */
export function log(x: number): number {
  if (!(x > 0 && x < Infinity)) return x === 0 ? -Infinity : x === Infinity ? x : NaN;
  let k = 0;
  if (x < 2 ** -1022) {
    // Subnormal: brought among the normal numbers, where the exponent's bits can be read.
    x *= 2 ** 54;
    k = -54;
  }
  view.setFloat64(0, x);
  const high = view.getUint32(0);
  k += (high >>> 20) - 1023;
  // The same fraction with the exponent of 1.
  view.setUint32(0, (high & 0xfffff) | 0x3ff00000);
  let fraction = view.getFloat64(0);
  if (fraction > Math.SQRT2) {
    fraction /= 2;
    k += 1;
  }
  const f = fraction - 1;
  const s = f / (2 + f);
  const s2 = s * s;
  let r = 0;
  for (let n = 21; n >= 3; n -= 2) r = s2 * (2 / n + r);
  return k * LN2_HIGH - (s * (f - r) - k * LN2_LOW - f);
}

/** 2/√π - 1. Subtracting 1 from the rounded 2/√π would lose three bits. */
const TWO_OVER_SQRT_PI_LESS_1 = 0.1283791670955126;
const TWO_OVER_SQRT_PI = 1.1283791670955126;

/** Coefficients of x²ⁿ, n = 0 … 11, in erf(x)/x - 1; those of erf(x)/x: 2/√π·(-1)ⁿ / (n!·(2n + 1)). */
const ERF_TAYLOR = erfTaylor(12);

// @__NO_SIDE_EFFECTS__
function erfTaylor(count: number): number[] {
  const coefficients = [TWO_OVER_SQRT_PI_LESS_1];
  let factorial = 1;
  for (let n = 1; n < count; n++) {
    factorial *= -n;
    coefficients.push(TWO_OVER_SQRT_PI / (factorial * (2 * n + 1)));
  }
  return coefficients;
}

/**
 * Chebyshev coefficients in t = (x - 2.5) / (x + 1.5) of (1 + x)·e^(x²)·erfc(x) on x ≥ ½, where t
 * runs from -1 to 1. Computed at 120 Chebyshev nodes with 60 digits (mpmath); what is left out is
 * below 3e-18. The form is that of J. L. Schonfelder, "Chebyshev expansions for the error and
 * related functions", Mathematics of Computation 32 (1978); the numbers are for this interval.
 */
// prettier-ignore
const ERFC_CHEBYSHEV = [
  1.482466767353872, -0.18393578735757485, 0.0030099069897857014, 0.004370301003110369,
  -0.00039089616069332546, -0.00011166817379876114, 1.024907160028684e-5, 4.3705909935733904e-6,
  -7.734024525304905e-8, -1.8896885480802015e-7, -1.8097817641878142e-8, 6.59245023909917e-9,
  1.88748224755946e-9, -3.9909201405714466e-11, -1.1150487065436575e-10, -1.8949359559552676e-11,
  2.8390465151618265e-12, 1.785559050155671e-12, 2.201817195272063e-13, -6.627184340033784e-14,
  -3.127050328019822e-14, -3.334314549250225e-15, 1.3647407169814695e-15, 6.169854453130664e-16,
  7.050655072427197e-17, -2.7080267499471875e-17, -1.355135177902258e-17,
];

/**
 * The error function 2/√π · ∫₀ˣ e^(-t²) dt. The relative error is below 5e-16, two units in
 * the last place.
 *
 * Below ½ it is the Taylor series (Abramowitz & Stegun, 7.1.5), above it 1 - erfc(x).
 */
export function erf(x: number): number {
  if (Math.abs(x) >= 0.5) return x > 0 ? 1 - erfcFromHalf(x) : erfcFromHalf(-x) - 1;
  const square = x * x;
  let series = 0;
  for (let n = ERF_TAYLOR.length - 1; n >= 0; n--) {
    series = ERF_TAYLOR[n] + square * series;
  }
  return x + x * series;
}

/** 1 - erf(x), without the cancellation: the relative error is below 1e-15, until the result is
 * subnormal (x > 26.5). */
export function erfc(x: number): number {
  return x >= 0.5 ? erfcFromHalf(x) : 1 - erf(x);
}

/** erfc(x) for x ≥ ½. NaN stays NaN. */
function erfcFromHalf(x: number): number {
  // Below the smallest positive double from here on; Infinity must not meet the quotients.
  if (x > 28) return 0;
  const t = (x - 2.5) / (x + 1.5);
  // Clenshaw's rule.
  let b1 = 0;
  let b2 = 0;
  for (let n = ERFC_CHEBYSHEV.length - 1; n >= 1; n--) {
    const b = 2 * t * b1 - b2 + ERFC_CHEBYSHEV[n];
    b2 = b1;
    b1 = b;
  }
  const scaled = t * b1 - b2 + ERFC_CHEBYSHEV[0] / 2;
  // e^(-x²) by two factors: with 24 bits in `head`, its square is exact.
  const head = Math.fround(x);
  const gaussian = Math.exp(-head * head) * Math.exp((head - x) * (head + x));
  return (gaussian * scaled) / (1 + x);
}

/**
 * Φ(x), the standard normal distribution's cumulative function: ½·erfc(-x/√2). In the lower tail
 * the rounding of x/√2 counts: the relative error is below (5 + x²)·2e-16.
 */
export function normalCdf(x: number): number {
  return 0.5 * erfc(-x * Math.SQRT1_2);
}

/**
 * φ(x), the standard normal distribution's density: e^(-x²/2) / √(2π). The relative error is below
 * (5 + x²)·2e-16.
 */
export function normalPdf(x: number): number {
  return 0.3989422804014327 * Math.exp(-0.5 * x * x);
}
