import { Broadcast } from './broadcast-loop';
import { LaneFunctions } from './lane-functions';
import { Doubles } from './rows';
import { Walk } from './walk';

/* Operations on two broadcast operands that come of dividing one by the other. */

@final
@unmanaged
class Atan2 {
  @inline of(y: v128, x: v128): v128 {
    return LaneFunctions.atan2(y, x);
  }
}

/** a - ⌊a/b⌋·b: the rest has the sign of b. */
@final
@unmanaged
class Remainder {
  @inline of(a: v128, b: v128): v128 {
    // Up to here the quotient's whole part is right in doubles, and its product with b exact.
    const isSmall = f32x4.lt(f32x4.abs(f32x4.div(a, b)), f32x4.splat(134217728));
    const isFinite = f32x4.lt(f32x4.abs(b), f32x4.splat(Infinity));
    if (!i32x4.all_true(v128.and(isSmall, isFinite))) return Remainder.byLane(a, b);
    const rest = Doubles.rounded(
      Remainder.restOfTwo(Doubles.low(a), Doubles.low(b)),
      Remainder.restOfTwo(Doubles.high(a), Doubles.high(b)),
    );
    const zero = f32x4.splat(0);
    const isOther = v128.xor(f32x4.lt(rest, zero), f32x4.lt(b, zero));
    return f32x4.add(rest, v128.and(b, v128.and(isOther, f32x4.ne(rest, zero))));
  }

  /** a - n·b with n = a/b cut to a whole number, of two doubles that were floats, exactly. */
  @inline static restOfTwo(dividend: v128, divisor: v128): v128 {
    const n = f64x2.trunc(f64x2.div(dividend, divisor));
    return f64x2.sub(dividend, f64x2.mul(n, divisor));
  }

  static byLane(a: v128, b: v128): v128 {
    return f32x4(
      Remainder.one(f32x4.extract_lane(a, 0), f32x4.extract_lane(b, 0)),
      Remainder.one(f32x4.extract_lane(a, 1), f32x4.extract_lane(b, 1)),
      Remainder.one(f32x4.extract_lane(a, 2), f32x4.extract_lane(b, 2)),
      Remainder.one(f32x4.extract_lane(a, 3), f32x4.extract_lane(b, 3)),
    );
  }

  static one(a: f32, b: f32): f32 {
    const rest = Mathf.mod(a, b);
    return rest != 0 && rest < 0 != b < 0 ? rest + b : rest;
  }
}

/** ⌊a/b⌋; a quotient by 0 is what division gives, and one of an infinity by a number NaN. */
@final
@unmanaged
class FloorDivide {
  @inline of(a: v128, b: v128): v128 {
    const floor = Doubles.rounded(
      f64x2.floor(f64x2.div(Doubles.low(a), Doubles.low(b))),
      f64x2.floor(f64x2.div(Doubles.high(a), Doubles.high(b))),
    );
    const infinity = f32x4.splat(Infinity);
    const zero = f32x4.splat(0);
    // A number by an infinity of the other sign lies below 0, if by nothing.
    const isBelow = v128.and(f32x4.eq(f32x4.abs(b), infinity), f32x4.lt(f32x4.mul(a, b), zero));
    const isUnknown = v128.and(f32x4.eq(f32x4.abs(a), infinity), f32x4.ne(b, zero));
    return v128.or(v128.bitselect(f32x4.splat(-1), floor, isBelow), isUnknown);
  }
}

export function atan2(out: usize, a: usize, b: usize, walk: Walk): void {
  Broadcast.floats<Atan2>(out, a, b, walk);
}

export function remainder(out: usize, a: usize, b: usize, walk: Walk): void {
  Broadcast.floats<Remainder>(out, a, b, walk);
}

export function floorDivide(out: usize, a: usize, b: usize, walk: Walk): void {
  Broadcast.floats<FloorDivide>(out, a, b, walk);
}
