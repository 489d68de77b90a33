import { ConfigError, type Generator } from '@unfold/core';
import type { Augmentation, ImagePlanes } from './augmentation.js';
import { valueText } from '@unfold/core/internal';
import { Warp, WarpStep } from './warp.js';

/**
 * Several augmentations, one after another. Neighbours that only move pixels, `randomAffine` and
 * `elastic` with the same fill, are resampled once: it doesn't blur more than one of them, and what
 * the first moves out of the image and the second in again is not cut off.
 * @throws ConfigError if a step is no augmentation.
 */
export function compose(steps: readonly Augmentation[]): Augmentation {
  if (!Array.isArray(steps)) {
    throw new ConfigError(`compose: expected a list of augmentations, got ${valueText(steps)}`);
  }
  return new Composition(steps);
}

/** What `compose` makes. */
export class Composition implements Augmentation {
  /** None of them is a composition itself. */
  readonly steps: readonly Augmentation[];
  readonly #groups: readonly (Augmentation | readonly WarpStep[])[];
  readonly #warp = new Warp();

  constructor(given: readonly Augmentation[]) {
    given.forEach((step, i) => checkAugmentation(`compose: step ${i}`, step));
    this.steps = given.flatMap((step) => (step instanceof Composition ? step.steps : [step]));
    this.#groups = groupWarps(this.steps);
  }

  apply(image: ImagePlanes, random: Generator): void {
    for (const group of this.#groups) {
      if ('apply' in group) group.apply(image, random);
      else this.#warp.apply(image, group, random);
    }
  }
}

/** The steps, with those together that can be resampled as one. */
function groupWarps(
  steps: readonly Augmentation[],
): readonly (Augmentation | readonly WarpStep[])[] {
  const groups: (Augmentation | WarpStep[])[] = [];
  for (const step of steps) {
    if (!(step instanceof WarpStep)) {
      groups.push(step);
      continue;
    }
    const last = groups.at(-1);
    if (Array.isArray(last) && String(last[0].fill) === String(step.fill)) last.push(step);
    else groups.push([step]);
  }
  return groups;
}

/** @throws ConfigError unless `value` has a method `apply`. */
export function checkAugmentation(name: string, value: unknown): asserts value is Augmentation {
  const valid =
    typeof value === 'object' &&
    value !== null &&
    'apply' in value &&
    typeof value.apply === 'function';
  if (!valid) {
    throw new ConfigError(
      `${name}: expected an augmentation, such as randomAffine({ degrees: 10 }), got ` +
        (typeof value === 'function' ? 'a function; call it' : valueText(value)),
    );
  }
}
