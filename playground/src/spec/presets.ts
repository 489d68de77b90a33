import { kindOf } from './kinds.js';
import type { ConvSpec, LayerSpec, LinearSpec, NetworkSpec, PoolSpec } from './layers.js';
import { isSame } from './same.js';

const conv = (channels: number, kernel: number, options: Partial<ConvSpec> = {}): ConvSpec => ({
  ...kindOf('conv').initial,
  channels,
  kernel,
  ...options,
});
const linear = (features: number): LinearSpec => ({ kind: 'linear', features });
const relu: LayerSpec = { kind: 'relu' };
const norm: LayerSpec = { kind: 'batchNorm' };
const flatten: LayerSpec = { kind: 'flatten' };
const pool: PoolSpec = { kind: 'maxPool', size: 2 };

/** A convolution whose offset the normalisation behind it brings along. */
const bare = (channels: number, kernel: number): ConvSpec =>
  conv(channels, kernel, { bias: false });

/** Four convolutions with batch normalisation, as `CnnBN` and `WideCnnBN` of `@unfold/train`. */
const fourConvolutions = (
  [c1, c2, c3, c4]: readonly [number, number, number, number],
  kernel: number,
  p: number,
): NetworkSpec => [
  ...[bare(c1, kernel), pool, norm, relu],
  ...[bare(c2, 3), norm, relu],
  ...[bare(c3, 3), pool, norm, relu],
  ...[bare(c4, 3), norm, relu],
  ...[flatten, { kind: 'dropout', p } as const, linear(10)],
];

export type PresetName =
  'simple' | 'perceptron' | 'lenet' | 'lenet-bn' | 'cnn' | 'cnn-bn' | 'wide-cnn-bn';

/**
 * Networks to begin with: two for teaching, and those of `MODELS` of `@unfold/train` under their names
 * there, with the same operations in the same order.
 */
export const PRESETS: Readonly<Record<PresetName, NetworkSpec>> = {
  simple: [conv(8, 5), relu, pool, flatten, linear(10)],
  perceptron: [flatten, linear(64), relu, linear(10)],
  lenet: [conv(8, 5), relu, pool, conv(16, 5), relu, pool, flatten, linear(10)],
  'lenet-bn': [bare(16, 5), pool, norm, relu, bare(32, 5), pool, norm, relu, flatten, linear(10)],
  cnn: [conv(32, 3), relu, conv(64, 3), relu, pool, flatten, linear(128), relu, linear(10)],
  'cnn-bn': fourConvolutions([32, 64, 64, 128], 3, 0.2),
  'wide-cnn-bn': fourConvolutions([48, 96, 128, 192], 5, 0.3),
};

/** In the order of the table. */
export const PRESET_NAMES: readonly PresetName[] = Object.keys(PRESETS).filter(isPresetName);

export function isPresetName(name: string): name is PresetName {
  return Object.hasOwn(PRESETS, name);
}

/** The preset that a network is, in every layer and field; null if it is none. */
export function presetNameOf(network: NetworkSpec): PresetName | null {
  return PRESET_NAMES.find((name) => isSame(PRESETS[name], network)) ?? null;
}
