import {
  bufferOf,
  ConfigError,
  defineFunction,
  empty,
  formatShape,
  kernelsFor,
  ShapeError,
  type Context,
  type OptionRules,
  type Shape,
  type Tensor,
  type WindowGeometry,
} from '@unfold/core';
import {
  checkedInUse,
  checkOptions,
  defineGradient,
  fills,
  flag,
  hostCall,
  int32Of,
  isFloat,
  reads,
  requireFloat,
  requireTensor,
  tracer,
} from '@unfold/core/internal';
import {
  keyOf,
  outputSize,
  pair,
  sizesText,
  windowGeometry,
  type Size2d,
} from './conv2d/geometry.js';
import { Recent } from './recent.js';

/** Options of `maxPool2d`, named and defaulted as PyTorch's. */
export interface MaxPool2dOptions {
  /** Default: the kernel's size, so that windows touch and don't overlap. */
  readonly stride?: Size2d;
  /** Pixels on each side that never win; at most half the kernel. Default 0. */
  readonly padding?: Size2d;
  /** Distance of a window's pixels. Default 1. */
  readonly dilation?: Size2d;
  /**
   * Whether a last window that leaves the padded image counts, too, if it begins in the image or in the
   * padding before it; only its pixels are looked at. Default false.
   */
  readonly ceilMode?: boolean;
}

export const MAX_POOL_OPTIONS: OptionRules<MaxPool2dOptions> = {
  stride: checkedInUse,
  padding: checkedInUse,
  dilation: checkedInUse,
  ceilMode: flag,
};

interface Saved {
  readonly indices: Tensor;
  readonly window: WindowGeometry;
  readonly shape: Shape;
}

const maxPool2dFunction = defineFunction('maxPool2d', {
  forward(ctx: Context<Saved>, x: Tensor, { window }: { window: WindowGeometry }) {
    const [N, C] = x.shape;
    const shape = [N, C, window.OH, window.OW];
    const out = empty(shape, x.dtype, 'maxPool2d');
    const indices = empty(shape, 'int32', 'maxPool2d');
    kernelsFor(x.dtype).maxPool2d(
      bufferOf(out),
      int32Of('maxPool2d', indices),
      bufferOf(x),
      window,
    );
    ctx.save({ indices, window, shape: x.shape });
    return out;
  },
  backward: (ctx, dOut) => placeFunction(dOut, ctx.saved),
});

/** The gradient by x: each value of dOut is added to the pixel that won its window. */
const placeFunction = defineGradient('maxPool2dBackward', {
  forward(ctx: Context<Saved>, dOut: Tensor, winners: Saved) {
    ctx.save(winners);
    const { indices, window, shape } = winners;
    const dX = empty(shape, dOut.dtype, 'maxPool2d');
    kernelsFor(dX.dtype).maxPool2dBackward(
      bufferOf(dX),
      bufferOf(dOut),
      int32Of('maxPool2d', indices),
      window,
    );
    return dX;
  },
  backward: (ctx, d): Tensor => pickFunction(d, ctx.saved),
});

/**
 * The transpose: of each plane the pixels that won. By a loop, and not by a kernel of the second table,
 * which would be in the bundle of every page that pools.
 */
const pickFunction = defineGradient('maxPool2dPick', {
  forward(ctx: Context<Saved>, d: Tensor, winners: Saved) {
    ctx.save(winners);
    const { indices, window } = winners;
    const pixels = window.H * window.W;
    const places = window.OH * window.OW;
    const out = empty(indices.shape, d.dtype, 'maxPool2d');
    hostCall('maxPool2d', [fills(out), reads(d), reads(indices)], (to, from, at) => {
      for (let i = 0; i < to.length; i++) to[i] = from[Math.floor(i / places) * pixels + at[i]];
    });
    return out;
  },
  backward: (ctx, d): Tensor => placeFunction(d, ctx.saved),
});

/** Windows of calls that were right, frozen. */
const recent = new Recent<WindowGeometry>();

/** `poolWindow`, of which the last few are kept, for poolings of either kind. */
export function recentPoolWindow(
  operation: string,
  x: Tensor,
  kernelSize: Size2d,
  { stride = kernelSize, padding = 0, dilation = 1, ceilMode = false }: MaxPool2dOptions,
): WindowGeometry {
  requireTensor(operation, 'x', x);
  const { shape } = x;
  const [N, C, H, W] = shape;
  // prettier-ignore
  const key = [
    shape.length, isFloat(x.dtype) ? 1 : NaN, N, C, H, W,
    keyOf(kernelSize, 0), keyOf(kernelSize, 1), keyOf(stride, 0), keyOf(stride, 1),
    keyOf(padding, 0), keyOf(padding, 1), keyOf(dilation, 0), keyOf(dilation, 1), ceilMode ? 1 : 0,
  ];
  const options = { stride, padding, dilation, ceilMode };
  return recent.get(key, () => Object.freeze(poolWindow(operation, x, kernelSize, options)));
}

/** Sizes of a pooling for both axes. */
interface PoolSizes {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly dilation: readonly [number, number];
}

