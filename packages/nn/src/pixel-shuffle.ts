import { formatShape, permute, reshape, ShapeError, type Tensor } from '@unfold/core';
import { checkValue, composed, positiveCount, requireTensor, tracer } from '@unfold/core/internal';
import { requireSizes } from './checks.js';
import { Module } from './module.js';

/** x with its last axes, those behind the axes in front of images, in other sizes and in another order. */
function rearranged(
  x: Tensor,
  sizes: readonly number[],
  order: readonly number[],
  out: readonly number[],
): Tensor {
  const lead = x.shape.slice(0, -3);
  const axes = [...lead.keys(), ...order.map((axis) => lead.length + axis)];
  const split = permute(reshape(x, [...lead, ...sizes]), axes);
  return reshape(split, [...lead, ...out]);
}

/**
 * Makes of r² channels a block of r×r pixels, as `torch.nn.functional.pixel_shuffle` (Shi et al., 2016): pixel
 * (h·r + i, w·r + j) of channel c comes from channel c·r² + i·r + j. A copy of any dtype.
 * @param x `[…, C·r², H, W]`
 * @param upscaleFactor r
 * @returns `[…, C, H·r, W·r]`
 * @throws ShapeError for channels that r² does not divide, ConfigError unless r is a positive integer.
 */
export function pixelShuffle(x: Tensor, upscaleFactor: number): Tensor {
  requireTensor('pixelShuffle', 'x', x);
  checkValue('pixelShuffle: upscaleFactor', positiveCount, upscaleFactor);
  if (tracer) return tracer.operation('pixelShuffle', pixelShuffle, { x, upscaleFactor });
  const r = upscaleFactor;
  const [channels, H, W] = x.shape.slice(-3);
  if (x.ndim < 3 || channels % (r * r) !== 0) {
    throw new ShapeError(
      `pixelShuffle: expected x […,C·${r * r},H,W], got ${formatShape(x.shape)}`,
    );
  }
  const C = channels / (r * r);
  return composed(() => rearranged(x, [C, r, r, H, W], [0, 3, 1, 4, 2], [C, H * r, W * r]));
}

/**
 * The inverse of `pixelShuffle`, as `torch.nn.functional.pixel_unshuffle`: of each block of r×r pixels, r²
 * channels.
 * @param x `[…, C, H·r, W·r]`
 * @param downscaleFactor r
 * @returns `[…, C·r², H, W]`
 * @throws ShapeError for images that r does not divide, ConfigError unless r is a positive integer.
 */
export function pixelUnshuffle(x: Tensor, downscaleFactor: number): Tensor {
  requireTensor('pixelUnshuffle', 'x', x);
  checkValue('pixelUnshuffle: downscaleFactor', positiveCount, downscaleFactor);
  if (tracer) return tracer.operation('pixelUnshuffle', pixelUnshuffle, { x, downscaleFactor });
  const r = downscaleFactor;
  const [C, height, width] = x.shape.slice(-3);
  if (x.ndim < 3 || height % r !== 0 || width % r !== 0) {
    throw new ShapeError(
      `pixelUnshuffle: expected x […,C,H·${r},W·${r}], got ${formatShape(x.shape)}`,
    );
  }
  const [H, W] = [height / r, width / r];
  return composed(() => rearranged(x, [C, H, r, W, r], [0, 2, 4, 1, 3], [C * r * r, H, W]));
}

/** Channels as blocks of pixels, `[…, C·r², H, W]` → `[…, C, H·r, W·r]`; see `pixelShuffle`. */
export class PixelShuffle extends Module {
  readonly #factor: number;

  /** @throws ConfigError unless the factor is a positive integer. */
  constructor(upscaleFactor: number) {
    super();
    requireSizes('PixelShuffle', 'a positive integer', upscaleFactor);
    this.#factor = upscaleFactor;
  }

  /** `[…, C·r², H, W]` → `[…, C, H·r, W·r]`. */
  forward(x: Tensor): Tensor {
    return pixelShuffle(x, this.#factor);
  }

  /** @hidden */
  override constructedWith(): object {
    return { upscaleFactor: this.#factor };
  }
}

/** Blocks of pixels as channels, `[…, C, H·r, W·r]` → `[…, C·r², H, W]`; see `pixelUnshuffle`. */
export class PixelUnshuffle extends Module {
  readonly #factor: number;

  /** @throws ConfigError unless the factor is a positive integer. */
  constructor(downscaleFactor: number) {
    super();
    requireSizes('PixelUnshuffle', 'a positive integer', downscaleFactor);
    this.#factor = downscaleFactor;
  }

  /** `[…, C, H·r, W·r]` → `[…, C·r², H, W]`. */
  forward(x: Tensor): Tensor {
    return pixelUnshuffle(x, this.#factor);
  }

  /** @hidden */
  override constructedWith(): object {
    return { downscaleFactor: this.#factor };
  }
}
