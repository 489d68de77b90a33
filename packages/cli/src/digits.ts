import { ConfigError } from '@unfold/core';
import { createHash } from 'node:crypto';
import { DataLoader, type Dataset, mnist } from '@unfold/train';
import type { MakeLoader } from '@unfold/train/internal';
import type { TrainMnistOptions } from './options.js';

/** The last images of the training part are for validation. */
const VALIDATION_IMAGES = 5000;

/** The digits of a run. */
export interface Digits {
  /** Where they come from. */
  readonly source: string;
  readonly train: Dataset;
  readonly validation: Dataset;
  readonly test: Dataset;
}

/**
 * @param limit Train on the first images only; null for all.
 * @throws ConfigError if nothing would be left to train on; what `mnist` throws.
 */
export async function loadDigits(
  dataDir: string | undefined,
  limit: number | null,
): Promise<Digits> {
  const { source, train: all, test } = await mnist(dataDir === undefined ? {} : { dataDir });
  const trainLength = all.length - VALIDATION_IMAGES;
  if (trainLength < 1) {
    throw new ConfigError(
      `the training part has ${all.length} images, of which the last ${VALIDATION_IMAGES} are for ` +
        'validation; nothing is left to train on',
    );
  }
  return {
    source,
    train: all.slice(0, Math.min(trainLength, limit ?? Infinity)),
    validation: all.slice(trainLength, all.length),
    test,
  };
}

/** SHA-256 of all images and labels that training sees, by which they are known again. */
export function trainingDataSha256({ train, validation }: Digits): string {
  const hash = createHash('sha256');
  for (const { images, labels } of [train, validation]) {
    for (const { buffer, byteOffset, byteLength } of [images, labels]) {
      hash.update(new Uint8Array(buffer, byteOffset, byteLength));
    }
  }
  return hash.digest('hex');
}

/** What makes the loaders of a kind; TensorFlow.js is loaded for its own only. */
export async function loaderOf(kind: TrainMnistOptions['loader']): Promise<MakeLoader> {
  if (kind === 'own') return (dataset, options) => new DataLoader(dataset, options);
  const { tfjsLoader } = await import('@unfold/tfjs');
  return tfjsLoader;
}
