import { ConfigError, type NumericArray, sizeOf, type Tensor } from '@unfold/core';
import { isFloat, valueText } from '@unfold/core/internal';
import { requireDataset } from '../arguments.js';
import { ArrayDataset } from './array-dataset.js';
import type { Dataset } from './dataset.js';

/**
 * Mean and standard deviation of each channel, on the scale of the loader's input: 0…1 for images
 * stored as bytes; or of each feature of inputs `[N, F]`. Plain JSON, so that it can be saved beside
 * the weights: a model gives right answers only on input that was normalised as its training data was.
 */
export interface Normalization {
  /** `[C]` or `[F]` */
  readonly mean: readonly number[];
  /** `[C]` or `[F]`, each above 0 */
  readonly std: readonly number[];
}

/**
 * Mean and deviation (of the whole population, dividing by the number of pixels) of each channel
 * of images, or of each feature of inputs `[N, F]`, in float64. Compute it on the training part only.
 * A feature that is the same in every row has a deviation of 1, as in scikit-learn's `StandardScaler`:
 * it becomes 0.
 * @throws ConfigError if the pixels of a channel are all equal, or not all finite, and for inputs that are
 * neither rows of numbers nor images.
 */
export function normalizationOf(dataset: Dataset | ArrayDataset<Tensor, unknown>): Normalization {
  const where = 'normalizationOf';
  if (dataset instanceof ArrayDataset) {
    const planes = planesOf(where, dataset);
    return complete(where, floatMoments(planes), planes.thing);
  }
  requireDataset(where, dataset);
  const { images, shape, rows, length } = dataset;
  const planes = { data: images, channels: shape[0], plane: shape[1] * shape[2], rows, length };
  const moments =
    images instanceof Uint8Array ? byteMoments({ ...planes, data: images }) : floatMoments(planes);
  return complete(where, moments, 'channel');
}

function complete(where: string, moments: readonly Moments[], thing: Thing): Normalization {
  const normalization = {
    mean: moments.map(({ mean }) => mean),
    std: moments.map(({ variance }) =>
      variance === 0 && thing === 'feature' ? 1 : Math.sqrt(variance),
    ),
  };
  checkNormalization(where, normalization, moments.length, thing);
  return normalization;
}

/** What has a mean and a deviation of its own. */
type Thing = 'channel' | 'feature';

/** Rows of channels, each of so many numbers. */
interface Planes<Data = NumericArray> {
  readonly data: Data;
  readonly channels: number;
  /** The numbers of a channel in a row. */
  readonly plane: number;
  readonly rows: Int32Array | null;
  readonly length: number;
}

/**
 * The features or channels of a dataset's inputs.
 * @throws ConfigError unless they are floats in rows [F] or [C, H, W].
 */
export function planesOf(
  where: string,
  dataset: ArrayDataset<unknown, unknown>,
): Planes & { readonly thing: Thing } {
  const { inputs, rows, length } = dataset;
  const column = 'column' in inputs ? inputs.column : null;
  const [channels = 1, ...plane] = column?.shape ?? [];
  if (!column || !isFloat(column.dtype) || (plane.length !== 0 && plane.length !== 2)) {
    const got = column ? `${column.dtype} [${column.shape.join(', ')}]` : 'several by name';
    throw new ConfigError(
      `${where}: normalization: expected inputs of floats, in rows [F] or [C, H, W], got ${got}; ` +
        "map(fn), or a loader's transform, changes samples of any kind",
    );
  }
  const thing = plane.length === 0 ? 'feature' : 'channel';
  return { data: column.data, channels, plane: sizeOf(plane), rows, length, thing };
}

/**
 * @throws ConfigError unless there is one finite mean and one finite deviation above 0 for each of
 * `channels` channels.
 */
export function checkNormalization(
  operation: string,
  normalization: Normalization,
  channels: number,
  thing: Thing = 'channel',
): void {
  const { mean, std } = normalization;
  if (!Array.isArray(mean) || !Array.isArray(std)) {
    throw new ConfigError(
      `${operation}: normalization: expected { mean, std }, a list of numbers each, got ` +
        valueText(normalization),
    );
  }
  if (mean.length !== channels || std.length !== channels) {
    throw new ConfigError(
      `${operation}: normalization: expected a mean and a std for each of ${channels} ${thing}s, ` +
        `got ${mean.length} and ${std.length}`,
    );
  }
  for (let c = 0; c < channels; c++) {
    const m = mean[c] as number;
    const s = std[c] as number;
    if (!Number.isFinite(m) || !Number.isFinite(s) || s <= 0) {
      throw new ConfigError(
        `${operation}: normalization of ${thing} ${c}: expected a finite mean and a finite std above 0, ` +
          `got mean ${valueText(m)}, std ${valueText(s)}; are all ${thing === 'channel' ? 'pixels' : 'values'} equal, or some not finite?`,
      );
    }
  }
}

interface Moments {
  readonly mean: number;
  readonly variance: number;
}

/** Bytes are counted, so the sums are exact until the last division. */
function byteMoments(planes: Planes<Uint8Array>): Moments[] {
  const { data, channels, plane, length } = planes;
  return Array.from({ length: channels }, (_, c) => {
    const counts = new Float64Array(256);
    forEachPlane(planes, c, (start) => {
      for (let i = start; i < start + plane; i++) {
        const value = data[i];
        counts[value] = counts[value] + 1;
      }
    });
    const n = length * plane;
    const mean = counts.reduce((sum, count, value) => sum + count * value, 0) / n;
    const squares = counts.reduce((sum, count, value) => sum + count * (value - mean) ** 2, 0);
    return { mean: mean / 255, variance: squares / n / 255 ** 2 };
  });
}

/** Two passes, so that nothing cancels. */
function floatMoments(planes: Planes): Moments[] {
  const { data, channels, plane, length } = planes;
  const n = length * plane;
  return Array.from({ length: channels }, (_, c) => {
    let sum = 0;
    forEachPlane(planes, c, (start) => {
      for (let i = start; i < start + plane; i++) sum += data[i];
    });
    const mean = sum / n;
    let squares = 0;
    let [least, most] = [Infinity, -Infinity];
    forEachPlane(planes, c, (start) => {
      for (let i = start; i < start + plane; i++) {
        const value = data[i];
        squares += (value - mean) ** 2;
        least = Math.min(least, value);
        most = Math.max(most, value);
      }
    });
    // The mean of equal numbers is rounded, and their variance would not be 0.
    return least === most ? { mean: least, variance: 0 } : { mean, variance: squares / n };
  });
}

/** Calls `visit` with the position of channel c's first number in each row. */
function forEachPlane(
  { channels, plane, rows, length }: Planes<unknown>,
  c: number,
  visit: (start: number) => void,
): void {
  for (let i = 0; i < length; i++) {
    const row = rows === null ? i : rows[i];
    visit((row * channels + c) * plane);
  }
}
