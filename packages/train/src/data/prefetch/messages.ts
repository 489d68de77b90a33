import type { GeneratorState } from '@unfold/core';
import type { Description } from '../../augment/description.js';
import type { ImageArray } from '../dataset.js';
import type { Normalization } from '../normalize.js';

/*
 * What a loader and its worker tell each other. The worker knows nothing of epochs: each order says
 * all that a batch follows from, so that it doesn't matter which ones came before.
 */

/** The first message to the worker: what stays the same. */
export interface Setup {
  /** The stored images, row after row. */
  readonly images: ImageArray;
  /** `[C, H, W]` */
  readonly shape: readonly [number, number, number];
  readonly normalization: Normalization | null | undefined;
  readonly augment: Description | null;
}

/** Asks for the images of one batch. */
export interface Order {
  readonly id: number;
  /** The stored row of each image. */
  readonly rows: Int32Array;
  /** The index of each image in the dataset, by which its random numbers are known. */
  readonly indices: Int32Array;
  /** The state of the loader's generator when the epoch began; null where nothing is drawn from it. */
  readonly random: GeneratorState | null;
  /** Where they are written. It is sent to the worker and comes back with the answer. */
  readonly out: Float32Array<ArrayBuffer>;
}

/** What the worker answers: that it can begin, or a batch. */
export type Answer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'images'; readonly id: number; readonly out: Float32Array<ArrayBuffer> }
  /** It can't go on; nothing comes after it. */
  | { readonly kind: 'failed'; readonly reason: string };
