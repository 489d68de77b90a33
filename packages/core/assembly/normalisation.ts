import { Four, Lanes } from './lanes';
import { BlockSums, Doubles } from './rows';

/*
 * Normalisation. Values that are normalised together are a channel of `[outer, channels, inner]`, or
 * a row of `[rows, n]`. What is known of each lies in `statistics`, `[3, channels]` or `[3, rows]`:
 * the mean, the variance (the sum of squares divided by the count) and 1/√(variance + eps), here
 * `inverse`. Sums run in the blocks of rows.ts; each run of `inner` values begins a new block.
 *
 * The square of 1e20 is no float, and that of 1e-25 is 0. Doubles hold both: where squares are out of
 * range, the statistics are reckoned once more in doubles, and where the inverse is, so is what is
 * normalised by it.
 */

class Range {
  /** The mean of squares above this is exact enough, none of them having vanished. */
  static readonly SMALLEST: f64 = 1e-30;
  /** No difference of floats overflows where the inverse lies between these; 2⁻¹⁰⁰ and 2¹⁰⁰. */
  static readonly LOW: f32 = 7.888609052210118e-31;
  static readonly HIGH: f32 = 1.2676506002282294e30;

  /** Whether a variance is what single precision makes of squares that are too large or too small. */
  @inline static isLeft(variance: f64, eps: f32): bool {
    return !(variance < Infinity) || (variance < Range.SMALLEST && <f64>eps < Range.SMALLEST);
  }

  /** Inverses of four channels; in a lane without one, a number that asks for no doubles. */
  @inline static inverses(from: usize, left: usize): v128 {
    const v = Four.load(from, left);
    return left < 4 ? v128.bitselect(v, f32x4.splat(1), Lanes.mask(left)) : v;
  }

  /** Ones in the lanes whose inverse asks for doubles, also where it is NaN. */
  @inline static wide(inverse: v128): v128 {
    const low = f32x4.gt(inverse, f32x4.splat(Range.LOW));
    return v128.not(v128.and(low, f32x4.lt(inverse, f32x4.splat(Range.HIGH))));
  }

  /** Whether one of n inverses asks for doubles. */
  static anyWide(inverses: usize, n: usize): bool {
    let any = i32x4.splat(0);
    for (; n >= 4; n -= 4, inverses += 16) any = v128.or(any, Range.wide(v128.load(inverses)));
    for (; n > 0; n--, inverses += 4) any = v128.or(any, Range.wide(v128.load32_splat(inverses)));
    return v128.any_true(any);
  }
}

/**
 * Normalises the values in four lanes: of four channels, or of one, whose statistics stand four
 * times.
 */
class Normal {
  /** (x - mean)·inverse; the lanes of `wide` in doubles, if there may be some. */
  @inline static of(x: v128, mean: v128, inverse: v128, wide: v128, isWide: bool): v128 {
    const narrow = f32x4.mul(f32x4.sub(x, mean), inverse);
    if (!isWide) return narrow;
    return v128.bitselect(Normal.inDoubles(x, mean, inverse), narrow, wide);
  }

  /** The same where all lanes are of one row or channel; `isWide` as one of its neighbours asks. */
  @inline static ofRow(x: v128, mean: v128, inverse: v128, isWide: bool): v128 {
    return Normal.of(x, mean, inverse, isWide ? Range.wide(inverse) : inverse, isWide);
  }

  static inDoubles(x: v128, mean: v128, inverse: v128): v128 {
    const low = Normal.two(Doubles.low(x), Doubles.low(mean), Doubles.low(inverse));
    const high = Normal.two(Doubles.high(x), Doubles.high(mean), Doubles.high(inverse));
    return Doubles.rounded(low, high);
  }

  @inline static two(x: v128, mean: v128, inverse: v128): v128 {
    return f64x2.mul(f64x2.sub(x, mean), inverse);
  }
}

/** Adds up values. */
@final
@unmanaged
class Values {
  @inline of(x: v128, _centre: v128, sum: v128): v128 {
    return f32x4.add(sum, x);
  }
}

/** Adds up the squares of differences from `centre`. */
@final
@unmanaged
class Squares {
  @inline of(x: v128, centre: v128, sum: v128): v128 {
    const difference = f32x4.sub(x, centre);
    return Lanes.madd(difference, difference, sum);
  }
}

/** Sums over blocks of `runs` runs of n floats, `step` bytes apart, that sixteen lanes share. */
class Block {
  /** Runs to a block, so that a lane adds up no more terms than those of rows.ts. */
  @inline static runs(n: usize): usize {
    return max(BlockSums.LANE / max((n + 15) >> 4, 1), 1);
  }

  @inline static sum<Op>(x: usize, runs: usize, step: usize, n: usize, centre: f32): f32 {
    const op = changetype<Op>(0);
    const c = f32x4.splat(centre);
    const sixteens = (n & ~15) << 2;
    const fours = (n & 15) >> 2;
    const rest = n & 3;
    const isWhole = (n & 15) == 0;
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    for (; runs > 0; runs--, x += step) {
      const left = x + sixteens;
      for (let from = x; from < left; from += 64) {
        s0 = op.of(v128.load(from), c, s0);
        s1 = op.of(v128.load(from, 16), c, s1);
        s2 = op.of(v128.load(from, 32), c, s2);
        s3 = op.of(v128.load(from, 48), c, s3);
      }
      if (isWhole) continue;
      if (fours > 0) s0 = op.of(v128.load(left), c, s0);
      if (fours > 1) s1 = op.of(v128.load(left, 16), c, s1);
      if (fours > 2) s2 = op.of(v128.load(left, 32), c, s2);
      if (rest > 0) {
        // Where no value is, the centre adds nothing to squares, and is 0 for values.
        const part = Lanes.loadPart(left + (fours << 4), rest);
        s3 = op.of(v128.bitselect(part, c, Lanes.mask(rest)), c, s3);
      }
    }
    return Lanes.sum(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
  }

  /** The sum over all runs of a channel, in doubles from block to block; `ofSquares` says which. */
  @inline static channel(
    x: usize,
    outer: usize,
    step: usize,
    inner: usize,
    centre: f32,
    ofSquares: bool,
  ): f64 {
    const longest = min(inner, BlockSums.SIXTEEN);
    const perBlock = Block.runs(longest);
    let total: f64 = 0;
    for (let o: usize = 0; o < outer; o += perBlock) {
      const runs = min(perBlock, outer - o);
      for (let i: usize = 0; i < inner; i += longest) {
        const n = min(longest, inner - i);
        const from = x + o * step + (i << 2);
        total += ofSquares
          ? blockSquares(from, runs, step, n, centre)
          : blockSum(from, runs, step, n, 0);
      }
    }
    return total;
  }
}

class Moments {
  /** Writes the statistics of a channel: `outer` runs of `inner` floats, `step` bytes apart. */
  static write(
    statistics: usize,
    plane: usize,
    x: usize,
    outer: usize,
    step: usize,
    inner: usize,
    eps: f32,
  ): void {
    const count = <f64>outer * <f64>inner;
    const mean = <f32>(Block.channel(x, outer, step, inner, 0, false) / count);
    // Σ(x - mean)² and not Σx² - (Σx)²/count, which cancels where the mean is large.
    const variance = Block.channel(x, outer, step, inner, mean, true) / count;
    if (Range.isLeft(variance, eps)) {
      Moments.writeWide(statistics, plane, x, outer, step, inner, eps);
    } else {
      Moments.store(statistics, plane, mean, variance, eps);
    }
  }

