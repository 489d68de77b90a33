import { FUSED_DOT_COLUMNS, FUSED_DOT_ROWS, FUSED_ROWS, MAX_VECTORS, Tiles } from './build/tiles';
import { Lanes } from './lanes';

/*
 * The matrix product out = op(a)·op(b), on one of two routes:
 *
 * - Outer products, the usual one: a tile of out (6 rows × 8 columns) stays in registers while k
 *   runs; each step takes 6 floats of a and 8 of b. a and b are cut into blocks that fit the
 *   caches, and copied ("packed") so that a tile reads them in one run, where that pays.
 * - Dot products, for a·bᵀ with few rows or columns: both operands run along k already, and
 *   turning them round would cost more than it saves.
 *
 * The route follows from the shape of the whole product, and the order of an element's sum from
 * K: where rows and columns are cut, and on how many threads, never shows in the bits.
 */

/** What the caller writes: the contract's MatmulGeometry without the batch, booleans as 0 or 1. */
@unmanaged
class Product {
  M: i32;
  N: i32;
  K: i32;
  transposeA: i32;
  transposeB: i32;
  accumulate: i32;
}

/** k in a block: panels of 6 × 256 and 256 × 8 floats share the first-level cache. */
const K_BLOCK: i32 = 256;
/** Rows in a block: 192 × 256 floats of a stay in the second-level cache. */
const M_BLOCK: i32 = 192;
/** Columns in a block: 256 × 1024 floats of b. */
const N_BLOCK: i32 = 1024;
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
const WIDTH: i32 = MAX_VECTORS * 4;
/** Fewer than four columns at the right edge go through a buffer of MAX_ROWS × 4 floats. */
const EDGE_STEP: usize = 16;
const EDGE_BYTES: i32 = 128;
const A_BYTES: i32 = M_BLOCK * K_BLOCK * 4;
const B_BYTES: i32 = K_BLOCK * N_BLOCK * 4;

/** Bytes of scratch that one caller of `matmul` needs. */
export function matmulScratchBytes(): i32 {
  return EDGE_BYTES + A_BYTES + B_BYTES;
}

/**
 * Rows `rowFrom` … `rowTo`-1 of out `[M, N]`. `geometry` is a Product; `scratch` is
 * matmulScratchBytes() of memory that is the caller's alone, aligned to 16.
 */
