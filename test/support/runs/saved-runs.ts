import { manualSeed, tensor, type Tensor } from '@unfold/core';
import {
  BatchNorm2d,
  Conv2d,
  Dropout,
  Flatten,
  Linear,
  MaxPool2d,
  ReLU,
  Sequential,
} from '@unfold/nn';
import {
  accuracy,
  AdamW,
  type Batch,
  type BatchLoader,
  DataLoader,
  EarlyStopping,
  EMA,
  type FitOptions,
  OneCycleLR,
  randomAffine,
  type RunState,
  StepLR,
} from '@unfold/train';
import { CLASSES, stripes } from './stripes.js';

export type Options = FitOptions<'accuracy'> & {
  readonly train: BatchLoader;
  readonly validation?: Iterable<Batch> | AsyncIterable<Batch>;
};

/** A run with everything that has a state: dropout, running means, averages, schedules, a watch. */
export function everything(): { model: Sequential; options: Options } {
  manualSeed(5);
  const model = new Sequential(
    new Conv2d(1, 3, 3),
    new BatchNorm2d(3),
    new ReLU(),
    new MaxPool2d(2),
    new Flatten(),
    new Dropout(0.3),
    new Linear(12, CLASSES),
  );
  const optimizer = new AdamW(model.parameters(), { lr: 0.02 });
  const train = new DataLoader(stripes(50), {
    batchSize: 8,
    shuffle: true,
    augment: randomAffine({ translate: 0.1 }),
  });
  return {
    model,
    options: {
      train,
      // Its order is drawn from the stream that training draws from too.
      validation: new DataLoader(stripes(30, 2), { batchSize: 10, shuffle: true }),
      epochs: 4,
      optimizer,
      scheduler: {
        step: new OneCycleLR(optimizer, { maxLr: 0.02, totalSteps: 16 }),
        epoch: new StepLR(optimizer, { stepSize: 2, gamma: 0.9 }),
      },
      metrics: { accuracy },
      ema: new EMA(model, { decay: 0.8 }),
      clipGradNorm: 1,
      accumulate: 2,
      callbacks: [new EarlyStopping({ monitor: 'accuracy', mode: 'max', patience: 9 })],
    },
  };
}

/** A state as a file would hold it. */
export type Saved = { readonly tensors: ReadonlyMap<string, unknown>; readonly json: string };

/** A copy of a state as a file would hold it. */
export function copyOf({ tensors, json }: RunState): Saved {
  return {
    tensors: new Map(
      [...tensors].map(([name, own]) => [
        name,
        { values: own.toTypedArray(), shape: own.shape, dtype: own.dtype },
      ]),
    ),
    json: JSON.stringify(json),
  };
}

export function stateOf({ tensors, json }: Saved): RunState {
  const made = [...tensors].map(([name, stored]) => {
    const { values, shape, dtype } = stored as Pick<Tensor, 'shape' | 'dtype'> & {
      values: Float32Array;
    };
    return [name, tensor(values, shape, { dtype })] as const;
  });
  return { tensors: new Map(made), json: JSON.parse(json) as RunState['json'] };
}