  static writeWide(
    statistics: usize,
    plane: usize,
    x: usize,
    outer: usize,
    step: usize,
    inner: usize,
    eps: f32,
  ): void {
    const count = <f64>outer * <f64>inner;
    const bytes = inner << 2;
    let total: f64 = 0;
    for (let o: usize = 0; o < outer; o++) {
      for (let i: usize = 0; i < bytes; i += 4) total += load<f32>(x + o * step + i);
    }
    const mean = total / count;
    let squares: f64 = 0;
    for (let o: usize = 0; o < outer; o++) {
      for (let i: usize = 0; i < bytes; i += 4) {
        const d = <f64>load<f32>(x + o * step + i) - mean;
        squares += d * d;
      }
    }
    Moments.store(statistics, plane, mean, squares / count, eps);
  }

  @inline static store(statistics: usize, plane: usize, mean: f64, variance: f64, eps: f32): void {
    store<f32>(statistics, <f32>mean);
    store<f32>(statistics + plane, <f32>variance);
    store<f32>(statistics + 2 * plane, <f32>(1 / f64.sqrt(variance + <f64>eps)));
  }

  /** The same for up to four channels of one value each, whose rows are `step` bytes apart. */
  static writeFour(
    statistics: usize,
    plane: usize,
    x: usize,
    outer: usize,
    step: usize,
    left: usize,
    eps: f32,
  ): void {
    const count = f64x2.splat(<f64>outer);
    let low = f64x2.splat(0);
    let high = low;
    for (let row: usize = 0; row < outer;) {
      let sum = f32x4.splat(0);
      for (const end = min(row + BlockSums.LANE, outer); row < end; row++) {
        sum = f32x4.add(sum, Four.load(x + row * step, left));
      }
      low = Doubles.addLow(low, sum);
      high = Doubles.addHigh(high, sum);
    }
    const mean = Doubles.rounded(f64x2.div(low, count), f64x2.div(high, count));
    low = f64x2.splat(0);
    high = low;
    for (let row: usize = 0; row < outer;) {
      let sum = f32x4.splat(0);
      for (const end = min(row + BlockSums.LANE, outer); row < end; row++) {
        const d = f32x4.sub(Four.load(x + row * step, left), mean);
        sum = Lanes.madd(d, d, sum);
      }
      low = Doubles.addLow(low, sum);
      high = Doubles.addHigh(high, sum);
    }
    low = f64x2.div(low, count);
    high = f64x2.div(high, count);
    let means = mean;
    for (let lane: usize = 0; lane < min(left, 4); lane++, statistics += 4, x += 4) {
      const variance = f64x2.extract_lane(low, 0);
      if (Range.isLeft(variance, eps)) Moments.writeWide(statistics, plane, x, outer, step, 1, eps);
      else Moments.store(statistics, plane, f32x4.extract_lane(means, 0), variance, eps);
      // The next lane comes to the front.
      means = v128.shuffle<f32>(means, means, 1, 2, 3, 0);
      low = v128.shuffle<f64>(low, high, 1, 2);
      high = v128.shuffle<f64>(high, high, 1, 0);
    }
  }
}

/** Loops over one run of values; `weight` and `bias` are those of its places, or one for all. */
class Run {
  /** out = (x - mean)·inverse·weight + bias. */
  @inline static normalise(
    out: usize,
    x: usize,
    weight: usize,
    bias: usize,
    n: usize,
    mean: v128,
    inverse: v128,
    perPlace: bool,
    isWide: bool,
  ): void {
    const bytes = n << 2;
    const w = v128.load32_splat(weight);
    const b = v128.load32_splat(bias);
    let i: usize = 0;
    // Two vectors side by side: see docs/performance.md.
    for (const pairs = bytes & ~31; i < pairs; i += 32) {
      const n0 = Normal.ofRow(v128.load(x + i), mean, inverse, isWide);
      const n1 = Normal.ofRow(v128.load(x + i, 16), mean, inverse, isWide);
      const w0 = perPlace ? v128.load(weight + i) : w;
      const w1 = perPlace ? v128.load(weight + i, 16) : w;
      const b0 = perPlace ? v128.load(bias + i) : b;
      const b1 = perPlace ? v128.load(bias + i, 16) : b;
      v128.store(out + i, Lanes.madd(n0, w0, b0));
      v128.store(out + i, Lanes.madd(n1, w1, b1), 16);
    }
    for (; i < bytes; i += 16) {
      const left = (bytes - i) >> 2;
      const normal = Normal.ofRow(Four.load(x + i, left), mean, inverse, isWide);
      const ws = perPlace ? Four.load(weight + i, left) : w;
      const bs = perPlace ? Four.load(bias + i, left) : b;
      Four.store(out + i, Lanes.madd(normal, ws, bs), left);
    }
  }

  /** The same for two vectors side by side, in single precision. */
  @inline static normalisePair(
    out: usize,
    x: usize,
    mean: v128,
    inverse: v128,
    w0: v128,
    w1: v128,
    b0: v128,
    b1: v128,
  ): void {
    const n0 = Normal.ofRow(v128.load(x), mean, inverse, false);
    const n1 = Normal.ofRow(v128.load(x, 16), mean, inverse, false);
    v128.store(out, Lanes.madd(n0, w0, b0));
    v128.store(out, Lanes.madd(n1, w1, b1), 16);
  }

  /** dX = inverse·(g - meanG - normal·slope), with g = dOut·weight and slope the mean of g·normal. */
  @inline static backward(
    dX: usize,
    dOut: usize,
    x: usize,
    weight: usize,
    n: usize,
    mean: v128,
    inverse: v128,
    meanG: v128,
    slope: v128,
    perPlace: bool,
    isWide: bool,
  ): void {
    const bytes = n << 2;
    const w = v128.load32_splat(weight);
    const minusSlope = f32x4.neg(slope);
    let i: usize = 0;
    for (const pairs = bytes & ~31; i < pairs; i += 32) {
      const n0 = Normal.ofRow(v128.load(x + i), mean, inverse, isWide);
      const n1 = Normal.ofRow(v128.load(x + i, 16), mean, inverse, isWide);
      const g0 = f32x4.mul(v128.load(dOut + i), perPlace ? v128.load(weight + i) : w);
      const g1 = f32x4.mul(v128.load(dOut + i, 16), perPlace ? v128.load(weight + i, 16) : w);
      const d0 = Lanes.madd(n0, minusSlope, f32x4.sub(g0, meanG));
      const d1 = Lanes.madd(n1, minusSlope, f32x4.sub(g1, meanG));
      v128.store(dX + i, f32x4.mul(d0, inverse));
      v128.store(dX + i, f32x4.mul(d1, inverse), 16);
    }
    for (; i < bytes; i += 16) {
      const left = (bytes - i) >> 2;
      const normal = Normal.ofRow(Four.load(x + i, left), mean, inverse, isWide);
      const g = f32x4.mul(Four.load(dOut + i, left), perPlace ? Four.load(weight + i, left) : w);
      const d = Lanes.madd(normal, minusSlope, f32x4.sub(g, meanG));
      Four.store(dX + i, f32x4.mul(d, inverse), left);
    }
  }

