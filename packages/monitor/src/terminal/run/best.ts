import { isOptions } from '@unfold/core/internal';
import type { EpochReport } from '@unfold/train';
import { score } from '../../number-text.js';

/** By what epochs are compared: `loss` or the name of a metric, and whether more or less is better. */
export interface BestBy {
  readonly metric: string;
  readonly mode: 'min' | 'max';
}

/** Whether a value says by what to compare, and nothing else. */
export function isBestBy(value: unknown): value is BestBy {
  if (!isOptions(value)) return false;
  const { metric, mode, ...rest }: Partial<BestBy> = value;
  return (
    typeof metric === 'string' &&
    (mode === 'min' || mode === 'max') &&
    Object.keys(rest).length === 0
  );
}

/**
 * By what to compare epochs if nobody said: the accuracy where it is measured, else the loss.
 */
export function usualBestBy(report: EpochReport): BestBy {
  return 'accuracy' in scoresOf(report)
    ? { metric: 'accuracy', mode: 'max' }
    : { metric: 'loss', mode: 'min' };
}

/** Gives the scores that an epoch is judged by: its validation's, or its training's where there is none. */
export function scoresOf({ validation, train }: EpochReport): EpochReport['train'] {
  return validation ?? train;
}

/** Remembers the best epoch; of equal ones the first. */
export class BestEpoch {
  readonly #by: BestBy | undefined;
  #best: { readonly epoch: number; readonly metric: string; readonly value: number } | undefined;
  #part = '';

  constructor(by: BestBy | undefined) {
    this.#by = by;
  }

  /** @returns Whether it is the best so far. */
  add(report: EpochReport): boolean {
    const { metric, mode } = this.#by ?? usualBestBy(report);
    const value = scoresOf(report)[metric];
    if (value === undefined || !Number.isFinite(value)) return false;
    const isBest =
      this.#best === undefined ||
      (mode === 'min' ? value < this.#best.value : value > this.#best.value);
    if (isBest) this.#best = { epoch: report.epoch, metric, value };
    this.#part = report.validation ? 'validation' : 'train';
    return isBest;
  }

  /** `best: epoch 7 · validation accuracy 98.90 %`; undefined if there is none. */
  text(): string | undefined {
    if (!this.#best) return undefined;
    const { epoch, metric, value } = this.#best;
    return `best: epoch ${epoch} · ${this.#part} ${metric} ${score(metric, value)}`;
  }
}
