import { Activation } from './activation';
import { ProductParameters } from './build/parameters';
import { FUSED_DOT_COLUMNS, FUSED_DOT_ROWS, FUSED_ROWS, Tiles } from './build/tiles';
import { Lanes } from './lanes';
import { TileWidth } from './tile-width';

/*
 * The matrix product out = op(a)·op(b), on one of two routes:
 *
 * - Outer products, the usual one: a tile of out (6 rows × 8 or 16 columns) stays in registers
 *   while k runs; each step takes 6 floats of a and 8 or 16 of b. a and b are cut into blocks that
 *   fit the caches, and copied ("packed") so that a tile reads them in one run, where that pays.
 * - Dot products, for a·bᵀ with few rows or columns: both operands run along k already, and
 *   turning them round would cost more than it saves.
 *
 * A large product is cut into parts along its longer side. Every part needs the whole of the other
 * operand, so that one is packed beforehand, once for all; each packs its share of its own.
 *
 * The route follows from the shape of the whole product, and the order of an element's sum from
 * K: where rows and columns are cut, how wide a tile is, and how many threads there are never
 * shows in the bits.
 */

/** The parameters that the wrapper writes, and the plan of `matmulPlan`. */
@unmanaged
class Product extends ProductParameters {
  /** Rows or columns in a part. */
  size: i32;
  byColumns: i32;

  /** Whether the product goes by dot products. */
  @inline isDots(): bool {
    const narrow = this.M <= DOT_SIDE || this.N <= DOT_SIDE;
    return this.transposeA == 0 && this.transposeB != 0 && narrow && this.K >= DOT_LENGTH;
  }

  /** Whether a is packed. */
  @inline packsA(): bool {
    return this.transposeA == 0 || this.N >= PACK_A_FROM;
  }

  /** Whether b is packed. */
  @inline packsB(): bool {
    return this.transposeB != 0 || this.M >= PACK_B_FROM || (this.packed != 0 && !this.byColumns);
  }
}

/** k in a block: panels of 6 × 256 and 256 × 8 floats share the first-level cache. */
const K_BLOCK: i32 = 256;
/** Rows in a block: 192 × 256 floats of a stay in the second-level cache. */
const M_BLOCK: i32 = 192;
/** Columns in a block: 256 × 512 floats of b. */
const N_BLOCK: i32 = 512;
/** Columns of b in a part of the job that packs it. */
const PACK_COLUMNS: i32 = 256;
/** k in a block of the dot-product route. */
const DOT_BLOCK: i32 = 1024;
/** From as many rows of a on, packing b costs less than reading it at a stride. */
const PACK_B_FROM: i32 = 48;
/** The same for columns of b and packing aᵀ, which lies as a tile wants it but for its stride. */
const PACK_A_FROM: i32 = 128;
/** Up to as many rows or columns, a·bᵀ goes by dot products, if K is as long as this. */
const DOT_SIDE: i32 = 24;
const DOT_LENGTH: i32 = 128;

/** Without a fused multiply-add each product needs a register of its own: smaller tiles. */
const MAX_ROWS: i32 = UNFOLD_FUSED ? FUSED_ROWS : FUSED_ROWS - 1;
const DOT_ROWS: i32 = FUSED_DOT_ROWS;
const DOT_COLUMNS: i32 = UNFOLD_FUSED ? FUSED_DOT_COLUMNS : FUSED_DOT_COLUMNS - 1;

/** Multiplications in a part, about. */
const PART_WORK: f64 = 500_000;
const MAX_PARTS: i32 = 16;
/** The bytes that may be packed at a time; a product that needs more goes slab by slab along k. */
const MAX_PACKED_BYTES: f64 = 33_554_432;

/**
 * The sums of a tile that don't go to out at once: those that are added to what out holds, and
 * those of fewer than four columns at the right edge. Six rows of up to sixteen floats.
 */
const SUMS_BYTES: i32 = 384;
const A_BYTES: i32 = M_BLOCK * K_BLOCK * 4;
const B_BYTES: i32 = K_BLOCK * N_BLOCK * 4;

/** Bytes of the parameters, with what `matmulPlan` sets behind them. */
export function matmulParametersBytes(): usize {
  return offsetof<Product>();
}

/** Bytes of scratch that a part needs. */
export function matmulScratchBytes(): i32 {
  return SUMS_BYTES + A_BYTES + B_BYTES;
}

/**
 * Decides how to cut the product.
 * @returns The number of parts; 1 for a small one.
 */