  /** The runs of every channel, in the order in which they lie. */
  @inline static normaliseAll(
    out: usize,
    x: usize,
    statistics: usize,
    weight: usize,
    bias: usize,
    outer: usize,
    channels: usize,
    inner: usize,
    width: usize,
    isWide: bool,
  ): void {
    const run = inner << 2;
    const inverses = statistics + (channels << 3);
    const skipped = (channels - width) * run;
    const end = width << 2;
    for (let o: usize = 0; o < outer; o++, out += skipped, x += skipped) {
      for (let c: usize = 0; c < end; c += 4, out += run, x += run) {
        const mean = v128.load32_splat(statistics + c);
        const inverse = v128.load32_splat(inverses + c);
        Run.normalise(out, x, weight + c, bias + c, inner, mean, inverse, false, isWide);
      }
    }
  }

  @inline static backwardAll(
    dX: usize,
    dOut: usize,
    x: usize,
    statistics: usize,
    factors: usize,
    outer: usize,
    channels: usize,
    inner: usize,
    width: usize,
    isWide: bool,
  ): void {
    const run = inner << 2;
    const plane = channels << 2;
    const inverses = statistics + 2 * plane;
    const skipped = (channels - width) * run;
    const end = width << 2;
    for (let o: usize = 0; o < outer; o++, dX += skipped, dOut += skipped, x += skipped) {
      for (let c: usize = 0; c < end; c += 4, dX += run, dOut += run, x += run) {
        const factor = factors + c;
        const mean = v128.load32_splat(statistics + c);
        const inverse = v128.load32_splat(inverses + c);
        const meanG = v128.load32_splat(factor + plane);
        const slope = v128.load32_splat(factor + 2 * plane);
        Run.backward(dX, dOut, x, factor, inner, mean, inverse, meanG, slope, false, isWide);
      }
    }
  }
}

/** Σ g and Σ g·normal over blocks of runs, g being dOut, or dOut·weight with `perPlace`. */
class Dots {
  /** The two sums of a block, as doubles. */
  @inline static block(
    dOut: usize,
    x: usize,
    weight: usize,
    runs: usize,
    step: usize,
    n: usize,
    mean: v128,
    inverse: v128,
    perPlace: bool,
    isWide: bool,
  ): v128 {
    const sixteens = (n & ~15) << 2;
    const fours = (n & 15) >> 2;
    const rest = n & 3;
    const isWhole = (n & 15) == 0;
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    let d0 = s0;
    let d1 = s0;
    let d2 = s0;
    let d3 = s0;
    for (; runs > 0; runs--, dOut += step, x += step) {
      for (let i: usize = 0; i < sixteens; i += 64) {
        const g0 = Dots.g(dOut + i, weight + i, perPlace);
        const g1 = Dots.g(dOut + i + 16, weight + i + 16, perPlace);
        const g2 = Dots.g(dOut + i + 32, weight + i + 32, perPlace);
        const g3 = Dots.g(dOut + i + 48, weight + i + 48, perPlace);
        s0 = f32x4.add(s0, g0);
        s1 = f32x4.add(s1, g1);
        s2 = f32x4.add(s2, g2);
        s3 = f32x4.add(s3, g3);
        d0 = Lanes.madd(g0, Normal.ofRow(v128.load(x + i), mean, inverse, isWide), d0);
        d1 = Lanes.madd(g1, Normal.ofRow(v128.load(x + i, 16), mean, inverse, isWide), d1);
        d2 = Lanes.madd(g2, Normal.ofRow(v128.load(x + i, 32), mean, inverse, isWide), d2);
        d3 = Lanes.madd(g3, Normal.ofRow(v128.load(x + i, 48), mean, inverse, isWide), d3);
      }
      if (isWhole) continue;
      let i = sixteens;
      if (fours > 0) {
        const g = Dots.g(dOut + i, weight + i, perPlace);
        s0 = f32x4.add(s0, g);
        d0 = Lanes.madd(g, Normal.ofRow(v128.load(x + i), mean, inverse, isWide), d0);
        i += 16;
      }
      if (fours > 1) {
        const g = Dots.g(dOut + i, weight + i, perPlace);
        s1 = f32x4.add(s1, g);
        d1 = Lanes.madd(g, Normal.ofRow(v128.load(x + i), mean, inverse, isWide), d1);
        i += 16;
      }
      if (fours > 2) {
        const g = Dots.g(dOut + i, weight + i, perPlace);
        s2 = f32x4.add(s2, g);
        d2 = Lanes.madd(g, Normal.ofRow(v128.load(x + i), mean, inverse, isWide), d2);
        i += 16;
      }
      if (rest > 0) {
        let g = Lanes.loadPart(dOut + i, rest);
        if (perPlace) g = f32x4.mul(g, Lanes.loadPart(weight + i, rest));
        const normal = Normal.ofRow(Lanes.loadPart(x + i, rest), mean, inverse, isWide);
        s3 = f32x4.add(s3, g);
        // Lanes without a value could be infinite, times 0.
        d3 = Lanes.madd(g, v128.and(normal, Lanes.mask(rest)), d3);
      }
    }
    const s = f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3));
    const d = f32x4.add(f32x4.add(d0, d1), f32x4.add(d2, d3));
    return f64x2.replace_lane(f64x2.splat(<f64>Lanes.sum(s)), 1, <f64>Lanes.sum(d));
  }

  @inline static g(dOut: usize, weight: usize, perPlace: bool): v128 {
    return perPlace ? f32x4.mul(v128.load(dOut), v128.load(weight)) : v128.load(dOut);
  }

  static plain(dOut: usize, x: usize, runs: usize, step: usize, n: usize, m: v128, v: v128): v128 {
    return Dots.block(dOut, x, 0, runs, step, n, m, v, false, false);
  }

  static plainWide(
    dOut: usize,
    x: usize,
    runs: usize,
    step: usize,
    n: usize,
    m: v128,
    v: v128,
  ): v128 {
    return Dots.block(dOut, x, 0, runs, step, n, m, v, false, true);
  }

  static weighted(dOut: usize, x: usize, weight: usize, n: usize, m: v128, v: v128): v128 {
    return Dots.block(dOut, x, weight, 1, 0, n, m, v, true, false);
  }

  static weightedWide(dOut: usize, x: usize, weight: usize, n: usize, m: v128, v: v128): v128 {
    return Dots.block(dOut, x, weight, 1, 0, n, m, v, true, true);
  }

  /** The two sums of a channel, in doubles from block to block. */
  @inline static channel(
    dOut: usize,
    x: usize,
    outer: usize,
    step: usize,
    inner: usize,
    mean: v128,
    inverse: v128,
  ): v128 {
    const isWide = v128.any_true(Range.wide(inverse));
    const longest = min(inner, BlockSums.SIXTEEN);
    const perBlock = Block.runs(longest);
    let totals = f64x2.splat(0);
    for (let o: usize = 0; o < outer; o += perBlock) {
      const runs = min(perBlock, outer - o);
      for (let i: usize = 0; i < inner; i += longest) {
        const n = min(longest, inner - i);
        const at = o * step + (i << 2);
        const sums = isWide
          ? Dots.plainWide(dOut + at, x + at, runs, step, n, mean, inverse)
          : Dots.plain(dOut + at, x + at, runs, step, n, mean, inverse);
        totals = f64x2.add(totals, sums);
      }
    }
    return totals;
  }

  /** The two sums of a row, with a weight to each place. */
  @inline static row(
    dOut: usize,
    x: usize,
    weight: usize,
    n: usize,
    mean: v128,
    inverse: v128,
    isWide: bool,
  ): v128 {
    let totals = f64x2.splat(0);
    while (n > 0) {
      const block = min(n, BlockSums.SIXTEEN);
      const sums = isWide
        ? Dots.weightedWide(dOut, x, weight, block, mean, inverse)
        : Dots.weighted(dOut, x, weight, block, mean, inverse);
      totals = f64x2.add(totals, sums);
      dOut += block << 2;
      x += block << 2;
      weight += block << 2;
      n -= block;
    }
    return totals;
  }
}

