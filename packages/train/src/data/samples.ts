import { ConfigError, type NumericArray, type Tensor } from '@unfold/core';
import { requireFunction, valueText } from '@unfold/core/internal';
import { checkRange, noSamples, rangeRows, rowAt, type Rows, subsetRows } from './rows.js';

/**
 * A dataset of samples that are fetched one by one, as PyTorch's map-style datasets: any object with
 * these two is one. Where `get` gives promises, a loader serves `for await … of` only, as `fit` uses.
 */
export interface MapDataset<Sample = unknown> {
  /** The number of samples, at least 1. */
  readonly length: number;
  /** The sample of an index from 0 to `length - 1`. */
  get(index: number): Sample | Promise<Sample>;
}

/** What a dataset's `get` gives, or promises. */
export type SampleOf<Source> = Source extends MapDataset
  ? Awaited<ReturnType<Source['get']>>
  : never;

/** A sample's leaf: a tensor, a typed array for a row, a number or a boolean for a scalar. */
export type SampleLeaf = Tensor | NumericArray | number | boolean;

/** The leaves of samples, each stacked to one tensor. */
export type Stacked<Tree> = Tree extends SampleLeaf
  ? Tensor
  : Tree extends undefined
    ? undefined
    : { readonly [Key in keyof Tree]: Stacked<Tree[Key]> };

/** The batch that samples of a type are stacked to. */
export type Collated<Sample> = Stacked<Sample> & {
  /** B: the samples in this batch. */
  readonly size: number;
};

/** Changes a sample of a dataset; it may take its time. */
export type SampleMap<From, To> = (sample: From, index: number) => To | Promise<To>;

/** @throws ConfigError unless `value` can be asked for samples, and has one. */
export function requireSamples(where: string, value: unknown): asserts value is MapDataset {
  const { length, get } = Object(value) as Partial<MapDataset>;
  if (typeof value !== 'object' || typeof get !== 'function') {
    throw new ConfigError(
      `${where}: expected a Dataset, or { length, get(index) }, got ${valueText(value)}; make one with ` +
        'Dataset.fromArrays or mnist()',
    );
  }
  if (length === 0) throw noSamples(where, 'sample');
  if (Number.isSafeInteger(length) && Number(length) > 0) return;
  throw new ConfigError(
    `${where}: expected a Dataset whose length is an integer from 1, got ${valueText(length)} for its length`,
  );
}

/** Whether a value has to be waited for. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  if (typeof value !== 'object' || value === null) return false;
  return 'then' in value && typeof value.then === 'function';
}

/**
 * The samples of another dataset, each changed when it is asked for, or some of them. Made by
 * `mapDataset`, by the method `map` of datasets, and by `randomSplit`.
 */
export class SampleDataset<Sample> implements MapDataset<Sample> {
  /** The number of samples. */
  readonly length: number;
  readonly #source: MapDataset<Sample>;
  readonly #rows: Rows;

  /** @internal */
  constructor(source: MapDataset<Sample>, rows: Rows = null) {
    requireSamples('SampleDataset', source);
    if (rows !== null && !(rows instanceof Int32Array)) {
      throw new ConfigError(
        `SampleDataset: expected indices that were checked, got ${valueText(rows)}; subset(indices) checks them`,
      );
    }
    this.#source = source;
    this.#rows = rows;
    this.length = rows?.length ?? source.length;
  }

  /**
   * Sample i, as the source gives it and the maps change it.
   * @throws ConfigError unless i is an integer from 0 to `length - 1`.
   */
  get(i: number): Sample | Promise<Sample> {
    return this.#source.get(rowAt('SampleDataset.get', this.#rows, this.length, i));
  }

  /**
   * The samples from `start` up to and without `end`, which count from 0.
   * @throws ConfigError if the range leaves the dataset or holds no sample.
   */
  slice(start: number, end: number = this.length): SampleDataset<Sample> {
    checkRange('SampleDataset.slice', this.length, start, end, 'sample');
    return new SampleDataset(this.#source, rangeRows(this.#rows, start, end));
  }

  /**
   * The samples of the given indices, in their order; an index may occur more than once.
   * @throws ConfigError if an index leaves the dataset or there is none.
   */
  subset(indices: ArrayLike<number>): SampleDataset<Sample> {
    const rows = subsetRows('SampleDataset.subset', this.#rows, this.length, indices, 'sample');
    return new SampleDataset(this.#source, rows);
  }

  /** The same samples, each changed by `fn` when it is asked for. */
  map<To>(fn: SampleMap<Sample, To>): SampleDataset<To> {
    return mapped('SampleDataset.map', this, fn);
  }
}

/**
 * A dataset whose samples are those of another, each changed by `fn` when it is asked for and each time
 * anew. What is random about a sample belongs in a loader's `transform`, which is given a generator.
 * @throws ConfigError unless `dataset` has a length and `get`, and `fn` is a function.
 */
export function mapDataset<Source extends MapDataset, To>(
  dataset: Source,
  fn: SampleMap<SampleOf<Source>, To>,
): SampleDataset<To> {
  requireSamples('mapDataset', dataset);
  return mapped('mapDataset', dataset as MapDataset<SampleOf<Source>>, fn);
}

/** `mapDataset` of a dataset that was checked. */
export function mapped<From, To>(
  where: string,
  source: MapDataset<From>,
  fn: SampleMap<From, To>,
): SampleDataset<To> {
  requireFunction(where, fn);
  return new SampleDataset({
    length: source.length,
    get: (index): To | Promise<To> => {
      const sample = source.get(index);
      return isPromise(sample)
        ? Promise.resolve(sample).then((value) => fn(value, index))
        : fn(sample, index);
    },
  });
}