export function matmulPlan(block: usize): i32 {
  const g = changetype<Product>(block);
  g.packed = 0;
  g.kFrom = 0;
  g.kTo = g.K;
  g.byColumns = g.N >= g.M ? 1 : 0;
  const side = g.byColumns ? g.N : g.M;
  const unit = g.byColumns ? 16 : MAX_ROWS;
  const work = <f64>g.M * <f64>g.N * <f64>g.K;
  const wanted = <i32>min<f64>(work / PART_WORK, MAX_PARTS);
  g.size = max(1, side);
  if (wanted < 2) return 1;
  g.size = (((side + wanted - 1) / wanted + unit - 1) / unit) * unit;
  return (side + g.size - 1) / g.size;
}

/** Steps of k in a slab: all, unless packing them took too much memory. */
export function matmulSlab(block: usize): i32 {
  const g = changetype<Product>(block);
  if (g.isDots()) return g.K;
  const side = <f64>(g.byColumns ? g.M : g.N + 3);
  const fitting = (<i32>min<f64>(MAX_PACKED_BYTES / (side * 4), g.K)) & ~(K_BLOCK - 1);
  return g.K <= fitting ? g.K : max(K_BLOCK, fitting);
}

/** Bytes for packing the operand that all parts share, for a slab; 0 if none has to be packed. */
export function matmulPackedBytes(block: usize, slab: i32): usize {
  const g = changetype<Product>(block);
  if (g.isDots()) return 0;
  if (g.byColumns) return g.packsA() ? (<usize>g.M * slab) << 2 : 0;
  return (<usize>((g.N + 3) & ~3) * slab) << 2;
}

/** Parts of the job that packs it: blocks of k times blocks of rows or columns. */
export function matmulPackParts(block: usize): i32 {
  const g = changetype<Product>(block);
  return ((g.kTo - g.kFrom + K_BLOCK - 1) / K_BLOCK) * Route.packBlocks(g);
}

/** A part of that job. */
export function matmulPackPart(block: usize, part: i32): void {
  const g = changetype<Product>(block);
  const blocks = Route.packBlocks(g);
  const k = g.kFrom + (part / blocks) * K_BLOCK;
  const kc = min(K_BLOCK, g.kTo - k);
  if (g.byColumns) {
    const i = (part % blocks) * M_BLOCK;
    Route.packA(Route.packedA(g, i, k, kc), Route.atA(g, g.a, i, k), g, kc, min(M_BLOCK, g.M - i));
  } else {
    const j = (part % blocks) * PACK_COLUMNS;
    const nc = min(PACK_COLUMNS, g.N - j);
    Route.packB(Route.packedB(g, j, k, kc), Route.atB(g, g.b, j, k), g, kc, nc);
  }
}

/** A part of the product: some of its columns or rows, from kFrom to kTo. */
export function matmulPart(block: usize, part: i32, scratch: usize): void {
  const g = changetype<Product>(block);
  const from = part * g.size;
  if (g.byColumns) {
    Route.any(g, g.out, g.a, g.b, 0, g.M, from, min(g.N, from + g.size), scratch);
  } else Route.any(g, g.out, g.a, g.b, from, min(g.M, from + g.size), 0, g.N, scratch);
}

/** A part of many small products: batchSize of them. */
export function matmulBatchPart(block: usize, part: i32, scratch: usize): void {
  const g = changetype<Product>(block);
  const from = part * g.batchSize;
  const to = min(g.batch, from + g.batchSize);
  for (let i = <usize>from; i < <usize>to; i++) {
    const out = g.out + i * ((<usize>g.M * g.N) << 2);
    const a = g.a + i * ((<usize>g.aBatchStride) << 2);
    const b = g.b + i * ((<usize>g.bBatchStride) << 2);
    Route.any(g, out, a, b, 0, g.M, 0, g.N, scratch);
  }
}

/** Copies of parts of an operand in the order in which tiles read them. */
class Pack {
  /**
   * to[k, j] = x[k, j] for j < width, and 0 up to `packed`, the length of a packed row; a row of x
   * is `step` bytes long.
   */
  static rows(to: usize, x: usize, step: usize, K: i32, width: i32, packed: i32): void {
    const rest = width & 3;
    for (; K > 0; K--, x += step, to += (<usize>packed) << 2) {
      let j: usize = 0;
      for (; j < <usize>(width - rest); j += 4) v128.store(to + (j << 2), v128.load(x + (j << 2)));
      if (rest == 0) continue;
      const part = Lanes.loadPart(x + (j << 2), rest);
      if (packed > width) v128.store(to + (j << 2), part);
      else Lanes.storePart(to + (j << 2), part, rest);
    }
  }

