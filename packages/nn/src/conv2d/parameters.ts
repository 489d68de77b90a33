import { ConfigError, generator, ShapeError, type DType, type Parameter } from '@unfold/core';
import { kaimingUniform, uniform } from '../init.js';
import { emptyParameter } from '../parameter.js';

/** @throws ConfigError for channels that are none, ShapeError if the groups don't divide them. */
export function checkChannels(
  layer: string,
  inChannels: number,
  outChannels: number,
  groups: number,
): void {
  for (const channels of [inChannels, outChannels]) {
    if (!Number.isInteger(channels) || channels < 1) {
      throw new ConfigError(
        `${layer}: expected positive numbers of channels, got ${inChannels} and ${outChannels}`,
      );
    }
  }
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
