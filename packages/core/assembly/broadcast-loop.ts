import { Lanes } from './lanes';
import { Walk } from './walk';

/*
 * Operations on two broadcast operands. `out` is contiguous and begins with the walk; a and b
 * (`where`: condition, a and b) are the walk's operands.
 */
export class Broadcast {
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