  /** A run of 128 bytes at a time, where one panel alone takes 32: four panels of 8 columns. */
  static fourPanels(to: usize, x: usize, step: usize, K: i32): void {
    const panel = (<usize>K) << 5;
    let to1 = to + panel;
    let to2 = to1 + panel;
    let to3 = to2 + panel;
    for (; K > 0; K--, x += step, to += 32, to1 += 32, to2 += 32, to3 += 32) {
      v128.store(to, v128.load(x));
      v128.store(to, v128.load(x, 16), 16);
      v128.store(to1, v128.load(x, 32));
      v128.store(to1, v128.load(x, 48), 16);
      v128.store(to2, v128.load(x, 64));
      v128.store(to2, v128.load(x, 80), 16);
      v128.store(to3, v128.load(x, 96));
      v128.store(to3, v128.load(x, 112), 16);
    }
  }

  /** The same for two panels of 16 columns. */
  static twoPanels(to: usize, x: usize, step: usize, K: i32): void {
    let to1 = to + ((<usize>K) << 6);
    for (; K > 0; K--, x += step, to += 64, to1 += 64) {
      v128.store(to, v128.load(x));
      v128.store(to, v128.load(x, 16), 16);
      v128.store(to, v128.load(x, 32), 32);
      v128.store(to, v128.load(x, 48), 48);
      v128.store(to1, v128.load(x, 64));
      v128.store(to1, v128.load(x, 80), 16);
      v128.store(to1, v128.load(x, 96), 32);
      v128.store(to1, v128.load(x, 112), 48);
    }
  }

  /** to[k, j] = x[j, k] for j < count, and 0 up to `width`; a row of x is `step` bytes long. */
  static columns(to: usize, x: usize, step: usize, K: i32, count: i32, width: i32): void {
    const toStep = (<usize>width) << 2;
    let j = 0;
    for (; j + 4 <= count; j += 4) {
      Lanes.fourColumns(to + (j << 2), toStep, x + <usize>j * step, step, K);
    }
    for (; j < count; j++) Pack.oneColumn(to + (j << 2), toStep, x + <usize>j * step, K);
    for (; j < width; j++) {
      for (let k = 0; k < K; k++) store<f32>(to + (j << 2) + <usize>k * toStep, 0);
    }
  }

  @inline static oneColumn(to: usize, toStep: usize, x: usize, K: i32): void {
    for (; K >= 4; K -= 4, x += 16) {
      const r = v128.load(x);
      v128.store_lane<f32>(to, r, 0);
      to += toStep;
      v128.store_lane<f32>(to, r, 1);
      to += toStep;
      v128.store_lane<f32>(to, r, 2);
      to += toStep;
      v128.store_lane<f32>(to, r, 3);
      to += toStep;
    }
    for (; K > 0; K--, x += 4, to += toStep) store<f32>(to, load<f32>(x));
  }
}

class Route {
  /** The chosen route for some rows and columns. */
  static any(
    g: Product,
    out: usize,
    a: usize,
    b: usize,
    rowFrom: i32,
    rowTo: i32,
    columnFrom: i32,
    columnTo: i32,
    scratch: usize,
  ): void {
    if (g.K == 0) {
      for (let i = rowFrom; i < rowTo && !g.accumulate; i++) {
        memory.fill(Route.atOut(g, out, i, columnFrom), 0, (columnTo - columnFrom) << 2);
      }
      Route.finish(g, out, rowFrom, rowTo, columnFrom, columnTo);
    } else if (g.isDots()) Route.dots(g, out, a, b, rowFrom, rowTo, columnFrom, columnTo);
    else Route.outer(g, out, a, b, rowFrom, rowTo, columnFrom, columnTo, scratch);
  }

  @inline static atOut(g: Product, out: usize, i: i32, j: i32): usize {
    return out + ((<usize>i * g.N + j) << 2);
  }

  /** Where op(a)[i, k] is. */
  @inline static atA(g: Product, a: usize, i: i32, k: i32): usize {
    return a + ((g.transposeA ? <usize>k * g.M + i : <usize>i * g.K + k) << 2);
  }

  /** Where op(b)[k, j] is. */
  @inline static atB(g: Product, b: usize, j: i32, k: i32): usize {
    return b + ((g.transposeB ? <usize>j * g.K + k : <usize>k * g.N + j) << 2);
  }

  /** Where the shared packed block of a that begins with row i is, kc steps long from k on. */
  @inline static packedA(g: Product, i: i32, k: i32, kc: i32): usize {
    return g.packed + ((<usize>(k - g.kFrom) * g.M + <usize>i * kc) << 2);
  }

