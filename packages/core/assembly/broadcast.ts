import { Broadcast } from './broadcast-loop';
import { Walk } from './walk';

/* Operations on two broadcast operands. */

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
