import { pad, permute, reshape, type Padding, type Tensor } from '@unfold/core';
import { maxPool2d } from '@unfold/nn';
import { MAX_DIMENSIONS } from '@unfold/io/internal';
import { type Builder, type Flow, imageOf, type ImageSize, knownImage, stateless } from './flow.js';
import { isInteger, type SavedLayer } from './saved-layer.js';
import { padUnevenly, sizeAfter, windowOf } from './windows.js';

/** MaxPooling2D, as maxPool2d: what is padded never wins. */
export const maxPooling: Builder = (layer, flow) => {
  const [channels, ...size] = imageOf(layer, flow);
  const poolSize = layer.pair('pool_size', [2, 2]);
  const window = windowOf(layer, poolSize, poolSize);
  const out: Flow = { ...flow, shape: [channels, ...sizeAfter(layer, size, window)] };
  return stateless(layer, out, (x) => {
    const padded = padUnevenly(x, window, -Infinity);
    return maxPool2d(padded.x, window.kernel, { stride: window.stride, padding: padded.padding });
  });
};

/** ZeroPadding2D, as pad. */
export const zeroPadding: Builder = (layer, flow) => {
  const [channels, H, W] = imageOf(layer, flow);
  const [rows, columns] = paddingOf(layer);
  const larger = (size: number | null, [before, after]: Padding): number | null =>
    size === null ? null : size + before + after;
  const out: Flow = { ...flow, shape: [channels, larger(H, rows), larger(W, columns)] };
  return stateless(layer, out, (x) => pad(x, [[0, 0], [0, 0], rows, columns]));
};

/** The setting `padding`: one number, `[rows, columns]`, or `[[top, bottom], [left, right]]`. */
function paddingOf(layer: SavedLayer): [rows: Padding, columns: Padding] {
  const value = layer.value('padding') ?? 1;
  const axes: readonly unknown[] = Array.isArray(value) ? value : [value, value];
  const sides = axes.map((axis): readonly unknown[] => (Array.isArray(axis) ? axis : [axis, axis]));
  const [[top, bottom, ...moreRows] = [], [left, right, ...moreColumns] = [], ...moreAxes] = sides;
  const tooMany = moreRows.length + moreColumns.length + moreAxes.length > 0;
  if (
    !tooMany &&
    isInteger(top, 0) &&
    isInteger(bottom, 0) &&
    isInteger(left, 0) &&
    isInteger(right, 0)
  ) {
    return [
      [top, bottom],
      [left, right],
    ];
  }
  throw layer.wrong('padding', 'an integer of at least 0, two, or two pairs of them');
}

const UNKNOWN_SIZE = 'expects a known size; save the model with its whole input shape';

/** Flatten. The order of what leaves it is left to whoever needs it, mostly a Dense. */
export const flatten: Builder = (layer, flow, { dataFormat }) => {
  const known = flow.shape.map((size) => {
    if (size !== null) return size;
    throw layer.fail(UNKNOWN_SIZE);
  });
  const size = known.reduce((a, b) => a * b, 1);
  // In TensorFlow.js this setting of Flatten, no other layer's, moves the channels behind.
  const movesChannels = layer.choice('data_format', FORMATS) === 'channels_first';
  if (movesChannels && (dataFormat !== 'channels_first' || flow.shape.length !== 3)) {
    throw layer.fail(`data_format channels_first fits images of such a model only; leave it out`);
  }
  const image = knownImage(flow);
  const isReordered = image && (movesChannels || flow.theirs === 'channelsLast');
  const theirs = isReordered ? { flattened: image } : flow.theirs;
  return stateless(layer, { shape: [size], theirs }, (x) => reshape(x, [x.shape[0] ?? 0, size]));
};

const FORMATS = ['channels_last', 'channels_first'] as const;

/** Reshape, in the order that TensorFlow.js has the numbers in. */
export const reshaping: Builder = (layer, flow, { dataFormat }) => {
  const target = targetOf(layer, flow);
  const becomesImage = target.length === 3 && dataFormat === 'channels_last';
  const [H = 0, W = 0, C = 0] = target;
  const out: Flow = becomesImage
    ? { shape: [C, H, W], theirs: 'channelsLast' }
    : { shape: target, theirs: 'same' };
  return stateless(layer, out, (x) => {
    const reshaped = reshape(inTheirOrder(x, flow), [x.shape[0] ?? 0, ...target]);
    return becomesImage ? permute(reshaped, [0, 3, 1, 2]) : reshaped;
  });
};

/** The setting `target_shape`, with the one open dimension filled in. */
function targetOf(layer: SavedLayer, { shape }: Flow): number[] {
  const value = layer.value('target_shape');
  const dims: readonly unknown[] = Array.isArray(value) ? value : [];
  const isOpen = (dim: unknown): boolean => dim === null || (isInteger(dim, -1) && dim < 0);
  const known = dims.reduce((size: number, dim) => size * (isInteger(dim, 1) ? dim : 1), 1);
  const size = shape.reduce((a: number, b) => a * (b ?? NaN), 1);
  if (Number.isNaN(size)) throw layer.fail(UNKNOWN_SIZE);
  const open = dims.filter(isOpen).length;
  const target = dims.map((dim) => (isInteger(dim, 1) ? dim : isOpen(dim) ? size / known : NaN));
  const fits =
    target.every((dim) => isInteger(dim, 1)) && target.reduce((a, b) => a * b, 1) === size;
  if (dims.length > 0 && dims.length < MAX_DIMENSIONS && open <= 1 && fits) return target;
  throw layer.wrong(
    'target_shape',
    `a shape of ${size} elements, at most one size left open and ${MAX_DIMENSIONS - 1} sizes in all`,
  );
}

/** x with its axes and elements as TensorFlow.js orders them. */
export function inTheirOrder(x: Tensor, { theirs }: Flow): Tensor {
  if (theirs === 'same') return x;
  if (theirs === 'channelsLast') return permute(x, [0, 2, 3, 1]);
  const [C, H, W]: ImageSize = theirs.flattened;
  const N = x.shape[0] ?? 0;
  return reshape(permute(reshape(x, [N, C, H, W]), [0, 2, 3, 1]), [N, C * H * W]);
}