  /** The same of b, from column j on. */
  @inline static packedB(g: Product, j: i32, k: i32, kc: i32): usize {
    return g.packed + ((<usize>(k - g.kFrom) * ((g.N + 3) & ~3) + <usize>j * kc) << 2);
  }

  /** Into how many blocks the packing job cuts rows or columns. */
  @inline static packBlocks(g: Product): i32 {
    return g.byColumns ? (g.M + M_BLOCK - 1) / M_BLOCK : (g.N + PACK_COLUMNS - 1) / PACK_COLUMNS;
  }

  static dots(
    g: Product,
    out: usize,
    a: usize,
    b: usize,
    rowFrom: i32,
    rowTo: i32,
    columnFrom: i32,
    columnTo: i32,
  ): void {
    const outStep = (<usize>g.N) << 2;
    const step = (<usize>g.K) << 2;
    for (let k = 0; k < g.K; k += DOT_BLOCK) {
      const kc = min(DOT_BLOCK, g.K - k);
      const add = k > 0 || g.accumulate != 0;
      // Tiles of nearly equal size: 8 rows are 3 + 3 + 2.
      let rowTiles = (rowTo - rowFrom + DOT_ROWS - 1) / DOT_ROWS;
      for (let i = rowFrom; i < rowTo; rowTiles--) {
        const rows = (rowTo - i + rowTiles - 1) / rowTiles;
        const aTile = Route.atA(g, a, i, k);
        let columnTiles = (columnTo - columnFrom + DOT_COLUMNS - 1) / DOT_COLUMNS;
        for (let j = columnFrom; j < columnTo; columnTiles--) {
          const columns = (columnTo - j + columnTiles - 1) / columnTiles;
          const tile = Route.atOut(g, out, i, j);
          const bTile = Route.atB(g, b, j, k);
          Tiles.dot(rows, columns, tile, outStep, add, aTile, step, bTile, step, kc);
          j += columns;
        }
        i += rows;
      }
    }
    Route.finish(g, out, rowFrom, rowTo, columnFrom, columnTo);
  }

  /** What is done with whole sums: the bias is added, the activation applied. */
  static finish(
    g: Product,
    out: usize,
    rowFrom: i32,
    rowTo: i32,
    columnFrom: i32,
    columnTo: i32,
  ): void {
    if (g.bias == 0 && g.activation == 0) return;
    const columns = columnTo - columnFrom;
    const bias = g.bias + (columnFrom << 2);
    for (let i = rowFrom; i < rowTo; i++) {
      const row = Route.atOut(g, out, i, columnFrom);
      if (g.bias != 0) Activation.applyBiased(row, bias, columns, g.activation, g.slope);
      else Activation.apply(row, columns, g.activation, g.slope);
    }
  }

  static outer(
    g: Product,
    out: usize,
    a: usize,
    b: usize,
    rowFrom: i32,
    rowTo: i32,
    columnFrom: i32,
    columnTo: i32,
    scratch: usize,
  ): void {
    const sums = scratch;
    const aScratch = scratch + SUMS_BYTES;
    const bScratch = aScratch + A_BYTES;
    const packsA = g.packsA();
    const packsB = g.packsB();
    const sharesA = g.packed != 0 && g.byColumns != 0;
    const sharesB = g.packed != 0 && g.byColumns == 0;
    for (let j = columnFrom; j < columnTo; j += N_BLOCK) {
      const nc = min(N_BLOCK, columnTo - j);
      for (let k = g.kFrom; k < g.kTo; k += K_BLOCK) {
        const kc = min(K_BLOCK, g.kTo - k);
        const add = k > 0 || g.accumulate != 0;
        const bBlock = Route.atB(g, b, j, k);
        const bPacked = sharesB ? Route.packedB(g, j, k, kc) : bScratch;
        if (packsB) {
          if (!sharesB) Route.packB(bPacked, bBlock, g, kc, nc);
        } else if (nc & 3) {
          // Only the last panel, which would be read past its end.
          Pack.rows(bPacked, bBlock + ((nc & ~3) << 2), (<usize>g.N) << 2, kc, nc & 3, 4);
        }
        for (let i = rowFrom; i < rowTo; i += M_BLOCK) {
          const mc = min(M_BLOCK, rowTo - i);
          let aBlock = Route.atA(g, a, i, k);
          if (sharesA) aBlock = Route.packedA(g, i, k, kc);
          else if (packsA) {
            Route.packA(aScratch, aBlock, g, kc, mc);
            aBlock = aScratch;
          }
          const outBlock = Route.atOut(g, out, i, j);
          Route.block(outBlock, aBlock, packsA, bBlock, bPacked, packsB, sums, g, mc, nc, kc, add);
          if (k + kc == g.K) Route.finish(g, out, i, i + mc, j, j + nc);
        }
      }
    }
  }

