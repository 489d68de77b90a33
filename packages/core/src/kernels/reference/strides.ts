/*
 * A strided walk is a loop over rows (all axes but the last) around a loop along the last axis.
 * With rank 0 there is one row of one element.
 */

/** Length of the last axis. */
export function rowLength(shape: readonly number[]): number {
  return shape.at(-1) ?? 1;
}

/** Number of rows. */
export function rowCount(shape: readonly number[]): number {
  return shape.slice(0, -1).reduce((product, n) => product * n, 1);
}

/** Step along the last axis. */
export function rowStep(strides: readonly number[]): number {
  return strides.at(-1) ?? 0;
}

/** Offset of the first element of row `row`, the rows counted in row-major order of `shape`. */
export function rowStart(
  row: number,
  shape: readonly number[],
  strides: readonly number[],
): number {
  let offset = 0;
  for (let axis = shape.length - 2; axis >= 0; axis--) {
    const n = shape[axis];
    offset += (row % n) * strides[axis];
    row = Math.floor(row / n);
  }
  return offset;
}
