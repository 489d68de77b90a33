import type { Parameter } from '@unfold/core';
import { crossEntropy, type Layer } from '@unfold/nn';
import { randomAffine } from '../augment/affine.js';
import type { Augmentation } from '../augment/augmentation.js';
import type { BatchLoader, LoaderOptions } from '../data/batches.js';
import type { Dataset } from '../data/dataset.js';
import type { Normalization } from '../data/normalize.js';
import type { Loss } from '../fit/loss.js';
import type { FitOptions } from '../fit/options.js';
import { accuracy } from '../metrics/accuracy.js';
import { MODELS } from '../models.js';
import { EMA } from '../optim/ema.js';
import { LinearLR } from '../optim/schedules/linear.js';
import { OneCycleLR } from '../optim/schedules/one-cycle.js';
import type { LRScheduler } from '../optim/schedules/scheduler.js';
import { SGD } from '../optim/sgd.js';
import type { AugmentName, Recipe } from './recipe.js';

/** Batches that are only evaluated need no particular size. */
export const EVALUATION_BATCH = 250;
/** How far `one-cycle` moves the momentum either way; a smaller one than twice that, by its half. */
const MOMENTUM_SWING = 0.05;
const HIGHEST_MOMENTUM = 0.99;

/** Makes a loader: `DataLoader`, or one that gives the same batches. */
export type MakeLoader<Loader extends BatchLoader = BatchLoader> = (
  dataset: Dataset,
  options: LoaderOptions,
) => Loader | Promise<Loader>;

/** The data that a recipe is applied to. */
export interface RecipeData<Loader extends BatchLoader = BatchLoader> {
  readonly train: Dataset;
  readonly validation: Dataset;
  readonly normalization: Normalization;
  readonly makeLoader: MakeLoader<Loader>;
}

/** The options of `fit` that follow from a recipe; callbacks, signal and a state to resume come on top. */
export interface PreparedRun<Loader extends BatchLoader = BatchLoader> {
  readonly model: Layer;
  readonly options: FitOptions<'accuracy'> & {
    readonly train: Loader;
    readonly validation: Loader;
    readonly loss: Loss;
  };
}

/**
 * The model, optimiser, schedule and loaders of a recipe. All randomness is that of the global
 * streams: call `manualSeed` before.
 */
export async function prepareRun<Loader extends BatchLoader>(
  recipe: Recipe,
  data: RecipeData<Loader>,
): Promise<PreparedRun<Loader>> {
  const { train: images, validation, normalization, makeLoader } = data;
  const { batchSize, epochs, labelSmoothing, ema } = recipe;
  const augment = AUGMENTATIONS[recipe.augment]();
  const model = MODELS[recipe.model]();
  const train = await makeLoader(images, {
    batchSize,
    shuffle: true,
    normalization,
    ...(augment ? { augment } : {}),
  });
  const optimizer = optimizerOf(recipe, [...model.parameters()]);
  return {
    model,
    options: {
      train,
      validation: await makeLoader(validation, { batchSize: EVALUATION_BATCH, normalization }),
      epochs,
      optimizer,
      scheduler: { step: scheduleOf(recipe, optimizer, epochs * train.length) },
      // Validation measures what is wanted, not what training is told for its own good.
      loss: (output, { labels }) =>
        crossEntropy(output, labels, { labelSmoothing: model.training ? labelSmoothing : 0 }),
      metrics: { accuracy },
      ...(ema > 0 ? { ema: new EMA(model, { decay: ema, useBuffers: true }) } : {}),
    },
  };
}

const AUGMENTATIONS: Readonly<Record<AugmentName, () => Augmentation | null>> = {
  none: () => null,
  affine: () => randomAffine({ degrees: 10, translate: 0.1, scale: [0.9, 1.1], shear: 5 }),
};

function optimizerOf({ lr, momentum, weightDecay }: Recipe, parameters: Parameter[]): SGD {
  const weights = parameters.filter(({ ndim }) => ndim > 1);
  const others = parameters.filter(({ ndim }) => ndim <= 1);
  return new SGD(
    [
      { params: weights, weightDecay },
      { params: others, weightDecay: 0 },
    ],
    { lr, momentum, nesterov: momentum > 0 },
  );
}

function scheduleOf(
  { schedule, lr, momentum }: Recipe,
  optimizer: SGD,
  totalSteps: number,
): LRScheduler {
  if (schedule === 'linear') {
    return new LinearLR(optimizer, { startFactor: 1, endFactor: 0, totalIters: totalSteps });
  }
  // Nesterov's kind knows no momentum of 0.
  const swing = Math.min(MOMENTUM_SWING, momentum / 2);
  return new OneCycleLR(optimizer, {
    maxLr: lr,
    totalSteps,
    baseMomentum: momentum - swing,
    maxMomentum: Math.min(momentum + swing, HIGHEST_MOMENTUM),
  });
}
