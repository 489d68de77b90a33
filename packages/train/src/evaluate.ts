import {
  argmax,
  elementsOf,
  type OptionRules,
  ShapeError,
  softmax,
  type Tensor,
} from '@unfold/core';
import {
  checkedInUse,
  checkOptions,
  count as countRule,
  flag,
  requireTensor,
} from '@unfold/core/internal';
import { crossEntropy, type Layer } from '@unfold/nn';
import { requireBatches, requireModel, requireSignal } from './arguments.js';
import type { Batch } from './data/batch.js';
import { finiteLoss } from './fit/measure.js';
import { forEachOutput } from './outputs.js';
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

const OPTIONS: OptionRules<EvaluateOptions> = {
  signal: checkedInUse,
  mistakes: countRule,
  compile: flag,
};

/**
 * Loss, accuracy, confusion matrix, and precision, recall and F1 of a classifier, in evaluation mode;
 * the modes of all its modules are as before afterwards. It holds one batch at a time.
 * @param model Images `[N, C, H, W]` → logits `[N, classes]`.
 * @param data A loader, or any other source of batches.
 * @throws ConfigError if there is no batch, over which no mean is defined; NonFiniteLossError, naming
 * the layer, when the loss is no finite number; ShapeError for other logits, or a label beyond them;
 * the reason of `signal` when that aborts.
 */
export async function evaluate(
  model: Layer,
  data: AsyncIterable<Batch> | Iterable<Batch>,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  requireModel('evaluate', model);
  requireBatches('evaluate', data);
  checkOptions('evaluate', options, OPTIONS);
  const { signal, mistakes: wanted = 0, compile: isCompiled = true } = options;
  requireSignal('evaluate: signal', signal);
  let lossSum = 0;
  const confusion: number[][] = [];
  let mistakes: Mistake[] = [];
  const showing = { operation: 'evaluate', where: 'evaluate', model, data, signal, isCompiled };
  const total = await forEachOutput(showing, (logits, batch, first) => {
    const classes = classesOf(logits, batch);
    const loss = crossEntropy(logits, batch.labels, { reduction: 'sum' });
    lossSum += finiteLoss('evaluate', model, batch, loss);
    const predictions = argmax(logits, { axis: 1 }).toTypedArray();
    const probabilities = wanted > 0 ? softmax(logits).toTypedArray() : null;
    const labels = elementsOf(batch.labels);
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

/** The number of classes that a model tells apart, from its output for a batch. */
function classesOf(logits: Tensor, { images }: Batch): number {
  requireTensor('evaluate', "the model's output", logits);
  const [, classes] = logits.shape;
  if (logits.ndim !== 2 || classes === undefined) {
    throw new ShapeError(
      `evaluate: expected logits [N, classes] for ${images.describe()}, got ${logits.describe()}`,
    );
  }
  return classes;
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
      f1: ratio(2 * hits, predicted + support),
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
