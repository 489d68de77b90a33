import type { DType, OptionRules, Parameter, Shape, Tensor } from '@unfold/core';
import {
  checkedInUse,
  checkOptions,
  checkValue,
  count,
  flag,
  positiveCount,
  tracer,
} from '@unfold/core/internal';
import { floatDType, ownOptions, requireOneFloat } from '../checks.js';
import { checkGroups } from '../conv2d/geometry.js';
import { checkChannels, convParameters, shownConv } from '../conv2d/parameters.js';
import { routeFor } from '../conv2d/route.js';
import {
  convTranspose2dAxes,
  outputPaddingFor,
  type ConvTranspose2dOptions,
} from '../conv2d/transpose-geometry.js';
import { convTranspose2dBy } from '../conv2d/transpose.js';
import { Module } from '../module.js';
import { requireSequences, toImages, toSequences } from '../sequences.js';
import { imageOptions, requireSequenceWeight } from './conv1d.js';
import { formatOptions } from '../tree.js';

/** Options of a transposed convolution of sequences, named and defaulted as PyTorch's. */
export interface ConvTranspose1dOptions {
  /** Of the convolution that this is the adjoint of: inputs lie this far apart. Default 1. */
  readonly stride?: number;
  /** Elements that are cut off on each side of the output. Default 0. */
  readonly padding?: number;
  /**
   * Elements more at the end of the output, as a stride above 1 rounds several lengths to one. Smaller
   * than the stride or the dilation. Default 0.
   */
  readonly outputPadding?: number;
  /** Distance of the kernel's taps. Default 1. */
  readonly dilation?: number;
  /** Groups of channels that are taken separately. Default 1. */
  readonly groups?: number;
}

const CONV_TRANSPOSE1D_OPTIONS: OptionRules<ConvTranspose1dOptions> = {
  stride: positiveCount,
  padding: count,
  outputPadding: count,
  dilation: positiveCount,
  groups: checkedInUse,
};

/** The same for images of height 1. */
function transposedImageOptions({
  padding = 0,
  outputPadding = 0,
  ...options
}: ConvTranspose1dOptions): ConvTranspose2dOptions {
  return {
    ...imageOptions(options),
    padding: [0, padding],
    outputPadding: [0, outputPadding],
  };
}

/**
 * The transposed convolution of sequences, as `torch.nn.functional.conv_transpose1d`: the adjoint of
 * `conv1d` with the same weight and options; see `convTranspose2d`.
 * @param x `[N, C, L]`
 * @param weight `[C, OC/groups, K]`: input channels first
 * @param bias `[OC]`, or null for none
 * @returns `[N, OC, OL]`, OL = (L - 1)·stride - 2·padding + dilation·(K - 1) + 1 + outputPadding.
 * @throws ShapeError if the shapes don't fit each other, ConfigError for a bad option, DTypeError
 * if the dtypes differ or are integers.
 */
export function convTranspose1d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  options: ConvTranspose1dOptions = {},
): Tensor {
  requireOneFloat('convTranspose1d', x, weight, bias);
  checkOptions('convTranspose1d', options, CONV_TRANSPOSE1D_OPTIONS);
  if (tracer) {
    const { stride = 1, padding = 0, outputPadding = 0, dilation = 1, groups = 1 } = options;
    const completed = { stride, padding, outputPadding, dilation, groups };
    const given = { x, weight, bias, options: completed };
    return tracer.operation('convTranspose1d', convTranspose1d, given);
  }
  requireSequenceWeight('convTranspose1d', x, weight, '[C,OC/groups,K]');
  const [images, kernels] = [toImages(x), toImages(weight)];
  const ofImages = transposedImageOptions(options);
  return toSequences(
    convTranspose2dBy(routeFor(x), images, kernels, bias, ofImages, 'convTranspose1d'),
  );
}

/** Options of `ConvTranspose1d`. */
export interface ConvTranspose1dLayerOptions extends ConvTranspose1dOptions {
  /** Whether a bias is learnt. Default true. */
  readonly bias?: boolean;
  /** Default float32. */
  readonly dtype?: DType;
}

const LAYER_OPTIONS: OptionRules<ConvTranspose1dLayerOptions> = {
  ...CONV_TRANSPOSE1D_OPTIONS,
  bias: flag,
  dtype: floatDType,
};

/**
 * A transposed convolution of sequences, as `torch.nn.ConvTranspose1d`: `[N, inChannels, L]` →
 * `[N, outChannels, OL]`, longer by the stride; see `convTranspose1d`. Weight and bias start uniform in
 * ±1/√(outChannels/groups·K), PyTorch's rule, from the stream `'init'`.
 */
export class ConvTranspose1d extends Module {
  /** `[inChannels, outChannels/groups, K]` */
  readonly weight: Parameter;
  /** `[outChannels]` */
  readonly bias: Parameter | null;
  readonly #options: ConvTranspose1dOptions;

  /** @throws ConfigError for sizes or options out of range, ShapeError if groups don't divide. */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: number,
    layerOptions: ConvTranspose1dLayerOptions = {},
  ) {
    super();
    checkOptions('ConvTranspose1d', layerOptions, LAYER_OPTIONS);
    const { bias = true, dtype = 'float32', ...options } = layerOptions;
    const { groups = 1 } = options;
    checkGroups('ConvTranspose1d', groups);
    checkChannels('ConvTranspose1d', inChannels, outChannels, groups);
    checkValue('ConvTranspose1d: kernel size', positiveCount, kernelSize);
    // A bad option is found here, not at the first sequence.
    convTranspose2dAxes('ConvTranspose1d', transposedImageOptions(options));
    const shape = [inChannels, outChannels / groups, kernelSize];
    const parameters = convParameters(shape, bias ? outChannels : null, dtype);
    this.weight = parameters.weight;
    this.bias = parameters.bias;
    this.#options = ownOptions(options);
  }

  /**
   * `[N, inChannels, L]` → `[N, outChannels, OL]`.
   * @param x The sequences.
   * @param outputSize `[OL]`, or the whole shape of a tensor to be as long as; then it decides in place
   * of `outputPadding`. A stride offers as many lengths.
   * @throws ShapeError for a length that x cannot become.
   */
  forward(x: Tensor, outputSize?: Shape): Tensor {
    if (!outputSize) return convTranspose1d(x, this.weight, this.bias, this.#options);
    requireSequences('ConvTranspose1d', x);
    const [, outputPadding] = outputPaddingFor(
      'ConvTranspose1d',
      [...x.shape.slice(0, 2), 1, ...x.shape.slice(2)],
      // Plain JavaScript may pass anything.
      Array.isArray(outputSize)
        ? [...outputSize.slice(0, -1), 1, ...outputSize.slice(-1)]
        : outputSize,
      [1, this.weight.shape[2]],
      transposedImageOptions(this.#options),
    );
    return convTranspose1d(x, this.weight, this.bias, { ...this.#options, outputPadding });
  }

  /** @hidden */
  override constructedWith(): object {
    const [inChannels, outEach] = this.weight.shape;
    return shownConv(inChannels, outEach * (this.#options.groups ?? 1), this, this.#options);
  }

  override extraRepr(): string {
    return formatOptions(this.constructedWith(), 2);
  }
}
