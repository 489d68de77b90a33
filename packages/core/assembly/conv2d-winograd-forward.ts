import { Tiles } from './build/tiles';
import { Conv, MAX_ROWS, Split } from './conv2d';
import { Epilogue } from './conv2d-epilogue';
import { Overflow } from './conv2d-overflow';
import { ELEMENTS, Winograd } from './conv2d-winograd';
import { Lanes } from './lanes';

const MAX_PARTS: i32 = 32;
/** With fewer parts than this by blocks, output channels are shared out, too. */
const ENOUGH_PARTS: i32 = 8;
/** Pairs of channels whose weights a part transforms, at least: some tens of microseconds. */
const PACK_WEIGHTS: i32 = 4096;

/** The forward kernel, and that of the mirrored convolution. */
export class WinogradForward {
  /** Floats of V in a block: they leave room in the second-level cache for weights and products. */
  static readonly INPUT_FLOATS: i32 = 1 << 17;

  static layOut(g: Conv): void {
    Winograd.layOut(g, WinogradForward.INPUT_FLOATS / (ELEMENTS * g.C));
  }

  /** Parts by blocks. */
  @inline static blockParts(g: Conv): i32 {
    return min(Winograd.blocks(g), Split.worthwhile(g, MAX_PARTS));
  }

  /** Parts of each of these, by tiles of output channels. */
  @inline static slices(g: Conv): i32 {
    const most = min(ENOUGH_PARTS, Split.worthwhile(g, MAX_PARTS));
    return min(Split.tiles(g.OC), Split.up(most, WinogradForward.blockParts(g)));
  }

  static parts(g: Conv): i32 {
    return WinogradForward.blockParts(g) * WinogradForward.slices(g);
  }

  static sharedBytes(g: Conv): usize {
    return (<usize>(ELEMENTS * g.C * g.OC + g.OC)) << 2;
  }

  static scratchBytes(g: Conv): usize {
    const products = (<usize>WinogradForward.productFloats(g)) << 2;
    const input = (<usize>Winograd.inputFloats(g)) << 2;
    return g.planesBytes + input + products + Epilogue.scratchBytes(g);
  }

  @inline static productFloats(g: Conv): i32 {
    return ELEMENTS * MAX_ROWS * Winograd.pitch(g);
  }

  /** Whether a block holds whole planes, or whole windows of the pooling behind it. */
  static canPool(g: Conv): bool {
    return g.bands == 1 || Epilogue.isByTwos(g);
  }

  @inline static weights(g: Conv): usize {
    return g.shared + ((<usize>g.OC) << 2);
  }

  static prepare(g: Conv): void {
    if (g.bias) memory.copy(g.shared, g.bias, (<usize>g.OC) << 2);
    else memory.fill(g.shared, 0, (<usize>g.OC) << 2);
  }

  /** Parts that transform the weights. */
  @inline static packParts(g: Conv): i32 {
    return Split.up(Split.tiles(g.OC), Split.up(PACK_WEIGHTS, g.C * MAX_ROWS));
  }

  /** U as [tile of output channels][element][channel][row of the tile]. */
  static packPart(g: Conv, part: i32, scratch: usize): void {
    const tiles = Split.tiles(g.OC);
    const parts = WinogradForward.packParts(g);
    const fromTile = Split.first(part, parts, tiles);
    const toTile = Split.first(part + 1, parts, tiles);
    // The mirrored convolution finds its rows among the columns, with flipped taps.
    const rowStep: usize = g.flipped ? 36 : <usize>g.C * 36;
    const channelStep: usize = g.flipped ? <usize>g.OC * 36 : 36;
    for (let tile = fromTile; tile < toTile; tile++) {
      const row = Split.firstRow(tile, tiles, g.OC);
      const rows = Split.firstRow(tile + 1, tiles, g.OC) - row;
      const step = (<usize>(g.C * rows)) << 2;
      const to = WinogradForward.weights(g) + ((<usize>(row * g.C * ELEMENTS)) << 2);
      for (let r = 0; r < rows; r += 4) {
        const count = min(4, rows - r);
        let from = g.weight + <usize>(row + r) * rowStep;
        let at = to + (r << 2);
        for (let c = 0; c < g.C; c++, from += channelStep, at += rows << 2) {
          Weights.transform(at, step, count, from, rowStep, g.flipped, scratch);
        }
      }
    }
  }

  static part(g: Conv, part: i32, scratch: usize): void {
    const slices = WinogradForward.slices(g);
    const slice = part % slices;
    const tiles = Split.tiles(g.OC);
    const fromTile = Split.first(slice, slices, tiles);
    const toTile = Split.first(slice + 1, slices, tiles);
    const blockParts = WinogradForward.blockParts(g);
    const blocks = Winograd.blocks(g);
    const end = Split.first(part / slices + 1, blockParts, blocks);
    const first = Split.first(part / slices, blockParts, blocks);
    for (let block = first; block < end; block++) {
      WinogradForward.block(g, block, block == first, fromTile, toTile, scratch);
    }
  }

