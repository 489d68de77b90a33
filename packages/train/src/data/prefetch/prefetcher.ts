import { startThread } from '#prefetch-thread';
import type { GeneratorState } from '@unfold/core';
import { warnOnce } from '@unfold/core/internal';
import type { ImageArray } from '../dataset.js';
import type { Answer, Setup } from './messages.js';
import type { PrefetchThread } from './thread.js';

/** How long the answer that is waited for may take; a worker that is silent for longer is given up. */
const STALL_MS = 60_000;

/** The images of one batch, by where they are stored and where in the dataset. */
export interface Places {
  readonly rows: Int32Array<ArrayBuffer>;
  readonly indices: Int32Array<ArrayBuffer>;
}

/** An epoch whose batches are made ahead. */
export interface EpochPlan {
  /** The state of the loader's generator when it began. */
  readonly random: GeneratorState;
  /** The first batch that is wanted, and how many the whole epoch has. */
  readonly first: number;
  readonly length: number;
  /** The images of a batch. */
  places(batch: number): Places;
}

/** A batch that the worker was asked for. */
interface Delivery {
  /** Undefined until the answer is there; null if there will be none. */
  images: Float32Array<ArrayBuffer> | null | undefined;
  /** Whether nobody wants it any more. */
  isAbandoned: boolean;
  onArrival?: () => void;
}

/**
 * A worker that makes batches ahead, and the memory of so many as it may hold at once. Nobody depends
 * on it: what it can't make, because it still starts or broke down, its owner makes, with the same bits.
 */
export class Prefetcher {
  readonly #setup: Setup;
  readonly #floats: number;
  readonly #ahead: number;
  readonly #deliveries = new Map<number, Delivery>();
  /** Memory for batches that is not at the worker's; there is never more of it than `ahead` batches. */
  readonly #free: Float32Array<ArrayBuffer>[] = [];
  #allocated = 0;
  #nextId = 0;
  #phase: 'new' | 'starting' | 'ready' | 'over' = 'new';
  #thread: PrefetchThread | undefined;
  /** Why it broke down, until that was told. */
  #complaint: string | undefined;

  /**
   * @param floats The pixels of a whole batch.
   * @param ahead Batches that may be made before they are asked for.
   */
  constructor(setup: Setup, floats: number, ahead: number) {
    this.#setup = setup;
    this.#floats = floats;
    this.#ahead = ahead;
  }

  /** Begins an epoch; the worker starts with the first one. */
  begin(plan: EpochPlan): EpochAhead {
    if (this.#phase === 'new') this.#start();
    return new EpochAhead(this, plan);
  }

  #start(): void {
    this.#phase = 'starting';
    try {
      this.#thread = startThread({
        onAnswer: (answer) => this.#take(answer),
        onEnd: (reason) => this.#breakDown(reason),
      });
      const images = sendable(this.#setup.images);
      this.#thread.send({ ...this.#setup, images: images.array }, images.transfer);
    } catch (error) {
      this.#breakDown(String(error));
    }
  }

  /** Asks for a batch; null if there is no room for one more, or no worker to make it. */
  order(random: GeneratorState, places: () => Places): Delivery | null {
    if (this.#phase !== 'ready' || this.#thread === undefined) return null;
    let out = this.#free.pop();
    if (out === undefined) {
      if (this.#allocated === this.#ahead) return null;
      this.#allocated++;
      out = new Float32Array(this.#floats);
    }
    const delivery: Delivery = { images: undefined, isAbandoned: false };
    const id = this.#nextId++;
    this.#deliveries.set(id, delivery);
    this.#thread.send({ id, ...places(), random, out }, [out.buffer]);
    return delivery;
  }

  /** Waits until the delivery is there, or never will be. */
  async arrival(delivery: Delivery): Promise<void> {
    if (delivery.images !== undefined) return;
    // The timer also keeps the process from ending meanwhile, which the worker doesn't.
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      delivery.onArrival = resolve;
      timer = setTimeout(() => this.#breakDown(`no answer in ${STALL_MS / 1000} s`), STALL_MS);
    });
    clearTimeout(timer);
  }

  /** Takes the memory of a batch that was read. */
  giveBack(images: Float32Array<ArrayBuffer>): void {
    this.#free.push(images);
  }

  /** Says, once, that the worker broke down: when it is sure that the batch can be made without it. */
  complain(): void {
    if (this.#complaint === undefined) return;
    warnOnce(
      `DataLoader: the worker for prefetch does not work (${this.#complaint}); the batches are made ` +
        'without it, the same ones, later',
    );
    this.#complaint = undefined;
  }

  /** Ends the worker. Whoever waits for a batch gets none. */
  dispose(): void {
    this.#phase = 'over';
    this.#thread?.terminate();
    this.#thread = undefined;
    this.#free.length = 0;
    const waiting = [...this.#deliveries.values()];
    this.#deliveries.clear();
    for (const delivery of waiting) arrive(delivery, null);
  }

  #take(answer: Answer): void {
    if (this.#phase === 'over') return;
    if (answer.kind === 'ready') this.#phase = 'ready';
    else if (answer.kind === 'failed') this.#breakDown(answer.reason);
    else {
      const delivery = this.#deliveries.get(answer.id);
      this.#deliveries.delete(answer.id);
      if (!delivery || delivery.isAbandoned) this.#free.push(answer.out);
      else arrive(delivery, answer.out);
    }
  }

  #breakDown(reason: string): void {
    if (this.#phase === 'over') return;
    this.#complaint = reason;
    this.dispose();
  }
}

/** The batches of one epoch, as they come from the worker. */
export class EpochAhead {
  readonly #prefetcher: Prefetcher;
  readonly #plan: EpochPlan;
  readonly #ordered = new Map<number, Delivery>();
  #next: number;
  /** What `take` gave last. */
  #taken: Float32Array<ArrayBuffer> | null = null;

  constructor(prefetcher: Prefetcher, plan: EpochPlan) {
    this.#prefetcher = prefetcher;
    this.#plan = plan;
    this.#next = plan.first;
  }

  /**
   * The images of the next batch, valid until `done`; null where the caller makes them. Nobody waits for a batch that the worker was not asked for in time.
   */
  async take(batch: number): Promise<Float32Array<ArrayBuffer> | null> {
    const delivery = this.#ordered.get(batch);
    if (delivery === undefined) {
      this.#next = batch + 1;
      this.#order();
      return null;
    }
    await this.#prefetcher.arrival(delivery);
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
    const { random, length } = this.#plan;
    for (; this.#next < length; this.#next++) {
      const batch = this.#next;
      const delivery = this.#prefetcher.order(random, () => this.#plan.places(batch));
      if (delivery === null) return;
      this.#ordered.set(batch, delivery);
    }
  }
}

function arrive(delivery: Delivery, images: Float32Array<ArrayBuffer> | null): void {
  delivery.images = images;
  delivery.onArrival?.();
}

/** Images as the worker gets them: the same memory where it is shared, else a copy of what is needed. */
function sendable(images: ImageArray): { array: ImageArray; transfer: ArrayBuffer[] } {
  if (!(images.buffer instanceof ArrayBuffer)) return { array: images, transfer: [] };
  const copy = images.slice();
  return { array: copy, transfer: [copy.buffer] };
}

/** Ends the workers of loaders that were forgotten. */
export const forgotten = new FinalizationRegistry<Prefetcher>((prefetcher) => {
  prefetcher.dispose();
});