  /** The width of the panel of columns that begins where `left` are left. */
  @inline static panel(left: i32): i32 {
    return left >= TileWidth.columns ? TileWidth.columns : left >= 8 ? 8 : min(4, left);
  }

  /** Panels as wide as a tile, then one of 8, one of 4, and one of fewer, filled up to 4. */
  static packB(to: usize, b: usize, g: Product, kc: i32, nc: i32): void {
    let j = 0;
    if (!g.transposeB) {
      const step = (<usize>g.N) << 2;
      for (; j + 32 <= nc; j += 32, to += (<usize>kc) << 7) {
        if (TileWidth.columns == 16) Pack.twoPanels(to, b + (j << 2), step, kc);
        else Pack.fourPanels(to, b + (j << 2), step, kc);
      }
    }
    while (j < nc) {
      const width = Route.panel(nc - j);
      const packed = max(4, width);
      if (g.transposeB) {
        Pack.columns(to, b + ((<usize>j * g.K) << 2), (<usize>g.K) << 2, kc, width, packed);
      } else Pack.rows(to, b + (j << 2), (<usize>g.N) << 2, kc, width, packed);
      to += (<usize>(packed * kc)) << 2;
      j += width;
    }
  }

  /** Panels as high as the tiles of `block`. */
  static packA(to: usize, a: usize, g: Product, kc: i32, mc: i32): void {
    const tiles = (mc + MAX_ROWS - 1) / MAX_ROWS;
    const height = mc / tiles;
    const higher = mc % tiles;
    for (let tile = 0; tile < tiles; tile++) {
      const rows = tile < higher ? height + 1 : height;
      if (g.transposeA) {
        Pack.rows(to, a, (<usize>g.M) << 2, kc, rows, rows);
        a += (<usize>rows) << 2;
      } else {
        Pack.columns(to, a, (<usize>g.K) << 2, kc, rows, rows);
        a += (<usize>(rows * g.K)) << 2;
      }
      to += (<usize>(rows * kc)) << 2;
    }
  }

  /**
   * One block of out: `mc` rows, `nc` columns, `kc` steps of k. The rows are shared out evenly
   * among the tiles: 8 are 4 + 4, which keeps the multipliers busier than 6 + 2.
   */
  static block(
    out: usize,
    a: usize,
    packA: bool,
    b: usize,
    bPacked: usize,
    packB: bool,
    sums: usize,
    g: Product,
    mc: i32,
    nc: i32,
    kc: i32,
    add: bool,
  ): void {
    const outStep = (<usize>g.N) << 2;
    const tiles = (mc + MAX_ROWS - 1) / MAX_ROWS;
    const height = mc / tiles;
    const higher = mc % tiles;
    for (let j = 0; j < nc;) {
      const width = Route.panel(nc - j);
      const isEdge = width < 4;
      const vectors = isEdge ? 1 : width >> 2;
      const isPacked = packB || isEdge;
      const bPanel = isPacked ? bPacked : b + (j << 2);
      const bStep = isPacked ? (<usize>vectors) << 4 : outStep;
      let aPanel = a;
      let tileOut = out + (j << 2);
      for (let tile = 0; tile < tiles; tile++) {
        const rows = tile < higher ? height + 1 : height;
        const aStep = (<usize>(packA ? rows : g.M)) << 2;
        if (isEdge || add) {
          const step = (<usize>vectors) << 4;
          Tiles.outer(rows, vectors, sums, step, aPanel, aStep, bPanel, bStep, kc);
          Route.place(tileOut, outStep, sums, step, rows, width, add);
        } else Tiles.outer(rows, vectors, tileOut, outStep, aPanel, aStep, bPanel, bStep, kc);
        aPanel += (<usize>(packA ? rows * kc : rows)) << 2;
        tileOut += <usize>rows * outStep;
      }
      if (packB) bPacked += (<usize>(vectors * kc)) << 4;
      j += width;
    }
  }

  /** out[i, j] = sums[i, j] for j < width, or with `add` out[i, j] += sums[i, j]. */
  static place(
    out: usize,
    outStep: usize,
    sums: usize,
    step: usize,
    rows: i32,
    width: i32,
    add: bool,
  ): void {
    for (; rows > 0; rows--, out += outStep, sums += step) {
      if (add) Lanes.addTo(out, sums, width);
      else Lanes.copy(out, sums, width);
    }
  }
}