  static block(
    g: Conv,
    block: i32,
    isFirst: bool,
    fromTile: i32,
    toTile: i32,
    scratch: usize,
  ): void {
    const input = scratch + g.planesBytes;
    const products = input + ((<usize>Winograd.inputFloats(g)) << 2);
    const held = products + ((<usize>WinogradForward.productFloats(g)) << 2);
    const isHeld = Epilogue.isHeld(g);
    const finishes = Epilogue.isOn(g);
    Winograd.input(input, block, isFirst, scratch, g);
    const image = Winograd.image(block, g);
    const images = Winograd.images(block, g);
    const fromRow = Winograd.fromRow(block, g);
    const toRow = Winograd.toRow(block, g);
    const imageTiles = (toRow - fromRow) * Winograd.tileColumns(g);
    const tiles = Split.tiles(g.OC);
    for (let tile = fromTile; tile < toTile; tile++) {
      const row = Split.firstRow(tile, tiles, g.OC);
      const rows = Split.firstRow(tile + 1, tiles, g.OC) - row;
      const weights = WinogradForward.weights(g) + ((<usize>(row * g.C * ELEMENTS)) << 2);
      WinogradForward.multiply(products, weights, rows, input, images * imageTiles, g);
      for (let r = 0; r < rows; r++) {
        const bias = load<f32>(g.shared + ((row + r) << 2));
        const channel = (<usize>((row + r) * g.p)) << 2;
        let from = products + ((<usize>(r * Winograd.pitch(g))) << 2);
        for (let i = 0; i < images; i++, from += imageTiles << 2) {
          const out = isHeld ? held : g.output(image + i, 0) + channel;
          const trace = WinogradForward.output(out, from, bias, fromRow, toRow, g);
          const top = fromRow << 1;
          const bottom = min(toRow << 1, g.OH);
          if (Overflow.shows(trace))
            Overflow.outputs(out, image + i, row + r, top, bottom, bias, g);
          if (finishes) Epilogue.rows(out, top, bottom, image + i, row + r, held, g);
        }
      }
    }
  }

  /** M[element][row][tile] for the rows of one tile of output channels. */
  static multiply(to: usize, weights: usize, rows: i32, input: usize, count: i32, g: Conv): void {
    const rowBytes = (<usize>Winograd.pitch(g)) << 2;
    const width = g.vectors << 2;
    for (let element = 0; element < ELEMENTS; element++) {
      for (let column = 0; column < count; column += width) {
        Tiles.outer(
          rows,
          g.vectors,
          to + (column << 2),
          rowBytes,
          weights,
          rows << 2,
          input + (column << 2),
          rowBytes,
          g.C,
        );
      }
      to += <usize>MAX_ROWS * rowBytes;
      weights += (<usize>(rows * g.C)) << 2;
      input += (<usize>Winograd.elementPitch(g)) << 2;
    }
  }

  /** Aᵀ M A of one image and output channel. @returns Overflow's trace. */
  static output(out: usize, from: usize, bias: f32, fromRow: i32, toRow: i32, g: Conv): v128 {
    let trace = f32x4.splat(0);
    const columns = Winograd.tileColumns(g);
    const last = columns - 4;
    const step = (<usize>(MAX_ROWS * Winograd.pitch(g))) << 2;
    const rowBytes = (<usize>g.OW) << 2;
    const start = f32x4.splat(bias);
    for (let row = fromRow; row < toRow; row++, from += columns << 2) {
      const hasSecond = (row << 1) + 1 < g.OH;
      const rowOut = out + <usize>(row << 1) * rowBytes;
      for (let column = 0; column < columns; column += 4) {
        const at = min(column, last);
        const isCut = g.OW < (at + 4) << 1;
        const found = WinogradForward.fourTiles(
          rowOut + (at << 3),
          hasSecond ? rowBytes : 0,
          isCut,
          from + (at << 2),
          step,
          start,
        );
        trace = f32x4.add(trace, found);
      }
    }
    return trace;
  }

