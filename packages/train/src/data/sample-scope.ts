import { clone, Scope, type Scoped, Tensor } from '@unfold/core';
import { isOptions } from '@unfold/core/internal';
import { isPromise, type MapDataset } from './samples.js';

/**
 * Owns what is made while samples are fetched, until their batch is made of it: also across an await,
 * where no scope may stay open. Closed, it owns them still.
 */
class FetchScope extends Scope {
  protected override release(): void {}

  /** Frees what was made. */
  free(): void {
    super.release();
  }
}

/** Knows what was made in it. */
class BatchScope extends Scope {
  readonly #made = new Set<Scoped>();

  override adopt(scoped: Scoped): void {
    this.#made.add(scoped);
    super.adopt(scoped);
  }

  /** The tree itself, but for tensors from elsewhere, which are copied: a stored one isn't the batch's. */
  own(tree: unknown): unknown {
    if (tree instanceof Tensor) return this.#made.has(tree) ? tree : clone(tree);
    if (Array.isArray(tree)) return tree.map((inner: unknown) => this.own(inner));
    if (!isOptions(tree)) return tree;
    return Object.fromEntries(Object.entries(tree).map(([key, inner]) => [key, this.own(inner)]));
  }
}

/**
 * What `make` gives, its tensors belonging to the scope that is open; all else that it makes is freed,
 * also when it throws.
 */
export function ownBatch<B extends object>(make: () => B): B {
  // The same names hold the same things, or copies of them.
  return BatchScope.run((scope) => scope.own(make()) as B);
}

/** Samples of a dataset of the user's own, some of which may still have to be waited for. */
export class Fetch {
  readonly #scope = new FetchScope();
  #samples: readonly unknown[] = [];

  /** @throws what `get` throws, after what it made was freed. */
  constructor(dataset: MapDataset, indices: Int32Array) {
    const samples: unknown[] = [];
    try {
      for (const index of indices) {
        const sample = dataset.get(index);
        samples.push(sample);
        // One that fails while another is waited for would be an unhandled rejection.
        if (isPromise(sample)) sample.then(undefined, () => {});
      }
      this.#samples = samples;
    } catch (error) {
      this.#scope.close();
      this.free();
      throw error;
    }
    this.#scope.close();
  }

  /** The samples; promises, where they were not waited for. */
  get samples(): readonly unknown[] {
    return this.#samples;
  }

  /** Whether there is something to wait for. */
  get isPending(): boolean {
    return this.#samples.some(isPromise);
  }

  /** Waits for all samples. */
  async settle(): Promise<void> {
    try {
      this.#samples = await Promise.all(this.#samples);
    } catch (error) {
      this.free();
      throw error;
    }
  }

  /** Frees what was made until now, except what was kept. */
  free(): void {
    this.#scope.free();
  }
}
