import { Lanes } from './lanes';
import { LaneMath } from './math';
import { Doubles } from './rows';

const SIGN: i32 = i32.MIN_VALUE;
const HALF_PI: f32 = 1.5707963267948966;
const PI: f32 = 3.141592653589793;

/** From here on the multiples of ½π are too many for the quick reduction. */
const MANY: f32 = 1048576;

/**
 * More functions of four floats, as those of LaneMath: the same bits on every machine, a relative error
 * below 3e-7 for every float, ±Infinity and NaN as the mathematics has them. The polynomials are minimax
 * fits; their errors stand beside them.
 */
export class LaneFunctions {
  /**
   * x - n·½π, below ¼π in size, for |x| < 2²⁰, with the four whole numbers n in `quadrants`' place: two
   * results in one. Reckoned in doubles: ½π stands as a number of 32 bits, whose product with n < 2²⁰
   * is exact, and the rest. The float nearest to a multiple of ½π is 1.6e-9 away from it, and the error
   * here is below 1e-20, so a result keeps all its digits.
   */
  @inline static reduce(x: v128): v128 {
    const reduced = Doubles.rounded(
      LaneFunctions.reduceTwo(Doubles.low(x)),
      LaneFunctions.reduceTwo(Doubles.high(x)),
    );
    // What is small already keeps its bits, and 0 its sign.
    return v128.bitselect(x, reduced, f32x4.lt(f32x4.abs(x), f32x4.splat(0.78)));
  }

  @inline static reduceTwo(wide: v128): v128 {
    const n = f64x2.nearest(f64x2.mul(wide, f64x2.splat(0.6366197723675814)));
    const r = f64x2.sub(wide, f64x2.mul(n, f64x2.splat(1.570796326734125614166)));
    return f64x2.sub(r, f64x2.mul(n, f64x2.splat(6.077100506506192601475e-11)));
  }

  /** The whole numbers n of `reduce`. */
  @inline static quadrants(x: v128): v128 {
    const low = LaneFunctions.quadrantsOfTwo(Doubles.low(x));
    const high = LaneFunctions.quadrantsOfTwo(Doubles.high(x));
    return v128.shuffle<i32>(low, high, 0, 1, 4, 5);
  }

  @inline static quadrantsOfTwo(wide: v128): v128 {
    const n = f64x2.nearest(f64x2.mul(wide, f64x2.splat(0.6366197723675814)));
    return i32x4.trunc_sat_f64x2_s_zero(n);
  }

  /** sin r = r + r³·p(r²) for |r| ≤ ¼π, to 1.7e-10. */
  @inline static sine(r: v128): v128 {
    const square = f32x4.mul(r, r);
    let p = f32x4.splat(2.832952077369555e-6);
    p = Lanes.madd(p, square, f32x4.splat(-0.00019853086268994957));
    p = Lanes.madd(p, square, f32x4.splat(0.008333379402756691));
    p = Lanes.madd(p, square, f32x4.splat(-0.1666666716337204));
    return Lanes.madd(f32x4.mul(r, square), p, r);
  }

  /** cos r = 1 - r²/2 + r⁴·p(r²) for |r| ≤ ¼π, to 1.2e-10. */
  @inline static cosine(r: v128): v128 {
    const square = f32x4.mul(r, r);
    let p = f32x4.splat(2.4432552891084924e-5);
    p = Lanes.madd(p, square, f32x4.splat(-0.0013887310633435845));
    p = Lanes.madd(p, square, f32x4.splat(0.04166664555668831));
    const rest = Lanes.madd(f32x4.mul(square, square), p, f32x4.mul(square, f32x4.splat(-0.5)));
    return f32x4.add(f32x4.splat(1), rest);
  }

  /** Whether a lane is too large for `reduce`; NaN isn't, and stays NaN there. */
  @inline static hasMany(x: v128): bool {
    return v128.any_true(f32x4.ge(f32x4.abs(x), f32x4.splat(MANY)));
  }

  /** The sine of x moved on by so many quarters of a turn. */
  @inline static sineAt(x: v128, quarters: i32): v128 {
    const r = LaneFunctions.reduce(x);
    const n = i32x4.add(LaneFunctions.quadrants(x), i32x4.splat(quarters));
    const isOdd = i32x4.ne(v128.and(n, i32x4.splat(1)), i32x4.splat(0));
    const value = v128.bitselect(LaneFunctions.cosine(r), LaneFunctions.sine(r), isOdd);
    return v128.xor(value, i32x4.shl(v128.and(n, i32x4.splat(2)), 30));
  }

