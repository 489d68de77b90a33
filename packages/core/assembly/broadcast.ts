import { Lanes } from './lanes';
import { Walk } from './walk';

/*
 * Operations on two broadcast operands. `out` is contiguous and begins with the walk; a and b
 * (`where`: condition, a and b) are the walk's operands.
 */
class Broadcast {
  /** A row of one operand, or one value of it; false, and nothing is done, at any other step. */
  @inline static copyRow(out: usize, from: usize, step: i32, n: usize): bool {
    if (step == 0) Lanes.fill(out, load<f32>(from), n);
    else if (step != 1) return false;
    // An operand may be where the result is.
    else if (from != out) Lanes.copy(out, from, n);
    return true;
  }

  /** out = op(a, b), floats. */
  @inline static floats<Op>(out: usize, a: usize, b: usize, walk: Walk): void {
    const n = <usize>walk.n;
    const aStep = walk.step(0);
    const bStep = walk.step(1);
    for (let rows = walk.rows; rows > 0; rows--) {
      const aRow = a + (walk.position(0) << 2);
      const bRow = b + (walk.position(1) << 2);
      Broadcast.floatRow<Op>(out, aRow, aStep, bRow, bStep, n);
      out += n << 2;
      walk.next();
    }
  }

  /** One row; steps of 0 and 1 take four elements at a time. */
  @inline static floatRow<Op>(
    out: usize,
    a: usize,
    aStep: i32,
    b: usize,
    bStep: i32,
    n: usize,
  ): void {
    const op = changetype<Op>(0);
    const bytes = n << 2;
    const whole = bytes & ~15;
    let i: usize = 0;
    if (aStep == 1 && bStep == 1) {
      for (; i < whole; i += 16) {
        v128.store(out + i, op.of(v128.load(a + i), v128.load(b + i)));
      }
    } else if (aStep == 1 && bStep == 0) {
      const constant = v128.load32_splat(b);
      for (; i < whole; i += 16) v128.store(out + i, op.of(v128.load(a + i), constant));
    } else if (aStep == 0 && bStep == 1) {
      const constant = v128.load32_splat(a);
      for (; i < whole; i += 16) v128.store(out + i, op.of(constant, v128.load(b + i)));
    }
    // The rest of a row, or all of it where an operand lies at a stride.
    a += <usize>aStep * i;
    b += <usize>bStep * i;
    for (; i < bytes; i += 4) {
      v128.store_lane<f32>(out + i, op.of(v128.load32_zero(a), v128.load32_zero(b)), 0);
      a += (<usize>aStep) << 2;
      b += (<usize>bStep) << 2;
    }
  }

  /** out = 1 where op(a, b) sets a lane, else 0, bytes. */
  @inline static bytes<Op>(out: usize, a: usize, b: usize, walk: Walk): void {
    const op = changetype<Op>(0);
    const n = <usize>walk.n;
    const aStep = walk.step(0);
    const bStep = walk.step(1);
    const inLanes = (aStep == 0 || aStep == 1) && (bStep == 0 || bStep == 1);
    const whole = inLanes ? n & ~3 : 0;
    for (let rows = walk.rows; rows > 0; rows--) {
      let aAt = a + (walk.position(0) << 2);
      let bAt = b + (walk.position(1) << 2);
      let i: usize = 0;
      for (; i < whole; i += 4) {
        const lanes = op.of(Broadcast.load4(aAt, aStep), Broadcast.load4(bAt, bStep));
        const halves = i16x8.narrow_i32x4_s(lanes, lanes);
        const quarters = v128.and(i8x16.narrow_i16x8_s(halves, halves), i8x16.splat(1));
        store<i32>(out + i, i32x4.extract_lane(quarters, 0));
        aAt += (<usize>aStep) << 4;
        bAt += (<usize>bStep) << 4;
      }
      for (; i < n; i++) {
        const lanes = op.of(v128.load32_zero(aAt), v128.load32_zero(bAt));
        store<u8>(out + i, <u8>(i32x4.extract_lane(lanes, 0) & 1));
        aAt += (<usize>aStep) << 2;
        bAt += (<usize>bStep) << 2;
      }
      out += n;
      walk.next();
    }
  }

  /** Four elements from `from` on, at a step of 0 or 1. */
  @inline static load4(from: usize, step: i32): v128 {
    return step == 1 ? v128.load(from) : v128.load32_splat(from);
  }
}

@final
@unmanaged
class Add {
  @inline of(a: v128, b: v128): v128 {
    return f32x4.add(a, b);
  }
}

@final
@unmanaged
class Sub {
  @inline of(a: v128, b: v128): v128 {
    return f32x4.sub(a, b);
  }
}

@final
@unmanaged
class Mul {
  @inline of(a: v128, b: v128): v128 {
    return f32x4.mul(a, b);
  }
}

@final
@unmanaged
class Div {
  @inline of(a: v128, b: v128): v128 {
    return f32x4.div(a, b);
  }
}

