import { Conv2d, Flatten, Linear, ReLU, Sequential } from '@unfold/nn';
import { Dataset, type Evaluation } from '@unfold/train';
import { RunLog, trainingRecord, type TrainingRecord } from '@unfold/monitor';
import type {
  EpochReport,
  StepReport,
  TrainingRun,
} from '../../../packages/train/src/fit/callback.js';

/** A report of a step, made up of what a test is about. */
export function stepReport(step: number, changes: Partial<StepReport> = {}): StepReport {
  return {
    step,
    epoch: 1,
    stepInEpoch: step,
    loss: 2 / step,
    size: 4,
    lr: 0.1,
    gradNorm: null,
    milliseconds: 1,
    ...changes,
  };
}

export function epochReport(epoch: number, changes: Partial<EpochReport> = {}): EpochReport {
  return {
    epoch,
    train: { loss: 0.5 / epoch, accuracy: 1 - 0.125 / epoch },
    validation: { loss: 0.75 / epoch, accuracy: 1 - 0.0625 / epoch },
    lr: 0.1 / epoch,
    seconds: 2,
    images: 3001,
    ...changes,
  };
}

/** A run of `fit` as a callback sees it. */
export function trainingRun(changes: Partial<TrainingRun> = {}): TrainingRun {
  const model = smallModel();
  return {
    model,
    // Nothing that is tested here asks for it.
    get optimizer(): never {
      throw new Error('no optimizer');
    },
    ema: null,
    epochs: 2,
    stepsPerEpoch: 10,
    epoch: 1,
    step: 0,
    stepInEpoch: 0,
    history: [],
    stop: () => {},
    ...changes,
  };
}

/** Images of 4×5 pixels in three classes, the weights known. */
export function smallModel(): Sequential {
  const conv = new Conv2d(1, 2, [2, 3]);
  conv.weight.update((data) => data.set([1, 0, 0, 0, 0, -1, 0.5, 0.5, 0, 0, 0, 0]));
  conv.bias?.update((data) => data.set([0, -10]));
  return new Sequential(conv, new ReLU(), new Flatten(), new Linear(18, 3));
}

/** Four such images: image i holds 20·i, 20·i + 1, … */
export const smallDataset = (): Dataset =>
  Dataset.fromArrays({
    images: Uint8Array.from({ length: 80 }, (_, i) => i),
    shape: [1, 4, 5],
    labels: [0, 1, 2, 1],
    classes: 3,
  });

/** Of `smallDataset`: a 1 is taken for a 2. */
export const EVALUATION: Evaluation = {
  loss: 0.25,
  accuracy: 0.75,
  correct: 3,
  total: 4,
  confusion: [
    [1, 0, 0],
    [0, 1, 1],
    [0, 0, 1],
  ],
  classes: [
    { precision: 1, recall: 1, f1: 1, support: 1 },
    { precision: 1, recall: 0.5, f1: 2 / 3, support: 2 },
    { precision: 0.5, recall: 1, f1: 2 / 3, support: 1 },
  ],
  macro: { precision: 2.5 / 3, recall: 2.5 / 3, f1: 7 / 9 },
  mistakes: [{ index: 3, label: 1, prediction: 2, probabilities: [0.001, 0.249, 0.75] }],
};

/** A record of a run of `steps` steps and `epochs` epochs, with something changed. */
export function trainingRecordOf(
  { steps = 40, epochs = 2 }: { readonly steps?: number; readonly epochs?: number } = {},
  changes: Partial<TrainingRecord> = {},
): TrainingRecord {
  const log = new RunLog();
  for (let step = 1; step <= steps; step++) {
    const noise = 1 + 0.5 * Math.sin(step * step);
    log.onStepEnd(
      stepReport(step, { loss: (2 * noise) / step, lr: 0.1 / step, gradNorm: 3 * noise }),
    );
  }
  for (let epoch = 1; epoch <= epochs; epoch++) log.onEpochEnd(epochReport(epoch));
  const record = trainingRecord({
    title: 'A small run',
    model: smallModel(),
    log,
    evaluation: EVALUATION,
    dataset: smallDataset(),
    seconds: 61.25,
    configuration: [
      ['model', 'small'],
      ['seed', '7'],
    ],
    command: 'npm run train:mnist -- --seed 7',
  });
  return { ...record, ...changes };
}
