import type { Generator } from '@unfold/core';

/** One image while it is changed. */
export interface ImagePlanes {
  /**
   * `[C, H, W]`, row-major. On the scale of the loader's input, before normalisation: 0…1 for
   * images stored as bytes. float64, so that what no step touches keeps its bits.
   */
  readonly data: Float64Array;
  /** `[C, H, W]` */
  readonly shape: readonly [channels: number, height: number, width: number];
}

/** Where a worker finds an augmentation of one's own. */
export interface AugmentationModule {
  /**
   * The module's address, a URL or its text; `import.meta.url` is that of the module that says it. Its
   * default export makes the augmentation from the options.
   */
  readonly module: string | { readonly href: string };
  /** Handed to the worker as a copy: numbers, texts, lists, plain objects. */
  readonly options?: unknown;
}

/**
 * A random change of images, for the option `augment` of a loader. Write your own as an object with
 * the method `apply`; take randomness from nowhere but `random`, or a seed no longer tells the picture.
 */
export interface Augmentation {
  /** How a loader with `prefetch` makes the same one in its worker, where functions can't be sent. */
  readonly worker?: AugmentationModule;
  /**
   * Changes the image in place.
   * @param image Valid during the call only.
   * @param random This image's own generator in this epoch.
   */
  apply(image: ImagePlanes, random: Generator): void;
}
