import {
  ConfigError,
  elementsOf,
  empty,
  type NumericArray,
  type OptionRules,
  ShapeError,
  sizeOf,
  type Tensor,
} from '@unfold/core';
import { checkedInUse, checkOptions, positiveCount, valueText } from '@unfold/core/internal';
import {
  classColumn,
  type Column,
  type ColumnData,
  type Columns,
  type ColumnsData,
  listColumns,
  mapColumns,
  readColumns,
  rowCount,
} from './columns.js';
import { checkRange, noSamples, rangeRows, rowAt, type Rows, subsetRows } from './rows.js';
import { mapped, type SampleDataset, type SampleMap } from './samples.js';

/** The columns that a dataset is made from: a row of each for every sample. */
export interface ColumnArrays<
  Inputs extends ColumnsData = ColumnsData,
  Targets extends ColumnsData | undefined = ColumnsData | undefined,
> {
  /** What the model is given. */
  readonly inputs: Inputs;
  /** What its output is compared with. May be left out where that is the input. */
  readonly targets?: Targets;
  /** How many classes the targets tell apart. If given, they become int32, from 0 to `classes - 1`. */
  readonly classes?: number;
}

/** The tensors that columns are given as. */
export type ColumnTensors<Data> = Data extends undefined
  ? undefined
  : Data extends ColumnData
    ? Tensor
    : { readonly [Name in keyof Data]: ColumnTensors<Data[Name]> };

/** One sample of an `ArrayDataset`. */
export interface ArraySample<Inputs, Targets> {
  /** Of the row's shape and the column's dtype. */
  readonly inputs: Inputs;
  /** As the inputs; undefined where the dataset has none. */
  readonly targets: Targets;
}

const RULES: OptionRules<ColumnArrays> = {
  inputs: checkedInUse,
  targets: checkedInUse,
  classes: positiveCount,
};

/** What is stored, of which views show rows. */
interface Stored {
  readonly inputs: Columns;
  readonly targets: Columns | null;
  readonly classes: number | null;
}

/**
 * Inputs and targets of any shape in plain typed arrays, outside the engine's heap; PyTorch's
 * TensorDataset. It holds at least one sample; `slice`, `subset` and `randomSplit` give views that share
 * the arrays. Made by `Dataset.fromArrays({ inputs, targets })`.
 */
export class ArrayDataset<Inputs = Tensor, Targets = Tensor> {
  /** The number of samples. */
  readonly length: number;
  /** The number of classes, where the maker of the dataset gave it. */
  readonly classes: number | null;
  /** @internal The stored inputs. `rows` says which rows are this dataset's. */
  readonly inputs: Columns;
  /** @internal The stored targets. */
  readonly targets: Columns | null;
  /** @internal The stored row of sample i; null where that is row i. */
  readonly rows: Rows;

  private constructor(stored: Stored, count: number, rows: Rows) {
    // It is private to TypeScript only.
    const inputs: unknown = Object(stored).inputs;
    if (typeof inputs !== 'object' || inputs === null || !isColumns(inputs)) {
      throw new ConfigError(
        'ArrayDataset: expected columns that were checked; Dataset.fromArrays({ inputs, targets }) makes one',
      );
    }
    this.inputs = stored.inputs;
    this.targets = stored.targets;
    this.classes = stored.classes;
    this.rows = rows;
    this.length = rows?.length ?? count;
  }

  /**
   * What `Dataset.fromArrays` does with columns.
   * @internal
   */
  static fromColumns<Inputs, Targets>(arrays: ColumnArrays): ArrayDataset<Inputs, Targets> {
    const where = 'Dataset.fromArrays';
    checkOptions(where, arrays, RULES);
    const { classes, targets } = arrays;
    const stored = {
      inputs: readColumns(`${where}: inputs`, arrays.inputs),
      targets: targets === undefined ? null : readTargets(`${where}: targets`, targets, classes),
      classes: classes ?? null,
    };
    if (classes !== undefined && stored.targets === null) {
      throw new ConfigError(`${where}: classes: expected targets beside it, got none`);
    }
    return new ArrayDataset<Inputs, Targets>(stored, checkCounts(where, stored), null);
  }

  /**
   * Sample i as tensors.
   * @throws ConfigError unless i is an integer from 0 to `length - 1`.
   */
  get(i: number): ArraySample<Inputs, Targets> {
    const row = rowAt('ArrayDataset.get', this.rows, this.length, i);
    return this.tensorsOf((column) => {
      const tensor = empty(column.shape, column.dtype, 'ArrayDataset');
      copyRow(column, row, elementsOf(tensor), 0);
      return tensor;
    });
  }

  /** @internal A tensor of each column, under the columns' names. */
  tensorsOf(make: (column: Column) => Tensor): ArraySample<Inputs, Targets> {
    const inputs = mapColumns(this.inputs, make);
    const targets = this.targets ? mapColumns(this.targets, make) : undefined;
    // The types are those of the columns that it was made from.
    return { inputs, targets } as ArraySample<Inputs, Targets>;
  }

  /**
   * The samples from `start` up to and without `end`, which count from 0.
   * @throws ConfigError if the range leaves the dataset or holds no sample.
   */
  slice(start: number, end: number = this.length): ArrayDataset<Inputs, Targets> {
    checkRange('ArrayDataset.slice', this.length, start, end, 'sample');
    const rows = rangeRows(this.rows, start, end);
    return new ArrayDataset<Inputs, Targets>(this, rows.length, rows);
  }

  /**
   * The samples of the given indices, in their order; an index may occur more than once.
   * @throws ConfigError if an index leaves the dataset or there is none.
   */
  subset(indices: ArrayLike<number>): ArrayDataset<Inputs, Targets> {
    const rows = subsetRows('ArrayDataset.subset', this.rows, this.length, indices, 'sample');
    return new ArrayDataset<Inputs, Targets>(this, rows.length, rows);
  }

  /** A dataset of these samples, each changed by `fn` when it is asked for. */
  map<To>(fn: SampleMap<ArraySample<Inputs, Targets>, To>): SampleDataset<To> {
    return mapped('ArrayDataset.map', this, fn);
  }
}

/** Copies a stored row to `out` from `at` on. */
export function copyRow({ data, shape }: Column, row: number, out: NumericArray, at: number): void {
  const size = sizeOf(shape);
  out.set(data.subarray(row * size, (row + 1) * size), at);
}

const isColumns = (given: object): boolean => 'column' in given || 'named' in given;

function readTargets(where: string, given: ColumnsData, classes: number | undefined): Columns {
  const targets = readColumns(where, given);
  if (classes === undefined) return targets;
  if (!('column' in targets)) {
    throw new ConfigError(
      `${where}: expected one column where classes is given, got ${valueText(given)}`,
    );
  }
  return { column: classColumn(where, targets.column, classes) };
}

/** @returns N. @throws ShapeError or ConfigError unless all columns have as many rows, and some. */
function checkCounts(where: string, { inputs, targets }: Stored): number {
  const [first, ...others] = [
    ...listColumns(inputs, 'inputs'),
    ...(targets ? listColumns(targets, 'targets') : []),
  ].map(([name, column]) => ({ name, count: rowCount(column) }));
  const count = first?.count ?? 0;
  for (const other of others) {
    if (other.count === count) continue;
    throw new ShapeError(
      `${where}: expected as many rows in every column, got ${count} of ${first?.name} and ${other.count} ` +
        `of ${other.name}; do they come from the same part of the data?`,
    );
  }
  if (count === 0) throw noSamples(where, 'sample');
  return count;
}
