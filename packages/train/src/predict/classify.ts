import {
  argmax,
  ConfigError,
  DTypeError,
  FileFormatError,
  Scope,
  ShapeError,
  softmax,
} from '@unfold/core';
import { isOptions, requireList, valueText } from '@unfold/core/internal';
import { requireModel } from '../arguments.js';
import { Dataset } from '../data/dataset.js';
import { DataLoader } from '../data/loader.js';
import { evaluationMode } from '@unfold/nn';
import type { TrainedModel } from '../trained-model.js';
import { findNonFinite } from '../non-finite.js';
import { SIDE } from './digit.js';

/** The digit that a model takes a picture for. */
export interface Prediction {
  /** The class of the largest probability; of equal ones the first. */
  readonly digit: number;
  /** That class's probability, 0…1. */
  readonly probability: number;
  /** The probability of each class: the softmax of the logits. */
  readonly probabilities: readonly number[];
}

/** Images of a batch: as many as a step of training has, so that memory stays small. */
const BATCH = 64;

/**
 * Says what a trained model takes each picture for. It normalises them as its training images were, and is
 * in evaluation mode meanwhile.
 * @param trained As `loadTrainedModel` gives it.
 * @param digits Each 28×28 bytes, light on black, as `digitFromImage` makes them and
 * `Dataset.image` of MNIST gives them.
 * @throws ShapeError if one has another size, DTypeError if one isn't bytes, ConfigError without any.
 */
export function classify(
  trained: Pick<TrainedModel, 'model' | 'normalization'>,
  digits: readonly Uint8Array[],
): Prediction[] {
  if (!isOptions(trained)) {
    throw new ConfigError(
      `classify: expected { model, normalization }, as loadTrainedModel gives it, got ` +
        valueText(trained),
    );
  }
  const { model, normalization } = trained;
  requireModel('classify', model);
  requireList('classify', 'a list of pictures', digits, '[digitFromImage(picture)]');
  if (digits.length === 0)
    throw new ConfigError('classify: expected at least one picture, got none');
  const images = new Uint8Array(digits.length * SIDE * SIDE);
  for (const [i, digit] of digits.entries()) {
    if (!(digit instanceof Uint8Array)) {
      throw new DTypeError(`classify: picture ${i}: expected a Uint8Array; scale 0…1 to 0…255`);
    }
    if (digit.length !== SIDE * SIDE) {
      throw new ShapeError(
        `classify: picture ${i}: expected ${SIDE * SIDE} pixels, got ${digit.length}; ` +
          'digitFromImage makes them of any picture',
      );
    }
    images.set(digit, i * SIDE * SIDE);
  }
  const dataset = Dataset.fromArrays({
    images,
    shape: [1, SIDE, SIDE],
    // Nobody looks at them.
    labels: new Int32Array(digits.length),
  });
  const restoreModes = evaluationMode(model);
  const loader = new DataLoader(dataset, { batchSize: BATCH, normalization });
  try {
    const predictions: Prediction[] = [];
    for (const batch of loader) {
      Scope.run(() => {
        const logits = model.forward(batch.images);
        const all = softmax(logits).toTypedArray();
        if (!all.every(Number.isFinite)) {
          throw new FileFormatError(
            `classify: ${findNonFinite(model, batch.images)}; are the weights damaged?`,
          );
        }
        const classes = all.length / batch.size;
        for (const [i, digit] of argmax(logits, { axis: 1 }).toTypedArray().entries()) {
          const probabilities = Array.from(all.subarray(i * classes, (i + 1) * classes));
          predictions.push({ digit, probability: probabilities[digit], probabilities });
        }
      });
    }
    return predictions;
  } finally {
    loader.dispose();
    restoreModes();
  }
}
