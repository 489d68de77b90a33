import type { Generator } from '@unfold/core';
import type { LoaderOptions } from './batches.js';

/** How a `DataLoader` makes batches of samples. */
export interface DataLoaderOptions<Sample, Changed = Sample, Made = unknown> extends LoaderOptions {
  /**
   * Changes each sample before it is put into a batch, after `augment` and `normalization`. It is called
   * for each sample in each epoch, and not async. What it draws from `random`, the sample's own generator
   * in this epoch, follows from the loader's generator and the sample's index alone. Default: samples as
   * the dataset gives them.
   */
  readonly transform?: (sample: Sample, random: Generator) => Changed;
  /**
   * Makes a batch, `{ inputs, targets }` or `{ images, labels }`, of samples; PyTorch's `collate_fn`. The
   * size is the number of samples unless it is said. Default: leaves of one shape are stacked.
   */
  readonly collate?: (samples: readonly Changed[]) => Made;
}
