import type { Generator, OptionRules } from '@unfold/core';
import { checkedInUse, checkOptions } from '@unfold/core/internal';
import type { Augmentation, ImagePlanes } from './augmentation.js';
import { exp, log } from './math.js';
import {
  type ChannelValues,
  checkNumber,
  checkValues,
  type MinMax,
  perChannel,
  toRange,
} from './options.js';

/** Options of `randomErasing`. */
export interface RandomErasingOptions {
  /** The part of the images that is changed, 0…1. Default 0.5. */
  readonly p?: number;
  /** MinMax of the erased part of the area, 0…1. Default `[0.02, 0.33]`. */
  readonly scale?: MinMax;
  /** MinMax of height ÷ width of the rectangle. Default `[0.3, 1 / 0.3]`. */
  readonly ratio?: MinMax;
  /**
   * The value that is seen instead: a number, one for each channel, or `'random'` for noise, uniform in 0…1,
   * another at each pixel. Default 0.
   */
  readonly value?: ChannelValues | 'random';
}

const OPTIONS: OptionRules<RandomErasingOptions> = {
  p: checkedInUse,
  scale: checkedInUse,
  ratio: checkedInUse,
  value: checkedInUse,
};

/** Rectangles that are tried; one that is higher or wider than the image doesn't fit. */
const TRIES = 10;

/**
 * Erases a random rectangle (Z. Zhong, L. Zheng, G. Kang, S. Li, Y. Yang: Random Erasing Data
 * Augmentation, 2017). Its area is drawn uniformly and the logarithm of its ratio too, so that high
 * and wide ones are as frequent, as in `torchvision.transforms.RandomErasing`; all places in the image
 * are equally likely. An image in which ten rectangles don't fit stays as it is.
 * @throws ConfigError for an option that is unknown or out of range.
 */
export function randomErasing(options: RandomErasingOptions = {}): Augmentation {
  return new RandomErasing(options);
}

/** What `randomErasing` makes. */
export class RandomErasing implements Augmentation {
  /** What it was made from, as plain data. */
  readonly options: RandomErasingOptions;
  readonly #p: number;
  readonly #scale: MinMax;
  readonly #logRatio: MinMax;
  readonly #value: ChannelValues | 'random';

  constructor(options: RandomErasingOptions) {
    checkOptions('randomErasing', options, OPTIONS);
    const { p = 0.5, scale = [0.02, 0.33], ratio = [0.3, 1 / 0.3], value = 0 } = options;
    checkNumber('randomErasing: p', p, [0, 1]);
    if (value !== 'random') checkValues('randomErasing: value', value);
    this.options = { p, scale, ratio, value };
    this.#p = p;
    this.#scale = toRange('randomErasing: scale', scale, [0, 1]);
    const [min, max] = toRange('randomErasing: ratio', ratio, [Number.MIN_VALUE, Infinity]);
    this.#logRatio = [log(min), log(max)];
    this.#value = value;
  }

  apply({ data, shape: [channels, height, width] }: ImagePlanes, random: Generator): void {
    const values =
      this.#value === 'random' ? null : perChannel('randomErasing: value', this.#value, channels);
    if (random.uniform() >= this.#p) return;
    const found = this.#size(height, width, random);
    if (found === null) return;
    const [rows, columns] = found;
    const top = random.integer(height - rows + 1);
    const left = random.integer(width - columns + 1);
    for (let c = 0; c < channels; c++) {
      for (let row = top; row < top + rows; row++) {
        const at = (c * height + row) * width + left;
        for (let i = at; i < at + columns; i++) data[i] = values?.[c] ?? random.uniform();
      }
    }
  }

  /** Rows and columns of a rectangle that fits; null if none was found. */
  #size(height: number, width: number, random: Generator): readonly [number, number] | null {
    const [minScale, maxScale] = this.#scale;
    const [minLog, maxLog] = this.#logRatio;
    for (let i = 0; i < TRIES; i++) {
      const area = (minScale + (maxScale - minScale) * random.uniform()) * height * width;
      const ratio = exp(minLog + (maxLog - minLog) * random.uniform());
      const rows = Math.round(Math.sqrt(area * ratio));
      const columns = Math.round(Math.sqrt(area / ratio));
      if (rows <= height && columns <= width) return [rows, columns];
    }
    return null;
  }
}
