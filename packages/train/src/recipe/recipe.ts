import type { ModelName } from '../models.js';

/** How a classifier of 28×28 images is trained. Plain JSON. */
export interface Recipe {
  readonly model: ModelName;
  /** Passes over the training images. */
  readonly epochs: number;
  /** Images in a step. */
  readonly batchSize: number;
  /** The highest learning rate; `rateFor` says which is right for a short run. */
  readonly lr: number;
  /** SGD's momentum, Nesterov's kind; `one-cycle` moves it 0.05 around that, or by its half. */
  readonly momentum: number;
  /** The decay of weights; biases, and what normalisation learns, are left alone. */
  readonly weightDecay: number;
  /** `one-cycle`: up, then down to almost nothing. `linear`: from the highest straight to 0. */
  readonly schedule: ScheduleName;
  /** The changes that images go through: none, or a little turning, moving, scaling and shearing. */
  readonly augment: AugmentName;
  /** The share that labels lose to the other classes; 0 for none. */
  readonly labelSmoothing: number;
  /** How much of the weights' moving average each step keeps; 0 for no average. */
  readonly ema: number;
}

/** The schedules that a recipe can name. */
export const SCHEDULES = ['one-cycle', 'linear'] as const;
export type ScheduleName = (typeof SCHEDULES)[number];

/** The augmentations that a recipe can name. */
export const AUGMENTS = ['none', 'affine'] as const;
export type AugmentName = (typeof AUGMENTS)[number];

/** For a network of which nothing more is known. */
const PLAIN = {
  epochs: 4,
  batchSize: 64,
  lr: 0.05,
  momentum: 0.9,
  weightDecay: 5e-4,
  schedule: 'linear',
  augment: 'none',
  labelSmoothing: 0,
  ema: 0,
} as const;

const CYCLE = { ...PLAIN, lr: 0.1, schedule: 'one-cycle' } as const;

/** Against learning the training images by heart, where a run is long enough to. */
const GUARDED = { augment: 'affine', labelSmoothing: 0.05, ema: 0.999 } as const;

/** From the quickest to the most accurate. README.md has their accuracies and times. */
export const PRESETS = {
  quick: { ...CYCLE, model: 'lenet', epochs: 1 },
  default: { ...CYCLE, model: 'lenet-bn', epochs: 4 },
  strong: { ...CYCLE, ...GUARDED, model: 'cnn-bn', epochs: 10 },
  best: { ...CYCLE, ...GUARDED, model: 'wide-cnn-bn', epochs: 20 },
} as const satisfies Readonly<Record<string, Recipe>>;

export type PresetName = keyof typeof PRESETS;

/** Images that a run sees from which on the presets' rates are right: those of one epoch of MNIST. */
const USUAL_IMAGES = 55_000;
const LEAST_RATE = 1 / 3;

/**
 * The highest rate of a recipe for a run that sees `images` images in all its epochs, each time counted.
 * In a short run `one-cycle` rises to its rate within a few steps, and at a high one the ReLUs of a network
 * may die on the way. So where there are fewer images than usual, the rate falls with the root of their
 * share, to a third at most, below which a few steps lead nowhere; to two digits, so that it can be given
 * as an option.
 */
export function rateFor({ lr, schedule }: Recipe, images: number): number {
  if (schedule !== 'one-cycle' || images >= USUAL_IMAGES) return lr;
  const share = Math.max(LEAST_RATE, Math.sqrt(images / USUAL_IMAGES));
  return Number((lr * share).toPrecision(2));
}

/** A network trained plainly: a few epochs, nothing changed of the images. */
export function plainRecipe(model: ModelName): Recipe {
  return { ...PLAIN, model };
}
