import { ConfigError } from '@unfold/core';
import { finite, valueText } from '@unfold/core/internal';

/** The share of the learning rate for step `step` (from 0) of `steps`: from 1 straight to 0. @throws ConfigError for what is no number. */
export function linearDecay(step: number, steps: number): number {
  if (!finite.accepts(step) || !finite.accepts(steps)) {
    throw new ConfigError(
      `linearDecay: expected two numbers, got ${valueText(step)} and ${valueText(steps)}`,
    );
  }
  return 1 - step / steps;
}
