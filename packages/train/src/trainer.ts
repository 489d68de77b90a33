import { argmax, ConfigError, Scope, Tape, Tensor, UnfoldError } from '@unfold/core';
import { crossEntropy, type Layer, type Module } from '@unfold/nn';
import type { Batch, BatchLoader } from './data/index.js';
import type { SGD } from './optim/sgd.js';

/** The loss stopped being finite. The run ended before it could be saved. */
export class NonFiniteLossError extends UnfoldError {
  override name = 'NonFiniteLossError';
}

/** How well a classifier does on a loader's images. */
export interface Evaluation {
  /** The mean cross entropy. */
  readonly loss: number;
  /** Images whose largest logit is at their label. */
  readonly correct: number;
  /** Images looked at. */
  readonly total: number;
}

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

/**
 * As much of an `AbortSignal` as training looks at: naming that type would ask every user's project
 * for the browser's or Node's declarations.
 */
export interface StopSignal {
  /** Whether to stop. */
  readonly aborted: boolean;
  /** What `throwIfAborted` throws. */
  readonly reason: unknown;
  /** Throws the reason if `aborted`. */
  throwIfAborted(): void;
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
    const where = `validation after step ${step} (epoch ${epoch})`;
    let evaluation: Evaluation;
    try {
      evaluation = await evaluate(model, validation, where, signal);
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

/**
 * Loss and accuracy of a classifier, in evaluation mode; the modes of all its modules are as before
 * afterwards.
 * @throws NonFiniteLossError, naming the layer, when the loss is no finite number; the reason of
 * `signal` when that aborts.
 */
export async function evaluateClassifier(
  model: Layer,
  loader: BatchLoader,
  signal?: StopSignal,
): Promise<Evaluation> {
  return evaluate(model, loader, 'evaluateClassifier', signal);
}

async function evaluate(
  model: Layer,
  loader: BatchLoader,
  where: string,
  signal: StopSignal | undefined,
): Promise<Evaluation> {
  const modes = [...modules(model)].map(({ module }) => ({ module, mode: module.training }));
  model.eval();
  try {
    let loss = 0;
    let correct = 0;
    let total = 0;
    for await (const { images, labels, size } of loader) {
      signal?.throwIfAborted();
      using scope = new Scope();
      void scope;
      const logits = model.forward(images);
      const batchLoss = crossEntropy(logits, labels, { reduction: 'sum' }).item();
      if (!Number.isFinite(batchLoss)) {
        throw new NonFiniteLossError(
          `${where}: the loss is ${batchLoss}; ${findNonFinite(model, images)}`,
        );
      }
      loss += batchLoss;
      correct += countCorrect(logits, labels);
      total += size;
    }
    return { loss: loss / total, correct, total };
  } finally {
    // A module's mode becomes that of all inside it too, so those come later.
    for (const { module, mode } of modes) module.train(mode);
  }
}

/** The model and all modules inside it, each before those inside it, with their paths. */
function* modules(module: Module, path = ''): Iterable<{ module: Module; path: string }> {
  yield { module, path };
  for (const [name, child] of module.namedChildren()) {
    yield* modules(child, path ? `${path}.${name}` : name);
  }
}

/** How many rows of logits `[N, C]` are largest at their label. */
function countCorrect(logits: Tensor, labels: Tensor): number {
  const predictions = argmax(logits, { axis: 1 }).data;
  let correct = 0;
  labels.data.forEach((label, i) => {
    if (predictions[i] === label) correct++;
  });
  return correct;
}

/** Says in which parameter, or after which layer, values are not finite: runs the model again. */
function findNonFinite(model: Layer, images: Tensor): string {
  for (const [name, parameter] of model.namedParameters()) {
    if (!isFinite(parameter)) return `${name} holds values that are not finite`;
  }
  if (!isFinite(images)) return 'the images hold values that are not finite';
  let found: string | undefined;
  const restore: (() => void)[] = [];
  try {
    for (const { module, path } of modules(model)) {
      if (!hasForward(module)) continue;
      const own = Object.getOwnPropertyDescriptor(module, 'forward');
      const forward = module.forward.bind(module);
      module.forward = (...inputs) => {
        const out = forward(...inputs);
        if (out instanceof Tensor && !isFinite(out)) found ??= path;
        return out;
      };
      restore.push(() => {
        // Without an own property, the class's method is back.
        if (own) Object.defineProperty(module, 'forward', own);
        else Reflect.deleteProperty(module, 'forward');
      });
    }
    using scope = new Scope();
    void scope;
    model.forward(images);
  } finally {
    for (const undo of restore.reverse()) undo();
  }
  if (found === undefined) {
    return 'every layer gives finite values, but their cross entropy is not finite';
  }
  return found === ''
    ? "the model's output is not finite"
    : `layer ${found} is the first whose output is not finite`;
}

interface WithForward extends Module {
  forward(...inputs: readonly unknown[]): unknown;
}

function hasForward(module: Module): module is WithForward {
  return 'forward' in module && typeof module.forward === 'function';
}

function isFinite(tensor: Tensor): boolean {
  return tensor.data.every(Number.isFinite);
}
