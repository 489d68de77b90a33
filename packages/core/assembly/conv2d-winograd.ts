import { Conv, Split } from './conv2d';
import { Planes } from './conv2d-planes';
import { TileWidth } from './tile-width';

/*
 * Windows of 3×3 by Winograd's minimal filtering F(2×2, 3×3) (Lavin and Gray, "Fast Algorithms for
 * Convolutional Neural Networks", arXiv:1509.09308): a tile of 2×2 outputs takes 16 products a
 * channel, not 36. With d the 4×4 pixels that the tile sees, g the weights and ⊙ element by
 * element,
 *
 *     y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A
 *
 *          1  0 -1  0           1  0  0            1  1  1  0
 *     Bᵀ = 0  1  1  0      G =  ½  ½  ½       Aᵀ = 0  1 -1 -1
 *          0 -1  1  0           ½ -½  ½
 *          0  1  0 -1           0  0  1
 *
 * The sum over channels stands between the brackets: for each of the 16 elements a matrix product
 * of its own, M[e] = U[e]·V[e] with U[e] [output channel, channel] from the weights and V[e]
 * [channel, tile] from the image. Here is where tiles lie, and V, which forward and the weight's
 * gradient share.
 *
 * An output depends on the nine pixels of its window and on no other, but what it sums are
 * differences of pixels and sums of weights: its error is relative to the largest of each in the
 * window, not to the single products. With numbers of one magnitude it is about that of the direct
 * sum. What overflows on this way alone, and what infinities meet, conv2d-overflow.ts sums directly.
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

  /**
   * Lays out the planes, for whole tiles, and blocks of at most `most` tiles (or a row of them, also
   * where so many channels leave room for none).
   */
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
    const least = min(rows, Split.up(tiles, max(1, most)));
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
      const planes = isHeld && !g.inPlace ? scratch : Planes.of(x, scratch, g, false);
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
