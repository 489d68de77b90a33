import {
  ConfigError,
  DTypeError,
  elementsOf,
  empty,
  type OptionRules,
  ShapeError,
  tensor,
  type Tensor,
} from '@unfold/core';
import {
  checkedInUse,
  checkOptions,
  isOptions,
  positiveCount,
  valueText,
} from '@unfold/core/internal';
import { ArrayDataset, type ColumnArrays, type ColumnTensors } from './array-dataset.js';
import type { ColumnsData } from './columns.js';
import { checkRange, noSamples, rowAt, subsetRows } from './rows.js';
import { mapped, type SampleDataset, type SampleMap } from './samples.js';

/**
 * The arrays that hold pixels: bytes, which a loader scales to 0…1, or numbers, taken as given. What is no
 * brightness, such as the indices of tokens, belongs in numbers.
 */
export type ImageArray = Uint8Array | Float32Array;

/** The arrays that a dataset is made from. */
export interface DatasetArrays {
  /** `[N, C, H, W]`, row-major. Kept, not copied: don't change it afterwards. */
  readonly images: ImageArray;
  /** `[C, H, W]`: channels, rows and columns of one image. */
  readonly shape: readonly number[];
  /** `[N]`: a class for each image. An Int32Array is kept, anything else is copied. */
  readonly labels: ArrayLike<number>;
  /** How many classes there are. If given, labels from 0 to `classes - 1` are accepted only. */
  readonly classes?: number;
}

const ARRAYS: OptionRules<DatasetArrays> = {
  images: checkedInUse,
  shape: checkedInUse,
  labels: checkedInUse,
  classes: positiveCount,
};

/** One sample of a `Dataset`. */
export interface LabelledImage {
  /** float32 `[C, H, W]` */
  readonly images: Tensor;
  /** int32 `[]` */
  readonly labels: Tensor;
}

/**
 * Labelled images in plain typed arrays, outside the engine's heap. A dataset holds at least one
 * image. `slice`, `subset` and `randomSplit` give views that share the images.
 */
export class Dataset {
  /** The number of images. */
  readonly length: number;
  /** `[C, H, W]`. */
  readonly shape: readonly [number, number, number];
  /** The number of classes, where the maker of the dataset gave it. */
  readonly classes: number | null;
  /** The stored images, row after row of C·H·W pixels. `rows` says which are this dataset's. */
  readonly images: ImageArray;
  /** The stored labels, in the order of the stored images. */
  readonly labels: Int32Array;
  /** The stored row of image i; null where that is row i. */
  readonly rows: Int32Array | null;

  private constructor(
    parts: Pick<Dataset, 'images' | 'shape' | 'labels' | 'classes'>,
    rows: Int32Array | null,
  ) {
    // It is private to TypeScript only.
    if (!(Object(parts).labels instanceof Int32Array)) {
      throw new ConfigError(
        'Dataset: expected arrays that were checked; Dataset.fromArrays({ images, shape, labels }) makes one',
      );
    }
    const { images, shape, labels, classes } = parts;
    this.images = images;
    this.shape = shape;
    this.labels = labels;
    this.classes = classes;
    this.rows = rows;
    this.length = rows?.length ?? labels.length;
  }

  /**
   * A dataset over arrays in memory: of labelled images, or of inputs and targets of any shape.
   * @throws ShapeError if the counts of images and labels differ or the images don't fill their
   * shape, DTypeError if the images are of another type or a label is no integer, ConfigError if a
   * label is out of range or there is no image at all; and the same for rows and columns.
   */
  static fromArrays(arrays: DatasetArrays): Dataset;
  static fromArrays<
    Inputs extends ColumnsData,
    Targets extends ColumnsData | undefined = undefined,
  >(
    arrays: ColumnArrays<Inputs, Targets>,
  ): ArrayDataset<ColumnTensors<Inputs>, ColumnTensors<Targets>>;
  static fromArrays(
    arrays: DatasetArrays | ColumnArrays,
  ): Dataset | ArrayDataset<unknown, unknown> {
    if (isOptions(arrays) && !('images' in arrays) && ('inputs' in arrays || 'targets' in arrays)) {
      return ArrayDataset.fromColumns(arrays);
    }
    return Dataset.#fromImages(arrays as DatasetArrays);
  }