/**
 * Four rows side by side, for rows so short that one lane adds up all its terms: a row alone would
 * wait for its sums, its root and its quotient. Where fewer are left, the first stands in for the
 * others.
 */
class FourRows {
  /** Floats of a row that four lanes share. */
  static readonly LONGEST: usize = 256;

  /**
   * Rows whose statistics are found before the first of them is normalised, as many as stay in the
   * cache: the roots of four are waited for while the next four are added up.
   */
  @inline static together(n: usize): usize {
    return (4096 / max(n, 1) + 3) & ~3;
  }

  /** A lane for each vector: the sum of its four lanes, in the order of Lanes.sum. */
  @inline static sums(s0: v128, s1: v128, s2: v128, s3: v128): v128 {
    const low01 = v128.shuffle<f32>(s0, s1, 0, 1, 4, 5);
    const high01 = v128.shuffle<f32>(s0, s1, 2, 3, 6, 7);
    const low23 = v128.shuffle<f32>(s2, s3, 0, 1, 4, 5);
    const high23 = v128.shuffle<f32>(s2, s3, 2, 3, 6, 7);
    const u01 = f32x4.add(low01, high01);
    const u23 = f32x4.add(low23, high23);
    const even = v128.shuffle<f32>(u01, u23, 0, 2, 4, 6);
    return f32x4.add(even, v128.shuffle<f32>(u01, u23, 1, 3, 5, 7));
  }

  /** A lane, four times. */
  @inline static lane(v: v128, row: i32): v128 {
    if (row == 0) return v128.shuffle<f32>(v, v, 0, 0, 0, 0);
    if (row == 1) return v128.shuffle<f32>(v, v, 1, 1, 1, 1);
    if (row == 2) return v128.shuffle<f32>(v, v, 2, 2, 2, 2);
    return v128.shuffle<f32>(v, v, 3, 3, 3, 3);
  }

  /** Bytes from the first row to another one, or 0 if that is not there. */
  @inline static to(row: usize, run: usize, left: usize): usize {
    return row < left ? row * run : 0;
  }

  /**
   * The means of g and of g·normal of four rows. They lie at the beginning of each row of dX, which
   * has room for them and is written later.
   */
  @inline static means(
    dX: usize,
    dOut: usize,
    x: usize,
    mean: usize,
    inverse: usize,
    weight: usize,
    n: usize,
    left: usize,
    isWide: bool,
  ): void {
    const run = n << 2;
    const whole = run & ~15;
    const rest = n & 3;
    const to1 = FourRows.to(1, run, left);
    const to2 = FourRows.to(2, run, left);
    const to3 = FourRows.to(3, run, left);
    const m0 = v128.load32_splat(mean);
    const m1 = v128.load32_splat(mean + FourRows.to(1, 4, left));
    const m2 = v128.load32_splat(mean + FourRows.to(2, 4, left));
    const m3 = v128.load32_splat(mean + FourRows.to(3, 4, left));
    const v0 = v128.load32_splat(inverse);
    const v1 = v128.load32_splat(inverse + FourRows.to(1, 4, left));
    const v2 = v128.load32_splat(inverse + FourRows.to(2, 4, left));
    const v3 = v128.load32_splat(inverse + FourRows.to(3, 4, left));
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    let d0 = s0;
    let d1 = s0;
    let d2 = s0;
    let d3 = s0;
    for (let i: usize = 0; i < whole; i += 16) {
      const w = v128.load(weight + i);
      const g0 = f32x4.mul(v128.load(dOut + i), w);
      const g1 = f32x4.mul(v128.load(dOut + i + to1), w);
      const g2 = f32x4.mul(v128.load(dOut + i + to2), w);
      const g3 = f32x4.mul(v128.load(dOut + i + to3), w);
      s0 = f32x4.add(s0, g0);
      s1 = f32x4.add(s1, g1);
      s2 = f32x4.add(s2, g2);
      s3 = f32x4.add(s3, g3);
      d0 = Lanes.madd(g0, Normal.ofRow(v128.load(x + i), m0, v0, isWide), d0);
      d1 = Lanes.madd(g1, Normal.ofRow(v128.load(x + i + to1), m1, v1, isWide), d1);
      d2 = Lanes.madd(g2, Normal.ofRow(v128.load(x + i + to2), m2, v2, isWide), d2);
      d3 = Lanes.madd(g3, Normal.ofRow(v128.load(x + i + to3), m3, v3, isWide), d3);
    }
    if (rest > 0) {
      const w = Lanes.loadPart(weight + whole, rest);
      const g = dOut + whole;
      const from = x + whole;
      const g0 = f32x4.mul(Lanes.loadPart(g, rest), w);
      const g1 = f32x4.mul(Lanes.loadPart(g + to1, rest), w);
      const g2 = f32x4.mul(Lanes.loadPart(g + to2, rest), w);
      const g3 = f32x4.mul(Lanes.loadPart(g + to3, rest), w);
      // Lanes without a value could be infinite, times 0.
      const mask = Lanes.mask(rest);
      const n0 = v128.and(Normal.ofRow(Lanes.loadPart(from, rest), m0, v0, isWide), mask);
      const n1 = v128.and(Normal.ofRow(Lanes.loadPart(from + to1, rest), m1, v1, isWide), mask);
      const n2 = v128.and(Normal.ofRow(Lanes.loadPart(from + to2, rest), m2, v2, isWide), mask);
      const n3 = v128.and(Normal.ofRow(Lanes.loadPart(from + to3, rest), m3, v3, isWide), mask);
      s0 = f32x4.add(s0, g0);
      s1 = f32x4.add(s1, g1);
      s2 = f32x4.add(s2, g2);
      s3 = f32x4.add(s3, g3);
      d0 = Lanes.madd(g0, n0, d0);
      d1 = Lanes.madd(g1, n1, d1);
      d2 = Lanes.madd(g2, n2, d2);
      d3 = Lanes.madd(g3, n3, d3);
    }
    const count = f32x4.splat(<f32>n);
    let meanG = f32x4.div(FourRows.sums(s0, s1, s2, s3), count);
    let slope = f32x4.div(FourRows.sums(d0, d1, d2, d3), count);
    for (let row: usize = 0; row < min(left, 4); row++, dX += run) {
      v128.store_lane<f32>(dX, meanG, 0);
      v128.store_lane<f32>(dX, slope, 0, 4);
      meanG = v128.shuffle<f32>(meanG, meanG, 1, 2, 3, 0);
      slope = v128.shuffle<f32>(slope, slope, 1, 2, 3, 0);
    }
  }
}

