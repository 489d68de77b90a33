import { fromSource, start, type Outcome } from './cli.js';

/** How Node runs the two commands from source, before their own arguments. */
export const PREDICT = fromSource('packages/train/src/cli/predict.ts');
export const EVALUATE = fromSource('packages/train/src/cli/evaluate.ts');

/** Runs `predict` to its end. */
export async function predict(...args: readonly string[]): Promise<Outcome> {
  return start(process.execPath, [...PREDICT, ...args]).outcome;
}

/** Runs `evaluate` to its end. */
export async function evaluateMnist(...args: readonly string[]): Promise<Outcome> {
  return start(process.execPath, [...EVALUATE, ...args]).outcome;
}