  @inline static sin(x: v128): v128 {
    if (LaneFunctions.hasMany(x)) return LaneFunctions.sinOfMany(x);
    return LaneFunctions.sineAt(x, 0);
  }

  @inline static cos(x: v128): v128 {
    if (LaneFunctions.hasMany(x)) return LaneFunctions.cosOfMany(x);
    return LaneFunctions.sineAt(x, 1);
  }

  @inline static tan(x: v128): v128 {
    if (LaneFunctions.hasMany(x)) return LaneFunctions.tanOfMany(x);
    const r = LaneFunctions.reduce(x);
    const isOdd = i32x4.ne(v128.and(LaneFunctions.quadrants(x), i32x4.splat(1)), i32x4.splat(0));
    const sine = LaneFunctions.sine(r);
    const cosine = LaneFunctions.cosine(r);
    return v128.bitselect(f32x4.neg(f32x4.div(cosine, sine)), f32x4.div(sine, cosine), isOdd);
  }

  /** In doubles, by the standard library, which divides by ½π with as many digits as it takes. */
  static sinOfMany(x: v128): v128 {
    return f32x4(
      <f32>Math.sin(f32x4.extract_lane(x, 0)),
      <f32>Math.sin(f32x4.extract_lane(x, 1)),
      <f32>Math.sin(f32x4.extract_lane(x, 2)),
      <f32>Math.sin(f32x4.extract_lane(x, 3)),
    );
  }

  static cosOfMany(x: v128): v128 {
    return f32x4(
      <f32>Math.cos(f32x4.extract_lane(x, 0)),
      <f32>Math.cos(f32x4.extract_lane(x, 1)),
      <f32>Math.cos(f32x4.extract_lane(x, 2)),
      <f32>Math.cos(f32x4.extract_lane(x, 3)),
    );
  }

  static tanOfMany(x: v128): v128 {
    return f32x4(
      <f32>Math.tan(f32x4.extract_lane(x, 0)),
      <f32>Math.tan(f32x4.extract_lane(x, 1)),
      <f32>Math.tan(f32x4.extract_lane(x, 2)),
      <f32>Math.tan(f32x4.extract_lane(x, 3)),
    );
  }

  /** asin s = s + s³·p(s²) for 0 ≤ s ≤ ½, to 5e-9. */
  @inline static arcsine(s: v128, square: v128): v128 {
    let p = f32x4.splat(0.042211249470710754);
    p = Lanes.madd(p, square, f32x4.splat(0.024153366684913635));
    p = Lanes.madd(p, square, f32x4.splat(0.04547565430402756));
    p = Lanes.madd(p, square, f32x4.splat(0.07495255023241043));
    p = Lanes.madd(p, square, f32x4.splat(0.16666753590106964));
    return Lanes.madd(f32x4.mul(s, square), p, s);
  }

  /**
   * The arc sine of |x| up to ½, and beyond of √(½(1 - |x|)), half the angle that is missing to ½π.
   * NaN where |x| is above 1.
   */
  @inline static asinPart(size: v128, isFar: v128): v128 {
    const left = f32x4.mul(f32x4.sub(f32x4.splat(1), size), f32x4.splat(0.5));
    const square = v128.bitselect(left, f32x4.mul(size, size), isFar);
    return LaneFunctions.arcsine(v128.bitselect(f32x4.sqrt(left), size, isFar), square);
  }

  @inline static asin(x: v128): v128 {
    const size = f32x4.abs(x);
    const isFar = f32x4.gt(size, f32x4.splat(0.5));
    const y = LaneFunctions.asinPart(size, isFar);
    const far = Lanes.madd(y, f32x4.splat(-2), f32x4.splat(HALF_PI));
    return v128.bitselect(x, v128.bitselect(far, y, isFar), i32x4.splat(SIGN));
  }

  /** ½π - asin x near 0, twice the part that is missing near 1, and π less that near -1. */
  @inline static acos(x: v128): v128 {
    const size = f32x4.abs(x);
    const isFar = f32x4.gt(size, f32x4.splat(0.5));
    const y = LaneFunctions.asinPart(size, isFar);
    const twice = f32x4.add(y, y);
    const below = f32x4.lt(x, f32x4.splat(0));
    const far = v128.bitselect(f32x4.sub(f32x4.splat(PI), twice), twice, below);
    const near = f32x4.sub(f32x4.splat(HALF_PI), v128.bitselect(x, y, i32x4.splat(SIGN)));
    return v128.bitselect(far, near, isFar);
  }

