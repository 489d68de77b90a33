import {
  ConfigError,
  formatShape,
  pad,
  ShapeError,
  type Padding,
  type PadMode,
  type Tensor,
} from '@unfold/core';
import { requireTensor, valueText } from '@unfold/core/internal';
import { padImages, type PadImages } from './conv2d/padding-mode.js';
import { Module } from './module.js';
import { formatOptions } from './tree.js';

/** How convolutions pad by a mode. */
export const padByMode: PadImages = (x, padding, mode) => {
  requireTensor('pad', 'x', x);
  // The convolution says what is wrong with images of other axes.
  if (x.ndim !== padding.length + 2) return x;
  return pad(x, [[0, 0], [0, 0], ...padding], { mode });
};
padImages.by = padByMode;

/** Pixels on all sides, or on each: PyTorch's order, the last axis first. */
export type ImagePadding =
  number | readonly [left: number, right: number, top: number, bottom: number];

/** Surrounds images by a mode of `pad`. */
abstract class ImagePad extends Module {
  readonly #mode: PadMode;
  readonly #sides: readonly [number, number, number, number];

  constructor(mode: PadMode, padding: ImagePadding) {
    super();
    const sides = typeof padding === 'number' ? [padding, padding, padding, padding] : padding;
    const isValid =
      Array.isArray(sides) &&
      sides.length === 4 &&
      sides.every((side) => Number.isInteger(side) && side >= 0);
    if (!isValid) {
      throw new ConfigError(
        `${this.constructor.name}: expected an integer of at least 0 for the padding, or four, [left, ` +
          `right, top, bottom], got ${valueText(padding)}`,
      );
    }
    const [left, right, top, bottom] = sides as number[];
    this.#mode = mode;
    this.#sides = [left, right, top, bottom];
  }

  /**
   * `[N, C, H, W]` → `[N, C, top + H + bottom, left + W + right]`.
   * @throws ShapeError if x has another number of dimensions, or too few pixels.
   */
  forward(x: Tensor): Tensor {
    const name = this.constructor.name;
    requireTensor(name, 'x', x);
    if (x.ndim !== 4) {
      throw new ShapeError(`${name}: expected x [N,C,H,W], got ${formatShape(x.shape)}`);
    }
    const [left, right, top, bottom] = this.#sides;
    const none: Padding = [0, 0];
    return pad(x, [none, none, [top, bottom], [left, right]], { mode: this.#mode });
  }

  /** @hidden */
  override constructedWith(): object {
    return { padding: this.#sides };
  }

  override extraRepr(): string {
    return formatOptions(this.constructedWith(), 1);
  }
}

/** Mirrors images at their borders, as `torch.nn.ReflectionPad2d`; less than a side has pixels. */
export class ReflectionPad2d extends ImagePad {
  /** @throws ConfigError for what is no padding. */
  constructor(padding: ImagePadding) {
    super('reflect', padding);
  }
}

/** Repeats the pixels at the borders of images, as `torch.nn.ReplicationPad2d`. */
export class ReplicationPad2d extends ImagePad {
  /** @throws ConfigError for what is no padding. */
  constructor(padding: ImagePadding) {
    super('replicate', padding);
  }
}

/** Goes on with images at their other end, as `torch.nn.CircularPad2d`. */
export class CircularPad2d extends ImagePad {
  /** @throws ConfigError for what is no padding. */
  constructor(padding: ImagePadding) {
    super('circular', padding);
  }
}

/** Surrounds images with zeros, as `torch.nn.ZeroPad2d`. */
export class ZeroPad2d extends ImagePad {
  /** @throws ConfigError for what is no padding. */
  constructor(padding: ImagePadding) {
    super('constant', padding);
  }
}
