import { Walk } from './walk';

/* Truth values, a byte each: 0 is false, anything else is true, and results are 0 and 1. */

class Logic {
  /** out = op(a, b), on bytes that are 0 or 0xff each. */
  @inline static walk<Op>(out: usize, a: usize, b: usize, walk: Walk): void {
    const op = changetype<Op>(0);
    const n = <usize>walk.n;
    const aStep = walk.step(0);
    const bStep = walk.step(1);
    const inLanes = (aStep == 0 || aStep == 1) && (bStep == 0 || bStep == 1);
    const whole = inLanes ? n & ~15 : 0;
    for (let rows = walk.rows; rows > 0; rows--) {
      let aAt = a + walk.position(0);
      let bAt = b + walk.position(1);
      let i: usize = 0;
      for (; i < whole; i += 16) {
        const truth = op.of(Logic.load16(aAt, aStep), Logic.load16(bAt, bStep));
        v128.store(out + i, v128.and(truth, i8x16.splat(1)));
        aAt += (<usize>aStep) << 4;
        bAt += (<usize>bStep) << 4;
      }
      for (; i < n; i++) {
        const truth = op.of(Logic.load16(aAt, 0), Logic.load16(bAt, 0));
        store<u8>(out + i, <u8>(i8x16.extract_lane_s(truth, 0) & 1));
        aAt += aStep;
        bAt += bStep;
      }
      out += n;
      walk.next();
    }
  }

  /** Sixteen truth values from `from` on, at a step of 0 or 1. */
  @inline static load16(from: usize, step: i32): v128 {
    const bytes = step == 1 ? v128.load(from) : v128.load8_splat(from);
    return i8x16.ne(bytes, i8x16.splat(0));
  }
}

@final
@unmanaged
class And {
  @inline of(a: v128, b: v128): v128 {
    return v128.and(a, b);
  }
}

@final
@unmanaged
class Or {
  @inline of(a: v128, b: v128): v128 {
    return v128.or(a, b);
  }
}

@final
@unmanaged
class Xor {
  @inline of(a: v128, b: v128): v128 {
    return v128.xor(a, b);
  }
}

export function logicalAnd(out: usize, a: usize, b: usize, walk: Walk): void {
  Logic.walk<And>(out, a, b, walk);
}

export function logicalOr(out: usize, a: usize, b: usize, walk: Walk): void {
  Logic.walk<Or>(out, a, b, walk);
}

export function logicalXor(out: usize, a: usize, b: usize, walk: Walk): void {
  Logic.walk<Xor>(out, a, b, walk);
}
