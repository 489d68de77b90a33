import { tensor } from '@unfold/core';
import type { Layer } from '@unfold/nn';
import { SGD } from '@unfold/train';
import type {
  Callback,
  EpochReport,
  TrainingRun,
} from '../../../packages/train/src/fit/callback.js';

/** A run whose numbers follow from its steps, for callbacks to look at. */
export interface Play {
  readonly model: Layer;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  /** Steps that are done when it begins. Default 0. */
  readonly from?: number;
  /** The step after which the process dies: nothing is called any more. */
  readonly dies?: number;
  /** The step after which the run ends by an error. */
  readonly fails?: number;
  /** Default true. */
  readonly validation?: boolean;
  readonly gradNorm?: boolean;
  /** Sets the gradients. Default: those of step s are all s / 1000. */
  readonly gradients?: () => void;
}

/** The training loss of a step. */
export const lossAt = (step: number): number => 2 / Math.sqrt(step) + ((step * 7) % 5) / 20;
/** The training scores of an epoch. */
export const trainAt = (epoch: number) => ({ loss: 1 / epoch, accuracy: 1 - 0.3 / epoch });
/** The validation scores of an epoch. */
export const validationAt = (epoch: number) => ({
  loss: 1.25 / epoch,
  accuracy: 1 - 0.4 / epoch,
});

/** Calls a callback as `fit` does, without training. Weights grow a little at each step. */
export async function play(callback: Callback, options: Play): Promise<void> {
  const { model, epochs, stepsPerEpoch, dies = Infinity, validation = true } = options;
  const optimizer = new SGD(model.parameters(), { lr: 0.1 });
  const history: EpochReport[] = [];
  let step = options.from ?? 0;
  let epoch = Math.floor(step / stepsPerEpoch) + 1;
  const run: TrainingRun = {
    model,
    optimizer,
    ema: null,
    epochs,
    stepsPerEpoch,
    history,
    get epoch() {
      return epoch;
    },
    get step() {
      return step;
    },
    get stepInEpoch() {
      return step - (epoch - 1) * stepsPerEpoch;
    },
    stop() {},
  };
  const steps = async (): Promise<void> => {
    await callback.onTrainBegin?.(run);
    for (; epoch <= epochs; epoch++) {
      while (step < epoch * stepsPerEpoch) {
        if (options.gradients) options.gradients();
        else
          for (const parameter of model.parameters()) {
            parameter.grad ??= tensor(new Float32Array(parameter.size), parameter.shape);
            const value = (step + 1) / 1000;
            parameter.grad.update((data) => data.fill(value));
          }
        callback.onGradients?.(run);
        for (const parameter of model.parameters()) {
          parameter.update((data) => {
            for (let i = 0; i < data.length; i++) {
              data[i] = (data[i] as number) * 1.01;
            }
          });
        }
        step++;
        const report = {
          step,
          epoch,
          stepInEpoch: step - (epoch - 1) * stepsPerEpoch,
          loss: lossAt(step),
          size: 64,
          lr: 0.1 / step,
          gradNorm: options.gradNorm ? step / 4 : null,
          milliseconds: 3,
        };
        await callback.onStepEnd?.(report, run);
        if (step === dies) return;
        if (step === options.fails) throw new Error('the run failed');
      }
      const report = {
        epoch,
        train: trainAt(epoch),
        validation: validation ? validationAt(epoch) : null,
        lr: 0.1 / step,
        seconds: 1,
        images: 64 * stepsPerEpoch,
      };
      history.push(report);
      await callback.onEpochEnd?.(report, run);
    }
    epoch = epochs;
    await callback.onTrainEnd?.({ finished: true, stopped: null, history, steps: step }, run);
  };
  try {
    await steps();
  } catch (error) {
    await callback.onError?.(error, run);
    throw error;
  }
}
