import { concat, formatShape, max, mean, ShapeError, type Tensor } from '@unfold/core';
import { checkShape, requireFloat, requireTensor, sliceAlong, tracer } from '@unfold/core/internal';
import { avgPoolImages } from './average-pooling.js';
import { pair, sizesText, type Size2d } from './conv2d/geometry.js';
import { Module } from './module.js';
import { maxPoolImages } from './pooling.js';

/** How windows of a size of their own are pooled. */
interface AdaptiveKind {
  /** Where all windows are as large, and touch. */
  readonly windows: (operation: string, x: Tensor, kernel: Size2d) => Tensor;
  /** One window, along one of its axes. */
  readonly along: typeof mean;
}

export const AVERAGE: AdaptiveKind = {
  windows: (operation, x, kernel) => avgPoolImages(operation, x, kernel, {}),
  along: mean,
};
const LARGEST: AdaptiveKind = {
  windows: (operation, x, kernel) => maxPoolImages(operation, x, kernel, {}),
  along: max,
};

/** Pools x `[N, C, H, W]`, for errors that name `operation`. */
export function adaptivePoolImages(
  operation: string,
  x: Tensor,
  [OH, OW]: readonly [number, number],
  kind: AdaptiveKind,
): Tensor {
  requireFloat(operation, x);
  const [N, C, H, W] = x.shape;
  // Before a list of so many windows is made.
  checkShape(operation, [N, C, OH, OW]);
  if (H === 0 || W === 0) {
    throw new ShapeError(
      `${operation}: expected images with pixels, got x ${sizesText(operation, x.shape)}`,
    );
  }
  if (H % OH === 0 && W % OW === 0) return kind.windows(operation, x, [H / OH, W / OW]);
  // A window is a rectangle: its mean is the mean along one axis of means along the other, and the
  // first of its largest pixels is in the first row that has one.
  return pooledAlong(pooledAlong(x, 3, OW, kind), 2, OH, kind);
}

/** `count` windows along an axis. */
function pooledAlong(x: Tensor, axis: number, count: number, { along }: AdaptiveKind): Tensor {
  const size = x.shape[axis];
  const windows = Array.from({ length: count }, (_, i) => {
    const start = Math.floor((i * size) / count);
    const end = Math.ceil(((i + 1) * size) / count);
    return along(sliceAlong(x, axis, [start, end]), { axis, keepdim: true });
  });
  return concat(windows, axis);
}

/** Pools images to a size that may be anything. */
function adaptivePool(
  operation: string,
  x: Tensor,
  outputSize: Size2d,
  kind: AdaptiveKind,
): Tensor {
  const size = pair(operation, 'output size', outputSize, 1);
  if (x.ndim !== 4) {
    throw new ShapeError(`${operation}: expected x [N,C,H,W], got ${formatShape(x.shape)}`);
  }
  return adaptivePoolImages(operation, x, size, kind);
}

/**
 * The means of windows that are chosen so that the output has a given size, as
 * `torch.nn.functional.adaptive_avg_pool2d`: along an axis, window i of n reaches from ⌊i·size/n⌋
 * to, not including, ⌈(i+1)·size/n⌉. With output size 1, the mean of each channel.
 * @param x `[N, C, H, W]`
 * @param outputSize OH and OW.
 * @returns `[N, C, OH, OW]`
 * @throws ShapeError if x has another number of dimensions or no pixels, ConfigError for a bad
 * size, DTypeError for integers.
 */
export function adaptiveAvgPool2d(x: Tensor, outputSize: Size2d): Tensor {
  requireTensor('adaptiveAvgPool2d', 'x', x);
  if (tracer) {
    return tracer.operation('adaptiveAvgPool2d', adaptiveAvgPool2d, { x, outputSize });
  }
  return adaptivePool('adaptiveAvgPool2d', x, outputSize, AVERAGE);
}

/**
 * The largest values of windows that are chosen as by `adaptiveAvgPool2d`, as
 * `torch.nn.functional.adaptive_max_pool2d`. At a tie the gradient goes to the first in row-major order.
 * NaN counts as the largest, and of several the first gets the gradient; PyTorch's gives it to the last.
 * @param x `[N, C, H, W]`
 * @param outputSize OH and OW.
 * @returns `[N, C, OH, OW]`
 * @throws ShapeError if x has another number of dimensions or no pixels, ConfigError for a bad
 * size, DTypeError for integers.
 */
export function adaptiveMaxPool2d(x: Tensor, outputSize: Size2d): Tensor {
  requireTensor('adaptiveMaxPool2d', 'x', x);
  if (tracer) {
    return tracer.operation('adaptiveMaxPool2d', adaptiveMaxPool2d, { x, outputSize });
  }
  return adaptivePool('adaptiveMaxPool2d', x, outputSize, LARGEST);
}

/** Pools images to one size. */
abstract class AdaptivePool2d extends Module {
  readonly #pool: typeof adaptiveAvgPool2d;
  readonly #outputSize: Size2d;

  constructor(pool: typeof adaptiveAvgPool2d, outputSize: Size2d) {
    super();
    this.#pool = pool;
    this.#outputSize = pair(this.constructor.name, 'output size', outputSize, 1);
  }

  /** `[N, C, H, W]` → `[N, C, OH, OW]`. */
  forward(x: Tensor): Tensor {
    return this.#pool(x, this.#outputSize);
  }

  /** @hidden */
  override constructedWith(): object {
    return { outputSize: this.#outputSize };
  }
}

/** Means over windows of whatever size gives the output its own, as `torch.nn.AdaptiveAvgPool2d`. */
export class AdaptiveAvgPool2d extends AdaptivePool2d {
  /** @throws ConfigError unless OH and OW are positive integers. */
  constructor(outputSize: Size2d) {
    super(adaptiveAvgPool2d, outputSize);
  }
}

/**
 * The largest values of windows of whatever size gives the output its own, as
 * `torch.nn.AdaptiveMaxPool2d`.
 */
export class AdaptiveMaxPool2d extends AdaptivePool2d {
  /** @throws ConfigError unless OH and OW are positive integers. */
  constructor(outputSize: Size2d) {
    super(adaptiveMaxPool2d, outputSize);
  }
}