@final
@unmanaged
class Pow {
  @inline of(a: v128, b: v128): v128 {
    return f32x4(
      Pow.scalar(f32x4.extract_lane(a, 0), f32x4.extract_lane(b, 0)),
      Pow.scalar(f32x4.extract_lane(a, 1), f32x4.extract_lane(b, 1)),
      Pow.scalar(f32x4.extract_lane(a, 2), f32x4.extract_lane(b, 2)),
      Pow.scalar(f32x4.extract_lane(a, 3), f32x4.extract_lane(b, 3)),
    );
  }

  /**
   * The compiler's own power, which is portable. It follows ECMAScript where that differs from C:
   * 1 to whatever power is 1, and so is -1 to an infinite one.
   */
  static scalar(a: f32, b: f32): f32 {
    if (a == 1 || (a == -1 && Mathf.abs(b) == Infinity)) return 1;
    return Mathf.pow(a, b);
  }
}

@final
@unmanaged
class Maximum {
  @inline of(a: v128, b: v128): v128 {
    return f32x4.max(a, b);
  }
}

@final
@unmanaged
class Minimum {
  @inline of(a: v128, b: v128): v128 {
    return f32x4.min(a, b);
  }
}

@final
@unmanaged
class Equal {
  @inline of(a: v128, b: v128): v128 {
    return f32x4.eq(a, b);
  }
}

@final
@unmanaged
class Less {
  @inline of(a: v128, b: v128): v128 {
    return f32x4.lt(a, b);
  }
}

@final
@unmanaged
class Greater {
  @inline of(a: v128, b: v128): v128 {
    return f32x4.gt(a, b);
  }
}

export function add(out: usize, a: usize, b: usize, walk: Walk): void {
  Broadcast.floats<Add>(out, a, b, walk);
}

export function sub(out: usize, a: usize, b: usize, walk: Walk): void {
  Broadcast.floats<Sub>(out, a, b, walk);
}

export function mul(out: usize, a: usize, b: usize, walk: Walk): void {
  Broadcast.floats<Mul>(out, a, b, walk);
}

export function div(out: usize, a: usize, b: usize, walk: Walk): void {
  Broadcast.floats<Div>(out, a, b, walk);
}

export function pow(out: usize, a: usize, b: usize, walk: Walk): void {
  Broadcast.floats<Pow>(out, a, b, walk);
}

export function maximum(out: usize, a: usize, b: usize, walk: Walk): void {
  Broadcast.floats<Maximum>(out, a, b, walk);
}

export function minimum(out: usize, a: usize, b: usize, walk: Walk): void {
  Broadcast.floats<Minimum>(out, a, b, walk);
}

export function eq(out: usize, a: usize, b: usize, walk: Walk): void {
  Broadcast.bytes<Equal>(out, a, b, walk);
}

export function lt(out: usize, a: usize, b: usize, walk: Walk): void {
  Broadcast.bytes<Less>(out, a, b, walk);
}

export function gt(out: usize, a: usize, b: usize, walk: Walk): void {
  Broadcast.bytes<Greater>(out, a, b, walk);
}

export function where(out: usize, condition: usize, a: usize, b: usize, walk: Walk): void {
  const n = <usize>walk.n;
  const conditionStep = walk.step(0);
  const aStep = walk.step(1);
  const bStep = walk.step(2);
  const inLanes = conditionStep == 1 && (aStep == 0 || aStep == 1) && (bStep == 0 || bStep == 1);
  const whole = inLanes ? n & ~3 : 0;
  for (let rows = walk.rows; rows > 0; rows--) {
    let conditionAt = condition + walk.position(0);
    let aAt = a + (walk.position(1) << 2);
    let bAt = b + (walk.position(2) << 2);
    let i: usize = 0;
    if (conditionStep == 0 && n > 0) {
      // One condition for the row.
      const isA = load<u8>(conditionAt) != 0;
      if (Broadcast.copyRow(out, isA ? aAt : bAt, isA ? aStep : bStep, n)) i = n;
    }
    for (; i < whole; i += 4) {
      // Four bytes become four lanes; those that hold 0 choose b.
      const lanes = i32x4.extend_low_i16x8_u(
        i16x8.extend_low_i8x16_u(v128.load32_zero(conditionAt)),
      );
      const isZero = i32x4.eq(lanes, i32x4.splat(0));
      const picked = v128.bitselect(
        Broadcast.load4(bAt, bStep),
        Broadcast.load4(aAt, aStep),
        isZero,
      );
      v128.store(out + (i << 2), picked);
      conditionAt += 4;
      aAt += (<usize>aStep) << 4;
      bAt += (<usize>bStep) << 4;
    }
    for (; i < n; i++) {
      store<f32>(out + (i << 2), load<f32>(load<u8>(conditionAt) ? aAt : bAt));
      conditionAt += conditionStep;
      aAt += (<usize>aStep) << 2;
      bAt += (<usize>bStep) << 2;
    }
    out += n << 2;
    walk.next();
  }
}