/**
 * Σ dOut and Σ dOut·normal of neighbouring columns, eight or up to four of them. The statistics are
 * those of each row, or with `perRow` false those of each column.
 */
class ColumnDots {
  @inline static eight(
    dWeight: usize,
    dBias: usize,
    dOut: usize,
    x: usize,
    step: usize,
    rows: usize,
    mean: usize,
    inverse: usize,
  ): void {
    let bias0 = f64x2.splat(0);
    let bias1 = bias0;
    let bias2 = bias0;
    let bias3 = bias0;
    let weight0 = bias0;
    let weight1 = bias0;
    let weight2 = bias0;
    let weight3 = bias0;
    for (let row: usize = 0; row < rows;) {
      const end = min(row + BlockSums.LANE, rows);
      const isWide = Range.anyWide(inverse + (row << 2), end - row);
      let s0 = f32x4.splat(0);
      let s1 = s0;
      let d0 = s0;
      let d1 = s0;
      if (isWide) {
        for (; row < end; row++, dOut += step, x += step) {
          const m = v128.load32_splat(mean + (row << 2));
          const v = v128.load32_splat(inverse + (row << 2));
          const wide = Range.wide(v);
          s0 = f32x4.add(s0, v128.load(dOut));
          s1 = f32x4.add(s1, v128.load(dOut, 16));
          d0 = Lanes.madd(v128.load(dOut), Normal.of(v128.load(x), m, v, wide, true), d0);
          d1 = Lanes.madd(v128.load(dOut, 16), Normal.of(v128.load(x, 16), m, v, wide, true), d1);
        }
      } else {
        for (; row < end; row++, dOut += step, x += step) {
          const m = v128.load32_splat(mean + (row << 2));
          const v = v128.load32_splat(inverse + (row << 2));
          s0 = f32x4.add(s0, v128.load(dOut));
          s1 = f32x4.add(s1, v128.load(dOut, 16));
          d0 = Lanes.madd(v128.load(dOut), Normal.ofRow(v128.load(x), m, v, false), d0);
          d1 = Lanes.madd(v128.load(dOut, 16), Normal.ofRow(v128.load(x, 16), m, v, false), d1);
        }
      }
      bias0 = Doubles.addLow(bias0, s0);
      bias1 = Doubles.addHigh(bias1, s0);
      bias2 = Doubles.addLow(bias2, s1);
      bias3 = Doubles.addHigh(bias3, s1);
      weight0 = Doubles.addLow(weight0, d0);
      weight1 = Doubles.addHigh(weight1, d0);
      weight2 = Doubles.addLow(weight2, d1);
      weight3 = Doubles.addHigh(weight3, d1);
    }
    v128.store(dBias, Doubles.rounded(bias0, bias1));
    v128.store(dBias, Doubles.rounded(bias2, bias3), 16);
    v128.store(dWeight, Doubles.rounded(weight0, weight1));
    v128.store(dWeight, Doubles.rounded(weight2, weight3), 16);
  }

  @inline static four(
    dWeight: usize,
    dBias: usize,
    dOut: usize,
    x: usize,
    step: usize,
    rows: usize,
    mean: usize,
    inverse: usize,
    perRow: bool,
    left: usize,
  ): void {
    const ofColumns = perRow ? f32x4.splat(0) : Four.load(mean, left);
    const inverses = perRow ? f32x4.splat(0) : Range.inverses(inverse, left);
    let bias0 = f64x2.splat(0);
    let bias1 = bias0;
    let weight0 = bias0;
    let weight1 = bias0;
    for (let row: usize = 0; row < rows;) {
      let s = f32x4.splat(0);
      let d = s;
      for (const end = min(row + BlockSums.LANE, rows); row < end; row++, dOut += step, x += step) {
        const m = perRow ? v128.load32_splat(mean + (row << 2)) : ofColumns;
        const v = perRow ? v128.load32_splat(inverse + (row << 2)) : inverses;
        const wide = Range.wide(v);
        const normal = v128.any_true(wide)
          ? Normal.of(Four.load(x, left), m, v, wide, true)
          : Normal.of(Four.load(x, left), m, v, wide, false);
        const g = Four.load(dOut, left);
        s = f32x4.add(s, g);
        d = Lanes.madd(g, normal, d);
      }
      bias0 = Doubles.addLow(bias0, s);
      bias1 = Doubles.addHigh(bias1, s);
      weight0 = Doubles.addLow(weight0, d);
      weight1 = Doubles.addHigh(weight1, d);
    }
    Four.store(dBias, Doubles.rounded(bias0, bias1), left);
    Four.store(dWeight, Doubles.rounded(weight0, weight1), left);
  }
}

/*
 * Loops are exported so that they stay functions of their own: as a part of a larger one, a JavaScript
 * engine joins none of their vectors.
 */

/** Block.sum for each of its sums. */
export function blockSum(x: usize, runs: usize, step: usize, n: usize, centre: f32): f32 {
  return Block.sum<Values>(x, runs, step, n, centre);
}

export function blockSquares(x: usize, runs: usize, step: usize, n: usize, centre: f32): f32 {
  return Block.sum<Squares>(x, runs, step, n, centre);
}

/** out = normal·weight + bias where no channel asks for doubles; `normaliseWide` where one does. */
export function normaliseNarrow(
  out: usize,
  x: usize,
  statistics: usize,
  weight: usize,
  bias: usize,
  outer: usize,
  channels: usize,
  inner: usize,
  width: usize,
): void {
  Run.normaliseAll(out, x, statistics, weight, bias, outer, channels, inner, width, false);
}

export function normaliseWide(
  out: usize,
  x: usize,
  statistics: usize,
  weight: usize,
  bias: usize,
  outer: usize,
  channels: usize,
  inner: usize,
  width: usize,
): void {
  Run.normaliseAll(out, x, statistics, weight, bias, outer, channels, inner, width, true);
}

/** dX likewise. */
export function normaliseBackwardNarrow(
  dX: usize,
  dOut: usize,
  x: usize,
  statistics: usize,
  factors: usize,
  outer: usize,
  channels: usize,
  inner: usize,
  width: usize,
): void {
  Run.backwardAll(dX, dOut, x, statistics, factors, outer, channels, inner, width, false);
}

