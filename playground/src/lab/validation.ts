import { argmax, Scope, tensor } from '@unfold/core';
import { pauses } from '@unfold/core/internal';
import { crossEntropy, evaluationMode } from '@unfold/nn';
import { PIXELS } from '../spec/digits.js';
import { inputOf } from './images.js';
import type { DigitSet, Validation } from './protocol.js';
import type { Run } from './run.js';
import { LAB_TEXTS } from '../texts/lab.js';

const BATCH = 250;
/** Milliseconds after which calls are answered. */
const TURN = 8;

/**
 * How the network does on some digits. Calls are answered meanwhile; the caller sees to it that no step is
 * made.
 * @throws Error if the run ends meanwhile.
 */
export async function validate(run: Run, digits: DigitSet): Promise<Validation> {
  const { model, normalization, step } = run;
  const { images, labels } = digits;
  const predictions = new Uint8Array(labels.length);
  const pause = pauses(TURN);
  let lossSum = 0;
  for (let first = 0; first < labels.length; first += BATCH) {
    const own = Int32Array.from(labels.subarray(first, first + BATCH));
    const restore = evaluationMode(model);
    try {
      Scope.run(() => {
        const pixels = images.subarray(first * PIXELS, (first + own.length) * PIXELS);
        const logits = model.forward(inputOf(pixels, normalization));
        const target = tensor(own, [own.length]);
        lossSum += crossEntropy(logits, target, { reduction: 'sum' }).item();
        predictions.set(argmax(logits, { axis: 1 }).toTypedArray(), first);
      });
    } finally {
      restore();
    }
    await pause();
    if (run.isDisposed) throw new Error(LAB_TEXTS.ended);
  }
  const right = predictions.reduce((sum, taken, i) => sum + (taken === labels[i] ? 1 : 0), 0);
  return { step, loss: lossSum / labels.length, accuracy: right / labels.length, predictions };
}