export function matmul(
  out: usize,
  a: usize,
  b: usize,
  geometry: usize,
  rowFrom: i32,
  rowTo: i32,
  scratch: usize,
): void {
  const g = changetype<Product>(geometry);
  if (g.K == 0) {
    if (!g.accumulate) {
      memory.fill(out + ((rowFrom * g.N) << 2), 0, ((rowTo - rowFrom) * g.N) << 2);
    }
    return;
  }
  const narrow = g.M <= DOT_SIDE || g.N <= DOT_SIDE;
  if (!g.transposeA && g.transposeB && narrow && g.K >= DOT_LENGTH) {
    Route.dots(out, a, b, g, rowFrom, rowTo);
  } else Route.outer(out, a, b, g, rowFrom, rowTo, scratch);
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

  /** Four panels of 8 columns: a run of 128 bytes at a time, where one panel alone takes 32. */
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

  /** to[k, j] = x[j, k] for j < count, and 0 up to `width`; a row of x is `step` bytes long. */
  static columns(to: usize, x: usize, step: usize, K: i32, count: i32, width: i32): void {
    const toStep = (<usize>width) << 2;
    let j = 0;
    for (; j + 4 <= count; j += 4) {
      Pack.fourColumns(to + (j << 2), toStep, x + <usize>j * step, step, K);
    }
    for (; j < count; j++) Pack.oneColumn(to + (j << 2), toStep, x + <usize>j * step, K);
    for (; j < width; j++) {
      for (let k = 0; k < K; k++) store<f32>(to + (j << 2) + <usize>k * toStep, 0);
    }
  }

  /** Four rows of x become four columns, four k at a time. */
  @inline static fourColumns(to: usize, toStep: usize, x0: usize, step: usize, K: i32): void {
    let x1 = x0 + step;
    let x2 = x1 + step;
    let x3 = x2 + step;
    for (; K >= 4; K -= 4, x0 += 16, x1 += 16, x2 += 16, x3 += 16) {
      const r0 = v128.load(x0);
      const r1 = v128.load(x1);
      const r2 = v128.load(x2);
      const r3 = v128.load(x3);
      const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
      const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
      const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
      const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
      v128.store(to, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5));
      to += toStep;
      v128.store(to, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7));
      to += toStep;
      v128.store(to, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5));
      to += toStep;
      v128.store(to, v128.shuffle<f32>(high01, high23, 2, 3, 6, 7));
      to += toStep;
    }
    for (; K > 0; K--, x0 += 4, x1 += 4, x2 += 4, x3 += 4, to += toStep) {
      store<f32>(to, load<f32>(x0));
      store<f32>(to, load<f32>(x1), 4);
      store<f32>(to, load<f32>(x2), 8);
      store<f32>(to, load<f32>(x3), 12);
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
  static dots(out: usize, a: usize, b: usize, g: Product, rowFrom: i32, rowTo: i32): void {
    const outStep = (<usize>g.N) << 2;
    const step = (<usize>g.K) << 2;
    for (let k = 0; k < g.K; k += DOT_BLOCK) {
      const kc = min(DOT_BLOCK, g.K - k);
      const add = k > 0 || g.accumulate != 0;
      // Tiles of nearly equal size: 8 rows are 3 + 3 + 2.
      let rowTiles = (rowTo - rowFrom + DOT_ROWS - 1) / DOT_ROWS;
      for (let i = rowFrom; i < rowTo; rowTiles--) {
        const rows = (rowTo - i + rowTiles - 1) / rowTiles;
        const aTile = a + ((i * g.K + k) << 2);
        let columnTiles = (g.N + DOT_COLUMNS - 1) / DOT_COLUMNS;
        for (let j = 0; j < g.N; columnTiles--) {
          const columns = (g.N - j + columnTiles - 1) / columnTiles;
          const tile = out + ((i * g.N + j) << 2);
          const bTile = b + ((j * g.K + k) << 2);
          Tiles.dot(rows, columns, tile, outStep, add, aTile, step, bTile, step, kc);
          j += columns;
        }
        i += rows;
      }
    }
  }

  static outer(
    out: usize,
    a: usize,
    b: usize,
    g: Product,
    rowFrom: i32,
    rowTo: i32,
    scratch: usize,
  ): void {
    const edge = scratch;
    const aPacked = scratch + EDGE_BYTES;
    const bPacked = aPacked + A_BYTES;
    const packA = g.transposeA == 0 || g.N >= PACK_A_FROM;
    const packB = g.transposeB != 0 || g.M >= PACK_B_FROM;
    for (let j = 0; j < g.N; j += N_BLOCK) {
      const nc = min(N_BLOCK, g.N - j);
      for (let k = 0; k < g.K; k += K_BLOCK) {
        const kc = min(K_BLOCK, g.K - k);
        const add = k > 0 || g.accumulate != 0;
        const bBlock = b + ((g.transposeB ? j * g.K + k : k * g.N + j) << 2);
        if (packB) Route.packB(bPacked, bBlock, g, kc, nc);
        else if (nc & 3) {
          // Only the last panel, which would be read past its end.
          Pack.rows(bPacked, bBlock + ((nc & ~3) << 2), (<usize>g.N) << 2, kc, nc & 3, 4);
        }
        for (let i = rowFrom; i < rowTo; i += M_BLOCK) {
          const mc = min(M_BLOCK, rowTo - i);
          const aBlock = a + ((g.transposeA ? k * g.M + i : i * g.K + k) << 2);
          if (packA) Route.packA(aPacked, aBlock, g, kc, mc);
          const outBlock = out + ((i * g.N + j) << 2);
          const aTiles = packA ? aPacked : aBlock;
          Route.block(outBlock, aTiles, packA, bBlock, bPacked, packB, edge, g, mc, nc, kc, add);
        }
      }
    }
  }

  /** Panels of 8 columns, then one of 4, then one of fewer, filled up to 4. */
  static packB(to: usize, b: usize, g: Product, kc: i32, nc: i32): void {
    let j = 0;
    if (!g.transposeB) {
      for (; j + 32 <= nc; j += 32, to += (<usize>kc) << 7) {
        Pack.fourPanels(to, b + (j << 2), (<usize>g.N) << 2, kc);
      }
    }
    while (j < nc) {
      const width = nc - j >= WIDTH ? WIDTH : min(4, nc - j);
      const packed = max(4, width);
      if (g.transposeB) {
        Pack.columns(to, b + ((j * g.K) << 2), (<usize>g.K) << 2, kc, width, packed);
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
    edge: usize,
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
      const width = nc - j >= WIDTH ? WIDTH : min(4, nc - j);
      const vectors = width == WIDTH ? MAX_VECTORS : 1;
      const isEdge = width < 4;
      const isPacked = packB || isEdge;
      const bPanel = isPacked ? bPacked : b + (j << 2);
      const bStep = isPacked ? (<usize>vectors) << 4 : outStep;
      let aPanel = a;
      let tileOut = out + (j << 2);
      for (let tile = 0; tile < tiles; tile++) {
        const rows = tile < higher ? height + 1 : height;
        const aStep = (<usize>(packA ? rows : g.M)) << 2;
        if (isEdge) {
          if (add) Route.copyColumns(edge, EDGE_STEP, tileOut, outStep, rows, width);
          Tiles.outer(rows, 1, edge, EDGE_STEP, add, aPanel, aStep, bPanel, bStep, kc);
          Route.copyColumns(tileOut, outStep, edge, EDGE_STEP, rows, width);
        } else Tiles.outer(rows, vectors, tileOut, outStep, add, aPanel, aStep, bPanel, bStep, kc);
        aPanel += (<usize>(packA ? rows * kc : rows)) << 2;
        tileOut += <usize>rows * outStep;
      }
      if (packB) bPacked += (<usize>(vectors * kc)) << 4;
      j += width;
    }
  }

  /** to[i, j] = from[i, j] for j < width: between out and the edge's buffer. */
  static copyColumns(
    to: usize,
    toStep: usize,
    from: usize,
    fromStep: usize,
    rows: i32,
    width: i32,
  ): void {
    for (; rows > 0; rows--, to += toStep, from += fromStep) {
      for (let j = 0; j < width << 2; j += 4) store<f32>(to + j, load<f32>(from + j));
    }
  }
}
