import { elementsOf, empty, type Tensor } from '@unfold/core';
import type { Normalization } from '@unfold/train';
import { imageWriter } from '@unfold/train/internal';
import { PIXELS } from '../spec/digits.js';
import { CLASSES } from '../spec/network.js';
import { LAB_TEXTS } from '../texts/lab.js';

/** The names of the ten digits, as files of weights have them. */
export const CLASS_NAMES = Array.from({ length: CLASSES }, (_, digit) => String(digit));

/**
 * Images as a network wants them, float32 `[N, 1, 28, 28]`; they belong to the scope that is open.
 * @param images `[N, 28, 28]`
 */
export function inputOf(images: Uint8Array, normalization: Normalization): Tensor {
  const count = images.length / PIXELS;
  const write = imageWriter({ images, shape: [1, 28, 28] }, normalization);
  const input = empty([count, 1, 28, 28], 'float32', 'digits');
  const out = elementsOf(input);
  for (let i = 0; i < count; i++) write(out, i * PIXELS, i);
  return input;
}

/** @throws Error unless they are those of one digit. */
export function requireDigit(pixels: Uint8Array): void {
  if (!(pixels instanceof Uint8Array) || pixels.length !== PIXELS)
    throw new Error(LAB_TEXTS.badDigit);
}

/** @throws Error unless it is one of the ten digits. */
export function requireLabel(label: number): void {
  if (!Number.isInteger(label) || label < 0 || label >= CLASSES)
    throw new Error(LAB_TEXTS.badLabel);
}
