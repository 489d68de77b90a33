import { Doubles } from './rows';

/*
 * Scans along the middle axis of `[outer, n, inner]`, one line for each i < width ≤ inner. What is
 * carried from element to element is a double, so the bits are those of the reference. Four lines that
 * lie side by side are walked together, and the others one by one.
 */
class Scan {
  @inline static all<Op>(
    out: usize,
    factor: usize,
    x: usize,
    outer: usize,
    n: usize,
    inner: usize,
    reverse: bool,
    width: usize,
  ): void {
    if (n == 0) return;
    const row = inner << 2;
    const bytes = width << 2;
    const whole = bytes & ~15;
    // Addresses wrap round, so a step back is a step forward by nearly all of memory.
    const step = reverse ? <usize>0 - row : row;
    const first: usize = reverse ? (n - 1) * row : 0;
    for (let o: usize = 0; o < outer; o++) {
      const start = o * n * row + first;
      let i: usize = start;
      for (const end = start + whole; i < end; i += 16) {
        Scan.four<Op>(out + i, factor + i, x + i, n, step);
      }
      for (const end = start + bytes; i < end; i += 4) {
        Scan.one<Op>(out + i, factor + i, x + i, n, step);
      }
    }
  }

  @inline static four<Op>(out: usize, factor: usize, x: usize, n: usize, step: usize): void {
    const op = changetype<Op>(0);
    const values = v128.load(x);
    v128.store(out, values);
    let low = Doubles.low(values);
    let high = Doubles.high(values);
    for (let j: usize = 1; j < n; j++) {
      out += step;
      factor += step;
      x += step;
      const factors = v128.load(factor);
      const next = v128.load(x);
      low = op.of(low, Doubles.low(factors), Doubles.low(next));
      high = op.of(high, Doubles.high(factors), Doubles.high(next));
      v128.store(out, Doubles.rounded(low, high));
    }
  }

  /** The same for one line, with the same bits. */
  @inline static one<Op>(out: usize, factor: usize, x: usize, n: usize, step: usize): void {
    const op = changetype<Op>(0);
    let value: f64 = load<f32>(x);
    store<f32>(out, <f32>value);
    for (let j: usize = 1; j < n; j++) {
      out += step;
      factor += step;
      x += step;
      value = op.ofOne(value, load<f32>(factor), load<f32>(x));
      store<f32>(out, <f32>value);
    }
  }
}

/** How a result follows from the one before it. */
@final
@unmanaged
class Add {
  @inline of(before: v128, _factor: v128, x: v128): v128 {
    return f64x2.add(before, x);
  }

  @inline ofOne(before: f64, _factor: f64, x: f64): f64 {
    return before + x;
  }
}

@final
@unmanaged
class Multiply {
  @inline of(before: v128, _factor: v128, x: v128): v128 {
    return f64x2.mul(before, x);
  }

  @inline ofOne(before: f64, _factor: f64, x: f64): f64 {
    return before * x;
  }
}

@final
@unmanaged
class MultiplyAdd {
  @inline of(before: v128, factor: v128, x: v128): v128 {
    return f64x2.add(f64x2.mul(factor, before), x);
  }

  @inline ofOne(before: f64, factor: f64, x: f64): f64 {
    return factor * before + x;
  }
}

/** out[j] = x[0] + … + x[j]; `out` may be `x`. */
export function cumsum(
  out: usize,
  x: usize,
  outer: usize,
  n: usize,
  inner: usize,
  reverse: bool,
  width: usize,
): void {
  Scan.all<Add>(out, x, x, outer, n, inner, reverse, width);
}

/** out[j] = x[0] · … · x[j]; `out` may be `x`. */
export function cumprod(
  out: usize,
  x: usize,
  outer: usize,
  n: usize,
  inner: usize,
  reverse: bool,
  width: usize,
): void {
  Scan.all<Multiply>(out, x, x, outer, n, inner, reverse, width);
}

/** out[j] = factor[j]·out[j-1] + x[j], the first being x[0]; `out` may be `factor` or `x`. */
export function recurrence(
  out: usize,
  factor: usize,
  x: usize,
  outer: usize,
  n: usize,
  inner: usize,
  reverse: bool,
  width: usize,
): void {
  Scan.all<MultiplyAdd>(out, factor, x, outer, n, inner, reverse, width);
}
