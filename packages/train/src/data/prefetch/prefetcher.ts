import { startThread } from '#prefetch-thread';
import type { GeneratorState } from '@unfold/core';
import { warnOnce } from '@unfold/core/internal';
import type { ImageArray } from '../dataset.js';
import type { Answer, Setup } from './messages.js';
import type { PrefetchThread } from './thread.js';

/** How long the answer that is waited for may take; a worker that is silent for longer is given up. */
const STALL_MS = 60_000;

/** A batch that the worker was asked for. */
export interface Delivery {
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
  readonly #rows: Int32Array | null;
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
   * @param rows The stored row of each image; null where they are the same.
   * @param floats The pixels of a whole batch.
   * @param ahead Batches that may be made before they are asked for.
   */
  constructor(setup: Setup, rows: Int32Array | null, floats: number, ahead: number) {
    this.#setup = setup;
    this.#rows = rows;
    this.#floats = floats;
    this.#ahead = ahead;
  }

  /** Starts the worker, once. */
  start(): void {
    if (this.#phase !== 'new') return;
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

  /**
   * Asks for the images of a batch; null if there is no room for one more, or no worker to make it.
   * @param random The state of the loader's generator when the epoch began.
   */
  order(indices: Int32Array, random: GeneratorState | null): Delivery | null {
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
    const rows = this.#rows;
    const order = {
      id,
      // What is sent takes all of its memory along: an epoch's order, were this a part of it.
      indices: indices.slice(),
      rows: indices.map((i) => (rows === null ? i : rows[i])),
      random,
      out,
    };
    this.#thread.send(order, [out.buffer]);
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