export function normaliseBackwardWide(
  dX: usize,
  dOut: usize,
  x: usize,
  statistics: usize,
  factors: usize,
  outer: usize,
  channels: usize,
  inner: usize,
  width: usize,
): void {
  Run.backwardAll(dX, dOut, x, statistics, factors, outer, channels, inner, width, true);
}

/*
 * Below, x is `[outer, channels, inner]`, and of its channels the first `width` are looked at: all of
 * them, or a part's share. Channels of one value each lie side by side, four to a vector.
 */

export function moments(
  statistics: usize,
  x: usize,
  outer: usize,
  channels: usize,
  inner: usize,
  eps: f32,
  width: usize,
): void {
  const plane = channels << 2;
  // Nothing to visit, however often.
  if (inner == 0) outer = 0;
  const run = inner << 2;
  const step = channels * run;
  if (inner == 1) {
    for (let c: usize = 0; c < width; c += 4) {
      const at = c << 2;
      Moments.writeFour(statistics + at, plane, x + at, outer, step, width - c, eps);
    }
    return;
  }
  for (let c: usize = 0; c < width; c++, x += run) {
    Moments.write(statistics + (c << 2), plane, x, outer, step, inner, eps);
  }
}

export function normalise(
  out: usize,
  x: usize,
  statistics: usize,
  weight: usize,
  bias: usize,
  outer: usize,
  channels: usize,
  inner: usize,
  width: usize,
): void {
  const run = inner << 2;
  const step = channels * run;
  const inverses = statistics + (channels << 3);
  if (inner == 1) {
    for (let at: usize = 0, left = width; at < width << 2; at += 16, left -= 4) {
      const mean = Four.load(statistics + at, left);
      const inverse = Range.inverses(inverses + at, left);
      const w = Four.load(weight + at, left);
      const b = Four.load(bias + at, left);
      const wide = Range.wide(inverse);
      const isWide = v128.any_true(wide);
      for (let o: usize = 0; o < outer; o++) {
        const normal = Normal.of(Four.load(x + o * step + at, left), mean, inverse, wide, isWide);
        Four.store(out + o * step + at, Lanes.madd(normal, w, b), left);
      }
    }
    return;
  }
  if (Range.anyWide(inverses, width)) {
    normaliseWide(out, x, statistics, weight, bias, outer, channels, inner, width);
  } else {
    normaliseNarrow(out, x, statistics, weight, bias, outer, channels, inner, width);
  }
}

/** As the contract's; in doubles, and rounded once. */
export function trackMoments(
  batches: usize,
  mean: usize,
  variance: usize,
  statistics: usize,
  channels: usize,
  count: u32,
  averages: bool,
  share: f64,
): void {
  const number = load<i32>(batches) + 1;
  store<i32>(batches, number);
  if (averages) share = 1 / <f64>number;
  const kept = 1 - share;
  const n = <f64>count;
  const plane = channels << 2;
  for (let c: usize = 0; c < plane; c += 4) {
    const unbiased = (<f64>load<f32>(statistics + plane + c) * n) / (n - 1);
    const value = <f64>load<f32>(statistics + c);
    store<f32>(mean + c, <f32>(kept * load<f32>(mean + c) + share * value));
    store<f32>(variance + c, <f32>(kept * load<f32>(variance + c) + share * unbiased));
  }
}

export function normaliseSums(
  dWeight: usize,
  dBias: usize,
  factors: usize,
  dOut: usize,
  x: usize,
  statistics: usize,
  weight: usize,
  outer: usize,
  channels: usize,
  inner: usize,
  width: usize,
): void {
  channelSums(dWeight, dBias, dOut, x, statistics, outer, channels, inner, width);
  const count = <f64>outer * <f64>inner;
  const plane = channels << 2;
  for (let c: usize = 0; c < width << 2; c += 4) {
    const w = <f64>load<f32>(weight + c);
    const factor = factors + c;
    store<f32>(factor, <f32>w);
    store<f32>(factor + plane, <f32>((w * load<f32>(dBias + c)) / count));
    store<f32>(factor + 2 * plane, <f32>((w * load<f32>(dWeight + c)) / count));
  }
}

function channelSums(
  dWeight: usize,
  dBias: usize,
  dOut: usize,
  x: usize,
  statistics: usize,
  outer: usize,
  channels: usize,
  inner: usize,
  width: usize,
): void {
  // Nothing to visit, however often.
  if (inner == 0) outer = 0;
  const run = inner << 2;
  const step = channels * run;
  const inverses = statistics + (channels << 3);
  if (inner == 1) {
    for (let c: usize = 0; c < width; c += 4) {
      const at = c << 2;
      ColumnDots.four(
        dWeight + at,
        dBias + at,
        dOut + at,
        x + at,
        step,
        outer,
        statistics + at,
        inverses + at,
        false,
        width - c,
      );
    }
    return;
  }
  for (let c: usize = 0; c < width; c++) {
    const at = c << 2;
    const mean = v128.load32_splat(statistics + at);
    const inverse = v128.load32_splat(inverses + at);
    const from = c * run;
    const totals = Dots.channel(dOut + from, x + from, outer, step, inner, mean, inverse);
    store<f32>(dBias + at, <f32>f64x2.extract_lane(totals, 0));
    store<f32>(dWeight + at, <f32>f64x2.extract_lane(totals, 1));
  }
}

/** `factors` holds each channel's weight, its mean of g and its mean of g·normal: `[3, channels]`. */
export function normaliseBackward(
  dX: usize,
  dOut: usize,
  x: usize,
  statistics: usize,
  factors: usize,
  outer: usize,
  channels: usize,
  inner: usize,
  width: usize,
): void {
  const plane = channels << 2;
  const run = inner << 2;
  const step = channels * run;
  const inverses = statistics + 2 * plane;
  const slopes = factors + 2 * plane;
  if (inner == 1) {
    for (let at: usize = 0, left = width; at < width << 2; at += 16, left -= 4) {
      const mean = Four.load(statistics + at, left);
      const inverse = Range.inverses(inverses + at, left);
      const w = Four.load(factors + at, left);
      const meanG = Four.load(factors + plane + at, left);
      const minusSlope = f32x4.neg(Four.load(slopes + at, left));
      const wide = Range.wide(inverse);
      const isWide = v128.any_true(wide);
      for (let o: usize = 0; o < outer; o++) {
        const from = o * step + at;
        const normal = Normal.of(Four.load(x + from, left), mean, inverse, wide, isWide);
        const g = f32x4.mul(Four.load(dOut + from, left), w);
        const d = Lanes.madd(normal, minusSlope, f32x4.sub(g, meanG));
        Four.store(dX + from, f32x4.mul(d, inverse), left);
      }
    }
    return;
  }
  if (Range.anyWide(inverses, width)) {
    normaliseBackwardWide(dX, dOut, x, statistics, factors, outer, channels, inner, width);
  } else {
    normaliseBackwardNarrow(dX, dOut, x, statistics, factors, outer, channels, inner, width);
  }
}

/*
 * Below, x is `[rows, n]`, and weight and bias are `[n]`. Statistics are those of `rows` rows, of
 * which the first `width` are a part's share.
 */