  static #fromImages(arrays: DatasetArrays): Dataset {
    const known = Object.keys(ARRAYS);
    if (
      isOptions(arrays) &&
      Object.keys(arrays).length > 1 &&
      !known.some((key) => key in arrays)
    ) {
      throw new ConfigError(
        'Dataset.fromArrays: expected { inputs, targets }, or { images, shape, labels }, got ' +
          valueText(arrays),
      );
    }
    checkOptions('Dataset.fromArrays', arrays, ARRAYS);
    const { images, shape, labels, classes } = arrays;
    if (!(images instanceof Uint8Array) && !(images instanceof Float32Array)) {
      throw new DTypeError(
        'Dataset.fromArrays: images: expected a Uint8Array (scaled to 0..1 by the loader) or a Float32Array, ' +
          `got ${valueText(images)}`,
      );
    }
    const imageShape = checkImageShape(shape);
    const pixels = imageShape[0] * imageShape[1] * imageShape[2];
    if (images.length % pixels !== 0) {
      throw new ShapeError(
        `Dataset.fromArrays: images: expected a multiple of ${pixels} pixels for shape [${imageShape.join(', ')}], ` +
          `got ${images.length}`,
      );
    }
    if (typeof labels !== 'object' || labels === null || typeof labels.length !== 'number') {
      throw new DTypeError(
        `Dataset.fromArrays: labels: expected a list of integers, got ${valueText(labels)}`,
      );
    }
    const count = images.length / pixels;
    if (count !== labels.length) {
      throw new ShapeError(
        `Dataset.fromArrays: expected as many labels as images, got ${count} images of shape ` +
          `[${imageShape.join(', ')}] and ${labels.length} labels; do they come from the same part of the data?`,
      );
    }
    if (count === 0) throw noSamples('Dataset.fromArrays', 'image');
    const checked = checkLabels(labels, classes);
    return new Dataset(
      { images, shape: imageShape, labels: checked, classes: classes ?? null },
      null,
    );
  }

  /** The pixels of one image: C·H·W. */
  get pixels(): number {
    return this.shape[0] * this.shape[1] * this.shape[2];
  }

  /** The label of image i. @throws ConfigError unless i is an integer from 0 to `length - 1`. */
  label(i: number): number {
    return this.labels[this.#row('label', i)];
  }

  /**
   * The pixels of image i as they are stored, `[C, H, W]`: a view, not a copy.
   * @throws ConfigError unless i is an integer from 0 to `length - 1`.
   */
  image(i: number): ImageArray {
    const row = this.#row('image', i);
    return this.images.subarray(row * this.pixels, (row + 1) * this.pixels);
  }

  /** The stored row of image i. */
  #row(operation: string, i: number): number {
    return rowAt(`Dataset.${operation}`, this.rows, this.length, i);
  }

  /**
   * Image i and its label as tensors: float32 `[C, H, W]`, bytes scaled to 0…1 as a loader does, and
   * int32 `[]`.
   * @throws ConfigError unless i is an integer from 0 to `length - 1`.
   */
  get(i: number): LabelledImage {
    const row = this.#row('get', i);
    const images = empty(this.shape, 'float32', 'Dataset');
    const pixels = this.images.subarray(row * this.pixels, (row + 1) * this.pixels);
    const divisor = pixels instanceof Uint8Array ? 255 : 1;
    const out = elementsOf(images);
    for (let p = 0; p < out.length; p++) out[p] = pixels[p] / divisor;
    return { images, labels: tensor(this.labels.subarray(row, row + 1), []) };
  }

  /** A dataset of these samples, each changed by `fn` when it is asked for. */
  map<To>(fn: SampleMap<LabelledImage, To>): SampleDataset<To> {
    return mapped('Dataset.map', this, fn);
  }

  /**
   * The images from `start` up to and without `end`, which count from 0.
   * @throws ConfigError if the range leaves the dataset or holds no image.
   */
  slice(start: number, end: number = this.length): Dataset {
    checkRange('Dataset.slice', this.length, start, end, 'image');
    if (this.rows !== null) return new Dataset(this, this.rows.subarray(start, end));
    return new Dataset(
      {
        images: this.images.subarray(start * this.pixels, end * this.pixels),
        shape: this.shape,
        labels: this.labels.subarray(start, end),
        classes: this.classes,
      },
      null,
    );
  }

  /**
   * The images of the given indices, in their order; an index may occur more than once.
   * @throws ConfigError if an index leaves the dataset or there is none.
   */
  subset(indices: ArrayLike<number>): Dataset {
    return new Dataset(
      this,
      subsetRows('Dataset.subset', this.rows, this.length, indices, 'image'),
    );
  }
}

function checkImageShape(shape: readonly number[]): readonly [number, number, number] {
  if (!Array.isArray(shape)) {
    throw new ShapeError(
      `Dataset.fromArrays: shape: expected [C, H, W], positive integers, got ${valueText(shape)}`,
    );
  }
  const [c, h, w]: readonly number[] = shape;
  const valid = shape.length === 3 && shape.every((size) => Number.isInteger(size) && size > 0);
  if (!valid || c === undefined || h === undefined || w === undefined) {
    throw new ShapeError(
      `Dataset.fromArrays: shape: expected [C, H, W], positive integers, got [${shape.join(', ')}]` +
        (shape.length === 2 ? '; for grey images write [1, H, W]' : ''),
    );
  }
  return [c, h, w];
}

function checkLabels(labels: ArrayLike<number>, classes: number | undefined): Int32Array {
  const last = classes === undefined ? 2 ** 31 - 1 : classes - 1;
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i];
    if (!Number.isInteger(label)) {
      throw new DTypeError(
        `Dataset.fromArrays: labels[${i}]: expected an integer, got ${valueText(label)}`,
      );
    }
    if (label < 0 || label > last) {
      throw new ConfigError(
        `Dataset.fromArrays: labels[${i}]: expected a class from 0 to ${last}, got ${label}`,
      );
    }
  }
  return labels instanceof Int32Array ? labels : Int32Array.from(labels);
}
