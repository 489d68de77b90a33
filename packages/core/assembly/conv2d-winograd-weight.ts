import { correlate } from './build/tiles';
import { Conv, MAX_ROWS, Split } from './conv2d';
import { Bias } from './conv2d-bias';
import { Overflow } from './conv2d-overflow';
import { Panel } from './conv2d-panel';
import { ELEMENTS, Winograd } from './conv2d-winograd';
import { Lanes } from './lanes';
import { TileWidth } from './tile-width';

/*
 * dWeight where forward is conv2d-winograd.ts's: the derivative of its formula by g,
 *
 *     dg = Gᵀ [ Σ over tiles of (A dy Aᵀ) ⊙ (Bᵀ d B) ] G
 *
 * with dy the tile's 2×2 of dOut. So for each of the 16 elements the sums S[e] [channel, output
 * channel] are a matrix product V[e]·D[e] over the tiles: V as forward makes it, D [tile, output
 * channel] from dOut, which is transposed first.
 *
 * Parts are image ranges, each with sums of its own, while these are small; the more channels, the
 * fewer ranges, which share out the output channels instead and make V once each.
 */

const MAX_IMAGE_PARTS: i32 = 8;
const ENOUGH_PARTS: i32 = 4;
/** Pairs of channels whose weights a part writes at the end, at least. */
const FINISH_WEIGHTS: i32 = 4096;
/** All image ranges' sums together. */
const SUMS_FLOATS: i32 = 1 << 21;
/**
 * Floats of V and D in a block: what the second-level cache holds; or, as each block reads and writes
 * all of S, as many as there are in S.
 */
const MIN_BLOCK_FLOATS: i32 = 1 << 18;
const MAX_BLOCK_FLOATS: i32 = 1 << 20;

export class WinogradWeight {
  static layOut(g: Conv): void {
    const sumFloats = ELEMENTS * min(g.C * g.OC, MAX_BLOCK_FLOATS / ELEMENTS);
    const floats = max(MIN_BLOCK_FLOATS, sumFloats);
    Winograd.layOut(g, floats / (ELEMENTS * (g.C + g.OC)));
  }

  /** Parts by images. */
  static imageParts(g: Conv): i32 {
    const fitting = max(1, SUMS_FLOATS / (ELEMENTS * g.C * g.OC));
    return min(min(Winograd.blocks(g), fitting), Split.worthwhile(g, MAX_IMAGE_PARTS));
  }

  /** Panels of output channels, as wide as a tile. */
  @inline static panels(g: Conv): i32 {
    return Split.up(g.OC, TileWidth.columns);
  }

  /** Parts of each of these, by output channels. */
  @inline static slices(g: Conv): i32 {
    const most = min(ENOUGH_PARTS, Split.worthwhile(g, ENOUGH_PARTS));
    return min(WinogradWeight.panels(g), Split.up(most, WinogradWeight.imageParts(g)));
  }

  static parts(g: Conv): i32 {
    return WinogradWeight.imageParts(g) * WinogradWeight.slices(g);
  }

  /** Bytes from one channel of S to the next. */
  @inline static rowBytes(g: Conv): usize {
    return (<usize>(WinogradWeight.panels(g) * TileWidth.columns)) << 2;
  }

  /** Bytes from one element of S to the next: an odd number of cache lines. */
  @inline static elementBytes(g: Conv): usize {
    return ((<usize>g.C * WinogradWeight.rowBytes(g) + 63) & ~63) | 64;
  }

  /** Bytes of one image range: S, and the bias. */
  static sumBytes(g: Conv): usize {
    return <usize>ELEMENTS * WinogradWeight.elementBytes(g) + Bias.bytes(g);
  }

  /** Where those of the bias begin. */
  @inline static biasSums(g: Conv, sums: usize): usize {
    return sums + <usize>ELEMENTS * WinogradWeight.elementBytes(g);
  }

  /** The tables of `correlate`: rows of V in a tile, and the way from tile to tile. */
  @inline static steps(g: Conv): usize {
    return g.shared + MAX_ROWS * 4;
  }

  /** The sums of an image range. */
  @inline static sums(g: Conv, imagePart: i32): usize {
    const tables = WinogradWeight.steps(g) + ((<usize>Winograd.blockTiles(g)) << 2);
    return ((tables + 63) & ~63) + <usize>imagePart * WinogradWeight.sumBytes(g);
  }

  static sharedBytes(g: Conv): usize {
    return WinogradWeight.sums(g, WinogradWeight.imageParts(g)) - g.shared;
  }

  /** Floats of D for one panel of one element. */
  @inline static panelFloats(g: Conv): i32 {
    return Winograd.blockTiles(g) * TileWidth.columns;
  }

