import {
  ConfigError,
  DisposedError,
  elementsOf,
  empty,
  type Generator,
  unscoped,
} from '@unfold/core';
import { valueText } from '@unfold/core/internal';
import type { Augmentation } from '../augment/augmentation.js';
import { type Batch, tensorsIn } from './batch.js';
import type { Normalization } from './normalize.js';
import type { GeneratorOptions } from './options.js';

/** How a loader makes batches. */
export interface LoaderOptions extends GeneratorOptions {
  /** Images in a batch. Default 1, as PyTorch. */
  readonly batchSize?: number;
  /** Draw a new random order for each epoch. Default false. */
  readonly shuffle?: boolean;
  /** Leave out the last batch if it is smaller than the others. Default false. */
  readonly dropLast?: boolean;
  /**
   * Subtracted and divided by, per channel or feature, after bytes of images were scaled to 0…1. Default,
   * and where it is null, as of a model that was saved without one: neither.
   */
  readonly normalization?: Normalization | null;
  /**
   * Changes each image at random before it is normalised. What becomes of an image follows from the
   * generator's state when the epoch begins and from the image's index in the dataset alone. Default:
   * images as they are stored.
   */
  readonly augment?: Augmentation;
  /**
   * Batches that are prepared ahead, with the same bits, while this thread is busy with others: for loops
   * with `for await`, as `fit` has them. Labelled images are augmented in a worker, which is worth its
   * memory on two cores and more; of a dataset with an asynchronous `get`, samples are on the way
   * meanwhile. 2 is a good value. Default 0: none.
   */
  readonly prefetch?: number;
}

/** A loader whose epochs can be drawn again: `DataLoader`, and any other that works in the same manner. */
export interface BatchLoader<B = Batch> extends AsyncIterable<B> {
  /** The examples that the batches are drawn from; null where nobody knows how many that are. */
  readonly dataset: { readonly length: number } | null;
  /** Batches in an epoch. */
  readonly length: number;
  /** The source of the random order; with its state, an epoch can be drawn again. */
  readonly generator: Generator;
  /**
   * A new epoch from batch `batch` on, which counts from 0: the same batches as those of a whole
   * epoch, and those before it are not made. So a run goes on in the middle of an epoch.
   * @throws ConfigError unless `batch` is an integer from 0 to `length`.
   */
  from(batch: number): AsyncIterable<B>;
  /** Frees the batches. The last one given must not be read any more. */
  dispose(): void;
}

/** Where the images and labels of one batch are written. */
export type WriteBatch = (images: Float32Array, labels: Int32Array) => void;

/**
 * A new batch of images `[B, C, H, W]`, filled by `write`. Its tensors belong to the scope that is
 * open.
 * @param operation What the tensors' errors call their maker.
 * @throws EngineError if the heap is full.
 */
export function makeBatch(operation: string, shape: BatchShape, write: WriteBatch): Batch {
  const [size] = shape;
  const images = empty(shape, 'float32', operation);
  const labels = empty([size], 'int32', operation);
  // The arrays follow from the dtypes above.
  write(elementsOf(images) as Float32Array, elementsOf(labels) as Int32Array);
  return { images, labels, size };
}

/** `[B, C, H, W]` */
export type BatchShape = readonly [number, number, number, number];

/**
 * The rules of a loader that lends its batches: one iteration at a time, since two would take each
 * other's batches back, and one batch at a time. That belongs to no scope, so a step's tape doesn't
 * free it; it is taken back when the next one is asked for, and the heap gives that one the same
 * memory.
 */
export class BatchLending {
  readonly #operation: string;
  readonly #advice: string;
  #batch: object | undefined;
  #isBusy = false;
  #isDisposed = false;

  /**
   * @param operation What the errors call the loader.
   * @param advice How to keep a batch for longer: the mend of a read that came too late.
   */
  constructor(operation: string, advice: string) {
    this.#operation = operation;
    this.#advice = advice;
  }

  /**
   * The start of an iteration; `end` must follow whatever happens.
   * @throws ConfigError if one is open.
   */
  begin(): void {
    if (this.#isBusy) {
      throw new ConfigError(
        `${this.#operation}: expected one iteration at a time, got a second while the first is open; ` +
          'leave the first loop, call its return(), or make a second loader over the same dataset',
      );
    }
    this.#isBusy = true;
  }

  end(): void {
    this.#isBusy = false;
  }

  /** Takes the last batch back and lends the one that `make` makes. */
  lend<B extends object>(make: () => B): B {
    this.#takeBack();
    const batch = unscoped(make);
    this.#batch = batch;
    return batch;
  }

  get isDisposed(): boolean {
    return this.#isDisposed;
  }

  /** @throws DisposedError after `dispose()`. */
  assertAlive(): void {
    if (this.#isDisposed) {
      throw new DisposedError(
        `${this.#operation}: expected a loader in use, got one after dispose()`,
      );
    }
  }

  dispose(): void {
    this.#isDisposed = true;
    this.#takeBack();
  }

  /** Frees the batch: who kept it gets an error instead of other numbers. */
  #takeBack(): void {
    const batch = this.#batch;
    this.#batch = undefined;
    const reason =
      `${this.#operation} took it back: a batch is lent until the next is asked for; ` +
      this.#advice;
    for (const tensor of tensorsIn(batch)) tensor.dispose(reason);
  }
}

/** @throws ConfigError unless an epoch of `length` batches can begin at batch `batch`. */
export function checkStart(operation: string, batch: number, length: number): void {
  if (Number.isInteger(batch) && batch >= 0 && batch <= length) return;
  throw new ConfigError(
    `${operation}: from: expected a batch from 0 to ${length}, got ${valueText(batch)}`,
  );
}
