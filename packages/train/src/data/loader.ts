import { BatchPlan, type Batch, type BatchLoader, type LoaderOptions } from './batches.js';
import type { Dataset } from './dataset.js';
import { pauses } from './pause.js';
import { PlannedLoader } from './planned-loader.js';

/**
 * Gives a dataset's images in batches, an epoch for each `for … of` or `for await … of`.
 *
 * The loader owns its batches and writes each over the one before: a batch is valid until the next
 * is asked for, whatever scopes open and close meanwhile. Clone what must live longer. For the same
 * reason there is one iteration at a time; a second loader over the same dataset costs one batch of
 * memory.
 *
 * With `shuffle`, each epoch draws a new permutation from the generator when its first batch is
 * asked for. The same generator state gives the same epoch, augmentation and all.
 */
export class DataLoader extends PlannedLoader implements BatchLoader, Iterable<Batch> {
  /** @throws ConfigError if an option is unknown, out of range, or leaves no batch. */
  constructor(dataset: Dataset, options: LoaderOptions = {}) {
    super(new BatchPlan('DataLoader', dataset, options));
  }

  /** @throws ConfigError if another iteration is open, DisposedError after `dispose()`. */
  [Symbol.iterator](): IterableIterator<Batch> {
    return this.#batches(0);
  }

  /**
   * The same batches. It hands the thread back now and then, so that timers and Ctrl-C are heard
   * during a long epoch.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Batch> {
    return withPauses(this.#batches(0));
  }

  /**
   * A new epoch from batch `batch` on, for either kind of loop. Its order and its pictures are those
   * of the whole epoch.
   * @throws ConfigError unless `batch` is an integer from 0 to `length`.
   */
  from(batch: number): Iterable<Batch> & AsyncIterable<Batch> {
    this.checkStart(batch);
    return {
      [Symbol.iterator]: () => this.#batches(batch),
      [Symbol.asyncIterator]: () => withPauses(this.#batches(batch)),
    };
  }

  *#batches(first: number): IterableIterator<Batch> {
    this.beginIteration();
    try {
      this.assertAlive();
      const epoch = this.plan.drawEpoch();
      for (let index = first; index < this.length; index++) {
        this.assertAlive();
        yield this.buffers.write(this.plan.sizeOf(index), (images, labels) => {
          this.plan.write(index, epoch, images, labels);
        });
      }
    } finally {
      this.endIteration();
    }
  }
}

async function* withPauses(batches: IterableIterator<Batch>): AsyncIterableIterator<Batch> {
  const pause = pauses();
  for (const batch of batches) {
    await pause();
    yield batch;
  }
}
