import type { Generator } from '@unfold/core';
import type { Augmentation } from '../augment/augmentation.js';
import type { Dataset, ImageArray } from './dataset.js';
import type { Normalization } from './normalize.js';

/** Writes the stored image `row` to `out` from `at` on. */
export type ImageWriter = (out: Float32Array, at: number, row: number) => void;

/** Writes the stored image `row` to `out` from `at` on, changed as `random` says. */
export type AugmentedWriter = (
  out: Float32Array,
  at: number,
  row: number,
  random: Generator,
) => void;

/** Stored images, as a dataset has them. */
type StoredImages = Pick<Dataset, 'images' | 'shape'>;

/** How a channel's pixels, bytes being 0…1 by now, become the model's input. */
type Scale = (value: number, channel: number) => number;

function scaleBy(normalization: Normalization | null | undefined): Scale {
  if (!normalization) return (value) => value;
  const { mean, std } = normalization;
  return (value, c) => (value - mean[c]) / std[c];
}

/** Writes images as they are stored. For bytes, each channel has a table of its 256 values. */
export function imageWriter(
  { images, shape: [channels, height, width] }: StoredImages,
  normalization: Normalization | null | undefined,
): ImageWriter {
  const plane = height * width;
  const pixels = channels * plane;
  const scaled = scaleBy(normalization);
  if (images instanceof Uint8Array) {
    const tables = Array.from({ length: channels }, (_, c) =>
      Float32Array.from({ length: 256 }, (__, byte) => scaled(byte / 255, c)),
    );
    return (out, at, row) => {
      for (let c = 0; c < channels; c++) {
        const from = row * pixels + c * plane;
        copyThrough(tables[c] as Float32Array, images, from, out, at + c * plane, plane);
      }
    };
  }
  return (out, at, row) => {
    for (let c = 0; c < channels; c++) {
      const from = row * pixels + c * plane;
      const to = at + c * plane;
      for (let i = 0; i < plane; i++) out[to + i] = scaled(images[from + i], c);
    }
  };
}

/** Writes images after they were changed; pixels that stay have the bits of `imageWriter`. */
export function augmentedWriter(
  { images, shape }: StoredImages,
  normalization: Normalization | null | undefined,
  augment: Augmentation,
): AugmentedWriter {
  const [channels, height, width] = shape;
  const plane = height * width;
  const data = new Float64Array(channels * plane);
  const scaled = scaleBy(normalization);
  const divisor = images instanceof Uint8Array ? 255 : 1;
  return (out, at, row, random) => {
    const from = row * data.length;
    for (let i = 0; i < data.length; i++) data[i] = images[from + i] / divisor;
    augment.apply({ data, shape }, random);
    for (let c = 0; c < channels; c++) {
      const end = (c + 1) * plane;
      for (let i = c * plane; i < end; i++) out[at + i] = scaled(data[i], c);
    }
  };
}

function copyThrough(
  table: Float32Array,
  bytes: ImageArray,
  from: number,
  out: Float32Array,
  to: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) out[to + i] = table[bytes[from + i]];
}
