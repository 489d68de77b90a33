import type { Tensor } from '@unfold/core';
import { DataLoader, Dataset, type Normalization } from '@unfold/train';
import type { DigitSet } from './protocol.js';
import { LAB_TEXTS } from '../texts.js';

/** Pixels of an image. */
export const PIXELS = 28 * 28;
const CLASSES = 10;

/** A set of digits as a dataset. */
export function datasetOf({ images, labels }: DigitSet): Dataset {
  return Dataset.fromArrays({ images, shape: [1, 28, 28], labels, classes: CLASSES });
}

/**
 * Images as a network wants them, float32 `[N, 1, 28, 28]`; they belong to the scope that is open.
 * @param images `[N, 28, 28]`
 */
export function inputOf(images: Uint8Array, normalization: Normalization): Tensor {
  const labels = new Int32Array(images.length / PIXELS);
  const dataset = Dataset.fromArrays({ images, shape: [1, 28, 28], labels });
  const loader = new DataLoader(dataset, { batchSize: labels.length, normalization });
  const [batch] = loader.batches();
  if (!batch) throw new Error(LAB_TEXTS.badDigit);
  return batch.images;
}

/** @throws Error unless they are those of one digit. */
export function requireDigit(pixels: Uint8Array): void {
  if (!(pixels instanceof Uint8Array) || pixels.length !== PIXELS)
    throw new Error(LAB_TEXTS.badDigit);
}

/** @throws Error unless it is one of the ten digits. */
export function requireLabel(label: number): void {
  if (!Number.isInteger(label) || label < 0 || label >= CLASSES)
    throw new Error(LAB_TEXTS.badLabel);
}
