import { ConfigError } from '@unfold/core';
import { valueText } from '@unfold/core/internal';
import { requireDataset } from '../arguments.js';
import type { Dataset } from './dataset.js';

/**
 * Mean and standard deviation of each channel, on the scale of the loader's input: 0…1 for images
 * stored as bytes. Plain JSON, so that it can be saved beside the weights: a model gives right
 * answers only on input that was normalised as its training data was.
 */
export interface Normalization {
  /** `[C]` */
  readonly mean: readonly number[];
  /** `[C]`, each above 0 */
  readonly std: readonly number[];
}

/**
 * Mean and deviation (of the whole population, dividing by the number of pixels) of each channel
 * of a dataset, in float64. Compute it on the training part only.
 * @throws ConfigError if the pixels of a channel are all equal, or not all finite.
 */
export function normalizationOf(dataset: Dataset): Normalization {
  requireDataset('normalizationOf', dataset);
  const moments =
    dataset.images instanceof Uint8Array
      ? byteMoments(dataset, dataset.images)
      : floatMoments(dataset, dataset.images);
  const normalization = {
    mean: moments.map(({ mean }) => mean),
    std: moments.map(({ variance }) => Math.sqrt(variance)),
  };
  checkNormalization('normalizationOf', normalization, dataset.shape[0]);
  return normalization;
}

/**
 * @throws ConfigError unless there is one finite mean and one finite deviation above 0 for each of
 * `channels` channels.
 */
export function checkNormalization(
  operation: string,
  normalization: Normalization,
  channels: number,
): void {
  const { mean, std } = normalization;
  if (!Array.isArray(mean) || !Array.isArray(std)) {
    throw new ConfigError(
      `${operation}: normalization: expected { mean, std }, a list of numbers each, got ` +
        valueText(normalization),
    );
  }
  if (mean.length !== channels || std.length !== channels) {
    throw new ConfigError(
      `${operation}: normalization: expected a mean and a std for each of ${channels} channels, ` +
        `got ${mean.length} and ${std.length}`,
    );
  }
  for (let c = 0; c < channels; c++) {
    const m = mean[c] as number;
    const s = std[c] as number;
    if (!Number.isFinite(m) || !Number.isFinite(s) || s <= 0) {
      throw new ConfigError(
        `${operation}: normalization of channel ${c}: expected a finite mean and a finite std above 0, ` +
          `got mean ${valueText(m)}, std ${valueText(s)}; are all pixels equal, or some not finite?`,
      );
    }
  }
}

interface Moments {
  readonly mean: number;
  readonly variance: number;
}

/** Bytes are counted, so the sums are exact until the last division. */
function byteMoments(dataset: Dataset, images: Uint8Array): Moments[] {
  const [channels, height, width] = dataset.shape;
  const plane = height * width;
  return Array.from({ length: channels }, (_, c) => {
    const counts = new Float64Array(256);
    forEachPlane(dataset, c, (start) => {
      for (let i = start; i < start + plane; i++) {
        const value = images[i];
        counts[value] = counts[value] + 1;
      }
    });
    const n = dataset.length * plane;
    const mean = counts.reduce((sum, count, value) => sum + count * value, 0) / n;
    const squares = counts.reduce((sum, count, value) => sum + count * (value - mean) ** 2, 0);
    return { mean: mean / 255, variance: squares / n / 255 ** 2 };
  });
}

/** Two passes, so that nothing cancels. */
function floatMoments(dataset: Dataset, images: Float32Array): Moments[] {
  const [channels, height, width] = dataset.shape;
  const plane = height * width;
  const n = dataset.length * plane;
  return Array.from({ length: channels }, (_, c) => {
    let sum = 0;
    forEachPlane(dataset, c, (start) => {
      for (let i = start; i < start + plane; i++) sum += images[i];
    });
    const mean = sum / n;
    let squares = 0;
    forEachPlane(dataset, c, (start) => {
      for (let i = start; i < start + plane; i++) squares += (images[i] - mean) ** 2;
    });
    return { mean, variance: squares / n };
  });
}

/** Calls `visit` with the position of channel c's first pixel in each image. */
function forEachPlane(dataset: Dataset, c: number, visit: (start: number) => void): void {
  const plane = dataset.shape[1] * dataset.shape[2];
  for (let i = 0; i < dataset.length; i++) {
    const row = dataset.rows === null ? i : dataset.rows[i];
    visit(row * dataset.pixels + c * plane);
  }
}
