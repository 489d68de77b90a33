import { ConfigError, disposeSymbol, type Generator, type OptionRules } from '@unfold/core';
import {
  checkedInUse,
  checkOptions,
  count,
  flag,
  functionRule,
  isOptions,
  pauses,
  positiveCount,
  valueText,
} from '@unfold/core/internal';
import { checkAugmentation } from '../augment/compose.js';
import { ImageRandom } from '../augment/image-random.js';
import { type AnyBatch, type Batch, type WholeBatch, wholeBatch } from './batch.js';
import { BatchLending, type BatchLoader, checkStart, type LoaderOptions } from './batches.js';
import { stackSamples } from './collate.js';
import { Dataset } from './dataset.js';
import type { DataLoaderOptions } from './loader-options.js';
import { chooseGenerator, GENERATOR_OPTIONS } from './options.js';
import { EpochAhead, type EpochPlan } from './prefetch/epoch-ahead.js';
import { prefetcherFor } from './prefetch/for-loader.js';
import { lookAhead } from './prefetch/look-ahead.js';
import type { Prefetcher } from './prefetch/prefetcher.js';
import { type ArrayReader, arrayReader } from './readers.js';
import { Fetch, ownBatch } from './sample-scope.js';
import {
  type Collated,
  isPromise,
  type MapDataset,
  requireSamples,
  type SampleOf,
} from './samples.js';

/** Of samples that nobody knows more about here. */
type AnyOptions = DataLoaderOptions<never, unknown, unknown>;

const OPTIONS: OptionRules<AnyOptions> = {
  batchSize: positiveCount,
  shuffle: flag,
  dropLast: flag,
  normalization: checkedInUse,
  augment: checkedInUse,
  prefetch: count,
  ...GENERATOR_OPTIONS,
  transform: functionRule,
  collate: functionRule,
};

/**
 * Gives a dataset's samples in batches, an epoch for each `for … of` or `for await … of`.
 *
 * A batch is lent: it is valid until the next is asked for, whatever scopes open and close
 * meanwhile, and throws a DisposedError when it is read after that. `batches()` gives batches to
 * keep. There is one iteration at a time; a second loader over the same dataset costs one batch of
 * memory.
 *
 * With `shuffle`, each epoch draws a new permutation from the generator when its first batch is
 * asked for. The same generator state gives the same epoch, augmentation, transform and all.
 */
export interface DataLoader<B = Batch, Source extends { readonly length: number } = Dataset>
  extends BatchLoader<B>, Iterable<B> {
  /** The samples that the batches are drawn from. */
  readonly dataset: Source;
  /** Samples in a batch; the last one of an epoch may be smaller. */
  readonly batchSize: number;
  /** @internal How it makes batches. */
  readonly options: Readonly<AnyOptions>;
  /** Batches in an epoch. */
  readonly length: number;
  /** The source of the random order. Its `state()` before an epoch draws that epoch again. */
  readonly generator: Generator;
  /**
   * @throws ConfigError if another iteration is open, or the dataset promises its samples,
   * DisposedError after `dispose()`.
   */
  [Symbol.iterator](): IterableIterator<B>;
  /**
   * The same batches. It hands the thread back now and then, so that timers and Ctrl-C are heard
   * during a long epoch; with `prefetch`, a worker makes batches meanwhile. Samples that are promised
   * are waited for, those of a batch at the same time.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<B>;
  /**
   * A new epoch from batch `batch` on, for either kind of loop. Its order and its samples are those
   * of the whole epoch.
   * @throws ConfigError unless `batch` is an integer from 0 to `length`.
   */
  from(batch: number): Iterable<B> & AsyncIterable<B>;
  /**
   * A new epoch whose batches are the caller's, for example to keep all of them:
   * `[...loader.batches()]`. Each belongs to the scope in which it was asked for; outside of scopes,
   * the garbage collector frees it.
   * @throws ConfigError if another iteration is open, DisposedError after `dispose()`.
   */
  batches(): IterableIterator<B>;
  /** Frees the batches, and ends the worker. The last batch given must not be read any more. */
  dispose(): void;
  /** Disposes of the loader at the end of a `using` block. */
  [disposeSymbol](): void;
}

