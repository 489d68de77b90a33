import { bundled } from './bundled.js';
import { start, type Outcome } from './cli.js';

const PROGRAM = await bundled('packages/cli/src/main.ts');

/** How Node runs a command of `unfold`, before the command's own arguments. */
export const unfoldCommand = (...words: readonly string[]): readonly string[] => [
  PROGRAM,
  ...words,
];

/** How Node runs the training command, before the command's own arguments. */
export const TRAIN_MNIST = unfoldCommand('train', 'mnist');
/** The same of the comparison with TensorFlow.js. */
export const COMPARE_TFJS = unfoldCommand('compare', 'tfjs');

/** Runs the training command to its end. */
export async function trainMnist(...args: readonly string[]): Promise<Outcome> {
  return start(process.execPath, [...TRAIN_MNIST, ...args]).outcome;
}

/** Runs the comparison with TensorFlow.js to its end. */
export async function compareTfjs(...args: readonly string[]): Promise<Outcome> {
  return start(process.execPath, [...COMPARE_TFJS, ...args]).outcome;
}