/** The statistics of four rows, as Moments.write writes them. */
export function layerNormMoments(
  statistics: usize,
  plane: usize,
  x: usize,
  n: usize,
  eps: f32,
  left: usize,
): void {
  const run = n << 2;
  const whole = run & ~15;
  const rest = n & 3;
  const x1 = x + FourRows.to(1, run, left);
  const x2 = x + FourRows.to(2, run, left);
  const x3 = x + FourRows.to(3, run, left);
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  for (let i: usize = 0; i < whole; i += 16) {
    s0 = f32x4.add(s0, v128.load(x + i));
    s1 = f32x4.add(s1, v128.load(x1 + i));
    s2 = f32x4.add(s2, v128.load(x2 + i));
    s3 = f32x4.add(s3, v128.load(x3 + i));
  }
  if (rest > 0) {
    s0 = f32x4.add(s0, Lanes.loadPart(x + whole, rest));
    s1 = f32x4.add(s1, Lanes.loadPart(x1 + whole, rest));
    s2 = f32x4.add(s2, Lanes.loadPart(x2 + whole, rest));
    s3 = f32x4.add(s3, Lanes.loadPart(x3 + whole, rest));
  }
  const count = f64x2.splat(<f64>n);
  const mean = f32x4.div(FourRows.sums(s0, s1, s2, s3), f32x4.splat(<f32>n));
  const m0 = FourRows.lane(mean, 0);
  const m1 = FourRows.lane(mean, 1);
  const m2 = FourRows.lane(mean, 2);
  const m3 = FourRows.lane(mean, 3);
  s0 = f32x4.splat(0);
  s1 = s0;
  s2 = s0;
  s3 = s0;
  for (let i: usize = 0; i < whole; i += 16) {
    const d0 = f32x4.sub(v128.load(x + i), m0);
    const d1 = f32x4.sub(v128.load(x1 + i), m1);
    const d2 = f32x4.sub(v128.load(x2 + i), m2);
    const d3 = f32x4.sub(v128.load(x3 + i), m3);
    s0 = Lanes.madd(d0, d0, s0);
    s1 = Lanes.madd(d1, d1, s1);
    s2 = Lanes.madd(d2, d2, s2);
    s3 = Lanes.madd(d3, d3, s3);
  }
  if (rest > 0) {
    const mask = Lanes.mask(rest);
    const d0 = v128.and(f32x4.sub(Lanes.loadPart(x + whole, rest), m0), mask);
    const d1 = v128.and(f32x4.sub(Lanes.loadPart(x1 + whole, rest), m1), mask);
    const d2 = v128.and(f32x4.sub(Lanes.loadPart(x2 + whole, rest), m2), mask);
    const d3 = v128.and(f32x4.sub(Lanes.loadPart(x3 + whole, rest), m3), mask);
    s0 = Lanes.madd(d0, d0, s0);
    s1 = Lanes.madd(d1, d1, s1);
    s2 = Lanes.madd(d2, d2, s2);
    s3 = Lanes.madd(d3, d3, s3);
  }
  const squares = FourRows.sums(s0, s1, s2, s3);
  const low = f64x2.div(f64x2.promote_low_f32x4(squares), count);
  const high = f64x2.div(Doubles.high(squares), count);
  const one = f64x2.splat(1);
  const e = f64x2.splat(<f64>eps);
  const inverseLow = f64x2.div(one, f64x2.sqrt(f64x2.add(low, e)));
  const inverseHigh = f64x2.div(one, f64x2.sqrt(f64x2.add(high, e)));
  const variance = Doubles.rounded(low, high);
  Four.store(statistics, mean, left);
  Four.store(statistics + plane, variance, left);
  Four.store(statistics + 2 * plane, Doubles.rounded(inverseLow, inverseHigh), left);
  let isLeft = v128.not(f32x4.lt(variance, f32x4.splat(Infinity)));
  if (<f64>eps < Range.SMALLEST) {
    isLeft = v128.or(isLeft, f32x4.lt(variance, f32x4.splat(<f32>Range.SMALLEST)));
  }
  if (!v128.any_true(isLeft)) return;
  for (let row: usize = 0; row < min(left, 4); row++, statistics += 4, x += run) {
    if (Range.isLeft(load<f32>(statistics + plane), eps)) {
      Moments.writeWide(statistics, plane, x, 1, run, n, eps);
    }
  }
}

/** out = normal·weight + bias for some rows. */
export function layerNormRows(
  out: usize,
  x: usize,
  weight: usize,
  bias: usize,
  mean: usize,
  inverse: usize,
  rows: usize,
  n: usize,
): void {
  const run = n << 2;
  const pairs = run & ~31;
  let row: usize = 0;
  // Four rows share what is loaded of weight and bias.
  for (; row + 4 <= rows; row += 4, out += 4 * run, x += 4 * run) {
    const at = row << 2;
    const m0 = v128.load32_splat(mean + at);
    const m1 = v128.load32_splat(mean + at, 4);
    const m2 = v128.load32_splat(mean + at, 8);
    const m3 = v128.load32_splat(mean + at, 12);
    const v0 = v128.load32_splat(inverse + at);
    const v1 = v128.load32_splat(inverse + at, 4);
    const v2 = v128.load32_splat(inverse + at, 8);
    const v3 = v128.load32_splat(inverse + at, 12);
    for (let i: usize = 0; i < pairs; i += 32) {
      const w0 = v128.load(weight + i);
      const w1 = v128.load(weight + i, 16);
      const b0 = v128.load(bias + i);
      const b1 = v128.load(bias + i, 16);
      Run.normalisePair(out + i, x + i, m0, v0, w0, w1, b0, b1);
      Run.normalisePair(out + i + run, x + i + run, m1, v1, w0, w1, b0, b1);
      Run.normalisePair(out + i + 2 * run, x + i + 2 * run, m2, v2, w0, w1, b0, b1);
      Run.normalisePair(out + i + 3 * run, x + i + 3 * run, m3, v3, w0, w1, b0, b1);
    }
    if (pairs == run) continue;
    for (let r: usize = 0; r < 4; r++) {
      const m = v128.load32_splat(mean + at + (r << 2));
      const v = v128.load32_splat(inverse + at + (r << 2));
      const from = pairs + r * run;
      const w = weight + pairs;
      Run.normalise(out + from, x + from, w, bias + pairs, n & 7, m, v, true, false);
    }
  }
  for (; row < rows; row++, out += run, x += run) {
    const m = v128.load32_splat(mean + (row << 2));
    const v = v128.load32_splat(inverse + (row << 2));
    Run.normalise(out, x, weight, bias, n, m, v, true, false);
  }
}

export function layerNormRowsWide(
  out: usize,
  x: usize,
  weight: usize,
  bias: usize,
  mean: usize,
  inverse: usize,
  rows: usize,
  n: usize,
): void {
  const run = n << 2;
  for (let row: usize = 0; row < rows; row++, out += run, x += run) {
    const m = v128.load32_splat(mean + (row << 2));
    const v = v128.load32_splat(inverse + (row << 2));
    Run.normalise(out, x, weight, bias, n, m, v, true, true);
  }
}

