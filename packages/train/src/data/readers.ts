import {
  ConfigError,
  elementsOf,
  empty,
  type Generator,
  type NumericArray,
  sizeOf,
  tensor,
} from '@unfold/core';
import type { ImageRandom } from '../augment/image-random.js';
import type { Augmentation } from '../augment/augmentation.js';
import { ArrayDataset, copyRow } from './array-dataset.js';
import { makeBatch } from './batches.js';
import type { Column } from './columns.js';
import { Dataset } from './dataset.js';
import { augmentedWriter, imageWriter } from './image-writers.js';
import { checkNormalization, type Normalization, planesOf } from './normalize.js';
import type { MapDataset } from './samples.js';

/** How a loader takes samples from arrays. */
export interface ArrayReader {
  /** One sample, ready for a transform. What is random about it is drawn from `random`. */
  sample(index: number, random: Generator | null): object;
  /**
   * A batch straight from the arrays, without a tensor for each sample.
   * @param made Its images, where a worker made them already.
   */
  batch(indices: Int32Array, random: ImageRandom | null, made: Float32Array | null): object;
}

/** What is done to a dataset's arrays on the way. */
export interface ReaderOptions {
  readonly normalization?: Normalization | null;
  readonly augment?: Augmentation;
}

/**
 * The way to a dataset's arrays; null where there are none, but samples to be fetched.
 * @throws ConfigError for what can't be done to this kind of dataset.
 */
export function arrayReader(dataset: MapDataset, options: ReaderOptions): ArrayReader | null {
  if (dataset instanceof Dataset) return imageReader(dataset, options);
  if (options.augment) {
    throw new ConfigError(
      'DataLoader: augment: expected a dataset of images, Dataset.fromArrays({ images, shape, labels }); ' +
        'transform changes samples of any kind',
    );
  }
  if (dataset instanceof ArrayDataset) return columnReader(dataset, options.normalization);
  if (options.normalization) {
    throw new ConfigError(
      'DataLoader: normalization: expected a dataset of arrays, Dataset.fromArrays({ inputs, targets }); ' +
        'transform changes samples of any kind',
    );
  }
  return null;
}

function imageReader(dataset: Dataset, { normalization, augment }: ReaderOptions): ArrayReader {
  const { shape, pixels, rows, labels: stored } = dataset;
  if (normalization) checkNormalization('DataLoader', normalization, shape[0]);
  const write = imageWriter(dataset, normalization);
  const writeAugmented = augment ? augmentedWriter(dataset, normalization, augment) : null;
  const writeImage = (out: Float32Array, at: number, row: number, random: Generator | null) => {
    if (writeAugmented && random) writeAugmented(out, at, row, random);
    else write(out, at, row);
  };
  return {
    sample(index, random) {
      const row = rows === null ? index : rows[index];
      const images = empty(shape, 'float32', 'DataLoader');
      writeImage(elementsOf(images) as Float32Array, 0, row, random);
      return { images, labels: tensor(stored.subarray(row, row + 1), []) };
    },
    batch(indices, random, made) {
      return makeBatch('DataLoader', [indices.length, ...shape], (images, labels) => {
        if (made) images.set(made.subarray(0, images.length));
        for (let b = 0; b < labels.length; b++) {
          const i = indices[b];
          const row = rows === null ? i : rows[i];
          labels[b] = stored[row];
          if (made) continue;
          writeImage(images, b * pixels, row, writeAugmented ? (random?.of(i) ?? null) : null);
        }
      });
    },
  };
}

/** Writes a stored row to `out` from `at` on. */
type WriteRow = (column: Column, row: number, out: NumericArray, at: number) => void;

function columnReader(
  dataset: ArrayDataset<unknown, unknown>,
  normalization: Normalization | null | undefined,
): ArrayReader {
  const { rows, inputs } = dataset;
  const writeInputs = normalization ? normalizedRows(dataset, normalization) : copyRow;
  const isInput = (column: Column): boolean => 'column' in inputs && column === inputs.column;
  const writerOf = (column: Column): WriteRow => (isInput(column) ? writeInputs : copyRow);
  return {
    sample(index) {
      const row = rows === null ? index : rows[index];
      return dataset.tensorsOf((column) => {
        const made = empty(column.shape, column.dtype, 'DataLoader');
        writerOf(column)(column, row, elementsOf(made), 0);
        return made;
      });
    },
    batch(indices) {
      const tensors = dataset.tensorsOf((column) => {
        const made = empty([indices.length, ...column.shape], column.dtype, 'DataLoader');
        const out = elementsOf(made);
        const write = writerOf(column);
        const size = sizeOf(column.shape);
        for (let b = 0; b < indices.length; b++) {
          write(column, rows === null ? indices[b] : rows[indices[b]], out, b * size);
        }
        return made;
      });
      return { ...tensors, size: indices.length };
    },
  };
}

function normalizedRows(
  dataset: ArrayDataset<unknown, unknown>,
  normalization: Normalization,
): WriteRow {
  const { channels, plane, thing } = planesOf('DataLoader', dataset);
  checkNormalization('DataLoader', normalization, channels, thing);
  const { mean, std } = normalization;
  return ({ data }, row, out, at) => {
    for (let c = 0; c < channels; c++) {
      const from = (row * channels + c) * plane;
      const to = at + c * plane;
      for (let i = 0; i < plane; i++) out[to + i] = (data[from + i] - mean[c]) / std[c];
    }
  };
}
