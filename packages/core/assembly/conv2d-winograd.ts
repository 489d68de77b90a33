import { Tiles } from './build/tiles';
import { Conv, MAX_ROWS, Split } from './conv2d';
import { Planes } from './conv2d-planes';
import { Lanes } from './lanes';
import { TileWidth } from './tile-width';

/*
 * Windows of 3×3 by Winograd's minimal filtering F(2×2, 3×3) (Lavin and Gray, "Fast Algorithms for
 * Convolutional Neural Networks", arXiv:1509.09308): a tile of 2×2 outputs takes 16 products
 * a channel, not 36. With d the 4×4 pixels that the tile sees, g the weights and ⊙ element by element,
 *
 *     y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A
 *
 *          1  0 -1  0           1  0  0            1  1  1  0
 *     Bᵀ = 0  1  1  0      G =  ½  ½  ½       Aᵀ = 0  1 -1 -1
 *          0 -1  1  0           ½ -½  ½
 *          0  1  0 -1           0  0  1
 *
 * The sum over channels stands between the brackets: for each of the 16 elements a matrix product
 * of its own, M[e] = U[e]·V[e] with U[e] [output channel, channel] from the weights and V[e] [channel,
 * tile] from the image.
 *
 * An output depends on the nine pixels of its window and on no other, but what it sums are
 * differences of pixels and sums of weights: its error is relative to the largest of each in the window, not to
 * the single products. With numbers of one magnitude it is about that of the direct sum.
 *
 * Tiles are taken in blocks, as many as keep V in the second-level cache: a band of tile rows of one
 * image, or several images. Blocks never show in the bits, which depend on channels only.
 */

/** Elements of a transformed tile. */
export const ELEMENTS: i32 = 16;
/**
 * Products weigh C·OC, transforms C + OC: the quotient from which on they save more than they cost.
 * Images of fewer pixels than this need a larger one, as their rows hold few tiles.
 */
const MIN_QUOTIENT: i64 = 16;
const MIN_PIXELS: i32 = 14 * 14;
/** A row of tiles is read four at a time. */
const MIN_SIZE: i32 = 7;
/** The same quotient times tiles: in a small batch, weights and blocks of tiles are not worth it. */
const MIN_WORK: i64 = 16384;
const MAX_PARTS: i32 = 32;
/** Pairs of channels whose weights a part transforms, at least: some tens of microseconds. */
const PACK_WEIGHTS: i32 = 4096;
/** With fewer parts than this by blocks, output channels are shared out, too. */
const ENOUGH_PARTS: i32 = 8;

/** Where tiles lie. */
export class Winograd {
  /** Whether this costs less than nine products to a window. */
  static isCheaper(g: Conv): bool {
    const is3x3 = g.KH == 3 && g.KW == 3 && g.groups == 1;
    const isPlain = g.strideH == 1 && g.strideW == 1 && g.dilationH == 1 && g.dilationW == 1;
    if (!is3x3 || !isPlain || g.OH < MIN_SIZE || g.OW < MIN_SIZE) return false;
    const products = <i64>g.C * g.OC;
    const transforms = <i64>g.C + g.OC;
    const pixels = min(g.p, MIN_PIXELS);
    if (products * pixels < transforms * MIN_QUOTIENT * MIN_PIXELS) return false;
    const tiles = <i64>g.N * Winograd.tileRows(g) * Winograd.tileColumns(g);
    return products * tiles >= transforms * MIN_WORK;
  }

  /** Rows of tiles in an image. */
  @inline static tileRows(g: Conv): i32 {
    return (g.OH + 1) >> 1;
  }

  /** Tiles in a row. */
  @inline static tileColumns(g: Conv): i32 {
    return (g.OW + 1) >> 1;
  }

  /** Lays out the planes, for whole tiles, and blocks of at most `most` tiles (or a row of them). */
  static layOut(g: Conv, most: i32): void {
    const rows = Winograd.tileRows(g);
    const columns = Winograd.tileColumns(g);
    g.vectors = TileWidth.columns >> 2;
    g.layOut(columns << 1, 1, rows << 1);
    const tiles = rows * columns;
    g.blockImages = 1;
    g.bands = 1;
    if (tiles * 2 <= most) {
      // As many images as leave the fewest columns of the products unused.
      for (let images = 2; images <= min(g.N, most / tiles); images++) {
        const best = Winograd.filled(g.blockImages * tiles) * images;
        if (Winograd.filled(images * tiles) * g.blockImages <= best) g.blockImages = images;
      }
      return;
    }
    let fewest = i32.MAX_VALUE;
    const least = min(rows, Split.up(tiles, most));
    for (let bands = least; bands <= min(rows, least + 3); bands++) {
      const longer = rows % bands;
      const shorter = rows / bands;
      const cost =
        longer * Winograd.filled((shorter + 1) * columns) +
        (bands - longer) * Winograd.filled(shorter * columns);
      if (cost >= fewest) continue;
      fewest = cost;
      g.bands = bands;
    }
  }

  /** Tiles, filled up to the widest tile of the product. */
  @inline static filled(tiles: i32): i32 {
    return (tiles + 15) & ~15;
  }

