import {
  ConfigError,
  type OptionRule,
  type Padding,
  type PadMode,
  type Tensor,
} from '@unfold/core';
import { oneOf } from '@unfold/core/internal';

/** What a convolution pads with: zeros, or pixels of its input, as `pad` finds them. */
export type PaddingMode = 'zeros' | Exclude<PadMode, 'constant'>;

export const paddingModeRule: OptionRule = oneOf('zeros', 'reflect', 'replicate', 'circular');

/** Pads the axes behind `[N, C]`, so many on each side of each. */
export type PadImages = (
  x: Tensor,
  padding: readonly Padding[],
  mode: Exclude<PaddingMode, 'zeros'>,
) => Tensor;

/**
 * How Conv2d does that: padding.ts says it. So it is no part of a page whose convolutions pad with zeros;
 * a bundle has it that uses something of that file.
 */
export const padImages: { by: PadImages | null } = { by: null };

/**
 * What pads a convolution's input; null where the convolution does so itself, with zeros.
 * @throws ConfigError in a bundle without padding.ts.
 */
export function padderOf(
  layer: string,
  mode: PaddingMode,
  padding: readonly Padding[],
  by = padImages.by,
): ((x: Tensor) => Tensor) | null {
  if (mode === 'zeros') return null;
  if (by) return (x) => by(x, padding, mode);
  throw new ConfigError(
    `${layer}: paddingMode '${mode}' is not in this bundle; use a layer, such as ReflectionPad2d`,
  );
}