/** What makes a `DataLoader`, of a type that follows from the dataset, the transform and the collate. */
export interface DataLoaderConstructor {
  /**
   * Samples of any kind, collated by a function.
   * @throws ConfigError if an option is unknown, out of range, not for this dataset, or leaves no batch.
   */
  new <Source extends MapDataset, Made extends AnyBatch, Changed = SampleOf<Source>>(
    dataset: Source,
    options: DataLoaderOptions<SampleOf<Source>, Changed, Made> & {
      readonly collate: (samples: readonly Changed[]) => Made;
    },
  ): DataLoader<WholeBatch<NoInfer<Made>>, Source>;
  /** Samples that are alike: their leaves are stacked. */
  new <Source extends MapDataset, Changed = SampleOf<Source>>(
    dataset: Source,
    options?: DataLoaderOptions<SampleOf<Source>, Changed> & { readonly collate?: undefined },
  ): DataLoader<Collated<NoInfer<Changed>>, Source>;
  /** Images. It is the last, as `ConstructorParameters` and the like see the last only. */
  new (dataset: Dataset, options?: LoaderOptions): DataLoader;
}

/** Makes a {@link DataLoader} over any dataset. */
export const DataLoader: DataLoaderConstructor = class<
  B extends object,
  Source extends MapDataset,
