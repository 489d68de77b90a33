import { ConfigError, DTypeError, ShapeError } from '@unfold/core';
import { valueText } from '@unfold/core/internal';
import type { BatchShape } from '@unfold/train/internal';
import { hasFunctions } from './tensorflow.js';

/** How images lie in memory: channels before rows and columns, or after. */
export type ImageLayout = 'NHWC' | 'NCHW';
export const LAYOUTS: readonly ImageLayout[] = ['NHWC', 'NCHW'];

/** As much of a tensor of TensorFlow.js as is read of a pipeline's. */
export interface ElementTensor {
  readonly shape: readonly number[];
  readonly dtype: string;
  data(): Promise<ArrayLike<number>>;
  dispose(): void;
}

/** The images of one element, on the way to their place. */
export interface BatchImages {
  readonly shape: BatchShape;
  /** Writes them as `[B, C, H, W]`. */
  write(out: Float32Array): void;
}

function isTensor(value: unknown): value is ElementTensor {
  return (
    hasFunctions(value, ['data', 'dispose']) &&
    'shape' in value &&
    Array.isArray(value.shape) &&
    'dtype' in value &&
    typeof value.dtype === 'string'
  );
}

/** Frees all tensors of an element, those too that nobody asked for. */
export function disposeTensors(element: unknown): void {
  if (isTensor(element)) element.dispose();
  else if (typeof element === 'object' && element !== null) {
    for (const part of Object.values(element)) disposeTensors(part);
  }
}

/**
 * Images and labels of an element.
 * @throws ConfigError that says how to make such elements, for any other.
 */
export function fieldsOf(
  where: string,
  element: unknown,
): { images: ElementTensor; labels: ElementTensor } {
  const fields = typeof element === 'object' && element !== null ? { ...element } : {};
  for (const [imagesKey, labelsKey] of [
    ['images', 'labels'],
    ['xs', 'ys'],
  ] as const) {
    const { [imagesKey]: images, [labelsKey]: labels }: Record<string, unknown> = fields;
    if (images === undefined || labels === undefined) continue;
    return {
      images: asTensor(`${where}: ${imagesKey}`, images),
      labels: asTensor(`${where}: ${labelsKey}`, labels),
    };
  }
  const got = isTensor(element)
    ? 'a tensor'
    : Array.isArray(element)
      ? 'an array'
      : Object.keys(fields).length > 0
        ? `{ ${Object.keys(fields).join(', ')} }`
        : valueText(element);
  throw new ConfigError(
    `${where}: expected { images, labels } or { xs, ys }, got ${got}; add ` +
      'map(({ a, b }) => ({ images: a, labels: b })) to the pipeline',
  );
}

function asTensor(where: string, value: unknown): ElementTensor {
  if (isTensor(value)) return value;
  throw new ConfigError(
    `${where}: expected a tensor over a batch, got ${Array.isArray(value) ? 'an array' : valueText(value)}; ` +
      'add batch(n) to the pipeline',
  );
}

/**
 * @throws ShapeError unless they are `[B, H, W, C]` or `[B, C, H, W]` with nothing empty, DTypeError
 * unless float32.
 */
export async function imagesOf(
  where: string,
  tensor: ElementTensor,
  layout: ImageLayout,
): Promise<BatchImages> {
  const { shape, dtype } = tensor;
  const [b, second, third, fourth] = shape;
  const isFull = shape.length === 4 && shape.every((size) => size > 0);
  if (!isFull || !b || !second || !third || !fourth) {
    const axes = layout === 'NHWC' ? '[B, H, W, C]' : '[B, C, H, W]';
    throw new ShapeError(
      `${where}: images: expected ${axes}, got [${shape.join(', ')}]; batch(n) adds B, ` +
        'expandDims C',
    );
  }
  if (dtype !== 'float32') {
    throw new DTypeError(
      `${where}: images: expected float32, got ${dtype}; say in the pipeline what its numbers mean, ` +
        'for pixels map(({ images, labels }) => ({ images: images.toFloat().div(255), labels }))',
    );
  }
  const values = await tensor.data();
  if (layout === 'NCHW') {
    return { shape: [b, second, third, fourth], write: (out) => out.set(values) };
  }
  const [plane, channels] = [second * third, fourth];
  return {
    shape: [b, channels, second, third],
    write: (out) => writePlanes(out, values, plane, channels),
  };
}

/** `[B, plane, channels]` to `[B, channels, plane]`. */
function writePlanes(
  out: Float32Array,
  values: ArrayLike<number>,
  plane: number,
  channels: number,
): void {
  const size = plane * channels;
  for (let start = 0; start < out.length; start += size) {
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < plane; i++) {
        out[start + c * plane + i] = values[start + i * channels + c] as number;
      }
    }
  }
}

/**
 * The class of each image.
 * @throws ShapeError unless `[B]`, `[B, 1]` or `[B, classes]`; ConfigError for a number that is no
 * integer, and for a row that is not one-hot.
 */
export async function labelsOf(where: string, tensor: ElementTensor): Promise<Int32Array> {
  const { shape } = tensor;
  const [size = 0, classes = 1] = shape;
  if (shape.length < 1 || shape.length > 2 || classes < 1) {
    throw new ShapeError(
      `${where}: labels: expected [B], or one-hot [B, classes], got [${shape.join(', ')}]; ` +
        'batch(n) adds B',
    );
  }
  const values = await tensor.data();
  if (classes > 1) return classesOf(where, values, classes);
  for (let i = 0; i < size; i++) {
    const value = values[i] as number;
    if (value === (value | 0)) continue;
    throw new ConfigError(`${where}: labels: expected integers, got ${value} at ${i}`);
  }
  return Int32Array.from(values);
}

function classesOf(where: string, values: ArrayLike<number>, classes: number): Int32Array {
  return Int32Array.from({ length: values.length / classes }, (_, row) => {
    let hot = -1;
    let others = 0;
    for (let c = 0; c < classes; c++) {
      const value = values[row * classes + c];
      if (value === 0) continue;
      others += value === 1 && hot < 0 ? 0 : 1;
      hot = c;
    }
    if (hot >= 0 && others === 0) return hot;
    throw new ConfigError(
      `${where}: labels: expected one-hot rows, a single 1 and zeros, which row ${row} is not; give ` +
        'the classes themselves, [B]',
    );
  });
}