  /** Two rows of eight outputs (or one, if rowBytes is 0; or seven, if isCut). */
  @inline static fourTiles(
    out: usize,
    rowBytes: usize,
    isCut: bool,
    from: usize,
    step: usize,
    bias: v128,
  ): v128 {
    let upper0 = f32x4.splat(0);
    let upper1 = upper0;
    let lower0 = upper0;
    let lower1 = upper0;
    // Down: column h of the tile.
    const stepDown = step << 2;
    for (let h = 0; h < 4; h++, from += step) {
      const m0 = v128.load(from);
      const m1 = v128.load(from + stepDown);
      const m2 = v128.load(from + stepDown * 2);
      const m3 = v128.load(from + stepDown * 3);
      const upper = f32x4.add(f32x4.add(m0, m1), m2);
      const lower = f32x4.sub(f32x4.sub(m1, m2), m3);
      if (h < 3) {
        upper0 = f32x4.add(upper0, upper);
        lower0 = f32x4.add(lower0, lower);
      }
      if (h == 1) {
        upper1 = f32x4.add(upper1, upper);
        lower1 = f32x4.add(lower1, lower);
      } else if (h > 1) {
        upper1 = f32x4.sub(upper1, upper);
        lower1 = f32x4.sub(lower1, lower);
      }
    }
    upper0 = f32x4.add(upper0, bias);
    upper1 = f32x4.add(upper1, bias);
    WinogradForward.store(out, isCut, upper0, upper1);
    const trace = f32x4.add(Overflow.trace(upper0), Overflow.trace(upper1));
    if (rowBytes == 0) return trace;
    lower0 = f32x4.add(lower0, bias);
    lower1 = f32x4.add(lower1, bias);
    WinogradForward.store(out + rowBytes, isCut, lower0, lower1);
    return f32x4.add(trace, f32x4.add(Overflow.trace(lower0), Overflow.trace(lower1)));
  }

  /** Even and odd outputs of a row. */
  @inline static store(out: usize, isCut: bool, even: v128, odd: v128): void {
    v128.store(out, v128.shuffle<f32>(even, odd, 0, 4, 1, 5));
    const right = v128.shuffle<f32>(even, odd, 2, 6, 3, 7);
    if (isCut) Lanes.storePart(out + 16, right, 3);
    else v128.store(out, right, 16);
  }
}

/** G g Gᵀ for four output channels at a time. */
class Weights {
  /**
   * Elements lie `step` bytes apart; weights of the next output channel `rowStep`. Fewer than four
   * (`count`) are written one by one. `taps` is scratch for nine vectors.
   */
  @inline static transform(
    to: usize,
    step: usize,
    count: i32,
    from: usize,
    rowStep: usize,
    flipped: i32,
    taps: usize,
  ): void {
    const from1 = count > 1 ? from + rowStep : from;
    const from2 = count > 2 ? from1 + rowStep : from;
    const from3 = count > 3 ? from2 + rowStep : from;
    Weights.transpose(taps, from, from1, from2, from3);
    Weights.transpose(taps + 64, from + 16, from1 + 16, from2 + 16, from3 + 16);
    let last = v128.load32_zero(from, 32);
    last = v128.load_lane<f32>(from1, last, 1, 32);
    last = v128.load_lane<f32>(from2, last, 2, 32);
    last = v128.load_lane<f32>(from3, last, 3, 32);
    v128.store(taps, last, 128);
    // The mirrored convolution reads them backwards.
    let tap = flipped ? taps + 128 : taps;
    const next: isize = flipped ? -16 : 16;
    const g0 = v128.load(tap);
    const g1 = v128.load((tap += <usize>next));
    const g2 = v128.load((tap += <usize>next));
    const g3 = v128.load((tap += <usize>next));
    const g4 = v128.load((tap += <usize>next));
    const g5 = v128.load((tap += <usize>next));
    const g6 = v128.load((tap += <usize>next));
    const g7 = v128.load((tap += <usize>next));
    const g8 = v128.load((tap += <usize>next));
    const half = f32x4.splat(0.5);
    // Down: rows of G g.
    Weights.across(to, step, count, g0, g1, g2);
    const even0 = f32x4.add(g0, g6);
    const even1 = f32x4.add(g1, g7);
    const even2 = f32x4.add(g2, g8);
    Weights.across(
      to + step * 4,
      step,
      count,
      f32x4.mul(f32x4.add(even0, g3), half),
      f32x4.mul(f32x4.add(even1, g4), half),
      f32x4.mul(f32x4.add(even2, g5), half),
    );
    Weights.across(
      to + step * 8,
      step,
      count,
      f32x4.mul(f32x4.sub(even0, g3), half),
      f32x4.mul(f32x4.sub(even1, g4), half),
      f32x4.mul(f32x4.sub(even2, g5), half),
    );
    Weights.across(to + step * 12, step, count, g6, g7, g8);
  }

  /** Four taps of four channels: one vector a tap. */
  @inline static transpose(to: usize, x0: usize, x1: usize, x2: usize, x3: usize): void {
    Lanes.storeTransposed(to, 16, v128.load(x0), v128.load(x1), v128.load(x2), v128.load(x3));
  }

  @inline static across(to: usize, step: usize, count: i32, a: v128, b: v128, c: v128): void {
    const half = f32x4.splat(0.5);
    const even = f32x4.add(a, c);
    Weights.put(to, a, count);
    Weights.put(to + step, f32x4.mul(f32x4.add(even, b), half), count);
    Weights.put(to + step * 2, f32x4.mul(f32x4.sub(even, b), half), count);
    Weights.put(to + step * 3, c, count);
  }

  @inline static put(to: usize, v: v128, count: i32): void {
    if (count == 4) v128.store(to, v);
    else Lanes.storePart(to, v, count);
  }
}
