import { LeNet, SGD } from '@unfold/train';
import type {
  Callback,
  EpochReport,
  Scores,
  StepReport,
  TrainingRun,
} from '../../../packages/train/src/fit/callback.js';

/** What a run by hand shows its callbacks. */
export type FakeRun = { -readonly [K in keyof TrainingRun]: TrainingRun[K] } & {
  history: EpochReport[];
  stepsPerEpoch: number;
};

/** A run in which nothing happens by itself. */
export function fakeRun(epochs: number, stepsPerEpoch: number, step = 0): FakeRun {
  const model = new LeNet();
  return {
    model,
    optimizer: new SGD(model.parameters(), { lr: 0.1 }),
    ema: null,
    epochs,
    stepsPerEpoch,
    epoch: Math.floor(step / stepsPerEpoch) + 1,
    step,
    get stepInEpoch() {
      return this.step - (this.epoch - 1) * this.stepsPerEpoch;
    },
    history: [],
    stop() {},
  };
}

/** An epoch of 55,000 images in 4 s. */
export function epochReport(
  epoch: number,
  train: Scores,
  validation: Scores | null,
  others: Partial<EpochReport> = {},
): EpochReport {
  return { epoch, train, validation, lr: 0.05, seconds: 4, images: 55_000, ...others };
}

/** Ends a step of 64 images. */
export async function endStep(callback: Callback, run: FakeRun, loss = 0.12345): Promise<void> {
  run.step++;
  const report: StepReport = {
    step: run.step,
    epoch: run.epoch,
    stepInEpoch: run.stepInEpoch,
    loss,
    size: 64,
    lr: 0.05,
    gradNorm: null,
    milliseconds: 4,
  };
  await callback.onStepEnd?.(report, run);
}

/** Ends an epoch, and begins the next one if there is one. */
export async function endEpoch(
  callback: Callback,
  run: FakeRun,
  report: EpochReport,
): Promise<void> {
  run.history.push(report);
  await callback.onEpochEnd?.(report, run);
  run.epoch++;
  if (run.epoch <= run.epochs) await callback.onEpochBegin?.(run);
}
