import { Generator } from '@unfold/core';
import type { Augmentation, ImagePlanes } from '@unfold/train';

/** An image of noise, uniform in 0…1. */
export function noise(shape: ImagePlanes['shape'], seed = 1): ImagePlanes {
  const random = new Generator(seed);
  const size = shape[0] * shape[1] * shape[2];
  return { data: Float64Array.from({ length: size }, () => random.uniform()), shape };
}

/** An image of one channel, from its rows. */
export function picture(rows: readonly (readonly number[])[]): ImagePlanes {
  return { data: Float64Array.from(rows.flat()), shape: [1, rows.length, rows[0]?.length ?? 0] };
}

/** Channel `c` of an image as rows. */
export function rowsOf({ data, shape: [, height, width] }: ImagePlanes, c = 0): number[][] {
  const at = (row: number): number => (c * height + row) * width;
  return Array.from({ length: height }, (_, row) => [...data.subarray(at(row), at(row + 1))]);
}

/** What becomes of a copy of the image. */
export function changed(image: ImagePlanes, change: (copy: ImagePlanes) => void): ImagePlanes {
  const copy = { data: image.data.slice(), shape: image.shape };
  change(copy);
  return copy;
}

/** What an augmentation makes of a copy of the image with the randomness of a seed. */
export function augmented(augment: Augmentation, image: ImagePlanes, seed = 1): ImagePlanes {
  return changed(image, (copy) => augment.apply(copy, new Generator(seed)));
}

/** Mean and standard deviation. */
export function moments(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(variance) };
}