/** @throws ConfigError for a bad size. */
export function checkPool(
  operation: string,
  kernelSize: Size2d,
  { stride = kernelSize, padding = 0, dilation = 1 }: MaxPool2dOptions,
): PoolSizes {
  const kernel = pair(operation, 'kernel size', kernelSize, 1);
  const strides = pair(operation, 'stride', stride, 1);
  const [padH, padW] = pair(operation, 'padding', padding, 0);
  if (padH > kernel[0] / 2 || padW > kernel[1] / 2) {
    throw new ConfigError(
      `${operation}: padding must be at most half the kernel ${sizesText(operation, kernel)}, got ` +
        sizesText(operation, [padH, padW]),
    );
  }
  const dilations = pair(operation, 'dilation', dilation, 1);
  return { kernel, stride: strides, padding: [padH, padW], dilation: dilations };
}

/**
 * The window of a pooling, over all planes of x: its C is N·C.
 * @throws ShapeError if x has another number of dimensions or the kernel does not fit,
 * ConfigError for a bad size, DTypeError for integers.
 */
function poolWindow(
  operation: string,
  x: Tensor,
  kernelSize: Size2d,
  options: MaxPool2dOptions,
): WindowGeometry {
  if (x.ndim !== 4) {
    throw new ShapeError(`${operation}: expected x [N,C,H,W], got ${formatShape(x.shape)}`);
  }
  requireFloat(operation, x);
  const { kernel, stride, padding, dilation } = checkPool(operation, kernelSize, options);
  const [N, C, H, W] = x.shape;
  if (H === 0 || W === 0) {
    throw new ShapeError(
      `${operation}: expected images with pixels, got x ${sizesText(operation, x.shape)}`,
    );
  }
  const axes = ([0, 1] as const).map((axis) => ({
    size: [H, W][axis],
    kernel: kernel[axis],
    stride: stride[axis],
    padding: padding[axis],
    dilation: dilation[axis],
  }));
  const [below, right] = options.ceilMode ? axes.map(paddingBehind) : padding;
  const window = windowGeometry(operation, N * C, [H, W], {
    kernel,
    stride,
    padding: [
      [padding[0], below],
      [padding[1], right],
    ],
    dilation,
  });
  if (axes.some(hasEmptyWindow)) {
    throw new ShapeError(
      `${operation}: dilation ${sizesText(operation, dilation)} leaves a window without a pixel of x ` +
        `${sizesText(operation, x.shape)}; use less dilation or padding`,
    );
  }
  return window;
}

/** A pooling along one axis. */
interface PoolAxis {
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
}

/** The padding behind an axis with which `outputSize` counts as many windows as ceil mode does. */
function paddingBehind({ size, kernel, stride, padding, dilation }: PoolAxis): number {
  // ⌈a / stride⌉ = ⌊(a + stride - 1) / stride⌋
  const most = outputSize(size + stride - 1, kernel, stride, 2 * padding, dilation);
  const windows = (most - 1) * stride >= size + padding ? most - 1 : most;
  const end = (windows - 1) * stride + dilation * (kernel - 1) + 1;
  return windows < 1 ? padding : Math.max(padding, end - padding - size);
}

/** Whether some window that begins in the padding before an axis steps over the whole axis. */
function hasEmptyWindow({ size, stride, padding, dilation }: PoolAxis): boolean {
  for (let start = -padding; start < 0; start += stride) {
    if (start + Math.ceil(-start / dilation) * dilation >= size) return true;
  }
  return false;
}

/** `maxPool2d` of x that was checked to be of four axes, for errors that name `operation`. */
export function maxPoolImages(
  operation: string,
  x: Tensor,
  kernelSize: Size2d,
  options: MaxPool2dOptions,
): Tensor {
  return maxPool2dFunction(x, { window: recentPoolWindow(operation, x, kernelSize, options) });
}

/**
 * The largest value of each window, as `torch.nn.functional.max_pool2d`; at a tie the gradient
 * goes to the first in row-major order. NaN counts as the largest, and of several the first gets the
 * gradient; PyTorch's gives it to the last.
 * @param x `[N, C, H, W]`
 * @returns `[N, C, OH, OW]`; `outputSize` says how OH and OW follow, unless `ceilMode` rounds up.
 * @throws ShapeError if x has another number of dimensions, the kernel does not fit, or a dilated
 * window has no pixel, ConfigError for a bad size, DTypeError for integers.
 */
export function maxPool2d(x: Tensor, kernelSize: Size2d, options: MaxPool2dOptions = {}): Tensor {
  requireTensor('maxPool2d', 'x', x);
  checkOptions('maxPool2d', options, MAX_POOL_OPTIONS);
  if (tracer) {
    const { stride = kernelSize, padding = 0, dilation = 1, ceilMode = false } = options;
    const completed = { stride, padding, dilation, ceilMode };
    return tracer.operation('maxPool2d', maxPool2d, { x, kernelSize, options: completed });
  }
  return maxPoolImages('maxPool2d', x, kernelSize, options);
}

/** The options that a pooling shows of itself, those that it was given and the usual ones. */
export function poolOptions(kernelSize: Size2d, options: MaxPool2dOptions): object {
  const { stride = kernelSize, padding = 0, ...others } = options;
  return { kernelSize, stride, padding, ...others };
}
