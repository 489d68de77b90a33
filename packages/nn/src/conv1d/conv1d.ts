import {
  formatShape,
  ShapeError,
  type DType,
  type OptionRules,
  type Parameter,
  type Tensor,
} from '@unfold/core';
import {
  checkedInUse,
  checkOptions,
  checkValue,
  count,
  flag,
  oneOf,
  positiveCount,
  tracer,
} from '@unfold/core/internal';
import { floatDType, ownOptions, requireOneFloat } from '../checks.js';
import { conv2dBy } from '../conv2d/conv2d.js';
import { checkGroups, conv2dWindow, type Conv2dOptions } from '../conv2d/geometry.js';
import { padderOf, paddingModeRule, type PaddingMode } from '../conv2d/padding-mode.js';
import { checkChannels, convParameters, shownConv } from '../conv2d/parameters.js';
import { routeFor } from '../conv2d/route.js';
import { Module } from '../module.js';
import { padByMode } from '../padding.js';
import { toImages, toSequences } from '../sequences.js';
import { formatOptions } from '../tree.js';

/** Options of a convolution of sequences, named and defaulted as PyTorch's. */
export interface Conv1dOptions {
  /** Default 1. */
  readonly stride?: number;
  /**
   * Zeros on each side, 0 by default. `'valid'` is 0; `'same'` makes the output as long as the input
   * (stride 1 only) and puts an odd zero at the end.
   */
  readonly padding?: number | 'same' | 'valid';
  /** Distance of the kernel's taps. Default 1. */
  readonly dilation?: number;
  /** Groups of channels that are convolved separately. Default 1. */
  readonly groups?: number;
}

const words = oneOf('same', 'valid');

const CONV1D_OPTIONS: OptionRules<Conv1dOptions> = {
  stride: positiveCount,
  padding: {
    expected: `${count.expected}, ${words.expected}`,
    accepts: (value) => count.accepts(value) || words.accepts(value),
  },
  dilation: positiveCount,
  groups: checkedInUse,
};

/** The same for images of height 1. */
export function imageOptions({
  stride = 1,
  padding = 0,
  dilation = 1,
  groups = 1,
}: Conv1dOptions): Conv2dOptions {
  return {
    stride: [1, stride],
    padding: typeof padding === 'number' ? [0, padding] : padding,
    dilation: [1, dilation],
    groups,
  };
}

/** @throws ShapeError unless x and weight are of sequences; `expected` is the weight's shape in words. */
export function requireSequenceWeight(
  operation: string,
  x: Tensor,
  weight: Tensor,
  expected: string,
): void {
  if (x.ndim === 3 && weight.ndim === 3) return;
  throw new ShapeError(
    `${operation}: expected x [N,C,L] and weight ${expected}, got ${formatShape(x.shape)} and ` +
      `${formatShape(weight.shape)}${x.ndim === 2 ? '; one sequence needs a batch axis in front' : ''}`,
  );
}

/**
 * The one-dimensional convolution (cross-correlation) of x with weight, as `torch.conv1d`:
 * out[n, o, i] = bias[o] + Σ weight[o, c, k] · x[n, c, i·stride + k·dilation - padding].
 * @param x `[N, C, L]`
 * @param weight `[OC, C/groups, K]`
 * @param bias `[OC]`, or null for none
 * @returns `[N, OC, OL]`; `outputSize` says how OL follows.
 * @throws ShapeError if the shapes don't fit each other, ConfigError for a bad option, DTypeError
 * if the dtypes differ or are integers.
 */
export function conv1d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  options: Conv1dOptions = {},
): Tensor {
  requireOneFloat('conv1d', x, weight, bias);
  checkOptions('conv1d', options, CONV1D_OPTIONS);
  if (tracer) {
    const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
    const completed = { stride, padding, dilation, groups };
    return tracer.operation('conv1d', conv1d, { x, weight, bias, options: completed });
  }
  requireSequenceWeight('conv1d', x, weight, '[OC,C/groups,K]');
  const [images, kernels] = [toImages(x), toImages(weight)];
  const ofImages = imageOptions(options);
  return toSequences(conv2dBy(routeFor(x), images, kernels, bias, ofImages, 'conv1d'));
}

/** Options of `Conv1d`. */
export interface Conv1dLayerOptions extends Conv1dOptions {
  /** Whether a bias is learnt. Default true. */
  readonly bias?: boolean;
  /** Default float32. */
  readonly dtype?: DType;
  /** What is padded with: zeros by default, or elements of the input, as by `pad`. */
  readonly paddingMode?: PaddingMode;
}

const LAYER_OPTIONS: OptionRules<Conv1dLayerOptions> = {
  ...CONV1D_OPTIONS,
  bias: flag,
  dtype: floatDType,
  paddingMode: paddingModeRule,
};

/**
 * A convolution layer of sequences, as `torch.nn.Conv1d`: `[N, inChannels, L]` →
 * `[N, outChannels, OL]`. Weight and bias start uniform in ±1/√(inputs of one output), from the stream
 * `'init'`.
 */
export class Conv1d extends Module {
  /** `[outChannels, inChannels/groups, K]` */
  readonly weight: Parameter;
  /** `[outChannels]` */
  readonly bias: Parameter | null;
  readonly #options: Conv1dOptions;
  readonly #paddingMode: PaddingMode;
  readonly #padded: ((x: Tensor) => Tensor) | null;

  /** @throws ConfigError for sizes or options out of range, ShapeError if groups don't divide. */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: number,
    layerOptions: Conv1dLayerOptions = {},
  ) {
    super();
    checkOptions('Conv1d', layerOptions, LAYER_OPTIONS);
    const { bias = true, dtype = 'float32', paddingMode = 'zeros', ...options } = layerOptions;
    const { groups = 1 } = options;
    checkGroups('Conv1d', groups);
    checkChannels('Conv1d', inChannels, outChannels, groups);
    checkValue('Conv1d: kernel size', positiveCount, kernelSize);
    // A bad option is found here, not at the first sequence.
    const [, padding] = conv2dWindow('Conv1d', [1, kernelSize], imageOptions(options)).padding;
    this.#padded = padderOf('Conv1d', paddingMode, [padding], padByMode);
    this.#paddingMode = paddingMode;
    const shape = [outChannels, inChannels / groups, kernelSize];
    const parameters = convParameters(shape, bias ? outChannels : null, dtype);
    this.weight = parameters.weight;
    this.bias = parameters.bias;
    this.#options = ownOptions(options);
  }

  /** `[N, inChannels, L]` → `[N, outChannels, OL]`. */
  forward(x: Tensor): Tensor {
    const [padded, options] = [this.#padded, this.#options];
    return padded
      ? conv1d(padded(x), this.weight, this.bias, { ...options, padding: 0 })
      : conv1d(x, this.weight, this.bias, options);
  }

  /** @hidden */
  override constructedWith(): object {
    const [outChannels, inEach] = this.weight.shape;
    return shownConv(inEach * (this.#options.groups ?? 1), outChannels, this, {
      ...this.#options,
      paddingMode: this.#paddingMode,
    });
  }

  override extraRepr(): string {
    return formatOptions(this.constructedWith(), 2);
  }
}
