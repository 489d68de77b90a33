import { BlockSums, Doubles, Rows } from './rows';

class Columns {
  /** out[i] = Σ over j < n of x[j, i] for a run of `bytes`; the rows are `step` bytes apart. */
  static sumRun(out: usize, x: usize, n: usize, step: usize, bytes: usize): void {
    const whole = bytes & ~63;
    let i: usize = 0;
    for (; i < whole; i += 64) Columns.sumSixteen(out + i, x + i, n, step);
    for (; i < bytes; i += 4) Columns.sumOne(out + i, x + i, n, step);
  }

  /** out[i] = Σ over j < n of x[j, i] for i < 16: a cache line is read once. */
  static sumSixteen(out: usize, x: usize, n: usize, step: usize): void {
    let t0 = f64x2.splat(0);
    let t1 = t0;
    let t2 = t0;
    let t3 = t0;
    let t4 = t0;
    let t5 = t0;
    let t6 = t0;
    let t7 = t0;
    for (let left = n; ;) {
      const block = left < BlockSums.LANE ? left : BlockSums.LANE;
      let s0 = f32x4.splat(0);
      let s1 = s0;
      let s2 = s0;
      let s3 = s0;
      for (let j: usize = 0; j < block; j++, x += step) {
        s0 = f32x4.add(s0, v128.load(x));
        s1 = f32x4.add(s1, v128.load(x, 16));
        s2 = f32x4.add(s2, v128.load(x, 32));
        s3 = f32x4.add(s3, v128.load(x, 48));
      }
      if (n <= BlockSums.LANE) {
        v128.store(out, s0);
        v128.store(out, s1, 16);
        v128.store(out, s2, 32);
        v128.store(out, s3, 48);
        return;
      }
      t0 = Doubles.addLow(t0, s0);
      t1 = Doubles.addHigh(t1, s0);
      t2 = Doubles.addLow(t2, s1);
      t3 = Doubles.addHigh(t3, s1);
      t4 = Doubles.addLow(t4, s2);
      t5 = Doubles.addHigh(t5, s2);
      t6 = Doubles.addLow(t6, s3);
      t7 = Doubles.addHigh(t7, s3);
      left -= block;
      if (left == 0) break;
    }
    v128.store(out, Doubles.rounded(t0, t1));
    v128.store(out, Doubles.rounded(t2, t3), 16);
    v128.store(out, Doubles.rounded(t4, t5), 32);
    v128.store(out, Doubles.rounded(t6, t7), 48);
  }

  /** The same for one i, with the same bits. */
  static sumOne(out: usize, x: usize, n: usize, step: usize): void {
    let total: f64 = 0;
    while (n > 0) {
      const block = n < BlockSums.LANE ? n : BlockSums.LANE;
      let part: f32 = 0;
      for (let j: usize = 0; j < block; j++, x += step) part += load<f32>(x);
      total += part;
      n -= block;
    }
    store<f32>(out, <f32>total);
  }

  /**
   * For four neighbouring floats (or one, with `single`): the value that no other of its n rows
   * beats, and in `indices` the first row that holds it.
   */
  @inline static select<Op>(
    out: usize,
    indices: usize,
    x: usize,
    n: usize,
    step: usize,
    single: bool,
  ): void {
    const op = changetype<Op>(0);
    let best = single ? v128.load32_zero(x) : v128.load(x);
    let bestAt = i32x4.splat(0);
    for (let j: usize = 1; j < n; j++) {
      x += step;
      const value = single ? v128.load32_zero(x) : v128.load(x);
      // "Not kept out" rather than "better", so that NaN wins; but nothing replaces a NaN.
      const wins = v128.andnot(f32x4.eq(best, best), op.isKeptOut(value, best));
      best = v128.bitselect(value, best, wins);
      bestAt = v128.bitselect(i32x4.splat(<i32>j), bestAt, wins);
    }
    if (single) {
      v128.store_lane<f32>(out, best, 0);
      v128.store_lane<i32>(indices, bestAt, 0);
    } else {
      v128.store(out, best);
      v128.store(indices, bestAt);
    }
  }

  @inline static selectAll<Op>(
    out: usize,
    indices: usize,
    x: usize,
    outer: usize,
    n: usize,
    inner: usize,
    width: usize,
  ): void {
    const step = inner << 2;
    const bytes = width << 2;
    const whole = bytes & ~15;
    for (let o: usize = 0; o < outer; o++) {
      let i: usize = 0;
      for (; i < whole; i += 16) {
        Columns.select<Op>(out + i, indices + i, x + i, n, step, false);
      }
      for (; i < bytes; i += 4) {
        Columns.select<Op>(out + i, indices + i, x + i, n, step, true);
      }
      x += n * step;
      out += step;
      indices += step;
    }
  }
}

@final
@unmanaged
class Largest {
  @inline isKeptOut(value: v128, best: v128): v128 {
    return f32x4.le(value, best);
  }
}

@final
@unmanaged
class Smallest {
  @inline isKeptOut(value: v128, best: v128): v128 {
    return f32x4.ge(value, best);
  }
}

/*
 * Below x is `[outer, n, inner]`, and what is reduced over n is `[outer, inner]`. Of each run of
 * `inner` floats the first `width` are looked at: all of them, or a part's share.
 */

export function sum(
  out: usize,
  x: usize,
  outer: usize,
  n: usize,
  inner: usize,
  width: usize,
): void {
  if (inner == 1) {
    for (let o: usize = 0; o < outer; o++) {
      store<f32>(out + (o << 2), <f32>Rows.sum(x, n));
      x += n << 2;
    }
    return;
  }
  const step = inner << 2;
  for (let o: usize = 0; o < outer; o++) {
    Columns.sumRun(out, x, n, step, width << 2);
    x += n * step;
    out += step;
  }
}

export function max(
  out: usize,
  indices: usize,
  x: usize,
  outer: usize,
  n: usize,
  inner: usize,
  width: usize,
): void {
  Columns.selectAll<Largest>(out, indices, x, outer, n, inner, width);
}

export function min(
  out: usize,
  indices: usize,
  x: usize,
  outer: usize,
  n: usize,
  inner: usize,
  width: usize,
): void {
  Columns.selectAll<Smallest>(out, indices, x, outer, n, inner, width);
}

/** dX `[outer, n, inner]`: dOut `[outer, inner]` at `indices`, else 0. */
export function selectBackward(
  dX: usize,
  dOut: usize,
  indices: usize,
  outer: usize,
  n: usize,
  inner: usize,
  width: usize,
): void {
  if (width == inner) memory.fill(dX, 0, (outer * n * inner) << 2);
  else {
    for (let row: usize = 0; row < outer * n; row++) {
      memory.fill(dX + ((row * inner) << 2), 0, width << 2);
    }
  }
  for (let o: usize = 0; o < outer; o++) {
    for (let i: usize = 0; i < width; i++) {
      const j = <usize>load<i32>(indices + (i << 2));
      store<f32>(dX + ((j * inner + i) << 2), load<f32>(dOut + (i << 2)));
    }
    dX += (n * inner) << 2;
    dOut += inner << 2;
    indices += inner << 2;
  }
}
