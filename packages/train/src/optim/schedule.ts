/** The share of the learning rate for step `step` (from 0) of `steps`: from 1 straight to 0. */
export function linearDecay(step: number, steps: number): number {
  return 1 - step / steps;
}
