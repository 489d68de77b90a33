import type { ImageRandom } from '../../augment/image-random.js';
import type { Delivery, Prefetcher } from './prefetcher.js';

/** All that was drawn when an epoch began; its batches follow from it. */
export interface EpochPlan {
  /** The samples' generators; null where nothing is drawn from them. */
  readonly random: ImageRandom | null;
  /** Batches in the epoch. */
  readonly length: number;
  /** The samples of a batch, by their indices in the dataset. */
  indicesOf(batch: number): Int32Array;
}

/** A worker that is waited for longer than this is behind. */
const BEHIND_MS = 0.25;

/** The batches of one epoch, as they come from the worker. */
export class EpochAhead {
  readonly #prefetcher: Prefetcher;
  readonly #plan: EpochPlan;
  readonly #ordered = new Map<number, Delivery>();
  /** The next batch that the worker is asked for. */
  #next = 0;
  /** What `take` gave last. */
  #taken: Float32Array<ArrayBuffer> | null = null;

  constructor(prefetcher: Prefetcher, plan: EpochPlan) {
    this.#prefetcher = prefetcher;
    this.#plan = plan;
    prefetcher.start();
  }

  /**
   * The images of a batch, each asked for after the one before, valid until `done`; null where the
   * caller makes them. Nobody waits for a batch that the worker was not asked for.
   */
  async take(batch: number): Promise<Float32Array<ArrayBuffer> | null> {
    const delivery = this.#ordered.get(batch);
    if (delivery === undefined) {
      this.#next = Math.max(this.#next, batch + 1);
      this.#order();
      return null;
    }
    const begin = performance.now();
    await this.#prefetcher.arrival(delivery);
    // Both make batches then, instead of one that waits.
    if (performance.now() - begin > BEHIND_MS) this.#next++;
    this.#ordered.delete(batch);
    this.#taken = delivery.images ?? null;
    return this.#taken;
  }

  /** The batch is made: the worker may write another one where its images were. */
  done(): void {
    this.#giveBack();
    this.#prefetcher.complain();
    this.#order();
  }

  /** Ends the epoch, wherever it is; what is still being made is for nobody. */
  close(): void {
    for (const delivery of this.#ordered.values()) {
      delivery.isAbandoned = true;
      if (delivery.images) this.#prefetcher.giveBack(delivery.images);
    }
    this.#ordered.clear();
    this.#giveBack();
  }

  #giveBack(): void {
    if (this.#taken) this.#prefetcher.giveBack(this.#taken);
    this.#taken = null;
  }

  #order(): void {
    const { random, length, indicesOf } = this.#plan;
    for (; this.#next < length; this.#next++) {
      const delivery = this.#prefetcher.order(indicesOf(this.#next), random?.state ?? null);
      if (delivery === null) return;
      this.#ordered.set(this.#next, delivery);
    }
  }
}
