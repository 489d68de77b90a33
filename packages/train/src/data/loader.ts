import {
  ConfigError,
  disposeSymbol,
  type Generator,
  type GeneratorState,
  type OptionRules,
} from '@unfold/core';
import { checkedInUse, checkOptions, count, flag, positiveCount } from '@unfold/core/internal';
import { requireDataset } from '../arguments.js';
import { checkAugmentation } from '../augment/compose.js';
import { describeAugmentation } from '../augment/description.js';
import { ImageRandom } from '../augment/image-random.js';
import type { Batch } from './batch.js';
import {
  BatchLending,
  type BatchLoader,
  type BatchShape,
  checkStart,
  type LoaderOptions,
  makeBatch,
  type WriteBatch,
} from './batches.js';
import type { Dataset } from './dataset.js';
import {
  augmentedWriter,
  type AugmentedWriter,
  type ImageWriter,
  imageWriter,
} from './image-writers.js';
import { checkNormalization } from './normalize.js';
import { chooseGenerator, GENERATOR_OPTIONS } from './options.js';
import { pauses } from './pause.js';
import { forgotten, type Places, Prefetcher } from './prefetch/prefetcher.js';

const OPTIONS: OptionRules<LoaderOptions> = {
  batchSize: positiveCount,
  shuffle: flag,
  dropLast: flag,
  normalization: checkedInUse,
  augment: checkedInUse,
  prefetch: count,
  ...GENERATOR_OPTIONS,
};

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
export class DataLoader implements BatchLoader, Iterable<Batch> {
  /** The images that the batches are drawn from. */
  readonly dataset: Dataset;
  /** Images in a batch; the last one of an epoch may be smaller. */
  readonly batchSize: number;
  /** Batches in an epoch. */
  readonly length: number;
  readonly #shuffle: boolean;
  readonly #generator: () => Generator;
  readonly #writeImage: ImageWriter;
  readonly #writeAugmented: AugmentedWriter | null;
  readonly #prefetcher: Prefetcher | null;
  readonly #lending = new BatchLending(
    'DataLoader',
    'clone(x) what must last longer, or take batches that are yours from batches()',
  );

  /** @throws ConfigError if an option is unknown, out of range, or leaves no batch. */
  constructor(dataset: Dataset, options: LoaderOptions = {}) {
    requireDataset('DataLoader', dataset);
    checkOptions('DataLoader', options, OPTIONS);
    const { batchSize = 1, shuffle = false, dropLast = false, normalization, augment } = options;
    const { prefetch = 0 } = options;
    if (dropLast && batchSize > dataset.length) {
      throw new ConfigError(
        `DataLoader: dropLast with batchSize ${batchSize} leaves no batch of a dataset of ${dataset.length} images; ` +
          `expected a batchSize of at most ${dataset.length}`,
      );
    }
    if (normalization) checkNormalization('DataLoader', normalization, dataset.shape[0]);
    if (augment !== undefined) checkAugmentation('DataLoader: augment', augment);
    this.dataset = dataset;
    this.batchSize = batchSize;
    this.length = (dropLast ? Math.floor : Math.ceil)(dataset.length / batchSize);
    this.#shuffle = shuffle;
    this.#generator = chooseGenerator('DataLoader', options);
    this.#writeImage = imageWriter(dataset, normalization);
    this.#writeAugmented = augment ? augmentedWriter(dataset, normalization, augment) : null;
    this.#prefetcher = null;
    if (prefetch > 0) {
      const setup = {
        images: dataset.images,
        shape: dataset.shape,
        normalization: normalization ?? null,
        augment: augment ? describeAugmentation('DataLoader: augment', augment) : null,
      };
      const floats = Math.min(batchSize, dataset.length) * dataset.pixels;
      this.#prefetcher = new Prefetcher(setup, floats, prefetch);
      forgotten.register(this, this.#prefetcher);
    }
  }

  /** The source of the random order. Its `state()` before an epoch draws that epoch again. */
  get generator(): Generator {
    return this.#generator();
  }

  /** @throws ConfigError if another iteration is open, DisposedError after `dispose()`. */
  [Symbol.iterator](): IterableIterator<Batch> {
    return this.#epoch(0, this.#lend);
  }

  /**
   * The same batches. It hands the thread back now and then, so that timers and Ctrl-C are heard
   * during a long epoch. With `prefetch`, a worker makes them meanwhile.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Batch> {
    return this.#asyncEpoch(0);
  }

  /**
   * A new epoch from batch `batch` on, for either kind of loop. Its order and its pictures are those
   * of the whole epoch.
   * @throws ConfigError unless `batch` is an integer from 0 to `length`.
   */
  from(batch: number): Iterable<Batch> & AsyncIterable<Batch> {
    checkStart('DataLoader', batch, this.length);
    return {
      [Symbol.iterator]: () => this.#epoch(batch, this.#lend),
      [Symbol.asyncIterator]: () => this.#asyncEpoch(batch),
    };
  }

  /**
   * A new epoch whose batches are the caller's, for example to keep all of them:
   * `[...loader.batches()]`. Each belongs to the scope in which it was asked for; outside of scopes,
   * the garbage collector frees it.
   * @throws ConfigError if another iteration is open, DisposedError after `dispose()`.
   */
  batches(): IterableIterator<Batch> {
    return this.#epoch(0, (shape, write) => makeBatch('DataLoader', shape, write));
  }

  /** Frees the batches, and ends the worker. The last batch given must not be read any more. */
  dispose(): void {
    this.#prefetcher?.dispose();
    this.#lending.dispose();
  }

  /** Disposes of the loader at the end of a `using` block. */
  [disposeSymbol](): void {
    this.dispose();
  }

  readonly #lend: MakeBatch = (shape, write) => this.#lending.lend(shape, write);

  *#epoch(first: number, make: MakeBatch): IterableIterator<Batch> {
    this.#lending.begin();
    try {
      this.#lending.assertAlive();
      const epoch = this.#drawEpoch();
      for (let index = first; index < this.length; index++) {
        this.#lending.assertAlive();
        yield make(this.#shapeOf(index), (images, labels) => {
          this.#write(index, epoch, images, labels);
        });
      }
    } finally {
      this.#lending.end();
    }
  }

  #asyncEpoch(first: number): AsyncIterableIterator<Batch> {
    if (this.#prefetcher === null) return withPauses(this.#epoch(first, this.#lend));
    return this.#prefetchedEpoch(first, this.#prefetcher);
  }

  /** The same epoch, with images that the worker made where it was in time. */
  async *#prefetchedEpoch(first: number, prefetcher: Prefetcher): AsyncIterableIterator<Batch> {
    this.#lending.begin();
    try {
      this.#lending.assertAlive();
      const epoch = this.#drawEpoch();
      const { random } = epoch;
      const places = (index: number): Places => this.#places(index, epoch);
      const ahead = prefetcher.begin({ random, first, length: this.length, places });
      try {
        const pause = pauses();
        for (let index = first; index < this.length; index++) {
          await pause();
          const made = await ahead.take(index);
          this.#lending.assertAlive();
          const batch = this.#lend(this.#shapeOf(index), (images, labels) => {
            if (made === null) this.#write(index, epoch, images, labels);
            else {
              images.set(made.subarray(0, images.length));
              this.#writeLabels(index, epoch, labels);
            }
          });
          ahead.done();
          yield batch;
        }
      } finally {
        ahead.close();
      }
    } finally {
      this.#lending.end();
    }
  }

  /** `[B, C, H, W]` of batch `index`. */
  #shapeOf(index: number): BatchShape {
    const size = Math.min(this.batchSize, this.dataset.length - index * this.batchSize);
    return [size, ...this.dataset.shape];
  }

  /**
   * Draws a new epoch. The state of the generator before is all that the epoch depends on. Whether
   * images are augmented doesn't change the order of this epoch or of later ones.
   */
  #drawEpoch(): Epoch {
    const { generator } = this;
    const random = generator.state();
    const writeAugmented = this.#writeAugmented;
    let writeImage = this.#writeImage;
    if (writeAugmented) {
      const images = new ImageRandom(random);
      writeImage = (out, at, row, i) => writeAugmented(out, at, row, images.of(i));
      // Where no order is drawn, the next epoch is to differ all the same.
      if (!this.#shuffle) generator.uint32();
    }
    return {
      order: this.#shuffle ? generator.permutation(this.dataset.length) : null,
      random,
      writeImage,
    };
  }

  /** The images of batch `index`, in their order. */
  #places(index: number, { order }: Epoch): Places {
    const { rows } = this.dataset;
    const start = index * this.batchSize;
    const [size] = this.#shapeOf(index);
    const indices = Int32Array.from({ length: size }, (_, b) =>
      order === null ? start + b : order[start + b],
    );
    return { indices, rows: rows === null ? indices : indices.map((i) => rows[i]) };
  }

  /** Writes batch `index` of an epoch: images `[B, C, H, W]`, labels `[B]`. */
  #write(index: number, epoch: Epoch, images: Float32Array, labels: Int32Array): void {
    const { pixels } = this.dataset;
    const { rows, indices } = this.#places(index, epoch);
    for (let b = 0; b < labels.length; b++) {
      epoch.writeImage(images, b * pixels, rows[b], indices[b]);
    }
    this.#writeLabels(index, epoch, labels);
  }

  #writeLabels(index: number, epoch: Epoch, labels: Int32Array): void {
    const { rows } = this.#places(index, epoch);
    for (let b = 0; b < labels.length; b++) labels[b] = this.dataset.labels[rows[b]];
  }
}

/** All that is drawn when an epoch begins; the rest follows from it. */
interface Epoch {
  /** The image that comes at each place; null where that is the dataset's own order. */
  readonly order: Int32Array | null;
  /** The state of the generator before, from which each image's own follows. */
  readonly random: GeneratorState;
  /** Writes one of its images. */
  readonly writeImage: ImageWriter;
}

type MakeBatch = (shape: BatchShape, write: WriteBatch) => Batch;

async function* withPauses(batches: IterableIterator<Batch>): AsyncIterableIterator<Batch> {
  const pause = pauses();
  for (const batch of batches) {
    await pause();
    yield batch;
  }
}
