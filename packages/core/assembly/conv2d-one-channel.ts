import { Conv } from './conv2d';
import { Lanes } from './lanes';

/*
 * Forward where an output channel sees one input channel, by windows of 3×3 with stride 1: depthwise
 * layers, and the first one of grey images. Nine products to an output are few beside what a tile
 * takes to begin and to end, and beside the tables that lead to its pixels. So the weights stay in
 * registers instead, and pixels pass by, two vectors at a time. Terms are added in the order of the
 * tiles: the bits are theirs.
 */

/** Columns that are taken at once. */
const COLUMNS: i32 = 8;

/** A vector of four windows, whose terms in a row of three taps are added to `sum`. */
class Taps {
  @inline static add(sum: v128, a: v128, b: v128, c: v128, x0: v128, x1: v128, x2: v128): v128 {
    return Lanes.madd(c, x2, Lanes.madd(b, x1, Lanes.madd(a, x0, sum)));
  }
}

/**
 * `rows` rows of `columns` windows over x, whose rows lie `step` bytes apart; a row has eight windows
 * or more. Eight columns at a time go down the rows of x, each of which is the last row of some
 * windows, the middle one of those below, and the first of those below these: it is loaded once.
 */
export function oneChannel3x3(
  out: usize,
  rows: i32,
  columns: i32,
  x: usize,
  step: usize,
  weights: usize,
  bias: f32,
): void {
  const a0 = v128.load32_splat(weights);
  const a1 = v128.load32_splat(weights, 4);
  const a2 = v128.load32_splat(weights, 8);
  const b0 = v128.load32_splat(weights, 12);
  const b1 = v128.load32_splat(weights, 16);
  const b2 = v128.load32_splat(weights, 20);
  const c0 = v128.load32_splat(weights, 24);
  const c1 = v128.load32_splat(weights, 28);
  const c2 = v128.load32_splat(weights, 32);
  const biases = f32x4.splat(bias);
  const zero = f32x4.splat(0);
  const outStep = (<usize>columns) << 2;
  const end = <usize>rows * outStep;
  for (let column = 0; column < columns; column += COLUMNS) {
    // The last columns may repeat some of those before.
    column = min(column, columns - COLUMNS);
    let to = out + (column << 2);
    let from = x + (column << 2);
    let x00 = v128.load(from);
    let x01 = v128.load(from, 16);
    let x10 = v128.load(from, 4);
    let x11 = v128.load(from, 20);
    let x20 = v128.load(from, 8);
    let x21 = v128.load(from, 24);
    const first0 = Taps.add(zero, a0, a1, a2, x00, x10, x20);
    const first1 = Taps.add(zero, a0, a1, a2, x01, x11, x21);
    from += step;
    x00 = v128.load(from);
    x01 = v128.load(from, 16);
    x10 = v128.load(from, 4);
    x11 = v128.load(from, 20);
    x20 = v128.load(from, 8);
    x21 = v128.load(from, 24);
    let middle0 = Taps.add(first0, b0, b1, b2, x00, x10, x20);
    let middle1 = Taps.add(first1, b0, b1, b2, x01, x11, x21);
    let upper0 = Taps.add(zero, a0, a1, a2, x00, x10, x20);
    let upper1 = Taps.add(zero, a0, a1, a2, x01, x11, x21);
    for (const stop = to + end; to < stop; to += outStep) {
      from += step;
      x00 = v128.load(from);
      x01 = v128.load(from, 16);
      x10 = v128.load(from, 4);
      x11 = v128.load(from, 20);
      x20 = v128.load(from, 8);
      x21 = v128.load(from, 24);
      const last0 = Taps.add(middle0, c0, c1, c2, x00, x10, x20);
      const last1 = Taps.add(middle1, c0, c1, c2, x01, x11, x21);
      v128.store(to, f32x4.add(last0, biases));
      v128.store(to, f32x4.add(last1, biases), 16);
      middle0 = Taps.add(upper0, b0, b1, b2, x00, x10, x20);
      middle1 = Taps.add(upper1, b0, b1, b2, x01, x11, x21);
      upper0 = Taps.add(zero, a0, a1, a2, x00, x10, x20);
      upper1 = Taps.add(zero, a0, a1, a2, x01, x11, x21);
    }
  }
}

export class OneChannel {
  /** Whether this is the way. */
  static isIt(g: Conv): bool {
    const is3x3 = g.KH == 3 && g.KW == 3 && g.dilationH == 1 && g.dilationW == 1;
    return is3x3 && g.C == 1 && g.strideH == 1 && g.strideW == 1 && g.OW >= COLUMNS;
  }

  /** Some channels of out from a plane. */
  static channels(out: usize, plane: usize, channel: i32, count: i32, g: Conv): void {
    const step = (<usize>g.pitch) << 2;
    let weights = g.weight + <usize>channel * 36;
    for (const end = channel + count; channel < end; channel++, weights += 36) {
      // -0 added changes nothing, not even -0.
      const bias: f32 = g.bias ? load<f32>(g.bias + (channel << 2)) : -0.0;
      oneChannel3x3(out, g.OH, g.OW, plane, step, weights, bias);
      out += (<usize>g.p) << 2;
    }
  }
}
