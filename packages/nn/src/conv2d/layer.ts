import type { DType, OptionRules, Parameter, Tensor } from '@unfold/core';
import { checkOptions, flag } from '@unfold/core/internal';
import { floatDType, ownOptions } from '../checks.js';
import { Module } from '../module.js';
import { formatOptions } from '../tree.js';
import { conv2d } from './conv2d.js';
import {
  checkGroups,
  CONV_OPTIONS,
  conv2dWindow,
  pair,
  type Conv2dOptions,
  type Size2d,
} from './geometry.js';
import { padderOf, paddingModeRule, type PaddingMode } from './padding-mode.js';
import { checkChannels, convParameters, shownConv } from './parameters.js';

/** Options of `Conv2d`. */
export interface Conv2dLayerOptions extends Conv2dOptions {
  /** Whether a bias is learnt. Default true. */
  readonly bias?: boolean;
  /** Default float32. */
  readonly dtype?: DType;
  /** Default zeros. */
  readonly paddingMode?: PaddingMode;
}

const LAYER_OPTIONS: OptionRules<Conv2dLayerOptions> = {
  ...CONV_OPTIONS,
  bias: flag,
  dtype: floatDType,
  paddingMode: paddingModeRule,
};

/**
 * A convolution layer, as `torch.nn.Conv2d`: `[N, inChannels, H, W]` → `[N, outChannels, OH, OW]`.
 * Weight and bias start uniform in ±1/√(inputs of one output), from the stream `'init'`.
 */
export class Conv2d extends Module {
  /** `[outChannels, inChannels/groups, KH, KW]` */
  readonly weight: Parameter;
  /** `[outChannels]` */
  readonly bias: Parameter | null;
  readonly #options: Conv2dOptions;
  readonly #paddingMode: PaddingMode;
  readonly #padded: ((x: Tensor) => Tensor) | null;

  /** @throws ConfigError for sizes or options out of range, ShapeError if groups don't divide. */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Size2d,
    layerOptions: Conv2dLayerOptions = {},
  ) {
    super();
    checkOptions('Conv2d', layerOptions, LAYER_OPTIONS);
    const { bias = true, dtype = 'float32', paddingMode = 'zeros', ...options } = layerOptions;
    const { groups = 1 } = options;
    checkGroups('conv2d', groups);
    checkChannels('Conv2d', inChannels, outChannels, groups);
    const kernel = pair('Conv2d', 'kernel size', kernelSize, 1);
    // A bad option is found here, not at the first image.
    const { padding } = conv2dWindow('conv2d', kernel, options);
    this.#padded = padderOf('Conv2d', paddingMode, padding);
    this.#paddingMode = paddingMode;
    const shape = [outChannels, inChannels / groups, ...kernel] as const;
    const parameters = convParameters(shape, bias ? outChannels : null, dtype);
    this.weight = parameters.weight;
    this.bias = parameters.bias;
    this.#options = ownOptions(options);
  }

  /** `[N, inChannels, H, W]` → `[N, outChannels, OH, OW]`. */
  forward(x: Tensor): Tensor {
    const [padded, options] = [this.#padded, this.#options];
    return padded
      ? conv2d(padded(x), this.weight, this.bias, { ...options, padding: 0 })
      : conv2d(x, this.weight, this.bias, options);
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
