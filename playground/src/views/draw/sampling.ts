import type { DigitSet } from '../../lab/protocol.js';
import { PIXELS } from '../../spec/digits.js';

/** The places of the digits with a label in a set; of all digits for null. */
export function placesOf({ labels }: Pick<DigitSet, 'labels'>, label: number | null): number[] {
  return Array.from(labels.keys()).filter((place) => label === null || labels[place] === label);
}

/** Some of the places, each at most once, in the order in which chance has them. @param random 0…1, without 1. */
export function someOf(
  places: readonly number[],
  count: number,
  random: () => number = Math.random,
): number[] {
  const left = [...places];
  const taken: number[] = [];
  while (taken.length < count && left.length > 0) {
    taken.push(...left.splice(Math.floor(random() * left.length), 1));
  }
  return taken;
}

/** The place of the very same digit in a set; null if it isn't there. */
export function placeIn(set: DigitSet, pixels: Uint8Array): number | null {
  const isAt = (place: number): boolean =>
    pixels.every((level, i) => set.images[PIXELS * place + i] === level);
  for (const place of set.labels.keys()) if (isAt(place)) return place;
  return null;
}

/** A digit's 28×28 bytes, copied. */
export function pixelsAt({ images }: Pick<DigitSet, 'images'>, place: number) {
  return images.slice(PIXELS * place, PIXELS * (place + 1));
}