/** dX of a row, whose means of g and of g·normal are known. */
export function layerNormBackwardRow(
  dX: usize,
  dOut: usize,
  x: usize,
  weight: usize,
  mean: usize,
  inverse: usize,
  n: usize,
  meanG: f32,
  slope: f32,
): void {
  const m = v128.load32_splat(mean);
  const v = v128.load32_splat(inverse);
  const g = f32x4.splat(meanG);
  Run.backward(dX, dOut, x, weight, n, m, v, g, f32x4.splat(slope), true, false);
}

export function layerNormBackwardRowWide(
  dX: usize,
  dOut: usize,
  x: usize,
  weight: usize,
  mean: usize,
  inverse: usize,
  n: usize,
  meanG: f32,
  slope: f32,
): void {
  const m = v128.load32_splat(mean);
  const v = v128.load32_splat(inverse);
  const g = f32x4.splat(meanG);
  Run.backward(dX, dOut, x, weight, n, m, v, g, f32x4.splat(slope), true, true);
}

/** FourRows.means, with and without doubles. */
export function layerNormBackwardMeans(
  dX: usize,
  dOut: usize,
  x: usize,
  mean: usize,
  inverse: usize,
  weight: usize,
  n: usize,
  left: usize,
): void {
  FourRows.means(dX, dOut, x, mean, inverse, weight, n, left, false);
}

export function layerNormBackwardMeansWide(
  dX: usize,
  dOut: usize,
  x: usize,
  mean: usize,
  inverse: usize,
  weight: usize,
  n: usize,
  left: usize,
): void {
  FourRows.means(dX, dOut, x, mean, inverse, weight, n, left, true);
}

/** dX of some rows, which hold the means of g and of g·normal. */
export function layerNormBackwardRows(
  dX: usize,
  dOut: usize,
  x: usize,
  mean: usize,
  inverse: usize,
  weight: usize,
  n: usize,
  rows: usize,
): void {
  const run = n << 2;
  for (let row: usize = 0; row < rows << 2; row += 4, dX += run, dOut += run, x += run) {
    const m = v128.load32_splat(mean + row);
    const v = v128.load32_splat(inverse + row);
    const meanG = v128.load32_splat(dX);
    const slope = v128.load32_splat(dX, 4);
    Run.backward(dX, dOut, x, weight, n, m, v, meanG, slope, true, false);
  }
}

export function layerNormBackwardRowsWide(
  dX: usize,
  dOut: usize,
  x: usize,
  mean: usize,
  inverse: usize,
  weight: usize,
  n: usize,
  rows: usize,
): void {
  const run = n << 2;
  for (let row: usize = 0; row < rows << 2; row += 4, dX += run, dOut += run, x += run) {
    const m = v128.load32_splat(mean + row);
    const v = v128.load32_splat(inverse + row);
    const meanG = v128.load32_splat(dX);
    const slope = v128.load32_splat(dX, 4);
    Run.backward(dX, dOut, x, weight, n, m, v, meanG, slope, true, true);
  }
}

export function layerNorm(
  out: usize,
  statistics: usize,
  x: usize,
  weight: usize,
  bias: usize,
  rows: usize,
  n: usize,
  eps: f32,
  width: usize,
): void {
  const plane = rows << 2;
  const run = n << 2;
  const isShort = n <= FourRows.LONGEST;
  const group = isShort ? FourRows.together(n) : 1;
  for (let row: usize = 0; row < width; row += group, out += group * run, x += group * run) {
    const left = width - row;
    const count = min(left, group);
    const mean = statistics + (row << 2);
    const inverse = mean + 2 * plane;
    if (isShort) {
      for (let four: usize = 0; four < count; four += 4) {
        layerNormMoments(mean + (four << 2), plane, x + four * run, n, eps, left - four);
      }
    } else {
      Moments.write(mean, plane, x, 1, run, n, eps);
    }
    if (Range.anyWide(inverse, count)) {
      layerNormRowsWide(out, x, weight, bias, mean, inverse, count, n);
    } else {
      layerNormRows(out, x, weight, bias, mean, inverse, count, n);
    }
  }
}

export function layerNormBackward(
  dX: usize,
  dOut: usize,
  x: usize,
  statistics: usize,
  weight: usize,
  rows: usize,
  n: usize,
  width: usize,
): void {
  const inverses = statistics + (rows << 3);
  const run = n << 2;
  // The two means of a row have no room in one of a single value.
  if (n > 1 && n <= FourRows.LONGEST) {
    const group = FourRows.together(n);
    for (let row: usize = 0; row < width; row += group) {
      const at = row * run;
      const to = dX + at;
      const d = dOut + at;
      const from = x + at;
      const mean = statistics + (row << 2);
      const inverse = inverses + (row << 2);
      const count = min(width - row, group);
      const isWide = Range.anyWide(inverse, count);
      for (let four: usize = 0; four < count; four += 4) {
        const first = four * run;
        const m = mean + (four << 2);
        const v = inverse + (four << 2);
        const left = count - four;
        if (isWide) {
          layerNormBackwardMeansWide(to + first, d + first, from + first, m, v, weight, n, left);
        } else {
          layerNormBackwardMeans(to + first, d + first, from + first, m, v, weight, n, left);
        }
      }
      if (isWide) layerNormBackwardRowsWide(to, d, from, mean, inverse, weight, n, count);
      else layerNormBackwardRows(to, d, from, mean, inverse, weight, n, count);
    }
    return;
  }
  for (let row: usize = 0; row < width; row++, dX += run, dOut += run, x += run) {
    const mean = v128.load32_splat(statistics + (row << 2));
    const inverse = v128.load32_splat(inverses + (row << 2));
    const isWide = v128.any_true(Range.wide(inverse));
    const sums = Dots.row(dOut, x, weight, n, mean, inverse, isWide);
    const means = f64x2.div(sums, f64x2.splat(<f64>n));
    const meanG = <f32>f64x2.extract_lane(means, 0);
    const slope = <f32>f64x2.extract_lane(means, 1);
    const at = row << 2;
    if (isWide) {
      layerNormBackwardRowWide(
        dX,
        dOut,
        x,
        weight,
        statistics + at,
        inverses + at,
        n,
        meanG,
        slope,
      );
    } else {
      layerNormBackwardRow(dX, dOut, x, weight, statistics + at, inverses + at, n, meanG, slope);
    }
  }
}

/** Of the n places, the first `width`. */
export function layerNormSums(
  dWeight: usize,
  dBias: usize,
  dOut: usize,
  x: usize,
  statistics: usize,
  rows: usize,
  n: usize,
  width: usize,
): void {
  const step = n << 2;
  const inverses = statistics + (rows << 3);
  let j: usize = 0;
  for (; j + 8 <= width; j += 8) {
    const at = j << 2;
    const to = dBias + at;
    ColumnDots.eight(dWeight + at, to, dOut + at, x + at, step, rows, statistics, inverses);
  }
  for (; j < width; j += 4) {
    const at = j << 2;
    ColumnDots.four(
      dWeight + at,
      dBias + at,
      dOut + at,
      x + at,
      step,
      rows,
      statistics,
      inverses,
      true,
      width - j,
    );
  }
}
