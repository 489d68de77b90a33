import { channelColumns1, channelColumns2, channelDots1, channelDots2 } from './build/tiles';
import { Conv } from './conv2d';
import { TileWidth } from './tile-width';
import { Plane } from './window';

/*
 * Where an output channel sees one input channel, by windows of 3×3 with stride 1: depthwise layers,
 * and the first one of grey images. Nine products to an output are few beside what a tile takes to
 * begin and to end, and beside the tables that lead to its pixels. So forward the weights stay in
 * registers, and for the weights' gradient their sums do, and rows of pixels pass by. Forward, terms
 * are added in the order of conv2d-forward.ts, so the bits are the same.
 */

/** Columns that are taken at once. */
const COLUMNS: i32 = 8;

export class OneChannel {
  /** Whether this is the way. */
  static isIt(g: Conv): bool {
    const is3x3 = g.KH == 3 && g.KW == 3 && g.dilationH == 1 && g.dilationW == 1;
    return is3x3 && g.C == 1 && g.strideH == 1 && g.strideW == 1 && g.OW >= COLUMNS;
  }

  /** Some channels of out from a plane. */
  static channels(out: usize, plane: usize, channel: i32, count: i32, g: Conv): void {
    const step = (<usize>g.pitch) << 2;
    const outStep = (<usize>g.OW) << 2;
    let weights = g.weight + <usize>channel * 36;
    for (const end = channel + count; channel < end; channel++, weights += 36) {
      // Adding -0 changes nothing, not even -0.
      const bias: f32 = g.bias ? load<f32>(g.bias + (channel << 2)) : -0.0;
      for (let column = 0; column < g.OW; column += COLUMNS) {
        // The last columns may repeat some of those before.
        column = min(column, g.OW - COLUMNS);
        const at = column << 2;
        const end = out + at + outStep * g.OH;
        if (TileWidth.columns == 16) {
          channelColumns2(out + at, outStep, end, plane + at, step, weights, bias);
        } else {
          channelColumns1(out + at, outStep, end, plane + at, step, weights, bias);
          channelColumns1(out + at + 16, outStep, end + 16, plane + at + 16, step, weights, bias);
        }
      }
      out += (<usize>g.p) << 2;
    }
  }

  /** Bytes of one channel of dOut with zeros around it. */
  static dotsBytes(g: Conv): usize {
    return (<usize>((g.OH + 4) * g.columns)) << 2;
  }

  /**
   * Adds the sums of a group's output channels, from rows of dOut filled up to whole tiles, two rows of
   * zeros above and below them; `to` holds those rows, and `isAgain` says that the zeros are there.
   */
  static dots(sums: usize, planes: usize, dOut: usize, to: usize, isAgain: bool, g: Conv): void {
    const dStep = (<usize>g.columns) << 2;
    const xStep = (<usize>g.pitch) << 2;
    const rowBytes = (<usize>g.OW) << 2;
    if (!isAgain) memory.fill(to, 0, OneChannel.dotsBytes(g));
    for (let o = 0; o < g.groupOC; o++, sums += 9 * 32, dOut += (<usize>g.p) << 2) {
      Plane.copy(to + 2 * dStep, dStep, dOut, rowBytes, g.OH, g.OW, 1);
      for (let at: usize = 0; at < dStep; at += 32) {
        if (TileWidth.columns == 16) {
          channelDots2(sums, to + at, dStep, planes + at, xStep, g.OH + 2);
        } else {
          channelDots1(sums, to + at, dStep, planes + at, xStep, g.OH + 2);
          channelDots1(sums + 16, to + at + 16, dStep, planes + at + 16, xStep, g.OH + 2);
        }
      }
    }
  }
}
