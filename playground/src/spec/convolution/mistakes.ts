import { type Convolution, dUAt, numberAt, outAt, timesUnfolded } from './convolution.js';
import { copiesOf, type Geometry, type Pixel } from './geometry.js';

/* What common sources compute instead, so that a puzzle can show where it leads. */

/** The column where patch `r` starts, if it is taken from the number of positions in a row, not of patches. */
export const columnByPositions = (geometry: Geometry, r: number): number =>
  (r % (geometry.W - geometry.KW + 1)) * geometry.stride;

/** The column where patch `r` starts. */
export const columnOfPatch = (geometry: Geometry, r: number): number =>
  (r % geometry.OW) * geometry.stride;

/** `dX` if each number of dU is written to its pixel, over the one before, and not added. */
export function writtenAt(convolution: Convolution, n: number, pixel: Pixel): number {
  const last = copiesOf(convolution.geometry, pixel).at(-1);
  return last ? dUAt(convolution, n, last.e, last.r) : 0;
}

/** `(out·Uᵀ)[o, e]`: the output in the place of its gradient. */
export const outputTimesUnfoldedAt = (
  convolution: Convolution,
  n: number,
  o: number,
  e: number,
): number => timesUnfolded(convolution, n, e, (r) => outAt(convolution, n, o, r));

/** What `.T` makes of an array's shape: all axes in reverse. */
export const reversed = (shape: readonly number[]): number[] => [...shape].reverse();

/** What is meant: the last two axes swapped. */
export function lastTwoSwapped(shape: readonly number[]): number[] {
  const [last, beforeLast] = [shape.length - 1, shape.length - 2];
  return [...shape.slice(0, -2), numberAt(shape, last), numberAt(shape, beforeLast)];
}
