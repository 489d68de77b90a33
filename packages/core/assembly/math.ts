import { Lanes } from './lanes';

/** The bits of √½, where the mantissa of a logarithm's argument begins. */
const SQRT_HALF_BITS: i32 = 0x3f3504f3;

/**
 * Functions of four floats, made of IEEE operations alone, so that every machine gives the same
 * bits (those of the fused binary differ from those of the plain one). Each keeps a relative error
 * below 2e-7, denormals included as far as their rounding allows, and answers ±Infinity and NaN as
 * the mathematics does. The polynomials are minimax fits; their errors stand beside them.
 */
export class LaneMath {
  /** eˣ = 2ⁿ·eʳ with |r| ≤ ½·ln 2. */
  @inline static exp(x: v128): v128 {
    // Beyond these bounds the result is 0 or Infinity anyway. In this operand order NaN stays.
    x = f32x4.pmax(f32x4.pmin(x, f32x4.splat(89)), f32x4.splat(-104));
    const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(1.4426950408889634)));
    const y = LaneMath.expOfRest(x, n);
    // 2ⁿ in two halves, since 2¹²⁸ and 2⁻¹⁵⁰ are no floats though a product with them may be.
    const exponent = i32x4.trunc_sat_f32x4_s(n);
    const half = i32x4.shr_s(exponent, 1);
    const scaled = f32x4.mul(y, LaneMath.powerOfTwo(half));
    return f32x4.mul(scaled, LaneMath.powerOfTwo(i32x4.sub(exponent, half)));
  }

  /** eʳ of the rest r = x - n·ln 2, with |r| ≤ ½·ln 2. */
  @inline static expOfRest(x: v128, n: v128): v128 {
    // ln 2 in two parts: the first has few enough bits for its product with n to be exact.
    let r = Lanes.madd(n, f32x4.splat(-0.693145751953125), x);
    r = Lanes.madd(n, f32x4.splat(-1.428606765330187e-6), r);
    // eʳ = 1 + r + r²·p(r), to 3.1e-9.
    let p = f32x4.splat(0.0013814467238262296);
    p = Lanes.madd(p, r, f32x4.splat(0.008368780836462975));
    p = Lanes.madd(p, r, f32x4.splat(0.04166839271783829));
    p = Lanes.madd(p, r, f32x4.splat(0.1666651964187622));
    p = Lanes.madd(p, r, f32x4.splat(0.4999999403953552));
    return f32x4.add(Lanes.madd(f32x4.mul(r, r), p, r), f32x4.splat(1));
  }

  /** 2ⁿ for integers -126 ≤ n ≤ 127. */
  @inline static powerOfTwo(n: v128): v128 {
    return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23);
  }

  /** ln x = k·ln 2 + ln(1 + f) with √½ ≤ 1 + f < √2. */
  @inline static log(x: v128): v128 {
    // Denormals are first made normal.
    const tiny = f32x4.lt(x, f32x4.splat(1.1754943508222875e-38));
    const scaled = v128.bitselect(f32x4.mul(x, f32x4.splat(8388608)), x, tiny);
    const bits = i32x4.sub(scaled, i32x4.splat(SQRT_HALF_BITS));
    const mantissa = v128.and(bits, i32x4.splat(0x7fffff));
    const f = f32x4.sub(i32x4.add(mantissa, i32x4.splat(SQRT_HALF_BITS)), f32x4.splat(1));
    const exponent = i32x4.sub(i32x4.shr_s(bits, 23), v128.and(tiny, i32x4.splat(23)));
    const k = f32x4.convert_i32x4_s(exponent);
    // ln(1 + f) = f - f²/2 + f³·p(f), to 7.5e-10.
    let p = f32x4.splat(0.06747730821371078);
    p = Lanes.madd(p, f, f32x4.splat(-0.11677515506744385));
    p = Lanes.madd(p, f, f32x4.splat(0.11888696998357773));
    p = Lanes.madd(p, f, f32x4.splat(-0.12405340373516083));
    p = Lanes.madd(p, f, f32x4.splat(0.14219452440738678));
    p = Lanes.madd(p, f, f32x4.splat(-0.16668005287647247));
    p = Lanes.madd(p, f, f32x4.splat(0.20002123713493347));
    p = Lanes.madd(p, f, f32x4.splat(-0.25000008940696716));
    p = Lanes.madd(p, f, f32x4.splat(0.3333331346511841));
    const square = f32x4.mul(f, f);
    // Small terms first; ln 2 in two parts, as in exp.
    let rest = f32x4.mul(f32x4.mul(square, f), p);
    rest = Lanes.madd(k, f32x4.splat(1.428606765330187e-6), rest);
    rest = Lanes.madd(square, f32x4.splat(-0.5), rest);
    let y = Lanes.madd(k, f32x4.splat(0.693145751953125), f32x4.add(f, rest));
    // Infinity and NaN are their own logarithm, 0 has -Infinity, what lies below has NaN.
    y = v128.bitselect(y, x, f32x4.lt(x, f32x4.splat(Infinity)));
    y = v128.bitselect(f32x4.splat(-Infinity), y, f32x4.eq(x, f32x4.splat(0)));
    return v128.or(y, f32x4.lt(x, f32x4.splat(0)));
  }

  /** Near 0 a polynomial, else 1 - 2/(e²ˣ + 1) for |x|, which does not cancel there. */
  @inline static tanh(x: v128): v128 {
    const size = f32x4.abs(x);
    const square = f32x4.mul(x, x);
    // tanh x = x + x³·p(x²) for |x| < 0.63, to 4.8e-9.
    let p = f32x4.splat(-0.005666977260261774);
    p = Lanes.madd(p, square, f32x4.splat(0.020606176927685738));
    p = Lanes.madd(p, square, f32x4.splat(-0.05373000726103783));
    p = Lanes.madd(p, square, f32x4.splat(0.13331331312656403));
    p = Lanes.madd(p, square, f32x4.splat(-0.33333277702331543));
    const near = Lanes.madd(f32x4.mul(x, square), p, x);
    const e = LaneMath.exp(f32x4.add(size, size));
    const quotient = f32x4.div(f32x4.splat(2), f32x4.add(e, f32x4.splat(1)));
    const far = f32x4.sub(f32x4.splat(1), quotient);
    const signed = v128.or(far, v128.and(x, i32x4.splat(i32.MIN_VALUE)));
    return v128.bitselect(near, signed, f32x4.lt(size, f32x4.splat(0.625)));
  }

  /** 1/(1 + e⁻ˣ), or eˣ/(1 + eˣ): whichever exponential stays below 1. */
  @inline static sigmoid(x: v128): v128 {
    const e = LaneMath.exp(f32x4.neg(f32x4.abs(x)));
    const above = f32x4.div(f32x4.splat(1), f32x4.add(e, f32x4.splat(1)));
    return v128.bitselect(f32x4.mul(e, above), above, f32x4.lt(x, f32x4.splat(0)));
  }

  /** e^(-x²/2). */
  @inline static gaussian(x: v128): v128 {
    // Past 15 it is 0; in this operand order NaN stays.
    const u = f32x4.pmin(f32x4.abs(x), f32x4.splat(15));
    // u² rounded would cost several digits where it is large. So u = h + l with h² exact, and
    // u² = h² + l·(u + h). The second factor's exponent d is below 0.06 in size: five terms do.
    const h = v128.and(u, i32x4.splat(0xfffff000));
    const e = LaneMath.exp(f32x4.mul(f32x4.mul(h, h), f32x4.splat(-0.5)));
    const d = f32x4.mul(f32x4.mul(f32x4.sub(u, h), f32x4.add(u, h)), f32x4.splat(-0.5));
    let series = Lanes.madd(d, f32x4.splat(1 / 24.0), f32x4.splat(1 / 6.0));
    series = Lanes.madd(series, d, f32x4.splat(0.5));
    series = Lanes.madd(series, d, f32x4.splat(1));
    return Lanes.madd(f32x4.mul(series, d), e, e);
  }

  /**
   * The normal distribution function Φ(x) = ½·(1 + erf(x/√2)); `gaussian` is e^(-x²/2). Its lower
   * tail is computed as such, not as a difference from 1, so it keeps its relative precision.
   */
  @inline static normalCdf(x: v128, gaussian: v128): v128 {
    const u = f32x4.pmin(f32x4.abs(x), f32x4.splat(15));
    // Φ(-u) = e^(-u²/2)·s·p(s) with s = 1/(1 + 0.35·u), to 3.2e-8 for 0 ≤ u ≤ 14.5.
    const one = f32x4.splat(1);
    const s = f32x4.div(one, Lanes.madd(u, f32x4.splat(0.35), one));
    let p = f32x4.splat(-0.02915787138044834);
    p = Lanes.madd(p, s, f32x4.splat(0.1440308541059494));
    p = Lanes.madd(p, s, f32x4.splat(-0.25583887100219727));
    p = Lanes.madd(p, s, f32x4.splat(0.15931954979896545));
    p = Lanes.madd(p, s, f32x4.splat(-0.0232122540473938));
    p = Lanes.madd(p, s, f32x4.splat(0.10555246472358704));
    p = Lanes.madd(p, s, f32x4.splat(0.11982129514217377));
    p = Lanes.madd(p, s, f32x4.splat(0.139863520860672));
    p = Lanes.madd(p, s, f32x4.splat(0.139621302485466));
    const tail = f32x4.mul(f32x4.mul(s, p), gaussian);
    return v128.bitselect(tail, f32x4.sub(one, tail), f32x4.lt(x, f32x4.splat(0)));
  }
}
