import { scatter } from './build/tiles';
import { Conv, Split, Tables } from './conv2d';
import {
  conv2dForwardPackPart,
  conv2dForwardPackParts,
  conv2dForwardPart,
  conv2dForwardParts,
  conv2dForwardPrepare,
  conv2dForwardScratchBytes,
  conv2dForwardSharedBytes,
} from './conv2d-forward';
import { Planes } from './conv2d-planes';
import { Winograd } from './conv2d-winograd';
import { reluBackward } from './elementwise';
import { Lanes } from './lanes';
import { TileWidth } from './tile-width';

/*
 * dX on one of two routes.
 *
 * Mirrored: with stride 1, dX is the convolution of dOut with the taps of the weights flipped, channels
 * and output channels changed over, and as much padding as dX needs. That is the forward kernel's
 * work; but it multiplies the padding, too.
 *
 * Scattered: dX is the fold of dU = Wᵀ·dOut, and the fold is virtual too: a tile of dU is added straight to
 * the planes of dX, at tap + pixel. A tile's rows are the channels under one and the same tap
 * (kh, kw), so they never meet in a pixel. Tap after tap goes over the whole image: each pixel
 * takes its terms in the order of the taps, however the image is cut in runs.
 *
 * dOut is packed first as [pair of runs][output channel][pixel], rows filled up with zeros to whole
 * runs, and the weights as [group][tile of channels][tap][output channel][row].
 */

const MAX_PARTS: i32 = 32;

/** The mirrored convolution, whose block lies behind the caller's. */
class Mirror {
  /**
   * Whether that costs less than scattering, which reads and writes dX once more for each tap. Rows
   * are counted in runs of eight, whatever the tile: the route decides about bits.
   */
  static isCheaper(g: Conv): bool {
    if (g.strideH != 1 || g.strideW != 1) return false;
    if (Winograd.isCheaper(g)) return true;
    const mirrored = <i64>(g.H * Split.up(g.W, 8)) * g.groupOC;
    return mirrored <= <i64>(g.OH * Split.up(g.OW, 8)) * (g.groupOC + 3);
  }

  /** Fills the block in and lays it out. */
  static of(block: usize): usize {
    const g = changetype<Conv>(block);
    const mirror = block + offsetof<Conv>();
    const m = changetype<Conv>(mirror);
    m.N = g.N;
    m.OC = g.groups * g.C;
    m.groups = g.groups;
    m.C = g.groupOC;
    m.H = g.OH;
    m.W = g.OW;
    m.KH = g.KH;
    m.KW = g.KW;
    m.OH = g.H;
    m.OW = g.W;
    m.strideH = 1;
    m.strideW = 1;
    m.padTop = (g.KH - 1) * g.dilationH - g.padTop;
    m.padLeft = (g.KW - 1) * g.dilationW - g.padLeft;
    m.dilationH = g.dilationH;
    m.dilationW = g.dilationW;
    m.out = g.x;
    m.x = g.out;
    m.bias = 0;
    m.flipped = 1;
    m.activation = 0;
    m.pooled = 0;
    m.saved = g.saved;
    m.weight = g.weight;
    m.shared = g.shared;
    if (Winograd.isCheaper(m)) return mirror;
    m.weight = g.shared;
    m.shared = g.shared + Mirror.weightBytes(g);
    return mirror;
  }

  @inline static weightBytes(g: Conv): usize {
    return (<usize>g.OC * <usize>g.k) << 2;
  }

  /** to[c, o, tap] = weight[o, c, last tap - tap], group by group. */
  static flipWeights(to: usize, g: Conv): void {
    const tapCount = g.KH * g.KW;
    const groupOC = g.groupOC;
    for (let group = 0; group < g.groups; group++) {
      for (let c = 0; c < g.C; c++) {
        for (let o = group * groupOC; o < (group + 1) * groupOC; o++) {
          const from = g.weight + ((<usize>o * <usize>g.k + c * tapCount) << 2);
          for (let tap = tapCount - 1; tap >= 0; tap--, to += 4) {
            store<f32>(to, load<f32>(from + (tap << 2)));
          }
        }
      }
    }
  }
}

class Scatter {
  static layOut(block: usize): Conv {
    const g = changetype<Conv>(block);
    g.flatten();
    g.vectors = TileWidth.vectors(g.C);
    g.layOut(g.wholeRuns);
    return g;
  }

  @inline static taps(g: Conv): usize {
    return g.shared + ((<usize>g.pairs) << 4);
  }

  @inline static weights(g: Conv): usize {
    return Scatter.taps(g) + ((<usize>g.k) << 2);
  }

  static packWeights(to: usize, g: Conv): void {
    const groupOC = g.groupOC;
    const tiles = Split.tiles(g.C);
    const tapCount = g.KH * g.KW;
    for (let group = 0; group < g.groups; group++) {
      const weight = g.weight + ((<usize>(group * groupOC) * <usize>g.k) << 2);
      for (let tile = 0; tile < tiles; tile++) {
        const first = Split.firstRow(tile, tiles, g.C);
        const rows = Split.firstRow(tile + 1, tiles, g.C) - first;
        const tapStep = (<usize>(groupOC * rows)) << 2;
        for (let o = 0; o < groupOC; o++) {
          let from = weight + ((<usize>o * <usize>g.k + first * tapCount) << 2);
          for (let row = 0; row < rows; row++) {
            let at = to + ((o * rows + row) << 2);
            for (let tap = tapCount; tap > 0; tap--, from += 4, at += tapStep) {
              store<f32>(at, load<f32>(from));
            }
          }
        }
        to += <usize>tapCount * tapStep;
      }
    }
  }

