import { ConvParameters } from './build/parameters';
import { FUSED_ROWS } from './build/tiles';

/*
 * The convolution without a stored unfold. The matrix product that unfold-route.ts of the nn package
 * spells out needs U[k, p], the pixel that tap k meets in window p. Here nobody writes U: with x
 * laid out so that all taps are constant offsets ("planes", below), U[k, p] is the float at
 * pixel(p) + tap(k), and a tile of the product reads it there.
 *
 * Planes: with stride 1 and no padding they are the image itself. Otherwise the image is copied
 * with its padding, split into strideH × strideW phases: phase (a, b) holds the padded pixels
 * (i·strideH + a, j·strideW + b). Tap (kh, kw) of window (i, j) is the padded pixel
 * (i·strideH + kh·dilationH, …), so it lies in the phase kh·dilationH mod strideH, at row
 * i + ⌊kh·dilationH / strideH⌋: the same step for every window. Columns likewise.
 *
 * Runs: the windows of a row are cut in runs of half a tile's width, and a tile takes any two of
 * them, so no tile is wider than a row. Where a row is no multiple, its last run overlaps the one
 * before (forward), or the rows are made longer by zeros (backward to x).
 *
 * Images at once: rows of 7 or 28 windows fill 8 or 32 columns. So where rows of several images
 * together are whole runs, forward weaves these images: a pixel of the planes is then 2, 4 or 8
 * floats, one of each image, and so is a window of what the tiles write. Nothing else changes.
 *
 * Windows of 3×3 over many channels go another way, with fewer products: conv2d-winograd.ts.
 *
 * Each kernel comes as: sizes of the memory it wants, `…Prepare` (tables, once a call, in the shared
 * area), parts that pack the weights there, parts that threads may run in any order, each with a
 * scratch of its own, and for the weight parts that `Finish`. How a call is cut in parts follows from
 * sizes alone.
 */

/**
 * Rows of the largest tile. Without fused multiply-add a product needs a register of its own, and
 * one row less leaves two.
 */
export const MAX_ROWS: i32 = UNFOLD_FUSED ? FUSED_ROWS : FUSED_ROWS - 1;

/** Products in the smallest part worth handing to a thread: some microseconds. */
const PART_PRODUCTS: i64 = 200_000;

/**
 * What the caller writes, and behind it what `layOut` sets. Where `flipped` is not 0, the weights are
 * those of the mirrored convolution, [channel][output channel][last tap … first].
 */
@unmanaged
export class Conv extends ConvParameters {
  /** Vectors across a tile. */
  vectors: i32;
  /** Windows in a row as the runs see it: OW, or more. */
  columns: i32;
  /** Images that lie interwoven in the planes, pixel by pixel. */
  images: i32;
  /** Whether the planes are the image itself. */
  inPlace: i32;
  planeRows: i32;
  /** Floats in a row of a plane. */
  pitch: i32;
  /** Phases that some tap lies in, down and across. */
  phasesH: i32;
  phasesW: i32;
  /** Images in a block of conv2d-winograd.ts, or bands of an image that are a block each. */
  blockImages: i32;
  bands: i32;

  @inline get groupOC(): i32 {
    return this.OC / this.groups;
  }

  /** Taps of a window, over all channels of a group. */
  @inline get k(): i32 {
    return this.C * this.KH * this.KW;
  }

  /** Windows in an image. */
  @inline get p(): i32 {
    return this.OH * this.OW;
  }

  @inline get planeFloats(): i32 {
    return this.planeRows * this.pitch * this.images;
  }

  /** Bytes between two channels of the planes. */
  @inline get channelBytes(): usize {
    return (<usize>(this.phasesH * this.phasesW * this.planeFloats)) << 2;
  }

  /** Bytes of scratch for the planes of one group of the images that are taken at once. */
  @inline get planesBytes(): usize {
    return this.inPlace ? 0 : <usize>this.C * this.channelBytes;
  }

  /** One group of one image of x or dX. */
  @inline input(image: i32, group: i32): usize {
    const floats = <usize>(image * this.groups + group) * <usize>(this.C * this.H * this.W);
    return this.x + (floats << 2);
  }

  /** One group of one image of out or dOut. */
  @inline output(image: i32, group: i32): usize {
    const floats = <usize>(image * this.groups + group) * <usize>(this.groupOC * this.p);
    return this.out + (floats << 2);
  }

  /** Windows in a run: half a tile. */
  @inline get run(): i32 {
    return this.vectors << 1;
  }

  /** Pairs of runs that one call of a tile takes: see conv2d-tiles.js. */
  @inline get pairsAtOnce(): i32 {
    return this.vectors == 4 ? this.pairs : 1;
  }

  /** Pairs of runs in an image. */
  @inline get pairs(): i32 {
    const runs = this.OH * Split.up(this.columns * this.images, this.run);
    return (runs + 1) >> 1;
  }

