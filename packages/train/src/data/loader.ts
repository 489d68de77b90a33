import {
  type Batch,
  type BatchLoader,
  BatchPlan,
  type LoaderOptions,
  makeBatch,
  type WriteBatch,
} from './batches.js';
import type { Dataset } from './dataset.js';
import { pauses } from './pause.js';
import { PlannedLoader } from './planned-loader.js';

/**
 * Gives a dataset's images in batches, an epoch for each `for … of` or `for await … of`.
 *
 * A batch is lent: it is valid until the next is asked for, whatever scopes open and close
 * meanwhile, and throws a DisposedError when it is read after that. `batches()` gives batches to
 * keep. There is one iteration at a time; a second loader over the same dataset costs one batch of
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
    return this.#epoch(0, this.#lend);
  }

  /**
   * The same batches. It hands the thread back now and then, so that timers and Ctrl-C are heard
   * during a long epoch.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Batch> {
    return withPauses(this.#epoch(0, this.#lend));
  }

  /**
   * A new epoch from batch `batch` on, for either kind of loop. Its order and its pictures are those
   * of the whole epoch.
   * @throws ConfigError unless `batch` is an integer from 0 to `length`.
   */
  from(batch: number): Iterable<Batch> & AsyncIterable<Batch> {
    this.checkStart(batch);
    return {
      [Symbol.iterator]: () => this.#epoch(batch, this.#lend),
      [Symbol.asyncIterator]: () => withPauses(this.#epoch(batch, this.#lend)),
    };
  }

  /**
   * A new epoch whose batches are the caller's, for example to keep all of them:
   * `[...loader.batches()]`. Each belongs to the scope in which it was asked for; outside of scopes,
   * the garbage collector frees it.
   * @throws ConfigError if another iteration is open, DisposedError after `dispose()`.
   */
  batches(): IterableIterator<Batch> {
    return this.#epoch(0, (size, write) => makeBatch(this.plan, size, write));
  }

  readonly #lend: MakeBatch = (size, write) => this.lent.replace(size, write);

  *#epoch(first: number, make: MakeBatch): IterableIterator<Batch> {
    this.beginIteration();
    try {
      this.assertAlive();
      const epoch = this.plan.drawEpoch();
      for (let index = first; index < this.length; index++) {
        this.assertAlive();
        yield make(this.plan.sizeOf(index), (images, labels) => {
          this.plan.write(index, epoch, images, labels);
        });
      }
    } finally {
      this.endIteration();
    }
  }
}

type MakeBatch = (size: number, write: WriteBatch) => Batch;

async function* withPauses(batches: IterableIterator<Batch>): AsyncIterableIterator<Batch> {
  const pause = pauses();
  for (const batch of batches) {
    await pause();
    yield batch;
  }
}
