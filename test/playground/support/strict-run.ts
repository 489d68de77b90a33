import { configureEngine } from '@unfold/core';
import { mnist } from '@unfold/train';
import { AUGMENTATIONS } from '../../../playground/src/lab/augmentation.js';
import { fingerprintOf } from '../../../playground/src/lab/fingerprint.js';
import { Run } from '../../../playground/src/lab/run.js';
import type { Experiment } from '../../../playground/src/spec/experiment.js';

/** The fingerprint of a run of the page's, made here and strictly, on the first digits of MNIST. */
export async function fingerprintAfter(
  experiment: Experiment,
  { steps, count }: { readonly steps: number; readonly count: number },
): Promise<string> {
  await configureEngine({ strict: true });
  const { train } = await mnist();
  const { images, labels } = train.slice(0, count);
  const digits = { images: Uint8Array.from(images), labels: Uint8Array.from(labels) };
  const { augmentation } = experiment;
  const augment = augmentation === 'none' ? null : AUGMENTATIONS[augmentation]();
  const run = new Run({ ...experiment, strict: true }, { digits, augment, compiled: false });
  for (let step = 0; step < steps; step++) run.advance();
  const fingerprint = fingerprintOf(run.model);
  run.dispose();
  return fingerprint;
}
