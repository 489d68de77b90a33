import { Lanes } from './lanes';

/*
 * Along an axis of n, each of `count` results is a share of one element and a share of another. A second
 * share of 0 takes nothing, so that neither NaN nor an infinity comes from beside the place itself.
 */
class Mix {
  /** out[i] = p·a[i] + q·b[i] for n floats. */
  static run(out: usize, a: usize, b: usize, p: f32, q: f32, n: usize): void {
    const ps = f32x4.splat(p);
    const qs = f32x4.splat(q);
    const bytes = n << 2;
    const whole = bytes & ~15;
    let i: usize = 0;
    for (; i < whole; i += 16) {
      const first = f32x4.mul(ps, v128.load(a + i));
      v128.store(out + i, q == 0 ? first : Lanes.madd(qs, v128.load(b + i), first));
    }
    for (; i < bytes; i += 4) {
      const first = f32x4.mul(ps, v128.load32_zero(a + i));
      const sum = q == 0 ? first : Lanes.madd(qs, v128.load32_zero(b + i), first);
      v128.store_lane<f32>(out + i, sum, 0);
    }
  }

  /** out[i] += p·x[i] for n floats. */
  static add(out: usize, x: usize, p: f32, n: usize): void {
    const ps = f32x4.splat(p);
    const bytes = n << 2;
    const whole = bytes & ~15;
    let i: usize = 0;
    for (; i < whole; i += 16) {
      v128.store(out + i, Lanes.madd(ps, v128.load(x + i), v128.load(out + i)));
    }
    for (; i < bytes; i += 4) {
      const sum = Lanes.madd(ps, v128.load32_zero(x + i), v128.load32_zero(out + i));
      v128.store_lane<f32>(out + i, sum, 0);
    }
  }

  /** The address of the element that an axis's position names, `step` bytes apart. */
  @inline static at(x: usize, index: usize, step: usize): usize {
    return x + <usize>load<i32>(index) * step;
  }
}

/** out[o, j, i] = Σ shares[t, j]·x[o, index[t, j], i], for i < width ≤ inner. */
export function resample(
  out: usize,
  x: usize,
  index: usize,
  shares: usize,
  outer: usize,
  n: usize,
  inner: usize,
  count: usize,
  width: usize,
): void {
  const step = inner << 2;
  const second = count << 2;
  for (; outer > 0; outer--, x += n * step) {
    for (let j: usize = 0; j < second; j += 4, out += step) {
      const a = Mix.at(x, index + j, step);
      const b = Mix.at(x, index + second + j, step);
      const p = load<f32>(shares + j);
      const q = load<f32>(shares + second + j);
      if (width > 1) Mix.run(out, a, b, p, q, width);
      else store<f32>(out, q == 0 ? p * load<f32>(a) : p * load<f32>(a) + q * load<f32>(b));
    }
  }
}

/** dX[o, index[t, j], i] += shares[t, j]·dOut[o, j, i], for i < width ≤ inner. */
export function resampleBackward(
  dX: usize,
  dOut: usize,
  index: usize,
  shares: usize,
  outer: usize,
  n: usize,
  inner: usize,
  count: usize,
  width: usize,
): void {
  const step = inner << 2;
  const second = count << 2;
  for (; outer > 0; outer--, dX += n * step) {
    for (let j: usize = 0; j < second; j += 4, dOut += step) {
      const a = Mix.at(dX, index + j, step);
      const b = Mix.at(dX, index + second + j, step);
      const p = load<f32>(shares + j);
      const q = load<f32>(shares + second + j);
      if (width > 1) {
        Mix.add(a, dOut, p, width);
        if (q != 0) Mix.add(b, dOut, q, width);
      } else {
        const d = load<f32>(dOut);
        store<f32>(a, load<f32>(a) + p * d);
        if (q != 0) store<f32>(b, load<f32>(b) + q * d);
      }
    }
  }
}
