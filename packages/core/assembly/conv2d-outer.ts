import { correlate } from './build/tiles';
import { Conv, Split } from './conv2d';
import { Planes } from './conv2d-planes';
import { Panel } from './conv2d-panel';
import { TileWidth } from './tile-width';

/*
 * dWeight by outer products: taps are a tile's rows, output channels its columns, and pixels are
 * summed over. dOut is transposed first, to panels [pixel][output channel] as wide as the tile.
 * The sums are [group][k][output channel], channels filled up to whole tiles.
 */
export class OuterRoute {
  /** Columns of the tile for the next of `count` channels. */
  @inline static tileWidth(count: i32): i32 {
    if (count > 8) return TileWidth.columns;
    return count > 4 ? 8 : 4;
  }

  /** A group's output channels, filled up to whole tiles. */
  static filledOC(g: Conv): i32 {
    let filled = 0;
    while (filled < g.groupOC) filled += OuterRoute.tileWidth(g.groupOC - filled);
    return filled;
  }

  /** Floats of one group's sums. */
  static sumFloats(g: Conv): usize {
    return <usize>g.k * <usize>OuterRoute.filledOC(g);
  }

  /** Entries of the table `steps`. */
  @inline static stepCount(g: Conv): i32 {
    return g.p;
  }

  /** For each window the bytes from its pixel to the next one's, in the planes. */
  static steps(to: usize, g: Conv): void {
    for (let i = 0; i < g.OH; i++) {
      for (let j = 1; j < g.OW; j++, to += 4) store<i32>(to, 4);
      const toNextRow = g.pitch - g.OW + 1;
      store<i32>(to, i + 1 < g.OH ? toNextRow << 2 : 0);
      to += 4;
    }
  }

  static scratchBytes(g: Conv): usize {
    return g.planesBytes + ((<usize>(g.p * OuterRoute.tileWidth(g.groupOC))) << 2);
  }

  /** Adds one image's share to `sums`; `isAgain` as of Planes.of. */
  static image(
    g: Conv,
    x: usize,
    dOut: usize,
    sums: usize,
    taps: usize,
    steps: usize,
    scratch: usize,
    isAgain: bool,
  ): void {
    const planes = Planes.of(x, scratch, g, isAgain);
    const panel = scratch + g.planesBytes;
    const sumsStep = (<usize>OuterRoute.filledOC(g)) << 2;
    const tiles = Split.tiles(g.k);
    for (let o = 0; o < g.groupOC;) {
      const width = OuterRoute.tileWidth(g.groupOC - o);
      const channels = min(width, g.groupOC - o);
      const from = dOut + ((<usize>o * <usize>g.p) << 2);
      Panel.pack(panel, from, (<usize>g.p) << 2, g.p, channels, width);
      for (let tile = 0; tile < tiles; tile++) {
        const tap = Split.firstRow(tile, tiles, g.k);
        const rows = Split.firstRow(tile + 1, tiles, g.k) - tap;
        correlate(
          rows,
          width >> 2,
          sums + <usize>tap * sumsStep + (o << 2),
          sumsStep,
          planes,
          taps + (tap << 2),
          steps,
          g.p,
          panel,
        );
      }
      o += width;
    }
  }

  /** One group's dWeight `[groupOC, k]` from its sums. */
  static finish(dWeight: usize, sums: usize, g: Conv): void {
    const step = (<usize>OuterRoute.filledOC(g)) << 2;
    for (let o = 0; o < g.groupOC; o++) {
      let from = sums + (o << 2);
      for (let tap = g.k; tap > 0; tap--, dWeight += 4, from += step) {
        store<f32>(dWeight, load<f32>(from));
      }
    }
  }
}
