import {
  argmax,
  DTypeError,
  elementsOf,
  formatShape,
  Scope,
  ShapeError,
  type Tensor,
} from '@unfold/core';
import { requireFloat, sameShape } from '@unfold/core/internal';
import { type Compared, requireTargets } from './metric.js';

/** What a classifier made of a batch, beside what is right. */
export interface Classified {
  readonly logits: Tensor;
  /** How many classes are told apart: as many as there are logits, and 2 by a single one. */
  readonly classes: number;
  /** Whether there is a single logit, of the second of two classes. */
  readonly isSingle: boolean;
  /** The class of each example, or of each place where an example has several. */
  readonly labels: ArrayLike<number>;
}

/**
 * The logits and labels of a batch, checked.
 * @param output Logits `[B, classes]` or `[B, classes, …]`; or a single one of the second of two classes,
 * `[B]` or `[B, 1, …]`.
 * @param batch Its targets, or labels, are whole numbers from 0: `[B]` or `[B, …]`, or of the shape of
 * single logits.
 * @throws ConfigError for what is no batch, DTypeError and ShapeError for other tensors, each with what was
 * expected.
 */
export function classified(metric: string, output: Tensor, batch: Compared): Classified {
  const targets = requireTargets(metric, output, batch);
  requireFloat(metric, output);
  const [examples, logits = 1, ...places] = output.shape;
  if (output.ndim === 0 || logits === 0) {
    throw new ShapeError(
      `${metric}: expected logits [B, classes], or [B] or [B, 1] of two classes, got ${output.describe()}`,
    );
  }
  const expected = [examples, ...places];
  const isSingle = logits === 1;
  if (
    !sameShape(targets.shape, expected) &&
    !(isSingle && sameShape(targets.shape, output.shape))
  ) {
    throw new ShapeError(
      `${metric}: logits ${formatShape(output.shape)} expect labels ${formatShape(expected)}, got ` +
        targets.describe(),
    );
  }
  const classes = isSingle ? 2 : logits;
  const labels = elementsOf(targets);
  if (labels.length === 0) {
    throw new ShapeError(
      `${metric}: expected at least one example, got logits ${output.describe()}`,
    );
  }
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i];
    if (!Number.isInteger(label)) {
      throw new DTypeError(
        `${metric}: expected labels, whole numbers from 0, got ${label} at element ${i}`,
      );
    }
    if (label < 0 || label >= classes) {
      throw new ShapeError(
        `${metric}: label ${label} at element ${i} is outside 0 … ${classes - 1}, the classes of logits ` +
          formatShape(output.shape),
      );
    }
  }
  return { logits: output, classes, isSingle, labels };
}

/**
 * The class that each example is taken for: the one with the largest logit, the first of equal ones; by a
 * single logit the second class if it is above 0, which is a probability above ½.
 */
export function predictionsOf({ logits, isSingle }: Classified): ArrayLike<number> {
  if (isSingle) return Array.from(elementsOf(logits), (logit) => (logit > 0 ? 1 : 0));
  return Scope.run(() => argmax(logits, { axis: 1 }).toTypedArray());
}
