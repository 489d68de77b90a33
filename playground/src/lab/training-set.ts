import { Dataset, DataLoader, type Batch, type LoaderOptions } from '@unfold/train';
import { datasetOf, PIXELS } from './images.js';
import type { DigitSet } from './protocol.js';

/** The digits that a run learns from, some of them perhaps drawn by hand, in batches, epoch after epoch. */
export class TrainingSet {
  readonly #options: LoaderOptions;
  readonly #drawn: { readonly pixels: Uint8Array; readonly label: number }[] = [];
  readonly #given: DigitSet;
  #isChanged = false;
  #loader: DataLoader;
  #epoch: IterableIterator<Batch> | null = null;
  /** Batches of the epoch in hand that were given. */
  #batch = 0;
  #epochs = 0;

  constructor(given: DigitSet, options: LoaderOptions) {
    this.#given = given;
    this.#options = options;
    this.#loader = new DataLoader(datasetOf(given), options);
  }

  /** Epochs that ended. */
  get epochsDone(): number {
    return this.#epochs;
  }

  /** Epochs done, with a fraction. */
  get position(): number {
    return this.#epochs + this.#batch / this.#loader.length;
  }

  /** Adds a digit, from the next epoch on; it counts as often as `weight` others. */
  add(pixels: Uint8Array, label: number, weight: number): void {
    for (let i = 0; i < weight; i++) this.#drawn.push({ pixels, label });
    this.#isChanged = true;
  }

  /** The next batch, lent until the one after it. */
  next(): Batch {
    if (this.#epoch === null) {
      this.#takeOver();
      this.#epoch = this.#loader[Symbol.iterator]();
    }
    const { value, done } = this.#epoch.next();
    if (done === true) throw new Error('an epoch ended early');
    this.#batch++;
    return value as Batch;
  }

  /** To be called after the step of each batch: an epoch that has no more ends. */
  stepped(): void {
    if (this.#batch < this.#loader.length) return;
    this.#epoch?.return?.();
    this.#epoch = null;
    this.#batch = 0;
    this.#epochs++;
  }

  dispose(): void {
    this.#epoch?.return?.();
    this.#loader.dispose();
  }

  /** Makes the loader anew where digits were added. It goes on with the same random numbers. */
  #takeOver(): void {
    if (!this.#isChanged) return;
    this.#isChanged = false;
    const { images, labels } = this.#given;
    const all = new Uint8Array(images.length + this.#drawn.length * PIXELS);
    all.set(images);
    this.#drawn.forEach(({ pixels }, i) => all.set(pixels, images.length + i * PIXELS));
    const allLabels = Int32Array.from([...labels, ...this.#drawn.map(({ label }) => label)]);
    const dataset = Dataset.fromArrays({ images: all, shape: [1, 28, 28], labels: allLabels });
    this.#loader.dispose();
    this.#loader = new DataLoader(dataset, this.#options);
  }
}
