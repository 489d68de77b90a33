import {
  argmax,
  ConfigError,
  DTypeError,
  elementsOf,
  type OptionRules,
  ShapeError,
  softmax,
  Tensor,
} from '@unfold/core';
import {
  checkedInUse,
  checkOptions,
  count as countRule,
  flag,
  requireTensor,
  valueText,
} from '@unfold/core/internal';
import { crossEntropy } from '@unfold/nn';
import { requireBatches, requireModel, requireSignal } from './arguments.js';
import {
  type AnyBatch,
  type Batch,
  inputsOf,
  targetsOf,
  tensorsIn,
  type WholeBatch,
} from './data/batch.js';
import type { Scores } from './fit/callback.js';
import { finiteLoss, lossOf } from './fit/loss.js';
import { checkMetrics, measure, type Metrics } from './fit/measure.js';
import type { FitOptions } from './fit/options.js';
import type { Batches } from './fit/source.js';
import type { InputsOf, Model } from './model.js';
import { f1Of } from './metrics/f1.js';
import { forEachOutput, type Showing } from './outputs.js';
import type { StopSignal } from './stop-signal.js';

/** How well a classifier tells one class from the others. Each is 0 where it would be 0 ÷ 0. */
export interface ClassScores {
  /** The part of the images taken for this class that is of it; 0 if none was taken for it. */
  readonly precision: number;
  /** The part of the images of this class that was taken for it; 0 if there is none. */
  readonly recall: number;
  /** The harmonic mean of precision and recall; 0 if both are. */
  readonly f1: number;
  /** Images of this class. */
  readonly support: number;
}

/** An image that was taken for another class than its own. */
export interface Mistake {
  /** Its place among the images as they came: without `shuffle` its index in the dataset. */
  readonly index: number;
  readonly label: number;
  /** The class that it was taken for. */
  readonly prediction: number;
  /** The softmax of its logits, a number for each class. */
  readonly probabilities: readonly number[];
}

/** How well a classifier does on some images. */
export interface Evaluation {
  /** The mean cross entropy. */
  readonly loss: number;
  /** `correct ÷ total`, 0…1. */
  readonly accuracy: number;
  /** Images whose largest logit is at their label; of equal logits the first counts. */
  readonly correct: number;
  /** Images looked at. */
  readonly total: number;
  /** `confusion[label][prediction]`: images of class `label` that were taken for `prediction`. */
  readonly confusion: readonly (readonly number[])[];
  /**
   * Of each class, as scikit-learn's `precision_recall_fscore_support` with all classes for `labels`
   * and `zero_division=0`.
   */
  readonly classes: readonly ClassScores[];
  /**
   * The means over all classes, each counting alike, however many images it has; `average='macro'`
   * there. One that neither occurs nor is predicted counts with 0.
   */
  readonly macro: Omit<ClassScores, 'support'>;
  /** The worst mistakes, those first whose label was given the least probability. */
  readonly mistakes: readonly Mistake[];
}

/** Options of `evaluate`. */
export interface EvaluateOptions {
  /** When it aborts, the evaluation ends with its reason. */
  readonly signal?: StopSignal;
  /** How many of the worst mistakes to keep. Default 0. */
  readonly mistakes?: number;
  /** Whether the model runs as a program: see `compile`. Default true. */
  readonly compile?: boolean;
}

/** Options of `evaluate` for a task of any kind: a loss, metrics, or both. */
export interface MeasureOptions<
  Metric extends string = never,
  B extends AnyBatch = Batch,
  Output = Tensor,
> extends Omit<EvaluateOptions, 'mistakes'> {
  /** As `fit` takes it. Default: none, and then no loss is measured. */
  readonly loss?: FitOptions<Metric, B, Output>['loss'];
  /** As `fit` takes them. */
  readonly metrics?: Metrics<Metric, NoInfer<B>, NoInfer<Output>>;
}

const OPTIONS: OptionRules<EvaluateOptions & MeasureOptions> = {
  signal: checkedInUse,
  mistakes: countRule,
  compile: flag,
  loss: checkedInUse,
  metrics: checkedInUse,
};

/**
 * Loss, accuracy, confusion matrix, and precision, recall and F1 of a classifier, in evaluation mode;
 * the modes of all its modules are as before afterwards. It holds one batch at a time.
 *
 * With a `loss` or `metrics`, these of a model of any kind instead, as `fit` measures them in validation.
 * @param model Inputs → logits `[N, classes]`.
 * @param data A loader, or any other source of batches `{ images, labels }` or `{ inputs, targets }`.
 * @throws ConfigError if there is no batch, over which no mean is defined; NonFiniteLossError, naming
 * the layer, when the loss is no finite number; ShapeError for other logits, or a label beyond them;
 * DTypeError for targets that are no integers; the reason of `signal` when that aborts.
 */
export async function evaluate<B extends AnyBatch = Batch>(
  model: Model<InputsOf<B>, Tensor>,
  data: Batches<B>,
  options?: EvaluateOptions & { readonly loss?: undefined; readonly metrics?: undefined },
): Promise<Evaluation>;
export async function evaluate<
  Metric extends string = never,
  B extends AnyBatch = Batch,
  Output = Tensor,
>(
  model: Model<InputsOf<B>, Output>,
  data: Batches<B>,
  options: MeasureOptions<Metric, B, Output> & { readonly loss: object },
): Promise<Scores<Metric>>;
export async function evaluate<
  Metric extends string = never,
  B extends AnyBatch = Batch,
  Output = Tensor,