  /** Floats from one element of D to the next: an odd number of cache lines. */
  @inline static gradientPitch(g: Conv): i32 {
    return (WinogradWeight.panels(g) * WinogradWeight.panelFloats(g)) | 16;
  }

  static scratchBytes(g: Conv): usize {
    const transposed = (Split.up(Winograd.tileRows(g), g.bands) << 1) * g.OW * TileWidth.columns;
    const gradients = ELEMENTS * WinogradWeight.gradientPitch(g);
    return g.planesBytes + ((<usize>(Winograd.inputFloats(g) + gradients + transposed)) << 2);
  }

  static prepare(g: Conv): void {
    for (let r = 0; r < MAX_ROWS; r++) {
      store<i32>(g.shared + (r << 2), (r * Winograd.pitch(g)) << 2);
    }
    const steps = WinogradWeight.steps(g);
    for (let t = 0; t < Winograd.blockTiles(g); t++) store<i32>(steps + (t << 2), 4);
  }

  static part(g: Conv, part: i32, scratch: usize): void {
    const slices = WinogradWeight.slices(g);
    const slice = part % slices;
    const imagePart = part / slices;
    const panels = WinogradWeight.panels(g);
    const fromPanel = Split.first(slice, slices, panels);
    const toPanel = Split.first(slice + 1, slices, panels);
    const sums = WinogradWeight.sums(g, imagePart);
    const rowBytes = WinogradWeight.rowBytes(g);
    const column = (<usize>(fromPanel * TileWidth.columns)) << 2;
    const columnBytes = (<usize>((toPanel - fromPanel) * TileWidth.columns)) << 2;
    for (let element = 0; element < ELEMENTS; element++) {
      let row = sums + <usize>element * WinogradWeight.elementBytes(g) + column;
      for (let c = 0; c < g.C; c++, row += rowBytes) memory.fill(row, 0, columnBytes);
    }
    const imageParts = WinogradWeight.imageParts(g);
    const blocks = Winograd.blocks(g);
    const first = Split.first(imagePart, imageParts, blocks);
    const end = Split.first(imagePart + 1, imageParts, blocks);
    for (let block = first; block < end; block++) {
      WinogradWeight.block(g, block, block == first, fromPanel, toPanel, sums, scratch);
    }
    if (g.bias && slice == 0) WinogradWeight.bias(g, first, end, WinogradWeight.biasSums(g, sums));
  }

  /** Sums dOut of the images that begin in these blocks. */
  static bias(g: Conv, first: i32, end: i32, sums: usize): void {
    memory.fill(sums, 0, Bias.bytes(g));
    for (let block = first; block < end; block++) {
      if (block % g.bands != 0) continue;
      const image = Winograd.image(block, g);
      for (let i = 0; i < Winograd.images(block, g); i++) Bias.add(g, image + i, sums);
    }
  }

  static block(
    g: Conv,
    block: i32,
    isFirst: bool,
    fromPanel: i32,
    toPanel: i32,
    sums: usize,
    scratch: usize,
  ): void {
    const input = scratch + g.planesBytes;
    const gradients = input + ((<usize>Winograd.inputFloats(g)) << 2);
    const elementBytes = (<usize>WinogradWeight.gradientPitch(g)) << 2;
    const transposed = gradients + elementBytes * ELEMENTS;
    Winograd.input(input, block, isFirst, scratch, g);
    const panelBytes = (<usize>WinogradWeight.panelFloats(g)) << 2;
    const images = Winograd.images(block, g);
    const fromRow = Winograd.fromRow(block, g);
    const toRow = Winograd.toRow(block, g);
    const tiles = (toRow - fromRow) * Winograd.tileColumns(g);
    for (let panel = fromPanel; panel < toPanel; panel++) {
      let to = gradients + <usize>panel * panelBytes;
      for (let i = 0; i < images; i++, to += (<usize>(tiles * TileWidth.columns)) << 2) {
        const dOut = g.output(Winograd.image(block, g) + i, 0);
        Gradient.rows(to, elementBytes, dOut, panel, fromRow, toRow, transposed, g);
      }
    }
    const channelTiles = Split.tiles(g.C);
    const rowBytes = WinogradWeight.rowBytes(g);
    const inputBytes = (<usize>Winograd.elementPitch(g)) << 2;
    for (let element = 0; element < ELEMENTS; element++) {
      const elementSums = sums + <usize>element * WinogradWeight.elementBytes(g);
      const elementInput = input + <usize>element * inputBytes;
      for (let panel = fromPanel; panel < toPanel; panel++) {
        for (let tile = 0; tile < channelTiles; tile++) {
          const c = Split.firstRow(tile, channelTiles, g.C);
          correlate(
            Split.firstRow(tile + 1, channelTiles, g.C) - c,
            TileWidth.columns >> 2,
            elementSums + <usize>c * rowBytes + ((<usize>(panel * TileWidth.columns)) << 2),
            rowBytes,
            elementInput + ((<usize>(c * Winograd.pitch(g))) << 2),
            g.shared,
            WinogradWeight.steps(g),
            images * tiles,
            gradients + <usize>element * elementBytes + <usize>panel * panelBytes,
          );
        }
      }
    }
  }

