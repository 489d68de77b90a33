import { ConfigError, formatShape, ShapeError } from '@unfold/core';
import { valueText } from '@unfold/core/internal';
import { encode } from 'fast-png';
import type { EncodedImage } from './event.js';

/** The pixels of an image `[C, H, W]`. Bytes are 0…255, other numbers 0…1. */
export type ImagePixels = Uint8Array | Uint8ClampedArray | Float32Array | Float64Array;

/** The longest side that a PNG can have. */
const LONGEST = 2 ** 31 - 1;

/**
 * Encodes an image as PNG. Numbers outside of 0…1 count as the nearer end.
 * @param tag Names the image in errors.
 * @param shape `[C, H, W]`, where C is 1 (grey), 3 (RGB) or 4 (RGBA).
 * @throws ShapeError for another shape, or one that doesn't fit the pixels; ConfigError for a NaN.
 */
export function encodeImage(
  tag: string,
  pixels: ImagePixels,
  shape: readonly [number, number, number],
): EncodedImage {
  const isPixels = ArrayBuffer.isView(pixels) || Array.isArray(pixels);
  if (!isPixels || !Array.isArray(shape)) {
    throw new ConfigError(
      `addImage: ${tag}: expected pixels in a typed array and a shape [C, H, W], got ` +
        `${valueText(pixels)} and ${valueText(shape)}`,
    );
  }
  const [channels, height, width]: readonly number[] = shape;
  const sizes = [height, width].every((n) => Number.isInteger(n) && n > 0 && n <= LONGEST);
  if (shape.length !== 3 || ![1, 3, 4].includes(channels) || !sizes) {
    throw new ShapeError(
      `addImage: ${tag}: expected a shape [C, H, W] of 1, 3 or 4 channels and at least one pixel, ` +
        `got ${formatShape(shape)}`,
    );
  }
  const area = height * width;
  if (pixels.length !== channels * area) {
    throw new ShapeError(
      `addImage: ${tag}: ${formatShape(shape)} has ${channels * area} numbers, got ${pixels.length}`,
    );
  }
  const bytes = pixels instanceof Uint8Array || pixels instanceof Uint8ClampedArray;
  // PNG holds the channels of a pixel side by side.
  const data = new Uint8ClampedArray(pixels.length);
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < area; i++) {
      const value: unknown = pixels[c * area + i];
      if (typeof value !== 'number' || Number.isNaN(value)) {
        throw new ConfigError(
          `addImage: ${tag}: expected numbers from 0 to 1, got ${valueText(value)} at index ${c * area + i}`,
        );
      }
      data[i * channels + c] = bytes ? value : value * 255;
    }
  }
  return { height, width, channels, png: encode({ width, height, channels, depth: 8, data }) };
}
