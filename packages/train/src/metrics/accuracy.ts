import { ConfigError, elementsOf, ShapeError, type Tensor } from '@unfold/core';
import { checkValue, positiveCount } from '@unfold/core/internal';
import { classified, predictionsOf } from './classes.js';
import type { Compared } from './metric.js';

/**
 * The part of the examples whose largest logit is at their label, 0…1; of equal logits the first counts.
 * As scikit-learn's `accuracy_score` of the predicted classes. Where an example has many places, as in
 * segmentation, the part of all places.
 * @param output Logits `[B, classes]` or `[B, classes, …]`; or a single one of the second of two classes,
 * `[B]` or `[B, 1]`, which stands for it where it is above 0.
 * @param batch Its targets, or labels, are whole numbers from 0: `[B]` or `[B, …]`.
 * @throws ShapeError or DTypeError for other tensors, or a label beyond the classes.
 */
export function accuracy(output: Tensor, batch: Compared): number {
  const found = classified('accuracy', output, batch);
  const predictions = predictionsOf(found);
  const { labels } = found;
  let correct = 0;
  for (let i = 0; i < labels.length; i++) if (predictions[i] === labels[i]) correct++;
  return correct / labels.length;
}

/**
 * A metric: the part of the examples whose label is at one of the `k` largest logits, 0…1. As
 * scikit-learn's `top_k_accuracy_score`, but that of equal logits the first counts, so that `topK(1)` is
 * `accuracy`.
 * @param k At least 1, and less than there are classes: else the figure would always be 1.
 * @returns A function of logits `[B, classes]` and a batch with labels `[B]`; it throws ShapeError or
 * DTypeError for other tensors, or a label beyond the classes, and ConfigError for too few classes.
 * @throws ConfigError for another k.
 */
export function topK(k: number): (output: Tensor, batch: Compared) => number {
  checkValue('topK: k, as in topK(5),', positiveCount, k);
  return (output, batch) => {
    const { logits, classes, isSingle, labels } = classified('topK', output, batch);
    if (logits.ndim !== 2 || isSingle) {
      throw new ShapeError(`topK: expected logits [B, classes], got ${output.describe()}`);
    }
    if (k >= classes) {
      throw new ConfigError(
        `topK: expected more than k = ${k} classes, got ${classes}: each label would be among them`,
      );
    }
    const elements = elementsOf(logits);
    let correct = 0;
    for (let i = 0; i < labels.length; i++) {
      if (rankOf(elements, i * classes, classes, labels[i]) < k) correct++;
    }
    return correct / labels.length;
  };
}

/** How many of the `classes` logits from `start` on come before that of `label`; all, where it is NaN. */
function rankOf(logits: ArrayLike<number>, start: number, classes: number, label: number): number {
  const own = logits[start + label];
  let before = 0;
  for (let c = 0; c < classes; c++) {
    const other = logits[start + c];
    // As for argmax, NaN is above every number.
    if (c !== label && (!(other <= own) || (other === own && c < label))) before++;
  }
  return before;
}