  /** One image and group of dOut. */
  static packPanels(to: usize, dOut: usize, g: Conv): void {
    const run = g.run;
    const perRow = Split.up(g.columns, run);
    const count = g.OH * perRow;
    const channelStep = (<usize>g.p) << 2;
    const panelRow = (<usize>run) << 3;
    for (let i = 0; i < g.pairs * 2; i++) {
      const column = (i % perRow) * run;
      // The last pair may have only one run.
      const width = i < count ? min(run, g.OW - column) : 0;
      let from = dOut + (((i / perRow) * g.OW + column) << 2);
      let row = to + <usize>(i >> 1) * <usize>g.groupOC * panelRow + ((<usize>(i & 1)) << 2) * run;
      for (let o = 0; o < g.groupOC; o++, from += channelStep, row += panelRow) {
        Scatter.packRun(row, from, width, run);
      }
    }
  }

  @inline static packRun(to: usize, from: usize, width: i32, run: i32): void {
    if (width == run) {
      v128.store(to, v128.load(from));
      if (run == 8) v128.store(to, v128.load(from, 16), 16);
      return;
    }
    Lanes.fill(to, 0, run);
    for (let j = 0; j < width << 2; j += 4) store<f32>(to + j, load<f32>(from + j));
  }

  static image(g: Conv, image: i32, group: i32, panels: usize, scratch: usize): void {
    const dX = g.input(image, group);
    const planes = g.inPlace ? dX : scratch;
    const groupOC = g.groupOC;
    const channelBytes = g.channelBytes;
    memory.fill(planes, 0, <usize>g.C * channelBytes);
    Scatter.packPanels(panels, g.output(image, group), g);
    const tiles = Split.tiles(g.C);
    const tapCount = g.KH * g.KW;
    const pairs = g.pairs;
    const atOnce = g.pairsAtOnce;
    const panelBytes = (<usize>(groupOC * g.run * 2)) << 2;
    let weights = Scatter.weights(g) + ((<usize>(group * groupOC) * <usize>g.k) << 2);
    for (let tile = 0; tile < tiles; tile++) {
      const row = Split.firstRow(tile, tiles, g.C);
      const rows = Split.firstRow(tile + 1, tiles, g.C) - row;
      let tap = Scatter.taps(g) + ((<usize>(row * tapCount)) << 2);
      for (let i = 0; i < tapCount; i++, tap += 4) {
        const to = planes + load<u32>(tap);
        for (let pair = 0; pair < pairs; pair += atOnce) {
          scatter(
            rows,
            g.vectors,
            to,
            channelBytes,
            g.shared + (pair << 4),
            atOnce,
            weights,
            panels + <usize>pair * panelBytes,
            groupOC,
          );
        }
        weights += (<usize>(rows * groupOC)) << 2;
      }
    }
    if (!g.inPlace) Planes.back(dX, planes, g);
    if (g.saved) reluBackward(dX, dX, g.saved + (dX - g.x), g.C * g.H * g.W);
  }
}

export function conv2dBackwardInputParts(block: usize): i32 {
  const g = changetype<Conv>(block);
  if (Mirror.isCheaper(g)) return conv2dForwardParts(Mirror.of(block));
  return Split.parts(g, MAX_PARTS);
}

/** Bytes of the area that all parts read. */
export function conv2dBackwardInputSharedBytes(block: usize): usize {
  const g = Scatter.layOut(block);
  if (Mirror.isCheaper(g)) {
    return Mirror.weightBytes(g) + conv2dForwardSharedBytes(Mirror.of(block));
  }
  return Scatter.weights(g) - g.shared + ((<usize>g.OC * <usize>g.k) << 2);
}

/** Bytes of scratch that one part at a time needs. */
export function conv2dBackwardInputScratchBytes(block: usize): usize {
  const g = Scatter.layOut(block);
  if (Mirror.isCheaper(g)) return conv2dForwardScratchBytes(Mirror.of(block));
  return g.planesBytes + ((<usize>g.pairs * <usize>(g.groupOC * g.run * 2)) << 2);
}

export function conv2dBackwardInputPrepare(block: usize): void {
  const g = Scatter.layOut(block);
  if (Mirror.isCheaper(g)) {
    conv2dForwardPrepare(Mirror.of(block));
    return;
  }
  Tables.runs(g.shared, g);
  Tables.taps(Scatter.taps(g), g);
}

/** Parts that pack the weights, after `Prepare`. */
export function conv2dBackwardInputPackParts(block: usize): i32 {
  if (!Mirror.isCheaper(changetype<Conv>(block))) return 1;
  return conv2dForwardPackParts(block + offsetof<Conv>());
}

export function conv2dBackwardInputPackPart(block: usize, part: i32, scratch: usize): void {
  const g = changetype<Conv>(block);
  if (!Mirror.isCheaper(g)) {
    Scatter.packWeights(Scatter.weights(g), g);
    return;
  }
  const mirror = block + offsetof<Conv>();
  if (!Winograd.isCheaper(changetype<Conv>(mirror))) Mirror.flipWeights(g.shared, g);
  conv2dForwardPackPart(mirror, part, scratch);
}

export function conv2dBackwardInputPart(block: usize, part: i32, scratch: usize): void {
  const g = changetype<Conv>(block);
  if (Mirror.isCheaper(g)) {
    conv2dForwardPart(block + offsetof<Conv>(), part, scratch);
    return;
  }
  const parts = Split.parts(g, MAX_PARTS);
  const end = Split.first(part + 1, parts, g.N);
  for (let image = Split.first(part, parts, g.N); image < end; image++) {
    for (let group = 0; group < g.groups; group++) {
      Scatter.image(g, image, group, scratch + g.planesBytes, scratch);
    }
  }
}
