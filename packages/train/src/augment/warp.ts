import type { Generator } from '@unfold/core';
import type { Augmentation, ImagePlanes } from './augmentation.js';
import { type ChannelValues, perChannel } from './options.js';

/**
 * For each pixel of the new image, row-major, where in the old one it is read: column x and row y,
 * counted from the middle of the first pixel.
 */
export interface Positions {
  readonly x: Float64Array;
  readonly y: Float64Array;
}

/** Moves positions in the image after a step to those in the image before it, in place. */
export type PositionMap = (positions: Positions) => void;

/** A step that moves pixels and leaves their values. Neighbouring ones are resampled as one. */
export abstract class WarpStep implements Augmentation {
  /** The name of the operation in errors. */
  abstract readonly operation: string;
  /** The value that is seen where the old image ends. */
  readonly fill: ChannelValues;
  readonly #warp = new Warp();

  constructor(fill: ChannelValues) {
    this.fill = fill;
  }

  /** Draws what is random about one image. */
  abstract draw(shape: ImagePlanes['shape'], random: Generator): PositionMap;

  apply(image: ImagePlanes, random: Generator): void {
    this.#warp.apply(image, [this], random);
  }
}

/** Resamples images, and keeps the arrays that this takes. */
export class Warp {
  #x = new Float64Array(0);
  #y = new Float64Array(0);
  #plane = new Float64Array(0);

  /**
   * Does what the steps do one after another, but reads pixels once, with the fill of the first: a
   * chain of interpolations would blur.
   */
  apply(image: ImagePlanes, steps: readonly WarpStep[], random: Generator): void {
    const maps = steps.map((step) => step.draw(image.shape, random));
    const [first] = steps;
    if (first) this.run(image, maps, first.fill, first.operation);
  }

  /** `maps` in the order of the steps. */
  run(
    { data, shape: [channels, height, width] }: ImagePlanes,
    maps: readonly PositionMap[],
    fill: ChannelValues,
    operation: string,
  ): void {
    const fills = perChannel(`${operation}: fill`, fill, channels);
    const size = height * width;
    if (this.#plane.length !== size) {
      this.#x = new Float64Array(size);
      this.#y = new Float64Array(size);
      this.#plane = new Float64Array(size);
    }
    const positions = { x: this.#x, y: this.#y };
    writeGrid(positions, height, width);
    // From a pixel of the last step's image back to the first one's.
    for (const map of [...maps].reverse()) map(positions);
    for (let c = 0; c < channels; c++) {
      const out = data.subarray(c * size, (c + 1) * size);
      this.#plane.set(out);
      resample(out, this.#plane, height, width, positions, fills[c]);
    }
  }
}

/** Every pixel where it is. */
function writeGrid({ x, y }: Positions, height: number, width: number): void {
  for (let row = 0, i = 0; row < height; row++) {
    for (let column = 0; column < width; column++, i++) {
      x[i] = column;
      y[i] = row;
    }
  }
}

/**
 * The bilinear interpolation of `plane` at each position. Pixels outside have the value `fill`, so
 * the border fades over one pixel, as `grid_sample` with `align_corners=False` and zero padding. At
 * the middle of a pixel the result has that pixel's bits.
 */
function resample(
  out: Float64Array,
  plane: Float64Array,
  height: number,
  width: number,
  { x, y }: Positions,
  fill: number,
): void {
  for (let i = 0; i < out.length; i++) {
    const px = x[i];
    const py = y[i];
    const left = Math.floor(px);
    const top = Math.floor(py);
    const u = px - left;
    const v = py - top;
    if (left >= 0 && top >= 0 && left < width - 1 && top < height - 1) {
      const at = top * width + left;
      const a = plane[at];
      if (u === 0 && v === 0) {
        out[i] = a;
        continue;
      }
      const c = plane[at + width];
      const upper = a + (plane[at + 1] - a) * u;
      const lower = c + (plane[at + width + 1] - c) * u;
      out[i] = upper + (lower - upper) * v;
    } else {
      const upper = atRow(plane, height, width, top, left, u, fill);
      out[i] =
        v === 0 ? upper : upper + (atRow(plane, height, width, top + 1, left, u, fill) - upper) * v;
    }
  }
}

/** The value in a row between the columns `left` and `left + 1`, any of which may be outside. */
function atRow(
  plane: Float64Array,
  height: number,
  width: number,
  row: number,
  left: number,
  u: number,
  fill: number,
): number {
  if (row < 0 || row >= height) return fill;
  const at = row * width + left;
  const a = left >= 0 && left < width ? plane[at] : fill;
  if (u === 0) return a;
  const b = left >= -1 && left < width - 1 ? plane[at + 1] : fill;
  return a + (b - a) * u;
}