>(
  model: Model<InputsOf<B>, Output>,
  data: Batches<B>,
  options: MeasureOptions<Metric, B, Output>,
): Promise<Readonly<Record<Metric, number>>>;
export async function evaluate(
  model: unknown,
  data: unknown,
  options: object = {},
): Promise<unknown> {
  requireModel('evaluate', model);
  requireBatches('evaluate', data);
  checkOptions<EvaluateOptions & MeasureOptions>('evaluate', options, OPTIONS);
  // As the types above say.
  const given = options as EvaluateOptions & MeasureOptions<string, AnyBatch, unknown>;
  const { signal, mistakes, compile: isCompiled = true, loss, metrics } = given;
  requireSignal('evaluate: signal', signal);
  if (loss === undefined && metrics === undefined) {
    return evaluateClasses(
      { operation: 'evaluate', where: 'evaluate', model, data, signal, isCompiled },
      mistakes ?? 0,
    );
  }
  if (mistakes !== undefined) {
    throw new ConfigError(
      'evaluate: mistakes: expected no loss and no metrics beside it: mistakes are those of a ' +
        'classifier, which is evaluated without both',
    );
  }
  checkMetrics('evaluate', metrics);
  return measure({
    operation: 'evaluate',
    where: 'evaluate',
    model,
    data,
    loss: loss === undefined ? null : lossOf('evaluate', loss),
    metrics: metrics ?? {},
    signal,
    isCompiled,
  });
}

/** @param wanted How many mistakes to keep. */
async function evaluateClasses(showing: Showing, wanted: number): Promise<Evaluation> {
  const { model } = showing;
  let lossSum = 0;
  const confusion: number[][] = [];
  let mistakes: Mistake[] = [];
  const total = await forEachOutput(showing, (output, batch, first) => {
    const { logits, targets } = checked(output, batch);
    const loss = crossEntropy(logits, targets, { reduction: 'sum' });
    lossSum += finiteLoss('evaluate', model, inputsOf(batch), loss);
    const predictions = argmax(logits, { axis: 1 }).toTypedArray();
    const probabilities = wanted > 0 ? softmax(logits).toTypedArray() : null;
    const labels = elementsOf(targets);
    const classes = logits.shape[1];
    if (confusion.length === 0) {
      for (let c = 0; c < classes; c++) confusion.push(new Array<number>(classes).fill(0));
    }
    count(confusion, labels, predictions);
    if (!probabilities) return;
    mistakes = worst(
      [...mistakes, ...mistakesIn({ labels, predictions, probabilities, first })],
      wanted,
    );
  });
  return { loss: lossSum / total, ...scores(confusion), mistakes };
}

/** The logits and the classes of a batch. */
function checked(
  output: unknown,
  batch: WholeBatch<AnyBatch>,
): { readonly logits: Tensor; readonly targets: Tensor } {
  const mend = '; give evaluate a loss, metrics or both for what is no classifier';
  requireTensor('evaluate', "the model's output", output);
  if (output.ndim !== 2) {
    const inputs = tensorsIn(inputsOf(batch)).map((tensor) => tensor.describe());
    throw new ShapeError(
      `evaluate: expected logits [N, classes] for ${inputs.join(' and ')}, got ` +
        `${output.describe()}${mend}`,
    );
  }
  const targets = targetsOf(batch);
  if (targets instanceof Tensor && (targets.dtype === 'int32' || targets.dtype === 'uint8')) {
    return { logits: output, targets };
  }
  throw new DTypeError(
    `evaluate: expected integer targets, the classes, got ${valueText(targets)}${mend}`,
  );
}

/** @param batch.first The place of the batch's first image among all. */
function mistakesIn({
  labels,
  predictions,
  probabilities,
  first,
}: {
  readonly labels: ArrayLike<number>;
  readonly predictions: ArrayLike<number>;
  readonly probabilities: ArrayLike<number>;
  readonly first: number;
}): Mistake[] {
  const classes = probabilities.length / labels.length;
  return Array.from(labels).flatMap((label, i) => {
    const prediction = predictions[i];
    if (prediction === label) return [];
    const own = Array.from({ length: classes }, (_, c) => probabilities[i * classes + c]);
    return [{ index: first + i, label, prediction, probabilities: own }];
  });
}

/** The first `count` of them, the least probable label first. */
function worst(mistakes: readonly Mistake[], count: number): Mistake[] {
  const ofLabel = ({ label, probabilities }: Mistake): number => probabilities[label];
  return [...mistakes].sort((a, b) => ofLabel(a) - ofLabel(b) || a.index - b.index).slice(0, count);
}

function count(
  confusion: readonly number[][],
  labels: ArrayLike<number>,
  predictions: ArrayLike<number>,
): void {
  for (let i = 0; i < labels.length; i++) {
    // The cross entropy checked that the labels are classes.
    const row = confusion[labels[i]];
    const prediction = predictions[i];
    row[prediction] = row[prediction] + 1;
  }
}

/** All that follows from a confusion matrix `[label][prediction]`. */
function scores(confusion: readonly (readonly number[])[]): Omit<Evaluation, 'loss' | 'mistakes'> {
  const classes = confusion.map((row, c) => {
    const hits = row[c];
    const support = sum(row);
    const predicted = sum(confusion.map((other) => other[c]));
    return {
      precision: ratio(hits, predicted),
      recall: ratio(hits, support),
      f1: f1Of(hits, predicted, support),
      support,
    };
  });
  const total = sum(classes.map(({ support }) => support));
  const correct = sum(confusion.map((row, c) => row[c]));
  const mean = (values: readonly number[]): number => sum(values) / values.length;
  return {
    accuracy: correct / total,
    correct,
    total,
    confusion,
    classes,
    macro: {
      precision: mean(classes.map(({ precision }) => precision)),
      recall: mean(classes.map(({ recall }) => recall)),
      f1: mean(classes.map(({ f1 }) => f1)),
    },
  };
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
