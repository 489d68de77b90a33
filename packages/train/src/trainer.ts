import { ConfigError, Tape } from '@unfold/core';
import { crossEntropy, type Layer } from '@unfold/nn';
import type { Batch, BatchLoader } from './data/index.js';
import { evaluate, type Evaluation } from './evaluate.js';
import { findNonFinite, NonFiniteLossError } from './non-finite.js';
import type { SGD } from './optim/sgd.js';
import type { StopSignal } from './stop-signal.js';

/** What is known when a step has ended. */
export interface StepReport {
  /** Counts from 1 over the whole run. */
  readonly step: number;
  /** Counts from 1. */
  readonly epoch: number;
  /** Steps of this epoch that are done. */
  readonly stepInEpoch: number;
  /** The batch's mean cross entropy, before the step's update. */
  readonly loss: number;
  /** Images in the batch. */
  readonly size: number;
  /** Milliseconds of forward, backward and update; the batch's loading is not counted. */
  readonly milliseconds: number;
}

/** What is known when an epoch has ended. */
export interface EpochReport {
  /** Counts from 1. */
  readonly epoch: number;
  /** The mean over the epoch's images, each as the model was when it saw them. */
  readonly trainLoss: number;
  /** On the validation images, after the epoch. */
  readonly validation: Evaluation;
  /** Of training, without validation. */
  readonly seconds: number;
  /** Images trained on. */
  readonly images: number;
}

/** What `trainClassifier` needs. */
export interface TrainOptions {
  /** Images `[N, C, H, W]` → logits `[N, classes]`. */
  readonly model: Layer;
  /** Made over the parameters that are to change. */
  readonly optimizer: SGD;
  /** What is learnt from. */
  readonly train: BatchLoader;
  /** What each epoch is measured on. */
  readonly validation: BatchLoader;
  /** At least 1. */
  readonly epochs: number;
  /** The learning rate of a step, of which `steps` there are in the run. */
  readonly learningRate: (step: number, steps: number) => number;
  /** Called after each step. */
  readonly onStep?: (report: StepReport) => void;
  /** Called after each epoch, and waited for. */
  readonly onEpoch?: (report: EpochReport) => void | Promise<void>;
  /** When it aborts, training stops after the step in hand. */
  readonly signal?: StopSignal;
}

/** How a run ended. */
export interface TrainResult {
  /** False where `signal` stopped it early. */
  readonly finished: boolean;
  /** The epochs that ended. */
  readonly epochs: readonly EpochReport[];
  /** Steps done. */
  readonly steps: number;
}

/**
 * Trains a classifier with cross entropy, and validates it after each epoch.
 * @throws NonFiniteLossError, naming step and layer, when a loss is no finite number; ConfigError
 * if there is no epoch to train.
 */
export async function trainClassifier(options: TrainOptions): Promise<TrainResult> {
  const { model, optimizer, train, validation, epochs, signal } = options;
  if (!Number.isSafeInteger(epochs) || epochs < 1) {
    throw new ConfigError(`trainClassifier: epochs: expected an integer from 1, got ${epochs}`);
  }
  const totalSteps = epochs * train.length;
  const reports: EpochReport[] = [];
  let step = 0;
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const begin = performance.now();
    let lossSum = 0;
    let images = 0;
    let stepInEpoch = 0;
    model.train();
    for await (const batch of train) {
      if (signal?.aborted) return { finished: false, epochs: reports, steps: step };
      const stepBegin = performance.now();
      optimizer.lr = options.learningRate(step, totalSteps);
      step++;
      const loss = trainStep(model, optimizer, batch, `step ${step} (epoch ${epoch})`);
      lossSum += loss * batch.size;
      images += batch.size;
      stepInEpoch++;
      const milliseconds = performance.now() - stepBegin;
      options.onStep?.({ step, epoch, stepInEpoch, loss, size: batch.size, milliseconds });
    }
    const seconds = (performance.now() - begin) / 1000;
    let evaluation: Evaluation;
    try {
      evaluation = await evaluate(model, validation, signal ? { signal } : {});
    } catch (error) {
      if (!signal?.aborted || error !== signal.reason) throw error;
      return { finished: false, epochs: reports, steps: step };
    }
    const report = {
      epoch,
      trainLoss: lossSum / images,
      validation: evaluation,
      seconds,
      images,
    };
    reports.push(report);
    await options.onEpoch?.(report);
    if (signal?.aborted) return { finished: false, epochs: reports, steps: step };
  }
  return { finished: true, epochs: reports, steps: step };
}

/** One step on one batch. @returns The loss before the update. */
function trainStep(model: Layer, optimizer: SGD, { images, labels }: Batch, where: string): number {
  using tape = new Tape();
  const loss = crossEntropy(model.forward(images), labels);
  const value = loss.item();
  if (!Number.isFinite(value)) {
    throw new NonFiniteLossError(
      `${where}: the loss is ${value}; ${findNonFinite(model, images)}. A smaller learning rate ` +
        'usually helps',
    );
  }
  optimizer.zeroGrad();
  tape.backward(loss);
  optimizer.step();
  return value;
}
