/*
 * Four floats at a time: the few helpers that every family of kernels shares.
 *
 * The kernels allocate nothing and keep no state: addresses come in, and all that is written lies
 * behind them. So one binary may run on several threads over one memory.
 *
 * `UNFOLD_FUSED` (0 or 1) is set on the compiler's command line: see build.js.
 *
 * Helpers are static methods because `@inline` on a free function is not TypeScript's syntax. An
 * elementwise operation is a class without fields whose method `of` computes four lanes; a loop
 * takes the class as its type parameter and calls `changetype<Op>(0).of(…)`. Nothing of that is
 * left after inlining.
 */
export class Lanes {
  /** a·b + c, rounded once where the machine can. */
  @inline static madd(a: v128, b: v128, c: v128): v128 {
    if (UNFOLD_FUSED) return f32x4.relaxed_madd(a, b, c);
    return f32x4.add(f32x4.mul(a, b), c);
  }

  /** a where the mask's lanes are ones, b where they are zeros; no lane of it is anything else. */
  @inline static select(a: v128, b: v128, mask: v128): v128 {
    // Relaxed, it is one instruction instead of three; with such masks both say the same.
    if (UNFOLD_FUSED) return i32x4.relaxed_laneselect(a, b, mask);
    return v128.bitselect(a, b, mask);
  }

  /** Loads `count` (1 … 3) floats and nothing behind them; the other lanes are 0. */
  @inline static loadPart(from: usize, count: usize): v128 {
    let v = v128.load32_zero(from);
    if (count > 1) v = v128.load_lane<f32>(from, v, 1, 4);
    if (count > 2) v = v128.load_lane<f32>(from, v, 2, 8);
    return v;
  }

  /** Stores the first `count` (1 … 3) lanes. */
  @inline static storePart(to: usize, v: v128, count: usize): void {
    v128.store_lane<f32>(to, v, 0);
    if (count > 1) v128.store_lane<f32>(to, v, 1, 4);
    if (count > 2) v128.store_lane<f32>(to, v, 2, 8);
  }

  /** Ones in the first `count` lanes, zeros in the others. */
  @inline static mask(count: usize): v128 {
    return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(<i32>count));
  }

  /** The sum of the four lanes: (v0 + v2) + (v1 + v3). */
  @inline static sum(v: v128): f32 {
    const pairs = f32x4.add(v, v128.shuffle<f32>(v, v, 2, 3, 0, 1));
    return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
  }

  /** `n` floats from `x` to `out`, which do not overlap. */
  static copy(out: usize, x: usize, n: usize): void {
    // For a long row the machine's own copy is worth its call.
    if (n >= 256) {
      memory.copy(out, x, n << 2);
      return;
    }
    const bytes = n << 2;
    if (bytes < 16) {
      for (let i: usize = 0; i < bytes; i += 4) store<f32>(out + i, load<f32>(x + i));
      return;
    }
    const last = bytes - 16;
    for (let i: usize = 0; i < last; i += 16) v128.store(out + i, v128.load(x + i));
    // The last vector ends with the row; it may repeat a few floats of the one before.
    v128.store(out + last, v128.load(x + last));
  }

  static fill(out: usize, value: f32, n: usize): void {
    const bytes = n << 2;
    const whole = bytes & ~15;
    const v = f32x4.splat(value);
    let i: usize = 0;
    for (; i < whole; i += 16) v128.store(out + i, v);
    for (; i < bytes; i += 4) store<f32>(out + i, value);
  }

  /** out[i] += x[i]. */
  static addTo(out: usize, x: usize, n: usize): void {
    const bytes = n << 2;
    const whole = bytes & ~15;
    let i: usize = 0;
    for (; i < whole; i += 16) {
      v128.store(out + i, f32x4.add(v128.load(out + i), v128.load(x + i)));
    }
    for (; i < bytes; i += 4) store<f32>(out + i, load<f32>(out + i) + load<f32>(x + i));
  }

  /** total[i] += x[i], and x[i] = 0. */
  static moveTo(total: usize, x: usize, n: usize): void {
    Lanes.addTo(total, x, n);
    memory.fill(x, 0, n << 2);
  }

  /** Four rows of four become four columns; rows of `to` lie `toStep` bytes apart. */
  @inline static storeTransposed(
    to: usize,
    toStep: usize,
    r0: v128,
    r1: v128,
    r2: v128,
    r3: v128,
  ): void {
    const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
    const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
    const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
    const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5));
    to += toStep;
    v128.store(to, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7));
    to += toStep;
    v128.store(to, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5));
    to += toStep;
    v128.store(to, v128.shuffle<f32>(high01, high23, 2, 3, 6, 7));
  }

  /** Four rows of x become four columns, four k at a time. */
  @inline static fourColumns(to: usize, toStep: usize, x0: usize, step: usize, K: i32): void {
    let x1 = x0 + step;
    let x2 = x1 + step;
    let x3 = x2 + step;
    for (; K >= 4; K -= 4, x0 += 16, x1 += 16, x2 += 16, x3 += 16) {
      const r0 = v128.load(x0);
      const r1 = v128.load(x1);
      const r2 = v128.load(x2);
      const r3 = v128.load(x3);
      Lanes.storeTransposed(to, toStep, r0, r1, r2, r3);
      to += toStep << 2;
    }
    for (; K > 0; K--, x0 += 4, x1 += 4, x2 += 4, x3 += 4, to += toStep) {
      store<f32>(to, load<f32>(x0));
      store<f32>(to, load<f32>(x1), 4);
      store<f32>(to, load<f32>(x2), 8);
      store<f32>(to, load<f32>(x3), 12);
    }
  }
}

/** Four floats, or the one to three that are left. */
export class Four {
  @inline static load(from: usize, left: usize): v128 {
    return left < 4 ? Lanes.loadPart(from, left) : v128.load(from);
  }

  @inline static store(to: usize, v: v128, left: usize): void {
    if (left < 4) Lanes.storePart(to, v, left);
    else v128.store(to, v);
  }
}
