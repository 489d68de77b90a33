import { argmax, Scope } from '@unfold/core';
import { pauses } from '@unfold/core/internal';
import { crossEntropy, evaluationMode } from '@unfold/nn';
import { DataLoader } from '@unfold/train';
import { datasetOf } from './images.js';
import type { DigitSet, Validation } from './protocol.js';
import type { Run } from './run.js';
import { LAB_TEXTS } from '../texts.js';

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
  const { labels } = digits;
  const loader = new DataLoader(datasetOf(digits), { batchSize: BATCH, normalization });
  const predictions = new Uint8Array(labels.length);
  const pause = pauses(TURN);
  let lossSum = 0;
  let at = 0;
  try {
    for (const batch of loader) {
      const restore = evaluationMode(model);
      try {
        Scope.run(() => {
          const logits = model.forward(batch.images);
          lossSum += crossEntropy(logits, batch.labels, { reduction: 'sum' }).item();
          predictions.set(argmax(logits, { axis: 1 }).toTypedArray(), at);
        });
      } finally {
        restore();
      }
      at += batch.size;
      await pause();
      if (run.isDisposed) throw new Error(LAB_TEXTS.ended);
    }
  } finally {
    loader.dispose();
  }
  const right = predictions.reduce((sum, taken, i) => sum + (taken === labels[i] ? 1 : 0), 0);
  return { step, loss: lossSum / labels.length, accuracy: right / labels.length, predictions };
}
