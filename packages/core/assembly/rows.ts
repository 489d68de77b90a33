import { Lanes } from './lanes';

/*
 * Sums are added up block by block: in single precision within a block, where one lane takes 64
 * terms, and from block to block in double precision. So their error is that of a short sum, however
 * long they are. The blocks follow from the length alone.
 */

export class BlockSums {
  /** Terms that one lane adds up in single precision. */
  static readonly LANE: usize = 64;
  /** Floats of a block that sixteen lanes share. */
  static readonly SIXTEEN: usize = 1024;

  /** Where the block of floats that begins at `from` ends, if four lanes share it. */
  @inline static end(from: usize, last: usize): usize {
    return min(last, from + BlockSums.LANE * 16);
  }
}

/** Four totals as two vectors of two doubles. */
export class Doubles {
  /** The first two of four floats. */
  @inline static low(floats: v128): v128 {
    return f64x2.promote_low_f32x4(floats);
  }

  /** The last two. */
  @inline static high(floats: v128): v128 {
    return Doubles.low(v128.shuffle<f32>(floats, floats, 2, 3, 2, 3));
  }

  @inline static addLow(total: v128, floats: v128): v128 {
    return f64x2.add(total, Doubles.low(floats));
  }

  @inline static addHigh(total: v128, floats: v128): v128 {
    return f64x2.add(total, Doubles.high(floats));
  }

  /** Back to four floats. */
  @inline static rounded(low: v128, high: v128): v128 {
    const floats = f32x4.demote_f64x2_zero(low);
    return v128.shuffle<f32>(floats, f32x4.demote_f64x2_zero(high), 0, 1, 4, 5);
  }
}

export class Rows {
  /** The sum of n floats. */
  static sum(x: usize, n: usize): f64 {
    let total: f64 = 0;
    while (n > BlockSums.SIXTEEN) {
      total += Rows.sumBlock(x, BlockSums.SIXTEEN);
      x += BlockSums.SIXTEEN << 2;
      n -= BlockSums.SIXTEEN;
    }
    return total + Rows.sumBlock(x, n);
  }

  /** Four vectors are summed side by side: a machine adds faster than one sum can be told. */
  static sumBlock(x: usize, n: usize): f32 {
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    for (; n >= 16; n -= 16, x += 64) {
      s0 = f32x4.add(s0, v128.load(x));
      s1 = f32x4.add(s1, v128.load(x, 16));
      s2 = f32x4.add(s2, v128.load(x, 32));
      s3 = f32x4.add(s3, v128.load(x, 48));
    }
    for (; n >= 4; n -= 4, x += 16) s0 = f32x4.add(s0, v128.load(x));
    if (n > 0) s1 = f32x4.add(s1, Lanes.loadPart(x, n));
    return Lanes.sum(f32x4.add(f32x4.add(s0, s2), f32x4.add(s1, s3)));
  }

  /** The largest of n floats; NaN if one of them is; -Infinity if there are none. */
  static max(x: usize, n: usize): f32 {
    let largest = f32x4.splat(-Infinity);
    for (; n >= 4; n -= 4, x += 16) largest = f32x4.max(largest, v128.load(x));
    for (; n > 0; n--, x += 4) largest = f32x4.max(largest, v128.load32_splat(x));
    const pairs = f32x4.max(largest, v128.shuffle<f32>(largest, largest, 2, 3, 0, 1));
    const all = f32x4.max(pairs, v128.shuffle<f32>(pairs, pairs, 1, 0, 3, 2));
    return f32x4.extract_lane(all, 0);
  }

  /** Whether n floats are all 0; most rows show at once that they are not. */
  static areZero(x: usize, n: usize): bool {
    const zero = f32x4.splat(0);
    for (; n >= 4; n -= 4, x += 16) if (v128.any_true(f32x4.ne(v128.load(x), zero))) return false;
    for (; n > 0; n--, x += 4) if (load<f32>(x) != 0) return false;
    return true;
  }

  /** Σ a·b over n floats. */
  static dot(a: usize, b: usize, n: usize): f32 {
    const rest = n & 3;
    let total: f64 = 0;
    let sum = f32x4.splat(0);
    for (const end = a + ((n - rest) << 2); a < end;) {
      total += Lanes.sum(sum);
      sum = f32x4.splat(0);
      for (const blockEnd = BlockSums.end(a, end); a < blockEnd; a += 16, b += 16) {
        sum = Lanes.madd(v128.load(a), v128.load(b), sum);
      }
    }
    if (rest > 0) sum = Lanes.madd(Lanes.loadPart(a, rest), Lanes.loadPart(b, rest), sum);
    return <f32>(total + Lanes.sum(sum));
  }
}