  @inline static blocks(g: Conv): i32 {
    return Split.up(g.N, g.blockImages) * g.bands;
  }

  /** The first image of a block. */
  @inline static image(block: i32, g: Conv): i32 {
    return (block / g.bands) * g.blockImages;
  }

  /** Its images. */
  @inline static images(block: i32, g: Conv): i32 {
    return min(g.blockImages, g.N - Winograd.image(block, g));
  }

  /** Its first row of tiles, in each image. */
  @inline static fromRow(block: i32, g: Conv): i32 {
    return Split.first(block % g.bands, g.bands, Winograd.tileRows(g));
  }

  /** The end of its rows. */
  @inline static toRow(block: i32, g: Conv): i32 {
    return Split.first((block % g.bands) + 1, g.bands, Winograd.tileRows(g));
  }

  /** Tiles in the largest block. */
  @inline static blockTiles(g: Conv): i32 {
    return g.blockImages * Split.up(Winograd.tileRows(g), g.bands) * Winograd.tileColumns(g);
  }

  /** Floats from one channel of V to the next: an odd number of cache lines. */
  @inline static pitch(g: Conv): i32 {
    return Winograd.filled(Winograd.blockTiles(g)) | 16;
  }

  /** Floats from one element of V to the next: again an odd number of cache lines. */
  @inline static elementPitch(g: Conv): i32 {
    return (g.C * Winograd.pitch(g)) | 16;
  }

  /** Floats of V. */
  @inline static inputFloats(g: Conv): i32 {
    return ELEMENTS * Winograd.elementPitch(g);
  }

  /**
   * V[element][channel][tile] of a block. Planes are made in `scratch`, where they stay from one
   * band of an image to the next: unless a part begins with this block.
   */
  static input(to: usize, block: i32, isFirst: bool, scratch: usize, g: Conv): void {
    const image = Winograd.image(block, g);
    const images = Winograd.images(block, g);
    const fromRow = Winograd.fromRow(block, g);
    const toRow = Winograd.toRow(block, g);
    const bytes = ((toRow - fromRow) * Winograd.tileColumns(g)) << 2;
    const isHeld = !isFirst && fromRow > 0;
    for (let i = 0; i < images; i++, to += bytes) {
      const x = g.input(image + i, 0);
      const planes = isHeld && !g.inPlace ? scratch : Planes.of(x, scratch, g);
      Winograd.inputRows(to, planes, fromRow, toRow, g);
    }
  }

  /** The same of one image's rows of tiles. */
  static inputRows(to: usize, planes: usize, fromRow: i32, toRow: i32, g: Conv): void {
    const columns = Winograd.tileColumns(g);
    const last = columns - 4;
    const pitch = (<usize>g.pitch) << 2;
    const channelStep = (<usize>Winograd.pitch(g)) << 2;
    const step = (<usize>Winograd.elementPitch(g)) << 2;
    for (let c = 0; c < g.C; c++, to += channelStep, planes += g.channelBytes) {
      let rowTo = to;
      for (let row = fromRow; row < toRow; row++, rowTo += columns << 2) {
        const x = planes + <usize>(row << 1) * pitch;
        for (let column = 0; column < columns; column += 4) {
          // The last four tiles may repeat some of those before.
          const at = min(column, last);
          Winograd.fourTiles(rowTo + (at << 2), step, x + (at << 3), pitch);
        }
      }
    }
  }

  /** Bᵀ d B of four neighbouring tiles: first down, then across. */
  @inline static fourTiles(to: usize, step: usize, x0: usize, pitch: usize): void {
    const x1 = x0 + pitch;
    const x2 = x1 + pitch;
    const x3 = x2 + pitch;
    Winograd.across(
      to,
      step,
      f32x4.sub(v128.load(x0), v128.load(x2)),
      f32x4.sub(v128.load(x0, 16), v128.load(x2, 16)),
      f32x4.sub(v128.load(x0, 8), v128.load(x2, 8)),
      f32x4.sub(v128.load(x0, 24), v128.load(x2, 24)),
    );
    to += step << 2;
    Winograd.across(
      to,
      step,
      f32x4.add(v128.load(x1), v128.load(x2)),
      f32x4.add(v128.load(x1, 16), v128.load(x2, 16)),
      f32x4.add(v128.load(x1, 8), v128.load(x2, 8)),
      f32x4.add(v128.load(x1, 24), v128.load(x2, 24)),
    );
    to += step << 2;
    Winograd.across(
      to,
      step,
      f32x4.sub(v128.load(x2), v128.load(x1)),
      f32x4.sub(v128.load(x2, 16), v128.load(x1, 16)),
      f32x4.sub(v128.load(x2, 8), v128.load(x1, 8)),
      f32x4.sub(v128.load(x2, 24), v128.load(x1, 24)),
    );
    to += step << 2;
    Winograd.across(
      to,
      step,
      f32x4.sub(v128.load(x1), v128.load(x3)),
      f32x4.sub(v128.load(x1, 16), v128.load(x3, 16)),
      f32x4.sub(v128.load(x1, 8), v128.load(x3, 8)),
      f32x4.sub(v128.load(x1, 24), v128.load(x3, 24)),
    );
  }

