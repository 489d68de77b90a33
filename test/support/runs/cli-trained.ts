import { start, type Outcome } from './cli.js';
import { unfoldCommand } from './unfold.js';

/** How Node runs the two commands, before their own arguments. */
export const PREDICT = unfoldCommand('predict');
export const EVALUATE = unfoldCommand('evaluate');

/** Runs `predict` to its end. */
export async function predict(...args: readonly string[]): Promise<Outcome> {
  return start(process.execPath, [...PREDICT, ...args]).outcome;
}

/** Runs `evaluate` to its end. */
export async function evaluateMnist(...args: readonly string[]): Promise<Outcome> {
  return start(process.execPath, [...EVALUATE, ...args]).outcome;
}
