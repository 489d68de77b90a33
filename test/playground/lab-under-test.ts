import { expect } from 'vitest';
import { mnist } from '@unfold/train';
import { createLab } from '../../playground/src/lab/lab.js';
import type {
  DigitSet,
  DigitSets,
  EngineChoice,
  Lab,
  Progress,
} from '../../playground/src/lab/protocol.js';
import type { Experiment } from '../../playground/src/spec/experiment.js';
import { PRESETS } from '../../playground/src/spec/presets.js';

export const ENGINE: EngineChoice = { kernels: 'wasm', threads: 1, compiled: true };

export const EXPERIMENT: Experiment = {
  network: PRESETS['lenet-bn'],
  optimizer: { kind: 'sgd', lr: 0.05, momentum: 0.9, nesterov: false, weightDecay: 0 },
  batchSize: 32,
  augmentation: 'none',
  seed: 1,
  strict: true,
};

/** The first digits of MNIST. */
export async function firstDigits(train: number, test: number): Promise<DigitSets> {
  const all = await mnist();
  const first = ({ images, labels }: typeof all.train, count: number): DigitSet => ({
    images: Uint8Array.from(images.subarray(0, count * 784)),
    labels: Uint8Array.from(labels.subarray(0, count)),
  });
  return { train: first(all.train, train), test: first(all.test, test) };
}

/** A lab with digits, and all that it reports. */
export function labOf(digits: DigitSets): { readonly lab: Lab; readonly reports: Progress[] } {
  const lab = createLab();
  const reports: Progress[] = [];
  lab.setDigits(digits);
  lab.watch((progress) => reports.push(progress));
  return { lab, reports };
}

/** What the last report says of the weights. */
export const lastFingerprint = (reports: readonly Progress[]): string | null =>
  reports.at(-1)?.fingerprint ?? null;

/** Holds probabilities against those of logits. */
export function expectSame(probabilities: Float32Array, logits: ArrayLike<number>): void {
  const exponents = Array.from(logits, (logit) => Math.exp(logit));
  const sum = exponents.reduce((a, b) => a + b, 0);
  expect(probabilities).toHaveLength(logits.length);
  exponents.forEach((exponent, i) =>
    expect(exponent / sum).toBeCloseTo(probabilities[i] ?? NaN, 5),
  );
}
