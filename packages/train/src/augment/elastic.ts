import type { Generator, OptionRules } from '@unfold/core';
import { checkedInUse, checkOptions } from '@unfold/core/internal';
import type { Augmentation, ImagePlanes } from './augmentation.js';
import { exp } from './math.js';
import { type ChannelValues, checkNumber, checkValues } from './options.js';
import { type PositionMap, type Positions, WarpStep } from './warp.js';

/** Options of `elastic`. */
export interface ElasticOptions {
  /**
   * Strength, in pixels. Far from the border a pixel moves by about `0.163·alpha/sigma` along each
   * axis (standard deviation). Default 34.
   */
  readonly alpha?: number;
  /** How smooth it is: the standard deviation of the Gaussian in pixels. Default 4. */
  readonly sigma?: number;
  /** The value outside the image, for all channels or for each. Default 0. */
  readonly fill?: ChannelValues;
}

const OPTIONS: OptionRules<ElasticOptions> = {
  alpha: checkedInUse,
  sigma: checkedInUse,
  fill: checkedInUse,
};

/**
 * Elastic deformation (P. Simard, D. Steinkraus, J. Platt: Best Practices for Convolutional Neural
 * Networks Applied to Visual Document Analysis, 2003, whose values are the defaults). For each axis
 * every pixel draws a displacement from ±1; a Gaussian smooths these; alpha scales them. All channels
 * move alike. The Gaussian ends at 3·sigma, its weights sum to 1, and beyond the border there are no
 * displacements.
 * @throws ConfigError for an option that is unknown or out of range.
 */
export function elastic(options: ElasticOptions = {}): Augmentation {
  return new Elastic(options);
}

/** What `elastic` makes. */
export class Elastic extends WarpStep {
  readonly operation = 'elastic';
  /** What it was made from, as plain data. */
  readonly options: ElasticOptions;
  readonly #alpha: number;
  readonly #weights: Float64Array;
  #noise = field(0);
  #halfway = field(0);

  constructor(options: ElasticOptions) {
    checkOptions('elastic', options, OPTIONS);
    const { alpha = 34, sigma = 4, fill = 0 } = options;
    checkNumber('elastic: alpha', alpha, [0, Infinity]);
    // Beyond the upper bound a Gaussian is flat over any image that there is.
    checkNumber('elastic: sigma', sigma, [0.1, 1000]);
    checkValues('elastic: fill', fill);
    super(fill);
    this.options = { alpha, sigma, fill };
    this.#alpha = alpha;
    this.#weights = gaussian(sigma);
  }

  draw([, height, width]: ImagePlanes['shape'], random: Generator): PositionMap {
    const size = height * width;
    if (this.#noise.x.length !== size) {
      this.#noise = field(size);
      this.#halfway = field(size);
    }
    drawNoise(this.#noise, this.#alpha, random);
    smoothColumns(this.#halfway, this.#noise, height, width, this.#weights);
    // A new field, for the same step may stand in a chain twice.
    const displacements = field(size);
    smoothColumns(displacements, this.#halfway, width, height, this.#weights);
    return (positions) => displace(positions, displacements, height, width);
  }
}

/** Two numbers for each pixel. */
function field(size: number): Positions {
  return { x: new Float64Array(size), y: new Float64Array(size) };
}

/** One of 2¹⁶ values spread evenly over ±alpha; those of both axes from one draw of 32 bits. */
function drawNoise({ x, y }: Positions, alpha: number, random: Generator): void {
  const unit = alpha / 2 ** 15;
  for (let i = 0; i < x.length; i++) {
    const bits = random.uint32();
    x[i] = ((bits >>> 16) - 32767.5) * unit;
    y[i] = ((bits & 0xffff) - 32767.5) * unit;
  }
}

/** The weights of a Gaussian from -3σ to 3σ. */
function gaussian(sigma: number): Float64Array {
  const radius = Math.ceil(3 * sigma);
  const weights = Float64Array.from({ length: 2 * radius + 1 }, (_, i) =>
    exp(-((i - radius) ** 2) / (2 * sigma * sigma)),
  );
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

/**
 * Smooths the columns of a field `[rows, columns]` and transposes it: `out` is `[columns, rows]`.
 * Done twice, it smooths both axes. Eight sums at a time, so that none waits for the one before.
 */
function smoothColumns(
  { x: outX, y: outY }: Positions,
  { x, y }: Positions,
  rows: number,
  columns: number,
  weights: Float64Array,
): void {
  const radius = (weights.length - 1) / 2;
  for (let row = 0; row < rows; row++) {
    const first = Math.max(0, row - radius);
    const last = Math.min(rows - 1, row + radius);
    const shift = radius - row;
    let column = 0;
    for (; column + 4 <= columns; column += 4) {
      let x0 = 0;
      let x1 = 0;
      let x2 = 0;
      let x3 = 0;
      let y0 = 0;
      let y1 = 0;
      let y2 = 0;
      let y3 = 0;
      for (let i = first, at = first * columns + column; i <= last; i++, at += columns) {
        const weight = weights[i + shift];
        x0 += weight * x[at];
        x1 += weight * x[at + 1];
        x2 += weight * x[at + 2];
        x3 += weight * x[at + 3];
        y0 += weight * y[at];
        y1 += weight * y[at + 1];
        y2 += weight * y[at + 2];
        y3 += weight * y[at + 3];
      }
      const to = column * rows + row;
      outX[to] = x0;
      outX[to + rows] = x1;
      outX[to + 2 * rows] = x2;
      outX[to + 3 * rows] = x3;
      outY[to] = y0;
      outY[to + rows] = y1;
      outY[to + 2 * rows] = y2;
      outY[to + 3 * rows] = y3;
    }
    for (; column < columns; column++) {
      let sumX = 0;
      let sumY = 0;
      for (let i = first, at = first * columns + column; i <= last; i++, at += columns) {
        const weight = weights[i + shift];
        sumX += weight * x[at];
        sumY += weight * y[at];
      }
      outX[column * rows + row] = sumX;
      outY[column * rows + row] = sumY;
    }
  }
}

/** Adds to each position the displacement that holds there. */
function displace({ x, y }: Positions, by: Positions, height: number, width: number): void {
  for (let i = 0; i < x.length; i++) {
    const px = x[i];
    const py = y[i];
    // Outside the image, that of the nearest point on its border.
    const cx = Math.min(Math.max(px, 0), width - 1);
    const cy = Math.min(Math.max(py, 0), height - 1);
    const left = Math.floor(cx);
    const top = Math.floor(cy);
    const u = cx - left;
    const v = cy - top;
    const at = top * width + left;
    if (u === 0 && v === 0) {
      x[i] = px + by.x[at];
      y[i] = py + by.y[at];
    } else {
      const right = u === 0 ? at : at + 1;
      const down = v === 0 ? 0 : width;
      x[i] = px + bilinear(by.x, at, right, down, u, v);
      y[i] = py + bilinear(by.y, at, right, down, u, v);
    }
  }
}

function bilinear(
  field: Float64Array,
  at: number,
  right: number,
  down: number,
  u: number,
  v: number,
): number {
  const a = field[at];
  const c = field[at + down];
  const upper = a + (field[right] - a) * u;
  const lower = c + (field[right + down] - c) * u;
  return upper + (lower - upper) * v;
}
