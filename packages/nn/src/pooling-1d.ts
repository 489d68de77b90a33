import type { OptionRules, Tensor } from '@unfold/core';
import {
  checkOptions,
  checkValue,
  count,
  flag,
  positiveCount,
  requireTensor,
  tracer,
} from '@unfold/core/internal';
import { adaptivePoolImages, AVERAGE } from './adaptive-pooling.js';
import { avgPoolImages } from './average-pooling.js';
import { ownOptions } from './checks.js';
import type { Size2d } from './conv2d/geometry.js';
import { Module } from './module.js';
import { checkPool, maxPoolImages, poolOptions } from './pooling.js';
import { requireSequences, toImages, toSequences } from './sequences.js';

/** Options of `maxPool1d`, named and defaulted as PyTorch's. */
export interface MaxPool1dOptions {
  /** Default: the kernel's size, so that windows touch and don't overlap. */
  readonly stride?: number;
  /** Elements on each side that never win; at most half the kernel. Default 0. */
  readonly padding?: number;
  /** Distance of a window's elements. Default 1. */
  readonly dilation?: number;
  /** Whether a last window that leaves the padded sequence counts, see `maxPool2d`. Default false. */
  readonly ceilMode?: boolean;
}

const MAX_POOL_OPTIONS: OptionRules<MaxPool1dOptions> = {
  stride: positiveCount,
  padding: count,
  dilation: positiveCount,
  ceilMode: flag,
};

/** Options of `avgPool1d`, named and defaulted as PyTorch's. */
export interface AvgPool1dOptions {
  /** Default: the kernel's size, so that windows touch and don't overlap. */
  readonly stride?: number;
  /** Zeros on each side; at most half the kernel. Default 0. */
  readonly padding?: number;
  /** Whether a last window that leaves the padded sequence counts, see `avgPool2d`. Default false. */
  readonly ceilMode?: boolean;
  /** Whether the zeros of the padding count as elements of a window. Default true. */
  readonly countIncludePad?: boolean;
}

const AVG_POOL_OPTIONS: OptionRules<AvgPool1dOptions> = {
  stride: positiveCount,
  padding: count,
  ceilMode: flag,
  countIncludePad: flag,
};

interface PoolSizes {
  readonly stride?: number;
  readonly padding?: number;
  readonly dilation?: number;
}

/** The same for images of height 1. @throws ConfigError for a kernel size that is none. */
function imagePool<Options extends PoolSizes>(
  operation: string,
  kernelSize: number,
  { stride = kernelSize, padding = 0, dilation = 1, ...others }: Options,
) {
  checkValue(`${operation}: kernel size`, positiveCount, kernelSize);
  const kernel: Size2d = [1, kernelSize];
  const sizes: Readonly<Record<'stride' | 'padding' | 'dilation', Size2d>> = {
    stride: [1, stride],
    padding: [0, padding],
    dilation: [1, dilation],
  };
  return { kernel, options: { ...others, ...sizes } };
}

/**
 * The largest value of each window, as `torch.nn.functional.max_pool1d`; ties and NaN as by `maxPool2d`.
 * @param x `[N, C, L]`
 * @returns `[N, C, OL]`; `outputSize` says how OL follows, unless `ceilMode` rounds up.
 * @throws ShapeError if x has another number of dimensions, the kernel does not fit, or a dilated
 * window has no element, ConfigError for a bad size, DTypeError for integers.
 */
export function maxPool1d(x: Tensor, kernelSize: number, options: MaxPool1dOptions = {}): Tensor {
  requireTensor('maxPool1d', 'x', x);
  checkOptions('maxPool1d', options, MAX_POOL_OPTIONS);
  if (tracer) {
    const { stride = kernelSize, padding = 0, dilation = 1, ceilMode = false } = options;
    const completed = { stride, padding, dilation, ceilMode };
    return tracer.operation('maxPool1d', maxPool1d, { x, kernelSize, options: completed });
  }
  requireSequences('maxPool1d', x);
  const { kernel, options: ofImages } = imagePool('maxPool1d', kernelSize, options);
  return toSequences(maxPoolImages('maxPool1d', toImages(x), kernel, ofImages));
}

/**
 * The mean of each window, as `torch.nn.functional.avg_pool1d`.
 * @param x `[N, C, L]`
 * @returns `[N, C, OL]`; `outputSize` says how OL follows, unless `ceilMode` rounds up.
 * @throws ShapeError if x has another number of dimensions or the kernel does not fit, ConfigError for
 * a bad size, DTypeError for integers.
 */
