import { Scope, softmax } from '@unfold/core';
import { PIXELS } from '../spec/digits.js';
import { inputOf } from './images.js';
import type { Run } from './run.js';

const SIDE = 28;
/** Pixels that the square reaches from its middle: it has 5 × 5. */
const REACH = 2;
/** Images in a forward pass. */
const BATCH = 98;

/**
 * `[28, 28]`: how much the probability of a class falls when a black square around each pixel covers the
 * digit. In evaluation mode, which the caller sees to.
 */
export function occlusionOf(
  { model, normalization }: Pick<Run, 'model' | 'normalization'>,
  pixels: Uint8Array,
  label: number,
): Float32Array<ArrayBuffer> {
  const probabilities = (images: Uint8Array): number[] =>
    Scope.run(() => {
      const shares = softmax(model.forward(inputOf(images, normalization)), 1).toTypedArray();
      const count = images.length / PIXELS;
      const classes = shares.length / count;
      return Array.from({ length: count }, (_, n) => shares[n * classes + label] ?? 0);
    });
  const [whole = 0] = probabilities(pixels);
  const falls = new Float32Array(PIXELS);
  // Where the square covers nothing, the digit is the same.
  const places = [...falls.keys()].filter((at) => covered(at).some((i) => pixels[i] !== 0));
  for (let first = 0; first < places.length; first += BATCH) {
    const batch = places.slice(first, first + BATCH);
    const images = new Uint8Array(batch.length * PIXELS);
    batch.forEach((at, n) => {
      images.set(pixels, n * PIXELS);
      for (const i of covered(at)) images[n * PIXELS + i] = 0;
    });
    probabilities(images).forEach((probability, n) => {
      falls[batch[n] ?? 0] = whole - probability;
    });
  }
  return falls;
}

/** The pixels of the square around one. */
function covered(at: number): number[] {
  const [row, column] = [Math.floor(at / SIDE), at % SIDE];
  const found: number[] = [];
  for (let y = Math.max(0, row - REACH); y <= Math.min(SIDE - 1, row + REACH); y++) {
    for (let x = Math.max(0, column - REACH); x <= Math.min(SIDE - 1, column + REACH); x++) {
      found.push(y * SIDE + x);
    }
  }
  return found;
}
