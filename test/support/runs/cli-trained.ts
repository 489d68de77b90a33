import { start, type Outcome } from './cli.js';
import { unfoldCommand } from './unfold.js';

/** How Node runs the commands, before their own arguments. */
export const PREDICT = unfoldCommand('predict');
export const EVALUATE = unfoldCommand('evaluate');
const EXPORT = unfoldCommand('export');
const EJECT = unfoldCommand('eject');

/** Runs `predict` to its end. */
export async function predict(...args: readonly string[]): Promise<Outcome> {
  return start(process.execPath, [...PREDICT, ...args]).outcome;
}

/** Runs `evaluate` to its end. */
export async function evaluateMnist(...args: readonly string[]): Promise<Outcome> {
  return start(process.execPath, [...EVALUATE, ...args]).outcome;
}

/** Runs `export` to its end. */
export async function exportModel(...args: readonly string[]): Promise<Outcome> {
  return start(process.execPath, [...EXPORT, ...args]).outcome;
}

/** Runs `eject` to its end. */
export async function ejectProject(...args: readonly string[]): Promise<Outcome> {
  return start(process.execPath, [...EJECT, ...args]).outcome;
}
