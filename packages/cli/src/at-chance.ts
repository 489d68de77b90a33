import { elementsOf } from '@unfold/core';
import { percent } from '@unfold/monitor/internal';
import type { Callback, Dataset, EpochReport, TrainingRun } from '@unfold/train';

/** Fewer steps than that are no evidence that a network doesn't learn. */
const FEWEST_STEPS = 50;

/** The warnings that a run may give, as its figures name them. */
export type RunWarning = 'at-chance';

/**
 * Warns once of a run whose validation after an epoch is no better than always naming the most frequent
 * class: by not more than three standard deviations of so many images' accuracy.
 */
export class AtChance implements Callback {
  /** The warnings that the run has given so far. */
  readonly warnings: RunWarning[] = [];
  readonly #bound: number;
  readonly #warn: (text: string) => void;
  #dead = { units: 0, of: 0 };

  /** @param validation What the run is validated on. */
  constructor(validation: Dataset, warn: (text: string) => void) {
    this.#bound = chanceBound(validation);
    this.#warn = warn;
  }

  /** Counts in the last step of each epoch what has no gradient. */
  onGradients({ model, step, stepsPerEpoch }: TrainingRun): void {
    if (stepsPerEpoch !== null && (step + 1) % stepsPerEpoch === 0)
      this.#dead = withoutGradient(model);
  }

  onEpochEnd({ validation }: EpochReport, { step }: TrainingRun): void {
    const accuracy = validation?.['accuracy'];
    if (this.warnings.length > 0 || step < FEWEST_STEPS) return;
    if (accuracy === undefined || accuracy > this.#bound) return;
    this.warnings.push('at-chance');
    const { units, of } = this.#dead;
    this.#warn(
      `the network is right about ${percent(accuracy)} of the validation images, which is ` +
        `chance. ${units} of its ${of} units have no gradient` +
        (units > 0
          ? ': their ReLUs are dead, as a learning rate that is too high leaves them'
          : '') +
        '; try a smaller --lr',
    );
  }
}

/** The accuracy up to which a classifier knows nothing, on images of these labels. */
function chanceBound({ labels, rows, length }: Dataset): number {
  const counts = new Map<number, number>();
  for (let i = 0; i < length; i++) {
    const label = labels[rows === null ? i : (rows[i] as number)] as number;
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  const share = Math.max(...counts.values()) / length;
  return share + 3 * Math.sqrt((share * (1 - share)) / length);
}

/** Output units and channels of all weights, and those of them whose gradient is zero throughout. */
function withoutGradient(model: TrainingRun['model']): { units: number; of: number } {
  let [units, of] = [0, 0];
  for (const { grad, ndim, shape } of model.parameters()) {
    const [rows = 0] = shape;
    if (!grad || ndim < 2 || rows === 0) continue;
    const elements = elementsOf(grad);
    const size = elements.length / rows;
    for (let row = 0; row < rows; row++) {
      const own = elements.subarray(row * size, (row + 1) * size);
      of++;
      if (own.every((value) => value === 0)) units++;
    }
  }
  return { units, of };
}
