import { valueText } from '@unfold/core/internal';
import { ConfigError } from '@unfold/core';
import type { ImagePlanes } from './augmentation.js';

/** A value for every channel, or one for each. */
export type ChannelValues = number | readonly number[];

/** Smallest and largest value of something that is drawn. */
export type MinMax = readonly [min: number, max: number];

/**
 * A range within `within`, from a pair or, for ±x, from a number.
 * @throws ConfigError for anything else.
 */
export function toRange(name: string, value: number | MinMax, within: MinMax): MinMax {
  const range = typeof value === 'number' ? ([-value, value] as const) : value;
  if (isPair(range)) {
    const [min, max] = range;
    if (min >= within[0] && max <= within[1] && min <= max) return range;
  }
  const single = within[0] < 0 ? 'a number of at least 0, for ±, or ' : '';
  throw new ConfigError(
    `${name}: expected ${single}[min, max], ${describe(within)}, got ${valueText(value)}`,
  );
}

/** Two numbers within `within`. @throws ConfigError for anything else. */
export function toPair(name: string, value: readonly [number, number], within: MinMax): MinMax {
  if (!isPair(value)) {
    throw new ConfigError(`${name}: expected [x, y], finite numbers, got ${valueText(value)}`);
  }
  for (const part of value) checkNumber(name, part, within);
  return value;
}

function isPair(value: unknown): value is MinMax {
  return Array.isArray(value) && value.length === 2 && value.every(Number.isFinite);
}

/** @throws ConfigError unless `value` lies within `within`. */
export function checkNumber(name: string, value: number, within: MinMax): void {
  if (Number.isFinite(value) && value >= within[0] && value <= within[1]) return;
  throw new ConfigError(`${name}: expected a number, ${describe(within)}, got ${valueText(value)}`);
}

function describe([min, max]: MinMax): string {
  if (max < Infinity) return `within ${min} … ${max}`;
  if (min === -Infinity) return 'finite';
  return min === 0 ? 'finite and at least 0' : 'finite and above 0';
}

/** @throws ConfigError unless `values` is a finite number or a list of some. */
export function checkValues(name: string, values: ChannelValues): void {
  const list = typeof values === 'number' ? [values] : values;
  if (Array.isArray(list) && list.length > 0 && list.every(Number.isFinite)) return;
  throw new ConfigError(
    `${name}: expected a finite number, or one for each channel, got ${valueText(values)}`,
  );
}

/** The value of each channel. @throws ConfigError if there is another number of them. */
export function perChannel(name: string, values: ChannelValues, channels: number): number[] {
  const list = typeof values === 'number' ? new Array<number>(channels).fill(values) : [...values];
  if (list.length === channels) return list;
  throw new ConfigError(
    `${name}: expected a number, or one for each of ${channels} channels, got ${valueText(values)}`,
  );
}

/** @throws ConfigError unless `image` is made of pixels and their shape. */
export function checkImage(name: string, image: unknown): void {
  const { data, shape } = Object(image) as Partial<ImagePlanes>;
  if (data instanceof Float64Array && Array.isArray(shape) && shape.length === 3) return;
  throw new ConfigError(
    `${name}: expected an image { data, shape }, a Float64Array and [C, H, W], got ` +
      valueText(image),
  );
}
