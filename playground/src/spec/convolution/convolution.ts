import {
  type Copy,
  copiesOf,
  type Geometry,
  groupOf,
  groupOfRow,
  isPadding,
  type Pixel,
  pixelOf,
} from './geometry.js';

/*
 * Every number of a convolution by a plain loop, one cell at a time: a view computes what it shows, however
 * large the layer. `n` is the image, `o` the output channel, `e` and `r` row and column of U.
 */

export interface Convolution {
  readonly geometry: Geometry;
  /** `[N, C, H, W]` */
  readonly x: ArrayLike<number>;
  /** `[OC, C/groups, KH, KW]` */
  readonly weight: ArrayLike<number>;
  /** `[OC]`; null for none. */
  readonly bias: ArrayLike<number> | null;
  /** `[N, OC, OH, OW]`: the gradient of the loss with respect to the output. */
  readonly dOut: ArrayLike<number>;
}

/** @throws RangeError where there is no number. */
export function numberAt(values: ArrayLike<number>, index: number): number {
  const value = values[index];
  if (value === undefined) throw new RangeError(`index ${index} of ${values.length} numbers`);
  return value;
}

/** A pixel of the padded input. */
export function paddedAt({ geometry, x }: Convolution, n: number, pixel: Pixel): number {
  if (isPadding(geometry, pixel)) return 0;
  const { C, H, W, padding } = geometry;
  return numberAt(x, ((n * C + pixel.c) * H + pixel.h - padding) * W + pixel.w - padding);
}

/** `U[e, r]` of an image: a copy. */
export const unfoldedAt = (convolution: Convolution, n: number, e: number, r: number): number =>
  paddedAt(convolution, n, pixelOf(convolution.geometry, e, r));

/** `W[o, e]`: the weight that row `e` of U meets, where both are of one group. */
export function weightAt({ geometry, weight }: Convolution, o: number, e: number): number {
  return numberAt(weight, o * geometry.k + (e % geometry.k));
}

export const biasAt = ({ bias }: Convolution, o: number): number =>
  bias === null ? 0 : numberAt(bias, o);

/** `(W·U)[o, r]`, before the bias. */
export function productAt(convolution: Convolution, n: number, o: number, r: number): number {
  const { k } = convolution.geometry;
  const first = groupOf(convolution.geometry, o) * k;
  let sum = 0;
  for (let e = first; e < first + k; e++) {
    sum += weightAt(convolution, o, e) * unfoldedAt(convolution, n, e, r);
  }
  return sum;
}

/** `out[n, o, r]`; `r` counts the output's pixels row by row. */
export const outAt = (convolution: Convolution, n: number, o: number, r: number): number =>
  productAt(convolution, n, o, r) + biasAt(convolution, o);

export function dOutAt({ geometry, dOut }: Convolution, n: number, o: number, r: number): number {
  return numberAt(dOut, (n * geometry.OC + o) * geometry.p + r);
}

/** The sum over an image's patches of what `factorAt` has for the patch, times the patch's number in row `e` of U. */
export function timesUnfolded(
  convolution: Convolution,
  n: number,
  e: number,
  factorAt: (r: number) => number,
): number {
  let sum = 0;
  for (let r = 0; r < convolution.geometry.p; r++) {
    sum += factorAt(r) * unfoldedAt(convolution, n, e, r);
  }
  return sum;
}

/** `(dOut·Uᵀ)[o, e]` of one image. */
export const dWeightOfImageAt = (
  convolution: Convolution,
  n: number,
  o: number,
  e: number,
): number => timesUnfolded(convolution, n, e, (r) => dOutAt(convolution, n, o, r));

/** `dWeight[o, e]`: summed over the batch, since every image was multiplied with the same weight. */
export function dWeightAt(convolution: Convolution, o: number, e: number): number {
  let sum = 0;
  for (let n = 0; n < convolution.geometry.N; n++) sum += dWeightOfImageAt(convolution, n, o, e);
  return sum;
}

export function dBiasAt(convolution: Convolution, o: number): number {
  const { N, p } = convolution.geometry;
  let sum = 0;
  for (let n = 0; n < N; n++) {
    for (let r = 0; r < p; r++) sum += dOutAt(convolution, n, o, r);
  }
  return sum;
}

/** `dU[e, r] = (Wᵀ·dOut)[e, r]` of an image. */
export function dUAt(convolution: Convolution, n: number, e: number, r: number): number {
  const { groupOC } = convolution.geometry;
  const first = groupOfRow(convolution.geometry, e) * groupOC;
  let sum = 0;
  for (let o = first; o < first + groupOC; o++) {
    sum += weightAt(convolution, o, e) * dOutAt(convolution, n, o, r);
  }
  return sum;
}

/** A matrix of the shape of U, as what is at its row `e`, column `r`. */
type Matrix = (e: number, r: number) => number;

/** What fold makes of a matrix at a pixel: the sum of all that stands where unfold put copies of it. */
export const foldAt = (geometry: Geometry, matrix: Matrix, pixel: Pixel): number =>
  sumOver(copiesOf(geometry, pixel), matrix);

/** `foldAt` when only the first `patches` columns have been added. */
export const foldSoFarAt = (
  geometry: Geometry,
  matrix: Matrix,
  pixel: Pixel,
  patches: number,
): number =>
  sumOver(
    copiesOf(geometry, pixel).filter(({ r }) => r < patches),
    matrix,
  );

const sumOver = (copies: readonly Copy[], matrix: Matrix): number =>
  copies.reduce((sum, { e, r }) => sum + matrix(e, r), 0);

/** `dX` at a pixel, by fold; a pixel of the padding has a number, too, which is dropped. */
export const dXAt = (convolution: Convolution, n: number, pixel: Pixel): number =>
  foldAt(convolution.geometry, (e, r) => dUAt(convolution, n, e, r), pixel);

/** `fold(unfold(x))` at a pixel: the pixel times the number of patches that hold it. */
export const foldedCopiesAt = (convolution: Convolution, n: number, pixel: Pixel): number =>
  foldAt(convolution.geometry, (e, r) => unfoldedAt(convolution, n, e, r), pixel);

/** The rows of U that an output channel is made of. */
export function rowsOf(geometry: Geometry, o: number): number[] {
  const first = groupOf(geometry, o) * geometry.k;
  return Array.from({ length: geometry.k }, (_, i) => first + i);
}

/** The output channels that a row of U goes into. */
export function channelsOf(geometry: Geometry, e: number): number[] {
  const first = groupOfRow(geometry, e) * geometry.groupOC;
  return Array.from({ length: geometry.groupOC }, (_, i) => first + i);
}
