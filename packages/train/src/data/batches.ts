import {
  ConfigError,
  elementsOf,
  empty,
  unscoped,
  type Generator,
  type Tensor,
} from '@unfold/core';
import { rejectUnknown } from '@unfold/core/internal';
import type { Augmentation } from '../augment/augmentation.js';
import { checkAugmentation } from '../augment/compose.js';
import { ImageRandom } from '../augment/image-random.js';
import { Dataset } from './dataset.js';
import {
  augmentedWriter,
  type AugmentedWriter,
  type ImageWriter,
  imageWriter,
} from './image-writers.js';
import { checkNormalization, type Normalization } from './normalize.js';
import { chooseGenerator, type GeneratorOptions } from './options.js';

/** How a loader makes batches. */
export interface LoaderOptions extends GeneratorOptions {
  /** Images in a batch. Default 1, as PyTorch. */
  readonly batchSize?: number;
  /** Draw a new random order for each epoch. Default false. */
  readonly shuffle?: boolean;
  /** Leave out the last batch if it is smaller than the others. Default false. */
  readonly dropLast?: boolean;
  /** Subtracted and divided by, per channel, after bytes were scaled to 0…1. Default: neither. */
  readonly normalization?: Normalization;
  /**
   * Changes each image at random before it is normalised. What becomes of an image follows from the
   * generator's state when the epoch begins and from the image's index in the dataset alone. Default:
   * images as they are stored.
   */
  readonly augment?: Augmentation;
}

/**
 * One batch of a loader. Where the loader lends it, it is valid until the next is asked for: reading
 * it after that throws a DisposedError.
 */
export interface Batch {
  /** float32 `[B, C, H, W]` */
  readonly images: Tensor;
  /** int32 `[B]` */
  readonly labels: Tensor;
  /** B: the images in this batch. */
  readonly size: number;
}

/** What `DataLoader` and the TensorFlow.js door have in common. */
export interface BatchLoader extends AsyncIterable<Batch> {
  /** What the batches are drawn from. */
  readonly dataset: Dataset;
  /** Images in a batch; the last one of an epoch may be smaller. */
  readonly batchSize: number;
  /** Batches in an epoch. */
  readonly length: number;
  /** The source of the random order; with its state, an epoch can be drawn again. */
  readonly generator: Generator;
  /**
   * A new epoch from batch `batch` on, which counts from 0: the same batches as those of a whole
   * epoch, and those before it are not made. So a run goes on in the middle of an epoch.
   * @throws ConfigError unless `batch` is an integer from 0 to `length`.
   */
  from(batch: number): AsyncIterable<Batch>;
  /** Frees the batches. The last one given must not be read any more. */
  dispose(): void;
}

/** What is drawn when an epoch begins; the rest follows from it. */
export interface Epoch {
  /** The image that comes at each place; null where that is the dataset's own order. */
  readonly order: Int32Array | null;
  /** Writes one of its images. */
  readonly writeImage: ImageWriter;
}

const OPTIONS = [
  'batchSize',
  'shuffle',
  'dropLast',
  'normalization',
  'augment',
  'generator',
  'seed',
];

/**
 * Which images an epoch's batches hold, and their pixels and labels. It checks the options and
 * knows nothing of where a batch is written, so every loader that uses it gives the same batches.
 */
export class BatchPlan {
  /** What the errors call the loader. */
  readonly operation: string;
  readonly dataset: Dataset;
  readonly batchSize: number;
  readonly length: number;
  readonly #shuffle: boolean;
  readonly #generator: () => Generator;
  readonly #writeImage: ImageWriter;
  readonly #writeAugmented: AugmentedWriter | null;