> implements DataLoader<B, Source> {
  readonly dataset: Source;
  readonly batchSize: number;
  readonly options: Readonly<AnyOptions>;
  readonly length: number;
  readonly #count: number;
  readonly #shuffle: boolean;
  readonly #isRandom: boolean;
  readonly #generator: () => Generator;
  /** Null where samples have to be fetched. */
  readonly #reader: ArrayReader | null;
  readonly #transform: ((sample: never, random: Generator) => unknown) | undefined;
  readonly #collate: ((samples: readonly unknown[]) => unknown) | undefined;
  /** Null where no batches are made ahead. */
  readonly #prefetcher: Prefetcher | null;
  /** So many batches' samples are asked for ahead. */
  readonly #fetchesAhead: number;
  readonly #lending = new BatchLending(
    'DataLoader',
    'clone(x) what must last longer, or take batches that are yours from batches()',
  );

  constructor(dataset: Source, options: AnyOptions = {}) {
    requireSamples('DataLoader', dataset);
    checkOptions('DataLoader', options, OPTIONS);
    const { batchSize = 1, shuffle = false, dropLast = false, augment, transform } = options;
    if (dropLast && batchSize > dataset.length) {
      throw new ConfigError(
        `DataLoader: dropLast with batchSize ${batchSize} leaves no batch of a dataset of ${dataset.length} ` +
          `${dataset instanceof Dataset ? 'images' : 'samples'}; expected a batchSize of at most ${dataset.length}`,
      );
    }
    if (augment !== undefined) checkAugmentation('DataLoader: augment', augment);
    this.dataset = dataset;
    this.batchSize = batchSize;
    this.options = { ...options };
    this.length = (dropLast ? Math.floor : Math.ceil)(dataset.length / batchSize);
    this.#count = dataset.length;
    this.#shuffle = shuffle;
    this.#isRandom = augment !== undefined || transform !== undefined;
    this.#generator = chooseGenerator('DataLoader', options);
    this.#reader = arrayReader(dataset, options);
    this.#transform = transform;
    this.#collate = options.collate;
    this.#prefetcher = this.#reader && prefetcherFor(this, dataset, options);
    this.#fetchesAhead = this.#reader ? 0 : (options.prefetch ?? 0);
  }

  get generator(): Generator {
    return this.#generator();
  }

  [Symbol.iterator](): IterableIterator<B> {
    return this.#batches(0, this.#lend);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<B> {
    return this.#promised(0);
  }

  from(batch: number): Iterable<B> & AsyncIterable<B> {
    checkStart('DataLoader', batch, this.length);
    return {
      [Symbol.iterator]: () => this.#batches(batch, this.#lend),
      [Symbol.asyncIterator]: () => this.#promised(batch),
    };
  }

  batches(): IterableIterator<B> {
    return this.#batches(0, (make) => make());
  }

  dispose(): void {
    this.#prefetcher?.dispose();
    this.#lending.dispose();
  }

  [disposeSymbol](): void {
    this.dispose();
  }

  readonly #lend = (make: () => B): B => this.#lending.lend(make);

  *#batches(first: number, give: (make: () => B) => B): IterableIterator<B> {
    for (const step of this.#steps(first)) {
      const { fetch } = step;
      if (fetch?.isPending) {
        fetch.free();
        throw new ConfigError(
          'DataLoader: expected samples at once in a loop with for … of, got a Promise from get; for await … of ' +
            'waits for them, and so does fit',
        );
      }
      yield give(() => this.#make(step));
    }
  }

  async *#promised(first: number): AsyncIterableIterator<B> {
    const pause = pauses();
    let ahead: EpochAhead | undefined;
    try {
      const steps = lookAhead(this.#steps(first), this.#fetchesAhead, ({ fetch }) => fetch?.free());
      for (const step of steps) {
        const { fetch, plan } = step;
        if (fetch?.isPending) await fetch.settle();
        await pause();
        if (this.#prefetcher) ahead ??= new EpochAhead(this.#prefetcher, plan);
        const made = ahead ? await ahead.take(step.batch) : null;
        if (fetch && this.#lending.isDisposed) fetch.free();
        this.#lending.assertAlive();
        const batch = this.#lending.lend(() => this.#make(step, made));
        ahead?.done();
        yield batch;
      }
    } finally {
      ahead?.close();
    }
  }

  /** The batches of an epoch before they are made. */
  *#steps(first: number): IterableIterator<Step> {
    this.#lending.begin();
    try {
      this.#lending.assertAlive();
      const plan = this.#drawEpoch();
      for (let batch = first; batch < this.length; batch++) {
        this.#lending.assertAlive();
        const indices = plan.indicesOf(batch);
        const fetch = this.#reader ? null : new Fetch(this.dataset, indices);
        yield { batch, indices, plan, fetch };
      }
    } finally {
      this.#lending.end();
    }
  }

  /**
   * Draws a new epoch. The state of the generator before is all that the epoch depends on. Whether
   * samples are changed doesn't alter the order of this epoch or of later ones.
   */
  #drawEpoch(): EpochPlan {
    const { generator } = this;
    const random = this.#isRandom ? new ImageRandom(generator.state()) : null;
    // Where no order is drawn, the next epoch is to differ all the same.
    if (random && !this.#shuffle) generator.uint32();
    const order = this.#shuffle ? generator.permutation(this.#count) : null;
    const indicesOf = (batch: number): Int32Array => {
      const start = batch * this.batchSize;
      const length = Math.min(this.batchSize, this.#count - start);
      if (order) return order.subarray(start, start + length);
      return Int32Array.from({ length }, (_, b) => start + b);
    };
    return { random, length: this.length, indicesOf };
  }

  #make({ indices, plan: { random }, fetch }: Step, made: Float32Array | null = null): B {
    // What it is follows from the types of the dataset, of its samples and of the options.
    if (this.#reader && !this.#transform && !this.#collate) {
      return this.#reader.batch(indices, random, made) as B;
    }
    try {
      return ownBatch(() => {
        const samples = Array.from(indices, (index, b) => {
          const own = random?.of(index) ?? null;
          const sample = fetch ? fetch.samples[b] : this.#reader?.sample(index, own);
          return own ? this.#transformed(sample, own, index) : sample;
        });
        return this.#collated(samples, indices) as B;
      });
    } finally {
      fetch?.free();
    }
  }

  #transformed(sample: unknown, random: Generator, index: number): unknown {
    if (!this.#transform) return sample;
    const changed = this.#transform(sample as never, random);
    refusePromise(`DataLoader: transform of sample ${index}`, changed);
    return changed;
  }

  #collated(samples: readonly unknown[], indices: Int32Array): object {
    if (!this.#collate) {
      const batch = stackSamples('DataLoader', samples, indices);
      return wholeBatch('DataLoader', { ...batch, size: samples.length } as AnyBatch);
    }
    const made = this.#collate(samples);
    refusePromise('DataLoader: collate', made);
    const sized = isOptions(made) && !('size' in made) ? { ...made, size: samples.length } : made;
    return wholeBatch('DataLoader: collate', sized as AnyBatch);
  }
};

/** All that a batch is made of. */
interface Step {
  /** Its place in the epoch. */
  readonly batch: number;
  /** Its samples in the dataset. */
  readonly indices: Int32Array;
  readonly plan: EpochPlan;
  /** The samples, where they don't come from arrays. */
  readonly fetch: Fetch | null;
}

/** @throws ConfigError for what an async function gives. */
function refusePromise(where: string, value: unknown): void {
  if (!isPromise(value)) return;
  value.then(undefined, () => {});
  throw new ConfigError(
    `${where}: expected a result at once, got ${valueText(value)}; await in the dataset's get or map`,
  );
}