  @inline static finishParts(g: Conv): i32 {
    return min(g.C, Split.up(g.C * g.OC, FINISH_WEIGHTS));
  }

  /**
   * dWeight of some channels, four output channels at a time, and in the first part dBias. Rows of S
   * are read as they lie: there is more of S than the second-level cache holds.
   */
  static finishPart(g: Conv, part: i32): void {
    const finishParts = WinogradWeight.finishParts(g);
    const end = Split.first(part + 1, finishParts, g.C);
    const parts = WinogradWeight.imageParts(g);
    const rowBytes = WinogradWeight.rowBytes(g);
    const elementBytes = WinogradWeight.elementBytes(g);
    const partBytes = WinogradWeight.sumBytes(g);
    const sums = WinogradWeight.sums(g, 0);
    for (let c = Split.first(part, finishParts, g.C); c < end; c++) {
      for (let o = 0; o < g.OC; o += 4) {
        const count = min(4, g.OC - o);
        const trace = Finish.fourChannels(
          g.weight + ((<usize>(o * g.k + c * 9)) << 2),
          (<usize>g.k) << 2,
          count,
          sums + <usize>c * rowBytes + (o << 2),
          elementBytes,
          parts,
          partBytes,
        );
        if (!Overflow.shows(trace)) continue;
        for (let i = 0; i < count; i++) Overflow.weights(o + i, c, g);
      }
    }
    if (!g.bias || part != 0) return;
    Bias.finish(g, 0, g.OC, WinogradWeight.biasSums(g, sums), parts, partBytes);
  }
}

/** A dy Aᵀ. */
class Gradient {
  /** D[element][tile][output channel] of one image's rows of tiles and one panel of channels. */
  static rows(
    to: usize,
    step: usize,
    dOut: usize,
    panel: i32,
    fromRow: i32,
    toRow: i32,
    transposed: usize,
    g: Conv,
  ): void {
    const width = TileWidth.columns;
    const channel = panel * width;
    const firstPixel = (fromRow << 1) * g.OW;
    const pixels = min(toRow << 1, g.OH) * g.OW - firstPixel;
    const from = dOut + ((<usize>channel * <usize>g.p + firstPixel) << 2);
    Panel.pack(transposed, from, (<usize>g.p) << 2, pixels, min(width, g.OC - channel), width);
    const pixelBytes = (<usize>width) << 2;
    const rowBytes = <usize>g.OW * pixelBytes;
    for (let row = fromRow; row < toRow; row++, transposed += rowBytes << 1) {
      const hasSecondRow = (row << 1) + 1 < g.OH;
      for (let column = 0; column < g.OW; column += 2) {
        const hasSecondColumn = column + 1 < g.OW;
        let at = transposed + <usize>column * pixelBytes;
        for (let v = 0; v < width; v += 4, at += 16, to += 16) {
          Gradient.fourChannels(to, step, at, pixelBytes, rowBytes, hasSecondColumn, hasSecondRow);
        }
      }
    }
  }

  /** One tile; what lies outside of dOut is 0. */
  @inline static fourChannels(
    to: usize,
    step: usize,
    from: usize,
    pixelBytes: usize,
    rowBytes: usize,
    hasSecondColumn: bool,
    hasSecondRow: bool,
  ): void {
    const zero = f32x4.splat(0);
    const y00 = v128.load(from);
    const y01 = hasSecondColumn ? v128.load(from + pixelBytes) : zero;
    const y10 = hasSecondRow ? v128.load(from + rowBytes) : zero;
    const y11 = hasSecondRow && hasSecondColumn ? v128.load(from + rowBytes + pixelBytes) : zero;
    Gradient.across(to, step, y00, y01);
    Gradient.across(to + step * 4, step, f32x4.add(y00, y10), f32x4.add(y01, y11));
    Gradient.across(to + step * 8, step, f32x4.sub(y00, y10), f32x4.sub(y01, y11));
    Gradient.across(to + step * 12, step, f32x4.neg(y10), f32x4.neg(y11));
  }

  @inline static across(to: usize, step: usize, left: v128, right: v128): void {
    v128.store(to, left);
    v128.store(to + step, f32x4.add(left, right));
    v128.store(to + step * 2, f32x4.sub(left, right));
    v128.store(to + step * 3, f32x4.neg(right));
  }
}

