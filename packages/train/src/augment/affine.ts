import type { Generator, OptionRules } from '@unfold/core';
import { checkedInUse, checkOptions } from '@unfold/core/internal';
import type { Augmentation, ImagePlanes } from './augmentation.js';
import { sinCosDegrees } from './math.js';
import {
  type ChannelValues,
  checkImage,
  checkNumber,
  checkValues,
  type MinMax,
  toPair,
  toRange,
} from './options.js';
import { type PositionMap, Warp, WarpStep } from './warp.js';

/** Options of `affine`, with torchvision's meaning. */
export interface AffineOptions {
  /** Degrees to turn by, clockwise as seen. Default 0. */
  readonly angle?: number;
  /** Pixels to move by, to the right and down. Default `[0, 0]`. */
  readonly translate?: readonly [x: number, y: number];
  /** Above 1 enlarges. Default 1. */
  readonly scale?: number;
  /** Degrees to shear by along the rows and along the columns, between ±90. Default `[0, 0]`. */
  readonly shear?: readonly [x: number, y: number];
  /** The value outside the image, for all channels or for each. Default 0. */
  readonly fill?: ChannelValues;
}

/** Options of `randomAffine`. */
export interface RandomAffineOptions {
  /** Degrees to turn by, drawn from ±degrees or from a range. Default 0. */
  readonly degrees?: number | MinMax;
  /**
   * The farthest move, as a part of the width and of the height, 0…1; a number stands for both.
   * Drawn from ± that, fractions of pixels too (torchvision rounds). Default 0.
   */
  readonly translate?: number | readonly [x: number, y: number];
  /** MinMax of the scale, above 0. Default `[1, 1]`. */
  readonly scale?: MinMax;
  /**
   * Degrees to shear by, between ±90: a number for ± along the rows, a range for those, or
   * `[minX, maxX, minY, maxY]` for rows and columns. Default 0.
   */
  readonly shear?: number | MinMax | readonly [number, number, number, number];
  /** The value outside the image, for all channels or for each. Default 0. */
  readonly fill?: ChannelValues;
}

/* Ranges, and what they must lie within, are checked where they are made. */
const AFFINE_OPTIONS: OptionRules<AffineOptions> = {
  angle: checkedInUse,
  translate: checkedInUse,
  scale: checkedInUse,
  shear: checkedInUse,
  fill: checkedInUse,
};
const RANDOM_AFFINE_OPTIONS: OptionRules<RandomAffineOptions> = {
  degrees: checkedInUse,
  translate: checkedInUse,
  scale: checkedInUse,
  shear: checkedInUse,
  fill: checkedInUse,
};

/** The change that `affine` and `randomAffine` make to an image. */
interface Change {
  readonly angle: number;
  readonly translate: readonly [number, number];
  readonly scale: number;
  readonly shear: readonly [number, number];
}

const ANY: MinMax = [-Infinity, Infinity];
/** At ±90° an image would become a line. */
const SHEAR: MinMax = [-89.9, 89.9];
const SCALE: MinMax = [Number.MIN_VALUE, Infinity];

/**
 * Shears, scales, turns and moves an image about its centre, by bilinear interpolation: as
 * `torchvision.transforms.functional.affine`.
 * @param image Changed in place.
 * @throws ConfigError for an option that is unknown or out of range.
 */
export function affine(image: ImagePlanes, options: AffineOptions = {}): void {
  checkImage('affine', image);
  checkOptions('affine', options, AFFINE_OPTIONS);
  const { angle = 0, translate = [0, 0], scale = 1, shear = [0, 0], fill = 0 } = options;
  checkNumber('affine: angle', angle, ANY);
  toPair('affine: translate', translate, ANY);
  checkNumber('affine: scale', scale, SCALE);
  toPair('affine: shear', shear, SHEAR);
  checkValues('affine: fill', fill);
  const map = inverseMap({ angle, translate, scale, shear }, image.shape);
  new Warp().run(image, [map], fill, 'affine');
}

/**
 * An affine change of each image, every part of it drawn uniformly from its range: as
 * `torchvision.transforms.RandomAffine`.
 * @throws ConfigError for an option that is unknown or out of range.
 */
