import { ConfigError } from '@unfold/core';
import { describeAugmentation } from '../../augment/description.js';
import { Dataset } from '../dataset.js';
import type { DataLoaderOptions } from '../loader-options.js';
import { Prefetcher } from './prefetcher.js';

/** Ends the workers of loaders that were forgotten. */
const forgotten = new FinalizationRegistry<Prefetcher>((prefetcher) => prefetcher.dispose());

/**
 * What makes a loader's batches of arrays ahead; null where none is asked for.
 * @param loader With it, the worker ends.
 * @throws ConfigError if the batches are made by functions that can't be sent to a worker.
 */
export function prefetcherFor(
  loader: object,
  dataset: unknown,
  options: DataLoaderOptions<never, unknown, unknown>,
): Prefetcher | null {
  const { batchSize = 1, normalization, augment, transform, collate, prefetch = 0 } = options;
  if (prefetch === 0) return null;
  if (!(dataset instanceof Dataset)) {
    throw new ConfigError(
      'DataLoader: prefetch: expected a dataset of images, Dataset.fromArrays({ images, shape, labels }), or ' +
        'one whose get fetches its samples: rows of arrays are copied in no time; leave prefetch out',
    );
  }
  if (transform || collate) {
    throw new ConfigError(
      `DataLoader: prefetch: expected no ${transform ? 'transform' : 'collate'}, a function that cannot be ` +
        'sent to a worker; augment can do the same to images, or leave prefetch out',
    );
  }
  const { images, shape, rows, pixels, length } = dataset;
  const description = augment ? describeAugmentation('DataLoader: augment', augment) : null;
  const setup = { images, shape, normalization, augment: description };
  const prefetcher = new Prefetcher(setup, rows, Math.min(batchSize, length) * pixels, prefetch);
  forgotten.register(loader, prefetcher);
  return prefetcher;
}
