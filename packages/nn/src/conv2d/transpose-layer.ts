import type { DType, OptionRules, Parameter, Shape, Tensor } from '@unfold/core';
import { checkOptions, flag, requireTensor } from '@unfold/core/internal';
import { floatDType, ownOptions } from '../checks.js';
import { Module } from '../module.js';
import { formatOptions } from '../tree.js';
import { checkGroups, pair, type Size2d } from './geometry.js';
import { checkChannels, convParameters, shownConv } from './parameters.js';
import {
  CONV_TRANSPOSE_OPTIONS,
  convTranspose2dAxes,
  outputPaddingFor,
  type ConvTranspose2dOptions,
} from './transpose-geometry.js';
import { convTranspose2d } from './transpose.js';

/** Options of `ConvTranspose2d`. */
export interface ConvTranspose2dLayerOptions extends ConvTranspose2dOptions {
  /** Whether a bias is learnt. Default true. */
  readonly bias?: boolean;
  /** Default float32. */
  readonly dtype?: DType;
}

const LAYER_OPTIONS: OptionRules<ConvTranspose2dLayerOptions> = {
  ...CONV_TRANSPOSE_OPTIONS,
  bias: flag,
  dtype: floatDType,
};

/**
 * A transposed convolution, as `torch.nn.ConvTranspose2d`: `[N, inChannels, H, W]` →
 * `[N, outChannels, outH, outW]`, larger by the stride; see `convTranspose2d`. Weight and bias start
 * uniform in ±1/√(outChannels/groups·KH·KW), PyTorch's rule, from the stream `'init'`.
 */
export class ConvTranspose2d extends Module {
  /** `[inChannels, outChannels/groups, KH, KW]` */
  readonly weight: Parameter;
  /** `[outChannels]` */
  readonly bias: Parameter | null;
  readonly #kernel: readonly [number, number];
  readonly #options: ConvTranspose2dOptions;

  /** @throws ConfigError for sizes or options out of range, ShapeError if groups don't divide. */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Size2d,
    layerOptions: ConvTranspose2dLayerOptions = {},
  ) {
    super();
    checkOptions('ConvTranspose2d', layerOptions, LAYER_OPTIONS);
    const { bias = true, dtype = 'float32', ...options } = layerOptions;
    const { groups = 1 } = options;
    checkGroups('convTranspose2d', groups);
    checkChannels('ConvTranspose2d', inChannels, outChannels, groups);
    this.#kernel = pair('ConvTranspose2d', 'kernel size', kernelSize, 1);
    convTranspose2dAxes('convTranspose2d', options); // A bad option is found here, not at the first image.
    const shape = [inChannels, outChannels / groups, ...this.#kernel] as const;
    const parameters = convParameters(shape, bias ? outChannels : null, dtype);
    this.weight = parameters.weight;
    this.bias = parameters.bias;
    this.#options = ownOptions(options);
  }

  /**
   * `[N, inChannels, H, W]` → `[N, outChannels, outH, outW]`.
   * @param x The images.
   * @param outputSize `[outH, outW]`, or the whole shape of a tensor to be as large as; then it
   * decides in place of `outputPadding`. A stride offers as many sizes.
   * @throws ShapeError for a size that x cannot become.
   */
  forward(x: Tensor, outputSize?: Shape): Tensor {
    requireTensor('ConvTranspose2d', 'x', x);
    const options = outputSize
      ? {
          ...this.#options,
          outputPadding: outputPaddingFor(
            'ConvTranspose2d',
            x.shape,
            outputSize,
            this.#kernel,
            this.#options,
          ),
        }
      : this.#options;
    return convTranspose2d(x, this.weight, this.bias, options);
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
