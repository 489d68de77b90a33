/*
 * How wide the register tiles are: 8 columns (two 128-bit vectors), or 16, meant for an engine that
 * joins neighbouring vectors to 256-bit ones. It is set once, before the first product, and alike
 * on all threads. No result depends on it.
 */

export class TileWidth {
  /** Columns of the widest tile. */
  static columns: i32 = 8;

  /** Vectors across a convolution's tile of so many rows: few rows leave registers for four. */
  @inline static vectors(rows: i32): i32 {
    return TileWidth.columns == 16 || rows <= 2 ? 4 : 2;
  }
}

/** `columns` is 8 or 16. */
export function setTileWidth(columns: i32): void {
  TileWidth.columns = columns;
}