  /** The angle of the point (x, y), from -π to π. */
  @inline static atan2(y: v128, x: v128): v128 {
    const ySize = f32x4.abs(y);
    const xSize = f32x4.abs(x);
    const isSteep = f32x4.gt(ySize, xSize);
    const smaller = v128.bitselect(xSize, ySize, isSteep);
    const larger = v128.bitselect(ySize, xSize, isSteep);
    // Of 0 and 0 the angle is that of 0 and 1, and of two infinities that of 1 and 1.
    const isSame = f32x4.eq(smaller, larger);
    const same = v128.and(f32x4.splat(1), f32x4.gt(larger, f32x4.splat(0)));
    const t = v128.bitselect(same, f32x4.div(smaller, larger), isSame);
    // Above tan(⅛π) the angle is ¼π and that of (t - 1)/(t + 1).
    const isFar = f32x4.gt(t, f32x4.splat(0.4142135623730951));
    const one = f32x4.splat(1);
    const turned = f32x4.div(f32x4.sub(t, one), f32x4.add(t, one));
    const s = v128.bitselect(turned, t, isFar);
    const square = f32x4.mul(s, s);
    // atan s = s + s³·p(s²) for |s| ≤ tan(⅛π), to 7e-10.
    let p = f32x4.splat(-0.060887355357408524);
    p = Lanes.madd(p, square, f32x4.splat(0.10598728060722351));
    p = Lanes.madd(p, square, f32x4.splat(-0.14244344830513));
    p = Lanes.madd(p, square, f32x4.splat(0.19998526573181152));
    p = Lanes.madd(p, square, f32x4.splat(-0.33333316445350647));
    let angle = Lanes.madd(f32x4.mul(s, square), p, s);
    angle = f32x4.add(angle, v128.and(f32x4.splat(0.7853981633974483), isFar));
    angle = v128.bitselect(f32x4.sub(f32x4.splat(HALF_PI), angle), angle, isSteep);
    // -0 is on the left, too.
    const isLeft = i32x4.shr_s(x, 31);
    angle = v128.bitselect(f32x4.sub(f32x4.splat(PI), angle), angle, isLeft);
    const isNaN = v128.or(f32x4.ne(x, x), f32x4.ne(y, y));
    return v128.or(v128.bitselect(y, angle, i32x4.splat(SIGN)), isNaN);
  }

  /** ½·e^|x|, finite for as long as the hyperbolic functions are. */
  @inline static halfExp(size: v128): v128 {
    // e^(u - 32)·e³²/2, with u - 32 exact where e^u could overflow.
    const isLarge = f32x4.gt(size, f32x4.splat(64));
    const shift = v128.and(f32x4.splat(32), isLarge);
    const factor = v128.bitselect(f32x4.splat(39481480091340.34), f32x4.splat(0.5), isLarge);
    return f32x4.mul(LaneMath.exp(f32x4.sub(size, shift)), factor);
  }

  @inline static sinh(x: v128): v128 {
    const size = f32x4.abs(x);
    const square = f32x4.mul(x, x);
    // sinh x = x + x³·p(x²) for |x| ≤ 1, to 3.1e-10.
    let p = f32x4.splat(2.782267074508127e-6);
    p = Lanes.madd(p, square, f32x4.splat(0.00019842891197185963));
    p = Lanes.madd(p, square, f32x4.splat(0.00833331048488617));
    p = Lanes.madd(p, square, f32x4.splat(0.1666666716337204));
    const near = Lanes.madd(f32x4.mul(x, square), p, x);
    const half = LaneFunctions.halfExp(size);
    const far = f32x4.sub(half, f32x4.div(f32x4.splat(0.25), half));
    const signed = v128.bitselect(x, far, i32x4.splat(SIGN));
    return v128.bitselect(near, signed, f32x4.le(size, f32x4.splat(1)));
  }

  @inline static cosh(x: v128): v128 {
    const half = LaneFunctions.halfExp(f32x4.abs(x));
    return f32x4.add(half, f32x4.div(f32x4.splat(0.25), half));
  }

  /** Below 1 a polynomial; above, 1 less twice the normal distribution's tail at √2·|x|. */
  @inline static erf(x: v128): v128 {
    const size = f32x4.abs(x);
    const square = f32x4.mul(x, x);
    // erf x = x + x·p(x²) for |x| ≤ 1, to 1.5e-9.
    let p = f32x4.splat(7.806903158780187e-5);
    p = Lanes.madd(p, square, f32x4.splat(-0.0007997853099368513));
    p = Lanes.madd(p, square, f32x4.splat(0.005187162198126316));
    p = Lanes.madd(p, square, f32x4.splat(-0.026853347197175026));
    p = Lanes.madd(p, square, f32x4.splat(0.11283578723669052));
    p = Lanes.madd(p, square, f32x4.splat(-0.3761262595653534));
    p = Lanes.madd(p, square, f32x4.splat(0.12837916612625122));
    const near = Lanes.madd(x, p, x);
    const u = f32x4.mul(f32x4.neg(size), f32x4.splat(1.4142135623730951));
    const tail = LaneMath.normalCdf(u, LaneMath.gaussian(u));
    const far = f32x4.sub(f32x4.splat(1), f32x4.add(tail, tail));
    const signed = v128.bitselect(x, far, i32x4.splat(SIGN));
    return v128.bitselect(near, signed, f32x4.le(size, f32x4.splat(1)));
  }