/** Gᵀ S G. */
class Finish {
  /**
   * Nine weights of up to four output channels. Elements of S lie `step` bytes apart.
   * @returns Overflow's trace.
   */
  static fourChannels(
    to: usize,
    toStep: usize,
    count: i32,
    from: usize,
    step: usize,
    parts: i32,
    partBytes: usize,
  ): v128 {
    // Across first: S G.
    const e00 = Finish.sum(from + step * 0, parts, partBytes);
    const e01 = Finish.sum(from + step * 1, parts, partBytes);
    const e02 = Finish.sum(from + step * 2, parts, partBytes);
    const e03 = Finish.sum(from + step * 3, parts, partBytes);
    const s00 = Finish.outer(e00, e01, e02);
    const s01 = Finish.middle(e01, e02);
    const s02 = Finish.outer(e03, e01, e02);
    const e10 = Finish.sum(from + step * 4, parts, partBytes);
    const e11 = Finish.sum(from + step * 5, parts, partBytes);
    const e12 = Finish.sum(from + step * 6, parts, partBytes);
    const e13 = Finish.sum(from + step * 7, parts, partBytes);
    const s10 = Finish.outer(e10, e11, e12);
    const s11 = Finish.middle(e11, e12);
    const s12 = Finish.outer(e13, e11, e12);
    const e20 = Finish.sum(from + step * 8, parts, partBytes);
    const e21 = Finish.sum(from + step * 9, parts, partBytes);
    const e22 = Finish.sum(from + step * 10, parts, partBytes);
    const e23 = Finish.sum(from + step * 11, parts, partBytes);
    const s20 = Finish.outer(e20, e21, e22);
    const s21 = Finish.middle(e21, e22);
    const s22 = Finish.outer(e23, e21, e22);
    const e30 = Finish.sum(from + step * 12, parts, partBytes);
    const e31 = Finish.sum(from + step * 13, parts, partBytes);
    const e32 = Finish.sum(from + step * 14, parts, partBytes);
    const e33 = Finish.sum(from + step * 15, parts, partBytes);
    const s30 = Finish.outer(e30, e31, e32);
    const s31 = Finish.middle(e31, e32);
    const s32 = Finish.outer(e33, e31, e32);
    const w0 = Finish.outer(s00, s10, s20);
    const w1 = Finish.outer(s01, s11, s21);
    const w2 = Finish.outer(s02, s12, s22);
    const w3 = Finish.middle(s10, s20);
    const w4 = Finish.middle(s11, s21);
    const w5 = Finish.middle(s12, s22);
    const w6 = Finish.outer(s30, s10, s20);
    const w7 = Finish.outer(s31, s11, s21);
    const w8 = Finish.outer(s32, s12, s22);
    if (count == 4) {
      Lanes.storeTransposed(to, toStep, w0, w1, w2, w3);
      Lanes.storeTransposed(to + 16, toStep, w4, w5, w6, w7);
    } else {
      Finish.put(to, toStep, count, w0);
      Finish.put(to + 4, toStep, count, w1);
      Finish.put(to + 8, toStep, count, w2);
      Finish.put(to + 12, toStep, count, w3);
      Finish.put(to + 16, toStep, count, w4);
      Finish.put(to + 20, toStep, count, w5);
      Finish.put(to + 24, toStep, count, w6);
      Finish.put(to + 28, toStep, count, w7);
    }
    Finish.put(to + 32, toStep, count, w8);
    const first = f32x4.add(f32x4.add(Overflow.trace(w0), Overflow.trace(w1)), Overflow.trace(w2));
    const second = f32x4.add(f32x4.add(Overflow.trace(w3), Overflow.trace(w4)), Overflow.trace(w5));
    const third = f32x4.add(f32x4.add(Overflow.trace(w6), Overflow.trace(w7)), Overflow.trace(w8));
    return f32x4.add(f32x4.add(first, second), third);
  }

  /** By the first or last column of G. */
  @inline static outer(end: v128, a: v128, b: v128): v128 {
    return f32x4.add(end, f32x4.mul(f32x4.add(a, b), f32x4.splat(0.5)));
  }

  /** By the one in the middle. */
  @inline static middle(a: v128, b: v128): v128 {
    return f32x4.mul(f32x4.sub(a, b), f32x4.splat(0.5));
  }

  /** Over the image ranges, in their order. */
  @inline static sum(from: usize, parts: i32, partBytes: usize): v128 {
    let sum = v128.load(from);
    for (let part = 1; part < parts; part++) {
      from += partBytes;
      sum = f32x4.add(sum, v128.load(from));
    }
    return sum;
  }

  @inline static put(to: usize, step: usize, count: i32, v: v128): void {
    store<f32>(to, f32x4.extract_lane(v, 0));
    if (count > 1) store<f32>(to + step, f32x4.extract_lane(v, 1));
    if (count > 2) store<f32>(to + step * 2, f32x4.extract_lane(v, 2));
    if (count > 3) store<f32>(to + step * 3, f32x4.extract_lane(v, 3));
  }
}
