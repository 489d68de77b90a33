import {
  ConfigError,
  generator,
  ShapeError,
  type DType,
  type Parameter,
  type Tensor,
} from '@unfold/core';
import { kaimingUniform, uniform } from '../init.js';
import { Module } from '../module.js';
import { emptyParameter } from '../parameter.js';
import { conv2d } from './conv2d.js';
import { checkGroups, conv2dWindow, pair, type Conv2dOptions, type Size2d } from './geometry.js';

export interface Conv2dLayerOptions extends Conv2dOptions {
  /** Whether a bias is learnt. Default true. */
  readonly bias?: boolean;
  /** Default float32. */
  readonly dtype?: DType;
}

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

  /** @throws ConfigError for sizes or options out of range, ShapeError if groups don't divide. */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Size2d,
    { bias = true, dtype = 'float32', ...options }: Conv2dLayerOptions = {},
  ) {
    super();
    const { groups = 1 } = options;
    checkGroups(groups);
    for (const channels of [inChannels, outChannels]) {
      if (!Number.isInteger(channels) || channels < 1) {
        throw new ConfigError(
          `Conv2d: expected positive numbers of channels, got ${inChannels} and ${outChannels}`,
        );
      }
    }
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw new ShapeError(
        `Conv2d: ${inChannels} input and ${outChannels} output channels must both be divisible ` +
          `by groups = ${groups}`,
      );
    }
    const kernel = pair('Conv2d', 'kernel size', kernelSize, 1);
    conv2dWindow(kernel, options); // A bad option is found here, not at the first image.
    const [KH, KW] = kernel;
    const fanIn = (inChannels / groups) * KH * KW;
    const source = generator('init');
    this.weight = emptyParameter([outChannels, inChannels / groups, KH, KW], dtype);
    kaimingUniform(this.weight, { a: Math.sqrt(5), generator: source });
    this.bias = bias ? emptyParameter([outChannels], dtype) : null;
    if (this.bias) uniform(this.bias, { bound: 1 / Math.sqrt(fanIn), generator: source });
    this.#options = options;
  }

  /** @param x `[N, inChannels, H, W]` */
  forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, this.bias, this.#options);
  }
}
