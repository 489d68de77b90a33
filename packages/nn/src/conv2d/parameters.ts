import { generator, ShapeError, type DType, type Parameter } from '@unfold/core';
import { requireSizes } from '../checks.js';
import { kaimingUniform, uniform } from '../init.js';
import { emptyParameter } from '../parameter.js';
import { formatOptions } from '../tree.js';
import type { ConvTranspose2dOptions } from './transpose-geometry.js';
import type { Conv2dOptions, Size2d } from './geometry.js';

/** @throws ConfigError for channels that are none, ShapeError if the groups don't divide them. */
export function checkChannels(
  layer: string,
  inChannels: number,
  outChannels: number,
  groups: number,
): void {
  requireSizes(layer, 'positive numbers of channels', inChannels, outChannels);
  if (inChannels % groups !== 0 || outChannels % groups !== 0) {
    throw new ShapeError(
      `${layer}: ${inChannels} input and ${outChannels} output channels must both be divisible ` +
        `by groups = ${groups}`,
    );
  }
}

/**
 * Fresh weight and bias of a convolution, both uniform in ±1/√(elements of weight[0]), from the
 * stream `'init'`. For a transposed one that is PyTorch's rule too, though its weight begins with
 * the input channels.
 * @param outChannels The bias's length; null for no bias.
 */
export function convParameters(
  weightShape: readonly [number, number, number, number],
  outChannels: number | null,
  dtype: DType,
): { weight: Parameter; bias: Parameter | null } {
  const [, groupChannels, KH, KW] = weightShape;
  const source = generator('init');
  const weight = emptyParameter(weightShape, dtype);
  kaimingUniform(weight, { a: Math.sqrt(5), generator: source });
  const bias = outChannels === null ? null : emptyParameter([outChannels], dtype);
  if (bias) {
    uniform(bias, { bound: 1 / Math.sqrt(groupChannels * KH * KW), generator: source });
  }
  return { weight, bias };
}

/** The options that either convolution shows of itself; defaults are left out, as by PyTorch. */
export function convRepr(
  inChannels: number,
  outChannels: number,
  { weight, bias }: { readonly weight: Parameter; readonly bias: Parameter | null },
  options: Conv2dOptions | ConvTranspose2dOptions,
): string {
  const both = <T>(size: Size2d | T): readonly [number, number] | Size2d | T =>
    typeof size === 'number' ? [size, size] : size;
  const unless = <T>(usual: number, size: Size2d | T | undefined): unknown =>
    size === undefined || String(both(size)) === `${usual},${usual}` ? undefined : both(size);
  const shown = formatOptions({
    kernelSize: weight.shape.slice(2),
    stride: both(options.stride ?? 1),
    padding: unless(0, options.padding),
    outputPadding: 'outputPadding' in options ? unless(0, options.outputPadding) : undefined,
    dilation: unless(1, options.dilation),
    groups: (options.groups ?? 1) === 1 ? undefined : options.groups,
    bias: bias ? undefined : false,
  });
  return `${inChannels}, ${outChannels}, ${shown}`;
}