  /** ln u with u = 1 + x rounded; x/(u - 1) has the same rounding, and it cancels. */
  @inline static log1p(x: v128): v128 {
    const one = f32x4.splat(1);
    const u = f32x4.add(one, x);
    const rounded = f32x4.sub(u, one);
    const y = f32x4.mul(LaneMath.log(u), f32x4.div(x, rounded));
    // Where nothing of x is left in u, and where u is infinite.
    const isTiny = f32x4.eq(rounded, f32x4.splat(0));
    const isInfinite = f32x4.eq(x, f32x4.splat(Infinity));
    return v128.bitselect(x, y, v128.or(isTiny, isInfinite));
  }

  @inline static expm1(x: v128): v128 {
    const square = f32x4.mul(x, x);
    // eˣ - 1 = x + x²/2 + x³·p(x) for |x| ≤ ¾, to 2e-10.
    let p = f32x4.splat(2.6619763957569376e-6);
    p = Lanes.madd(p, x, f32x4.splat(2.509661680960562e-5));
    p = Lanes.madd(p, x, f32x4.splat(0.00019854259153362364));
    p = Lanes.madd(p, x, f32x4.splat(0.0013887941604480147));
    p = Lanes.madd(p, x, f32x4.splat(0.008333285339176655));
    p = Lanes.madd(p, x, f32x4.splat(0.041666675359010696));
    p = Lanes.madd(p, x, f32x4.splat(0.1666666716337204));
    p = Lanes.madd(p, x, f32x4.splat(0.5));
    const near = Lanes.madd(square, p, x);
    const far = f32x4.sub(LaneMath.exp(x), f32x4.splat(1));
    return v128.bitselect(near, far, f32x4.le(f32x4.abs(x), f32x4.splat(0.75)));
  }

  /** k of x = m·2ᵏ with √½ ≤ m < √2, for the x that a logarithm has a finite answer to. */
  @inline static exponent(x: v128): v128 {
    const tiny = f32x4.lt(x, f32x4.splat(1.1754943508222875e-38));
    const scaled = v128.bitselect(f32x4.mul(x, f32x4.splat(8388608)), x, tiny);
    const k = i32x4.shr_s(i32x4.sub(scaled, i32x4.splat(0x3f3504f3)), 23);
    return i32x4.sub(k, v128.and(tiny, i32x4.splat(23)));
  }

  /**
   * k·high + (k·low + ln(m)·factor), `high` with few enough bits for its product with k to be exact: a
   * power of the base has the whole number that it should.
   */
  @inline static logTo(x: v128, high: f32, low: f32, factor: f32): v128 {
    const k = LaneFunctions.exponent(x);
    // m = x·2⁻ᵏ, in two halves, as 2ᵏ may be no float.
    const half = i32x4.shr_s(k, 1);
    const rest = i32x4.sub(k, half);
    const m = f32x4.mul(
      f32x4.mul(x, LaneMath.powerOfTwo(i32x4.neg(half))),
      LaneMath.powerOfTwo(i32x4.neg(rest)),
    );
    const n = f32x4.convert_i32x4_s(k);
    const small = Lanes.madd(LaneMath.log(m), f32x4.splat(factor), f32x4.mul(n, f32x4.splat(low)));
    const y = Lanes.madd(n, f32x4.splat(high), small);
    // 0, infinities, NaN and what lies below 0 have the natural logarithm's answers.
    const isPlain = v128.and(f32x4.gt(x, f32x4.splat(0)), f32x4.lt(x, f32x4.splat(Infinity)));
    return v128.bitselect(y, LaneMath.log(x), isPlain);
  }

  @inline static log2(x: v128): v128 {
    return LaneFunctions.logTo(x, 1, 0, 1.4426950408889634);
  }

  @inline static log10(x: v128): v128 {
    return LaneFunctions.logTo(x, 0.301025390625, 4.605038981195214e-6, 0.4342944819032518);
  }
}
