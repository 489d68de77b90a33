import { dots } from './build/tiles';
import { Conv, Split } from './conv2d';
import { OneChannel } from './conv2d-one-channel';
import { Planes } from './conv2d-planes';
import { Lanes } from './lanes';
import { TileWidth } from './tile-width';

/*
 * dWeight by dot products along the pixels, for few output channels to a group: x and dOut are
 * read eight pixels at a time, and a sum is eight lanes until the very end. Neither is transposed;
 * only where a row of windows is no multiple of eight, dOut is copied with zeros behind each
 * row. The sums are [output channel][k][lane].
 */

/** Pixels in a run, on narrow tiles as on wide ones: the lanes decide about bits. */
export const RUN: i32 = 8;

export class DotRoute {
  /** Runs in a row. */
  @inline static runsInRow(g: Conv): i32 {
    return Split.up(g.OW, RUN);
  }

  /**
   * Whether this route is the cheaper one. A step of an outer product costs nearly the same for
   * one output channel as for 16; here each channel costs half a cycle a run and tap.
   */
  static isCheaper(g: Conv): bool {
    return g.groupOC * DotRoute.runsInRow(g) * RUN < 13 * g.OW;
  }

  /** Floats of one group's sums. */
  static sumFloats(g: Conv): usize {
    return <usize>g.groupOC * <usize>(g.k * RUN);
  }

  /** Runs in an image. */
  @inline static runCount(g: Conv): i32 {
    return g.OH * DotRoute.runsInRow(g);
  }

  /** For each run its first pixel's distance in bytes from the first, in the planes. */
  static runTable(to: usize, g: Conv): void {
    for (let i = 0; i < g.OH; i++) {
      for (let j = 0; j < g.OW; j += RUN, to += 4) store<i32>(to, (i * g.pitch + j) << 2);
    }
  }

  @inline static isWhole(g: Conv): bool {
    return g.OW % RUN == 0;
  }

  static scratchBytes(g: Conv): usize {
    if (OneChannel.isIt(g)) return g.planesBytes + OneChannel.dotsBytes(g);
    const filled = DotRoute.isWhole(g) ? 0 : g.groupOC * DotRoute.runCount(g) * RUN;
    return g.planesBytes + ((<usize>filled) << 2);
  }

  /** Taps of a tile with 1 or 2 channels: its sums, pairs of vectors, and what feeds them. */
  @inline static tapsAtOnce(channels: i32): i32 {
    if (TileWidth.columns == 16) return channels == 1 ? 12 : 6;
    return channels == 1 ? 6 : 2;
  }

  /** Adds one image's share to `sums`; `isAgain` as of Planes.of. */
  static image(
    g: Conv,
    x: usize,
    dOut: usize,
    sums: usize,
    taps: usize,
    runs: usize,
    scratch: usize,
    isAgain: bool,
  ): void {
    const planes = Planes.of(x, scratch, g, isAgain);
    if (OneChannel.isIt(g)) {
      OneChannel.dots(sums, planes, dOut, scratch + g.planesBytes, isAgain, g);
      return;
    }
    const rows = DotRoute.isWhole(g) ? dOut : scratch + g.planesBytes;
    if (!DotRoute.isWhole(g)) DotRoute.fillRows(rows, dOut, g);
    const count = DotRoute.runCount(g);
    const rowStep = (<usize>(count * RUN)) << 2;
    const sumsStep = (<usize>(g.k * RUN)) << 2;
    for (let o = 0; o < g.groupOC;) {
      const channels = min(g.groupOC - o, 2);
      const tapsAtOnce = DotRoute.tapsAtOnce(channels);
      const tiles = Split.up(g.k, tapsAtOnce);
      for (let tile = 0; tile < tiles; tile++) {
        const tap = Split.firstRow(tile, tiles, g.k);
        dots(
          channels,
          Split.firstRow(tile + 1, tiles, g.k) - tap,
          sums + <usize>o * sumsStep + ((<usize>(tap * RUN)) << 2),
          sumsStep,
          planes,
          taps + (tap << 2),
          runs,
          count,
          rows + <usize>o * rowStep,
          rowStep,
        );
      }
      o += channels;
    }
  }

  /** Copies one group of dOut; its rows are filled up to whole runs. */
  static fillRows(to: usize, dOut: usize, g: Conv): void {
    const whole = g.OW & ~(RUN - 1);
    const rest = (<usize>(g.OW - whole)) << 2;
    for (let row = g.groupOC * g.OH; row > 0; row--) {
      for (let j = 0; j < whole; j += RUN, to += 32, dOut += 32) {
        v128.store(to, v128.load(dOut));
        v128.store(to, v128.load(dOut, 16), 16);
      }
      v128.store(to, f32x4.splat(0));
      v128.store(to, f32x4.splat(0), 16);
      for (let j: usize = 0; j < rest; j += 4) store<f32>(to + j, load<f32>(dOut + j));
      to += 32;
      dOut += rest;
    }
  }

  /** One group's dWeight `[groupOC, k]` from its sums. */
  static finish(dWeight: usize, sums: usize, g: Conv): void {
    for (let i = g.groupOC * g.k; i > 0; i--, dWeight += 4, sums += 32) {
      store<f32>(dWeight, Lanes.sum(f32x4.add(v128.load(sums), v128.load(sums, 16))));
    }
  }
}
