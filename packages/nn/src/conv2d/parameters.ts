import {
  generator,
  ShapeError,
  sizeOf,
  type DType,
  type Parameter,
  type Shape,
} from '@unfold/core';
import { requireSizes } from '../checks.js';
import { kaimingUniform, uniform } from '../init.js';
import { emptyParameter } from '../parameter.js';

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
  weightShape: Shape,
  outChannels: number | null,
  dtype: DType,
): { weight: Parameter; bias: Parameter | null } {
  const source = generator('init');
  const weight = emptyParameter(weightShape, dtype);
  kaimingUniform(weight, { a: Math.sqrt(5), generator: source });
  const bias = outChannels === null ? null : emptyParameter([outChannels], dtype);
  if (bias) {
    uniform(bias, { bound: 1 / Math.sqrt(sizeOf(weightShape.slice(1))), generator: source });
  }
  return { weight, bias };
}

/** What a convolution shows of itself; defaults are left out, as by PyTorch. */
export function shownConv(
  inChannels: number,
  outChannels: number,
  { weight, bias }: { readonly weight: Parameter; readonly bias: Parameter | null },
  options: ShownOptions,
): object {
  const kernelSize = weight.shape.slice(2);
  const each = (size: unknown): unknown =>
    typeof size === 'number' ? kernelSize.map(() => size) : size;
  const unless = (usual: number, size: unknown): unknown =>
    size === undefined || String(each(size)) === String(each(usual)) ? undefined : each(size);
  return {
    inChannels,
    outChannels,
    kernelSize,
    stride: each(options.stride ?? 1),
    padding: unless(0, options.padding),
    outputPadding: unless(0, options.outputPadding),
    dilation: unless(1, options.dilation),
    groups: (options.groups ?? 1) === 1 ? undefined : options.groups,
    bias: bias ? undefined : false,
    paddingMode: options.paddingMode === 'zeros' ? undefined : options.paddingMode,
  };
}

/** Options of a convolution of any kind. */
interface ShownOptions {
  readonly stride?: unknown;
  readonly padding?: unknown;
  readonly outputPadding?: unknown;
  readonly dilation?: unknown;
  readonly groups?: number;
  readonly paddingMode?: unknown;
}
