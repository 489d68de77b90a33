import { ConfigError, DisposedError, disposeSymbol, type Generator } from '@unfold/core';
import { type Batch, type BatchLoader, type BatchPlan, LentBatch } from './batches.js';
import type { Dataset } from './dataset.js';

/**
 * What every loader that follows a plan is made of: the plan, the batch that it lends, and the rule
 * that there is one iteration at a time. Two would take each other's batches back.
 */
export abstract class PlannedLoader implements BatchLoader {
  /** @hidden */
  protected readonly plan: BatchPlan;
  /** @hidden */
  protected readonly lent: LentBatch;
  #busy = false;
  #disposed = false;

  constructor(plan: BatchPlan) {
    this.plan = plan;
    this.lent = new LentBatch(plan);
  }

  /** What the batches are drawn from. */
  get dataset(): Dataset {
    return this.plan.dataset;
  }

  /** Images in a batch; the last one of an epoch may be smaller. */
  get batchSize(): number {
    return this.plan.batchSize;
  }

  /** Batches in an epoch. */
  get length(): number {
    return this.plan.length;
  }

  /** The source of the random order. Its `state()` before an epoch draws that epoch again. */
  get generator(): Generator {
    return this.plan.generator;
  }

  abstract [Symbol.asyncIterator](): AsyncIterableIterator<Batch>;

  abstract from(batch: number): AsyncIterable<Batch>;

  /** Frees the batches. The last one given must not be read any more. */
  dispose(): void {
    this.#disposed = true;
    this.lent.takeBack();
  }

  /** What `using` calls at the end of the block. */
  [disposeSymbol](): void {
    this.dispose();
  }

  /**
   * @hidden The start of an iteration; `endIteration` must follow whatever happens.
   * @throws ConfigError if one is open.
   */
  protected beginIteration(): void {
    if (this.#busy) {
      throw new ConfigError(
        `${this.plan.operation}: expected one iteration at a time, got a second while the first is open; ` +
          'leave the first loop, call its return(), or make a second loader over the same dataset',
      );
    }
    this.#busy = true;
  }

  /** @hidden */
  protected endIteration(): void {
    this.#busy = false;
  }

  /** @hidden @throws ConfigError unless an epoch can begin at batch `batch`. */
  protected checkStart(batch: number): void {
    if (Number.isInteger(batch) && batch >= 0 && batch <= this.length) return;
    throw new ConfigError(
      `${this.plan.operation}: from: expected a batch from 0 to ${this.length}, got ${batch}`,
    );
  }

  /** @hidden @throws DisposedError after `dispose()`. */
  protected assertAlive(): void {
    if (this.#disposed) {
      throw new DisposedError(
        `${this.plan.operation}: expected a loader in use, got one after dispose()`,
      );
    }
  }
}