export function avgPool1d(x: Tensor, kernelSize: number, options: AvgPool1dOptions = {}): Tensor {
  requireTensor('avgPool1d', 'x', x);
  checkOptions('avgPool1d', options, AVG_POOL_OPTIONS);
  if (tracer) {
    const { stride = kernelSize, padding = 0, ceilMode = false, countIncludePad = true } = options;
    const completed = { stride, padding, ceilMode, countIncludePad };
    return tracer.operation('avgPool1d', avgPool1d, { x, kernelSize, options: completed });
  }
  requireSequences('avgPool1d', x);
  const { kernel, options: ofImages } = imagePool('avgPool1d', kernelSize, options);
  return toSequences(avgPoolImages('avgPool1d', toImages(x), kernel, ofImages));
}

/**
 * The means of windows that are chosen so that the output has a given length, as
 * `torch.nn.functional.adaptive_avg_pool1d`; see `adaptiveAvgPool2d`.
 * @param x `[N, C, L]`
 * @param outputSize OL.
 * @returns `[N, C, OL]`
 * @throws ShapeError if x has another number of dimensions or no elements, ConfigError for a bad size,
 * DTypeError for integers.
 */
export function adaptiveAvgPool1d(x: Tensor, outputSize: number): Tensor {
  requireTensor('adaptiveAvgPool1d', 'x', x);
  if (tracer) {
    return tracer.operation('adaptiveAvgPool1d', adaptiveAvgPool1d, { x, outputSize });
  }
  checkValue('adaptiveAvgPool1d: output size', positiveCount, outputSize);
  requireSequences('adaptiveAvgPool1d', x);
  const images = toImages(x);
  return toSequences(adaptivePoolImages('adaptiveAvgPool1d', images, [1, outputSize], AVERAGE));
}

/** Pools sequences by windows of one size. */
abstract class Pool1d<Options extends PoolSizes> extends Module {
  readonly #pool: (x: Tensor, kernelSize: number, options: Options) => Tensor;
  readonly #kernelSize: number;
  readonly #options: Options;

  constructor(
    pool: (x: Tensor, kernelSize: number, options: Options) => Tensor,
    rules: OptionRules<Options>,
    kernelSize: number,
    options: Options,
  ) {
    super();
    const { name } = this.constructor;
    checkOptions(name, options, rules);
    const { kernel, options: ofImages } = imagePool(name, kernelSize, options);
    checkPool(name, kernel, ofImages);
    this.#pool = pool;
    this.#kernelSize = kernelSize;
    this.#options = ownOptions(options);
  }

  /** `[N, C, L]` → `[N, C, OL]`. */
  forward(x: Tensor): Tensor {
    return this.#pool(x, this.#kernelSize, this.#options);
  }

  /** @hidden */
  override constructedWith(): object {
    return poolOptions(this.#kernelSize, this.#options);
  }
}

/** The largest value of each window, as `torch.nn.MaxPool1d`: `[N, C, L]` → `[N, C, OL]`. */
export class MaxPool1d extends Pool1d<MaxPool1dOptions> {
  /**
   * The stride is the kernel's size by default, the padding 0.
   * @throws ConfigError for a bad size.
   */
  constructor(kernelSize: number, options: MaxPool1dOptions = {}) {
    super(maxPool1d, MAX_POOL_OPTIONS, kernelSize, options);
  }
}

/** The mean of each window, as `torch.nn.AvgPool1d`: `[N, C, L]` → `[N, C, OL]`. */
export class AvgPool1d extends Pool1d<AvgPool1dOptions> {
  /**
   * The stride is the kernel's size by default, the padding 0.
   * @throws ConfigError for a bad size.
   */
  constructor(kernelSize: number, options: AvgPool1dOptions = {}) {
    super(avgPool1d, AVG_POOL_OPTIONS, kernelSize, options);
  }
}

/** Means over windows of whatever size gives the output its own, as `torch.nn.AdaptiveAvgPool1d`. */
export class AdaptiveAvgPool1d extends Module {
  readonly #outputSize: number;

  /** @throws ConfigError unless OL is a positive integer. */
  constructor(outputSize: number) {
    super();
    checkValue('AdaptiveAvgPool1d: output size', positiveCount, outputSize);
    this.#outputSize = outputSize;
  }

  /** `[N, C, L]` → `[N, C, OL]`. */
  forward(x: Tensor): Tensor {
    return adaptiveAvgPool1d(x, this.#outputSize);
  }

  /** @hidden */
  override constructedWith(): object {
    return { outputSize: this.#outputSize };
  }
}