  /** One row of four tiles' elements from pixels 0 … 3, 4 … 7, 2 … 5 and 6 … 9. */
  @inline static across(
    to: usize,
    step: usize,
    from0: v128,
    from4: v128,
    from2: v128,
    from6: v128,
  ): void {
    const d0 = v128.shuffle<f32>(from0, from4, 0, 2, 4, 6);
    const d1 = v128.shuffle<f32>(from0, from4, 1, 3, 5, 7);
    const d2 = v128.shuffle<f32>(from2, from6, 0, 2, 4, 6);
    const d3 = v128.shuffle<f32>(from2, from6, 1, 3, 5, 7);
    v128.store(to, f32x4.sub(d0, d2));
    v128.store(to + step, f32x4.add(d1, d2));
    v128.store(to + step * 2, f32x4.sub(d2, d1));
    v128.store(to + step * 3, f32x4.sub(d1, d3));
  }
}

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
    const products = ELEMENTS * MAX_ROWS * Winograd.pitch(g);
    return g.planesBytes + ((<usize>(Winograd.inputFloats(g) + products)) << 2);
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
  static packPart(g: Conv, part: i32): void {
    const tiles = Split.tiles(g.OC);
    const parts = WinogradForward.packParts(g);
    const fromTile = Split.first(part, parts, tiles);
    const toTile = Split.first(part + 1, parts, tiles);
    // The mirrored convolution finds its rows among the columns, and turned round.
    const rowStep: usize = g.turned ? 36 : <usize>g.C * 36;
    const channelStep: usize = g.turned ? <usize>g.OC * 36 : 36;
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
          Weights.transform(at, step, count, from, rowStep, g.turned);
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
          const out = g.output(image + i, 0) + channel;
          WinogradForward.output(out, from, bias, fromRow, toRow, g);
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
          false,
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

  /** Aᵀ M A of one image and output channel. */
  static output(out: usize, from: usize, bias: f32, fromRow: i32, toRow: i32, g: Conv): void {
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
        WinogradForward.fourTiles(
          rowOut + (at << 3),
          hasSecond ? rowBytes : 0,
          isCut,
          from + (at << 2),
          step,
          start,
        );
      }
    }
  }

  /** Two rows of eight outputs (or one, if rowBytes is 0; or seven, if isCut). */
  @inline static fourTiles(
    out: usize,
    rowBytes: usize,
    isCut: bool,
    from: usize,
    step: usize,
    bias: v128,
  ): void {
    let upper0 = bias;
    let upper1 = bias;
    let lower0 = bias;
    let lower1 = bias;
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
    WinogradForward.store(out, isCut, upper0, upper1);
    if (rowBytes != 0) WinogradForward.store(out + rowBytes, isCut, lower0, lower1);
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
   * (`count`) are read and written one by one.
   */
  @inline static transform(
    to: usize,
    step: usize,
    count: i32,
    from: usize,
    rowStep: usize,
    turned: i32,
  ): void {
    const from1 = count > 1 ? from + rowStep : from;
    const from2 = count > 2 ? from1 + rowStep : from;
    const from3 = count > 3 ? from2 + rowStep : from;
    // Taps 0 … 3, 4 … 7 and 8 of four channels become one vector a tap.
    let r0 = v128.load(from);
    let r1 = v128.load(from1);
    let r2 = v128.load(from2);
    let r3 = v128.load(from3);
    let low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
    let low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
    let high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
    let high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
    let g0 = v128.shuffle<f32>(low01, low23, 0, 1, 4, 5);
    let g1 = v128.shuffle<f32>(low01, low23, 2, 3, 6, 7);
    let g2 = v128.shuffle<f32>(high01, high23, 0, 1, 4, 5);
    let g3 = v128.shuffle<f32>(high01, high23, 2, 3, 6, 7);
    r0 = v128.load(from, 16);
    r1 = v128.load(from1, 16);
    r2 = v128.load(from2, 16);
    r3 = v128.load(from3, 16);
    low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
    low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
    high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
    high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
    const g4 = v128.shuffle<f32>(low01, low23, 0, 1, 4, 5);
    let g5 = v128.shuffle<f32>(low01, low23, 2, 3, 6, 7);
    let g6 = v128.shuffle<f32>(high01, high23, 0, 1, 4, 5);
    let g7 = v128.shuffle<f32>(high01, high23, 2, 3, 6, 7);
    let g8 = v128.load32_zero(from, 32);
    g8 = v128.load_lane<f32>(from1, g8, 1, 32);
    g8 = v128.load_lane<f32>(from2, g8, 2, 32);
    g8 = v128.load_lane<f32>(from3, g8, 3, 32);
    if (turned) {
      let other = g8;
      g8 = g0;
      g0 = other;
      other = g7;
      g7 = g1;
      g1 = other;
      other = g6;
      g6 = g2;
      g2 = other;
      other = g5;
      g5 = g3;
      g3 = other;
    }
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
