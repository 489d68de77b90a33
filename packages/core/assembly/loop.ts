/*
 * Elementwise kernels of one input, and their gradients. `p` and `q` are an operation's constants
 * (slope, or the bounds of a clamp); the others ignore them. The last one to three elements run
 * through the same lanes as the rest, so an element's bits do not depend on its place.
 */
export class Loop {
  /** out[i] = op(x[i]). */
  @inline static map<Op>(out: usize, x: usize, n: usize, p: f32 = 0, q: f32 = 0): void {
    const op = changetype<Op>(0);
    const ps = f32x4.splat(p);
    const qs = f32x4.splat(q);
    const bytes = n << 2;
    const whole = bytes & ~15;
    let i: usize = 0;
    for (; i < whole; i += 16) v128.store(out + i, op.of(v128.load(x + i), ps, qs));
    for (; i < bytes; i += 4) {
      v128.store_lane<f32>(out + i, op.of(v128.load32_zero(x + i), ps, qs), 0);
    }
  }

  /** dX[i] = op(dOut[i], saved[i]), `saved` being the operation's input or its result. */
  @inline static mapBackward<Op>(
    dX: usize,
    dOut: usize,
    saved: usize,
    n: usize,
    p: f32 = 0,
    q: f32 = 0,
  ): void {
    const op = changetype<Op>(0);
    const ps = f32x4.splat(p);
    const qs = f32x4.splat(q);
    const bytes = n << 2;
    const whole = bytes & ~15;
    let i: usize = 0;
    for (; i < whole; i += 16) {
      v128.store(dX + i, op.of(v128.load(dOut + i), v128.load(saved + i), ps, qs));
    }
    for (; i < bytes; i += 4) {
      const d = op.of(v128.load32_zero(dOut + i), v128.load32_zero(saved + i), ps, qs);
      v128.store_lane<f32>(dX + i, d, 0);
    }
  }
}