  /** OW in whole runs. */
  @inline get wholeRuns(): i32 {
    return Split.up(this.OW, this.run) * this.run;
  }

  /** A window of one pixel sees an image as one long row. */
  flatten(): void {
    const isPixel = this.KH == 1 && this.KW == 1 && this.strideH == 1 && this.strideW == 1;
    const isPadded = this.padTop != 0 || this.padLeft != 0;
    if (!isPixel || isPadded || this.OH != this.H || this.OW != this.W) return;
    this.W = this.OW = this.H * this.W;
    this.H = this.OH = 1;
  }

  /** Chooses the planes of so many images at once, for `rows` rows of `columns` windows. */
  layOut(columns: i32, images: i32 = 1, rows: i32 = this.OH): void {
    this.columns = columns;
    this.images = images;
    const reachH = (this.KH - 1) * this.dilationH;
    const reachW = (this.KW - 1) * this.dilationW;
    const isPadded = this.padTop != 0 || this.padLeft != 0;
    const moves = this.strideH != 1 || this.strideW != 1 || isPadded || images != 1;
    this.inPlace = !moves && rows + reachH <= this.H && columns + reachW <= this.W ? 1 : 0;
    this.planeRows = this.inPlace ? this.H : rows + reachH / this.strideH;
    this.pitch = this.inPlace ? this.W : columns + reachW / this.strideW;
    this.phasesH = min(this.KH, Split.period(this.strideH, this.dilationH));
    this.phasesW = min(this.KW, Split.period(this.strideW, this.dilationW));
  }
}

/** Whole numbers, shared out. */
export class Split {
  /** ⌈n / size⌉. */
  @inline static up(n: i32, size: i32): i32 {
    return (n + size - 1) / size;
  }

  /** After how many taps their phase repeats: stride / gcd(stride, dilation). */
  static period(stride: i32, dilation: i32): i32 {
    let a = stride;
    let b = dilation;
    while (b != 0) {
      const rest = a % b;
      a = b;
      b = rest;
    }
    return stride / a;
  }

  /** Parts of a call that works image by image: at most `most`, and none too small to share out. */
  static parts(g: Conv, most: i32): i32 {
    return min(g.N, Split.worthwhile(g, most));
  }

  /** Parts that are large enough: 1 to `most`. */
  static worthwhile(g: Conv, most: i32): i32 {
    const products = <i64>g.N * g.OC * g.p * g.k;
    return max(1, <i32>min(<i64>most, products / PART_PRODUCTS));
  }

  /** The first of `count` things in a part; that of the next part is its end. */
  @inline static first(part: i32, parts: i32, count: i32): i32 {
    return <i32>((<i64>count * part) / parts);
  }

  /** Tiles for `count` rows. */
  @inline static tiles(count: i32): i32 {
    return Split.up(count, MAX_ROWS);
  }

  /** The first row of a tile: 8 rows are 4 + 4, which keeps the multipliers busier than 6 + 2. */
  @inline static firstRow(tile: i32, tiles: i32, count: i32): i32 {
    return tile * (count / tiles) + min(tile, count % tiles);
  }
}

/** The tables of a call: where its taps and its runs lie. */
export class Tables {
  /** For each tap (c, kh, kw) its distance in bytes from the window's pixel, in the planes. */
  static taps(to: usize, g: Conv): void {
    const periodH = Split.period(g.strideH, g.dilationH);
    const periodW = Split.period(g.strideW, g.dilationW);
    for (let c = 0; c < g.C; c++) {
      for (let kh = 0; kh < g.KH; kh++) {
        for (let kw = 0; kw < g.KW; kw++, to += 4) {
          const plane = (c * g.phasesH + (kh % periodH)) * g.phasesW + (kw % periodW);
          const row = (kh * g.dilationH) / g.strideH;
          const column = (kw * g.dilationW) / g.strideW;
          const pixel = (row * g.pitch + column) * g.images;
          store<i32>(to, (plane * g.planeFloats + pixel) << 2);
        }
      }
    }
  }

  /**
   * For each pair of runs their offsets in bytes: two in the planes, two in an image of `columns`
   * windows a row. The last of an odd number makes a pair with itself.
   */
  static runs(to: usize, g: Conv): void {
    const run = g.run;
    const columns = g.columns * g.images;
    const perRow = Split.up(columns, run);
    const count = g.OH * perRow;
    for (let i = 0; i < g.pairs * 2; i++) {
      const at = min(i, count - 1);
      const row = at / perRow;
      const column = min((at % perRow) * run, columns - run);
      const entry = to + ((i >> 1) << 4) + ((i & 1) << 2);
      store<i32>(entry, (row * g.pitch * g.images + column) << 2);
      store<i32>(entry, (row * columns + column) << 2, 8);
    }
  }
}
