import { pad, type Tensor } from '@unfold/core';
import { outputSize } from '@unfold/nn';
import type { SavedLayer } from './saved-layer.js';

/** A window that slides over images, both axes. */
export interface Window {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  /** `same`: ⌈size / stride⌉ outputs; `valid`: the kernel stays inside. */
  readonly padding: 'same' | 'valid';
}

/**
 * Gives the padding of `same` before and after an axis: as much as ⌈size / stride⌉ windows need, an odd pixel
 * at the end. PyTorch's rule has no such split, and knows nothing of the stride.
 * https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2
 */
function samePadding(size: number, window: Window, axis: 0 | 1): [number, number] {
  const reach = window.dilation[axis] * (window.kernel[axis] - 1) + 1;
  const outputs = Math.ceil(size / window.stride[axis]);
  const total = Math.max(0, (outputs - 1) * window.stride[axis] + reach - size);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}

/**
 * Pads x `[N, C, H, W]` with `value` where the window's padding is not the same on both sides.
 * @returns What to slide the window over, and the padding that is left to do.
 */
export function padUnevenly(
  x: Tensor,
  window: Window,
  value: number,
): { x: Tensor; padding: [number, number] } {
  if (window.padding === 'valid') return { x, padding: [0, 0] };
  const [, , H = 0, W = 0] = x.shape;
  const rows = samePadding(H, window, 0);
  const columns = samePadding(W, window, 1);
  if (rows[0] === rows[1] && columns[0] === columns[1]) {
    return { x, padding: [rows[0], columns[0]] };
  }
  return { x: pad(x, [[0, 0], [0, 0], rows, columns], value), padding: [0, 0] };
}

/** @param stride What it is where the layer does not say. */
export function windowOf(
  layer: SavedLayer,
  kernel: readonly [number, number],
  stride: readonly [number, number],
): Window {
  return {
    kernel,
    stride: layer.pair('strides', stride),
    dilation: layer.pair('dilation_rate', [1, 1]),
    padding: layer.choice('padding', ['valid', 'same']),
  };
}

/**
 * Height and width after the window, null where they are null before.
 * @throws FileFormatError if the window does not fit.
 */
export function sizeAfter(
  layer: SavedLayer,
  [H, W]: readonly [number | null, number | null],
  window: Window,
): [number | null, number | null] {
  return [sizeAlong(layer, H, window, 0), sizeAlong(layer, W, window, 1)];
}

function sizeAlong(
  layer: SavedLayer,
  size: number | null,
  window: Window,
  axis: 0 | 1,
): number | null {
  if (size === null) return null;
  const stride = window.stride[axis];
  if (window.padding === 'same') return Math.ceil(size / stride);
  const out = outputSize(size, window.kernel[axis], stride, 0, window.dilation[axis]);
  if (out >= 1) return out;
  throw layer.fail(
    `its window of ${window.kernel[axis]} pixels, ${window.dilation[axis]} apart, does not fit ` +
      `into ${size} pixels; use larger images or a smaller window`,
  );
}