  /** @throws ConfigError if an option is unknown, out of range, or leaves no batch. */
  constructor(operation: string, dataset: Dataset, options: LoaderOptions) {
    if (!(dataset instanceof Dataset)) {
      throw new ConfigError(
        `${operation}: expected a Dataset; make one with Dataset.fromArrays or mnist()`,
      );
    }
    rejectUnknown(operation, options, OPTIONS);
    const { batchSize = 1, shuffle = false, dropLast = false, normalization, augment } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new ConfigError(
        `${operation}: batchSize: expected an integer from 1, got ${String(batchSize)}`,
      );
    }
    if (dropLast && batchSize > dataset.length) {
      throw new ConfigError(
        `${operation}: dropLast with batchSize ${batchSize} leaves no batch of a dataset of ${dataset.length} images; ` +
          `expected a batchSize of at most ${dataset.length}`,
      );
    }
    if (normalization) checkNormalization(operation, normalization, dataset.shape[0]);
    if (augment !== undefined) checkAugmentation(`${operation}: augment`, augment);
    this.operation = operation;
    this.dataset = dataset;
    this.batchSize = batchSize;
    this.length = (dropLast ? Math.floor : Math.ceil)(dataset.length / batchSize);
    this.#shuffle = shuffle;
    this.#generator = chooseGenerator(operation, options);
    this.#writeImage = imageWriter(dataset, normalization);
    this.#writeAugmented = augment ? augmentedWriter(dataset, normalization, augment) : null;
  }

  get generator(): Generator {
    return this.#generator();
  }

  /** The images in batch `index`, which counts from 0. */
  sizeOf(index: number): number {
    return Math.min(this.batchSize, this.dataset.length - index * this.batchSize);
  }

  /**
   * Draws a new epoch. The state of the generator before is all that the epoch depends on. Whether
   * images are augmented doesn't change the order of this epoch or of later ones.
   */
  drawEpoch(): Epoch {
    const { generator } = this;
    const writeAugmented = this.#writeAugmented;
    let writeImage = this.#writeImage;
    if (writeAugmented) {
      const random = new ImageRandom(generator.state());
      writeImage = (out, at, row, i) => writeAugmented(out, at, row, random.of(i));
      // Where no order is drawn, the next epoch is to differ all the same.
      if (!this.#shuffle) generator.uint32();
    }
    return {
      order: this.#shuffle ? generator.permutation(this.dataset.length) : null,
      writeImage,
    };
  }

  /** Writes batch `index` of an epoch: images `[B, C, H, W]`, labels `[B]`. */
  write(
    index: number,
    { order, writeImage }: Epoch,
    images: Float32Array,
    labels: Int32Array,
  ): void {
    const { rows, pixels, labels: stored } = this.dataset;
    const start = index * this.batchSize;
    const size = this.sizeOf(index);
    for (let b = 0; b < size; b++) {
      const i = order === null ? start + b : (order[start + b] as number);
      const row = rows === null ? i : (rows[i] as number);
      writeImage(images, b * pixels, row, i);
      labels[b] = stored[row] as number;
    }
  }
}

/** Where the images and labels of one batch are written. */
export type WriteBatch = (images: Float32Array, labels: Int32Array) => void;

/**
 * A new batch of `size` images, filled by `write`. Its tensors belong to the scope that is open.
 * @throws EngineError if the heap is full.
 */
export function makeBatch(
  { dataset, operation }: BatchPlan,
  size: number,
  write: WriteBatch,
): Batch {
  const images = empty([size, ...dataset.shape], 'float32', operation);
  const labels = empty([size], 'int32', operation);
  // The arrays follow from the dtypes above.
  write(elementsOf(images) as Float32Array, elementsOf(labels) as Int32Array);
  return { images, labels, size };
}

/**
 * The one batch that a loader has lent out. It belongs to no scope, so a step's tape doesn't free
 * it; the loader takes it back when the next one is asked for, and the heap gives that one the same
 * memory.
 */
export class LentBatch {
  readonly #plan: BatchPlan;
  #batch: Batch | undefined;

  constructor(plan: BatchPlan) {
    this.#plan = plan;
  }

  /** Takes the last batch back and lends one of `size` images, filled by `write`. */
  replace(size: number, write: WriteBatch): Batch {
    this.takeBack();
    this.#batch = unscoped(() => makeBatch(this.#plan, size, write));
    return this.#batch;
  }

  /** Frees the batch: who kept it gets an error instead of other numbers. */
  takeBack(): void {
    const batch = this.#batch;
    this.#batch = undefined;
    const reason =
      `${this.#plan.operation} took it back: a batch is lent until the next is asked for; ` +
      'clone(x) what must last longer, or take batches that are yours from batches()';
    batch?.images.dispose(reason);
    batch?.labels.dispose(reason);
  }
}
