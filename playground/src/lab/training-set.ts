import { elementsOf, empty, generator, type Tensor, tensor } from '@unfold/core';
import type { Augmentation, Normalization } from '@unfold/train';
import { type AugmentedWriter, augmentedWriter, ImageRandom } from '@unfold/train/internal';
import { PIXELS } from '../spec/digits.js';
import { inputOf } from './images.js';
import type { DigitSet } from './protocol.js';

/** What is done to digits on their way. */
export interface TrainingOptions {
  readonly batchSize: number;
  readonly normalization: Normalization;
  readonly augment: Augmentation | null;
}

/** Some of the digits. */
export interface TrainingBatch {
  /** float32 `[B, 1, 28, 28]` */
  readonly images: Tensor;
  /** int32 `[B]` */
  readonly labels: Tensor;
  readonly size: number;
}

/** An epoch in its order. */
interface Epoch {
  readonly order: Int32Array;
  readonly random: ImageRandom | null;
}

/**
 * The digits that a run learns from, some of them perhaps drawn by hand, in batches, epoch after epoch. They are those
 * that a `DataLoader` with `shuffle` gives, bit for bit; that itself, which takes data of every kind and works ahead,
 * would be a fifth of what a worker has to load before it can train.
 */
export class TrainingSet {
  readonly #options: TrainingOptions;
  readonly #drawn: { readonly pixels: Uint8Array; readonly label: number }[] = [];
  #digits: DigitSet;
  #augmented: AugmentedWriter | null;
  #epoch: Epoch | null = null;
  /** Batches of the epoch in hand that were given. */
  #batch = 0;
  #epochsDone = 0;

  constructor(digits: DigitSet, options: TrainingOptions) {
    this.#options = options;
    this.#digits = digits;
    this.#augmented = this.#writer();
  }

  /** Epochs that ended. */
  get epochsDone(): number {
    return this.#epochsDone;
  }

  /** Epochs done, with a fraction. */
  get position(): number {
    return this.#epochsDone + this.#batch / this.#batches;
  }

  /** Adds a digit, from the next epoch on; it counts as often as `weight` others. */
  add(pixels: Uint8Array, label: number, weight: number): void {
    for (let i = 0; i < weight; i++) this.#drawn.push({ pixels, label });
  }

  /** The next batch, which belongs to the scope that is open. */
  next(): TrainingBatch {
    this.#epoch ??= this.#begin();
    const { order, random } = this.#epoch;
    const { batchSize } = this.#options;
    const indices = order.subarray(this.#batch * batchSize, (this.#batch + 1) * batchSize);
    this.#batch++;
    if (this.#batch === this.#batches) {
      this.#epoch = null;
      this.#batch = 0;
      this.#epochsDone++;
    }
    const labels = Int32Array.from(indices, (index) => this.#digits.labels[index] ?? 0);
    return {
      images: random ? this.#changed(indices, random) : this.#asTheyAre(indices),
      labels: tensor(labels, [labels.length]),
      size: labels.length,
    };
  }

  get #batches(): number {
    return Math.ceil(this.#digits.labels.length / this.#options.batchSize);
  }

  #begin(): Epoch {
    this.#takeOver();
    const shuffle = generator('shuffle');
    // From the state before the order is drawn, as a DataLoader has it.
    const random = this.#augmented ? new ImageRandom(shuffle.state()) : null;
    return { order: shuffle.permutation(this.#digits.labels.length), random };
  }

  /** Puts the digits that were drawn since beside the others. */
  #takeOver(): void {
    const drawn = this.#drawn.splice(0);
    if (drawn.length === 0) return;
    const { images, labels } = this.#digits;
    const all = {
      images: new Uint8Array(images.length + drawn.length * PIXELS),
      labels: Uint8Array.of(...labels, ...drawn.map(({ label }) => label)),
    };
    all.images.set(images);
    drawn.forEach(({ pixels }, i) => all.images.set(pixels, images.length + i * PIXELS));
    this.#digits = all;
    this.#augmented = this.#writer();
  }

  #writer(): AugmentedWriter | null {
    const { augment, normalization } = this.#options;
    const { images } = this.#digits;
    return augment && augmentedWriter({ images, shape: [1, 28, 28] }, normalization, augment);
  }

  #asTheyAre(indices: Int32Array): Tensor {
    const pixels = new Uint8Array(indices.length * PIXELS);
    indices.forEach((index, i) => {
      pixels.set(this.#digits.images.subarray(index * PIXELS, (index + 1) * PIXELS), i * PIXELS);
    });
    return inputOf(pixels, this.#options.normalization);
  }

  #changed(indices: Int32Array, random: ImageRandom): Tensor {
    const images = empty([indices.length, 1, 28, 28], 'float32', 'digits');
    const out = elementsOf(images);
    indices.forEach((index, i) => this.#augmented?.(out, i * PIXELS, index, random.of(index)));
    return images;
  }
}
