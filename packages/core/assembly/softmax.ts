import { Lanes } from './lanes';
import { LaneMath } from './math';
import { BlockSums, Rows } from './rows';

/** Row by row; `out` may be `x`. */
export function softmax(out: usize, x: usize, rows: usize, n: usize): void {
  const bytes = n << 2;
  const whole = bytes & ~15;
  const rest = n & 3;
  for (let row: usize = 0; row < rows; row++) {
    const largest = f32x4.splat(Rows.max(x, n));
    let before: f64 = 0;
    let sum = f32x4.splat(0);
    for (let i: usize = 0; i < whole;) {
      before += Lanes.sum(sum);
      sum = f32x4.splat(0);
      for (const end = BlockSums.end(i, whole); i < end; i += 16) {
        const e = LaneMath.exp(f32x4.sub(v128.load(x + i), largest));
        v128.store(out + i, e);
        sum = f32x4.add(sum, e);
      }
    }
    if (rest > 0) {
      const e = LaneMath.exp(f32x4.sub(Lanes.loadPart(x + whole, rest), largest));
      Lanes.storePart(out + whole, e, rest);
      sum = f32x4.add(sum, v128.and(e, Lanes.mask(rest)));
    }
    const total = f32x4.splat(<f32>(before + Lanes.sum(sum)));
    for (let i: usize = 0; i < whole; i += 16) {
      v128.store(out + i, f32x4.div(v128.load(out + i), total));
    }
    if (rest > 0) {
      const quotient = f32x4.div(Lanes.loadPart(out + whole, rest), total);
      Lanes.storePart(out + whole, quotient, rest);
    }
    x += bytes;
    out += bytes;
  }
}

/** Row by row; `out` may be `x`. */
export function logSoftmax(out: usize, x: usize, rows: usize, n: usize): void {
  const bytes = n << 2;
  const whole = bytes & ~15;
  const rest = n & 3;
  for (let row: usize = 0; row < rows; row++) {
    const largest = f32x4.splat(Rows.max(x, n));
    let before: f64 = 0;
    let sum = f32x4.splat(0);
    for (let i: usize = 0; i < whole;) {
      before += Lanes.sum(sum);
      sum = f32x4.splat(0);
      for (const end = BlockSums.end(i, whole); i < end; i += 16) {
        sum = f32x4.add(sum, LaneMath.exp(f32x4.sub(v128.load(x + i), largest)));
      }
    }
    if (rest > 0) {
      const e = LaneMath.exp(f32x4.sub(Lanes.loadPart(x + whole, rest), largest));
      sum = f32x4.add(sum, v128.and(e, Lanes.mask(rest)));
    }
    const logTotal = LaneMath.log(f32x4.splat(<f32>(before + Lanes.sum(sum))));
    for (let i: usize = 0; i < whole; i += 16) {
      v128.store(out + i, f32x4.sub(f32x4.sub(v128.load(x + i), largest), logTotal));
    }
    if (rest > 0) {
      const shifted = f32x4.sub(Lanes.loadPart(x + whole, rest), largest);
      Lanes.storePart(out + whole, f32x4.sub(shifted, logTotal), rest);
    }
    x += bytes;
    out += bytes;
  }
}

/** dX = out·(dOut - Σ dOut·out), row by row; zeros where dOut is all 0. */
export function softmaxBackward(dX: usize, dOut: usize, out: usize, rows: usize, n: usize): void {
  const bytes = n << 2;
  const whole = bytes & ~15;
  for (let row: usize = 0; row < rows; row++) {
    if (Rows.areZero(dOut, n)) {
      memory.fill(dX, 0, bytes);
    } else {
      const dot = f32x4.splat(Rows.dot(dOut, out, n));
      let i: usize = 0;
      for (; i < whole; i += 16) {
        const d = f32x4.sub(v128.load(dOut + i), dot);
        v128.store(dX + i, f32x4.mul(v128.load(out + i), d));
      }
      for (; i < bytes; i += 4) {
        const d = f32x4.sub(v128.load32_zero(dOut + i), dot);
        v128.store_lane<f32>(dX + i, f32x4.mul(v128.load32_zero(out + i), d), 0);
      }
    }
    dX += bytes;
    dOut += bytes;
    out += bytes;
  }
}

/** dX = dOut - exp(out)·Σ dOut, row by row; zeros where dOut is all 0. */
export function logSoftmaxBackward(
  dX: usize,
  dOut: usize,
  out: usize,
  rows: usize,
  n: usize,
): void {
  const bytes = n << 2;
  const whole = bytes & ~15;
  for (let row: usize = 0; row < rows; row++) {
    if (Rows.areZero(dOut, n)) {
      memory.fill(dX, 0, bytes);
    } else {
      const minusTotal = f32x4.splat(<f32>-Rows.sum(dOut, n));
      let i: usize = 0;
      for (; i < whole; i += 16) {
        const p = LaneMath.exp(v128.load(out + i));
        v128.store(dX + i, Lanes.madd(p, minusTotal, v128.load(dOut + i)));
      }
      for (; i < bytes; i += 4) {
        const p = LaneMath.exp(v128.load32_zero(out + i));
        const d = Lanes.madd(p, minusTotal, v128.load32_zero(dOut + i));
        v128.store_lane<f32>(dX + i, d, 0);
      }
    }
    dX += bytes;
    dOut += bytes;
    out += bytes;
  }
}