export function randomAffine(options: RandomAffineOptions = {}): Augmentation {
  return new RandomAffine(options);
}

/** What `randomAffine` makes. */
export class RandomAffine extends WarpStep {
  readonly operation = 'randomAffine';
  /** What it was made from, as plain data. */
  readonly options: RandomAffineOptions;
  readonly #degrees: MinMax;
  readonly #translate: readonly [number, number];
  readonly #scale: MinMax;
  readonly #shear: readonly [MinMax, MinMax];

  constructor(options: RandomAffineOptions) {
    checkOptions('randomAffine', options, RANDOM_AFFINE_OPTIONS);
    const { degrees = 0, translate = 0, scale = [1, 1], shear = 0, fill = 0 } = options;
    checkValues('randomAffine: fill', fill);
    super(fill);
    this.options = { degrees, translate, scale, shear, fill };
    this.#degrees = toRange('randomAffine: degrees', degrees, ANY);
    const farthest = typeof translate === 'number' ? ([translate, translate] as const) : translate;
    this.#translate = toPair('randomAffine: translate', farthest, [0, 1]);
    this.#scale = toRange('randomAffine: scale', scale, SCALE);
    this.#shear = shearRanges(shear);
  }

  draw(shape: ImagePlanes['shape'], random: Generator): PositionMap {
    const [, height, width] = shape;
    const [x, y] = this.#translate;
    // All are drawn whatever the options, so one option never changes what another draws.
    const change = {
      angle: between(this.#degrees, random),
      translate: [
        between([-x * width, x * width], random),
        between([-y * height, y * height], random),
      ],
      scale: between(this.#scale, random),
      shear: [between(this.#shear[0], random), between(this.#shear[1], random)],
    } as const;
    return inverseMap(change, shape);
  }
}

function between([min, max]: MinMax, random: Generator): number {
  return min + (max - min) * random.uniform();
}

function shearRanges(
  shear: NonNullable<RandomAffineOptions['shear']>,
): readonly [rows: MinMax, columns: MinMax] {
  const name = 'randomAffine: shear';
  if (typeof shear === 'number' || shear.length !== 4) {
    return [toRange(name, shear, SHEAR), [0, 0]];
  }
  const [minX, maxX, minY, maxY] = shear;
  return [toRange(name, [minX, maxX], SHEAR), toRange(name, [minY, maxY], SHEAR)];
}

/**
 * Where in the old image the pixels of the new one are. Forward, about the centre and with rows
 * counted downwards, the matrix is torchvision's, R·scale·Sy·Sx with
 *
 *     R = | cos -sin |   Sy = |    1    0 |   Sx = | 1 -tan x |
 *         | sin  cos |        | -tan y  1 |        | 0    1   |
 *
 * and here its inverse, which is spelled out, so that no change at all is exactly the identity.
 */
function inverseMap(
  { angle, translate, scale, shear }: Change,
  [, height, width]: ImagePlanes['shape'],
): PositionMap {
  const [sin, cos] = sinCosDegrees(angle);
  const tanX = tangent(shear[0]);
  const tanY = tangent(shear[1]);
  const a = ((1 + tanX * tanY) * cos - tanX * sin) / scale;
  const b = ((1 + tanX * tanY) * sin + tanX * cos) / scale;
  const d = (tanY * cos - sin) / scale;
  const e = (tanY * sin + cos) / scale;
  const centreX = (width - 1) / 2;
  const centreY = (height - 1) / 2;
  const movedX = centreX + translate[0];
  const movedY = centreY + translate[1];
  const c = centreX - a * movedX - b * movedY;
  const f = centreY - d * movedX - e * movedY;
  return ({ x, y }) => {
    for (let i = 0; i < x.length; i++) {
      const px = x[i];
      const py = y[i];
      x[i] = a * px + b * py + c;
      y[i] = d * px + e * py + f;
    }
  };
}

function tangent(degrees: number): number {
  const [sin, cos] = sinCosDegrees(degrees);
  return sin / cos;
}
