import { Conv } from './conv2d';
import { Lanes } from './lanes';

/*
 * The cases that conv2d-winograd.ts cannot decide. Its sums and differences of pixels and of
 * weights may overflow where no product of the convolution does, and make NaN of an infinity. An
 * overflow never becomes finite again on the way to a result, and a result shares nothing with
 * those whose windows don't see the pixel: so what came out finite is right, and whatever did not
 * is summed once more here, directly. That depends on nothing but the numbers, and costs a
 * subtraction where all is well.
 *
 * Sums that are NaN already are given up early: a training that has diverged shall not crawl.
 */
export class Overflow {
  /** Ones in the lanes that are infinite or NaN. */
  @inline static lanes(v: v128): v128 {
    const nothing = Overflow.trace(v);
    return f32x4.ne(nothing, nothing);
  }

  /** 0 in finite lanes, NaN in others; a sum of traces keeps them. */
  @inline static trace(v: v128): v128 {
    return f32x4.sub(v, v);
  }

  @inline static shows(trace: v128): bool {
    return v128.any_true(f32x4.ne(trace, trace));
  }

  /** Where a row of a plane lies, or 0 if it is padding. */
  @inline static row(plane: usize, h: i32, g: Conv): usize {
    return h < 0 || h >= g.H ? 0 : plane + ((h * g.W) << 2);
  }

  @inline static pixel(row: usize, w: i32, g: Conv): f32 {
    return row == 0 || w < 0 || w >= g.W ? 0 : load<f32>(row + (w << 2));
  }

  /** Four pixels from column w on; padding is 0. */
  @inline static pixels(row: usize, w: i32, g: Conv): v128 {
    if (row != 0 && w >= 0 && w + 4 <= g.W) return v128.load(row + (w << 2));
    return f32x4(
      Overflow.pixel(row, w, g),
      Overflow.pixel(row, w + 1, g),
      Overflow.pixel(row, w + 2, g),
      Overflow.pixel(row, w + 3, g),
    );
  }

  /** Some rows of the plane of one output channel of one image, each OW ≥ 4 long. */
  static outputs(
    plane: usize,
    image: i32,
    channel: i32,
    fromRow: i32,
    toRow: i32,
    bias: f32,
    g: Conv,
  ): void {
    // Beside a bias of NaN everything is.
    if (bias != bias) return;
    const last = g.OW - 4;
    let out = plane + ((<usize>(fromRow * g.OW)) << 2);
    for (let i = fromRow; i < toRow; i++, out += g.OW << 2) {
      for (let j = 0; j < g.OW; j += 4) {
        const column = min(j, last);
        const at = out + (column << 2);
        const before = v128.load(at);
        const wrong = Overflow.lanes(before);
        if (!v128.any_true(wrong)) continue;
        const sums = Overflow.windows(image, channel, i, column, wrong, g);
        v128.store(at, v128.bitselect(f32x4.add(sums, f32x4.splat(bias)), before, wrong));
      }
    }
  }

  /** The sums of four neighbouring windows, of which the `wanted` ones are needed. */
  static windows(image: i32, channel: i32, i: i32, j: i32, wanted: v128, g: Conv): v128 {
    // The mirrored convolution finds its rows among the columns, with flipped taps.
    let weight = g.weight + <usize>(g.flipped ? channel * 36 + 32 : channel * g.C * 36);
    const channelStep: usize = g.flipped ? <usize>g.OC * 36 : 36;
    const tapStep: isize = g.flipped ? -4 : 4;
    let plane = g.input(image, 0);
    let sums = f32x4.splat(0);
    for (let c = 0; c < g.C; c++, plane += (g.H * g.W) << 2, weight += channelStep) {
      let tap = weight;
      for (let kh = 0; kh < 3; kh++) {
        const row = Overflow.row(plane, i + kh - g.padTop, g);
        for (let kw = 0; kw < 3; kw++, tap += <usize>tapStep) {
          const pixels = Overflow.pixels(row, j + kw - g.padLeft, g);
          sums = Lanes.madd(v128.load32_splat(tap), pixels, sums);
        }
      }
      if (!v128.any_true(v128.andnot(wanted, f32x4.ne(sums, sums)))) break;
    }
    return sums;
  }

  /** The nine weights' gradients of one pair of channels. */
  static weights(o: i32, c: i32, g: Conv): void {
    let to = g.weight + ((<usize>(o * g.k + c * 9)) << 2);
    for (let kh = 0; kh < 3; kh++) {
      for (let kw = 0; kw < 3; kw++, to += 4) {
        const before = load<f32>(to);
        if (before - before != 0) store<f32>(to, Overflow.weight(o, c, kh, kw, g));
      }
    }
  }

  /** Σ dOut·x over all images and pixels. */
  static weight(o: i32, c: i32, kh: i32, kw: i32, g: Conv): f32 {
    const whole = g.OW & ~3;
    let total: f64 = 0;
    for (let image = 0; image < g.N; image++) {
      let dOut = g.output(image, 0) + ((<usize>o * <usize>g.p) << 2);
      const plane = g.input(image, 0) + ((<usize>c * <usize>(g.H * g.W)) << 2);
      for (let i = 0; i < g.OH; i++, dOut += g.OW << 2) {
        const row = Overflow.row(plane, i + kh - g.padTop, g);
        let sums = f32x4.splat(0);
        for (let j = 0; j < whole; j += 4) {
          const pixels = Overflow.pixels(row, j + kw - g.padLeft, g);
          sums = Lanes.madd(v128.load(dOut + (j << 2)), pixels, sums);
        }
        let rest: f32 = 0;
        for (let j = whole; j < g.OW; j++) {
          rest += load<f32>(dOut + (j << 2)) * Overflow.pixel(row, j + kw - g.padLeft, g);
        }
        total += <f64>Lanes.sum(sums) + <f64>rest;
        if (total != total) return NaN;
      }
    }
    return <f32>total;
  }
}
