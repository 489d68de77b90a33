import { elementsOf, FileFormatError, type NumericArray } from '@unfold/core';
import {
  type Files,
  filesFor,
  isObject,
  refusal,
  RUN_FORMAT,
  statOf,
  type WeightsFile,
  withSafetensors,
} from '@unfold/io/internal';
import type { TrainingRun } from './callback.js';

/** The content of the place where a run is to be kept. */
export type Occupant =
  /** No file, or an empty one. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'run' }
  /** Anything else, a run's file that is damaged too. */
  | { readonly kind: 'other'; readonly what: string };

const OPENING = {
  operation: 'CheckpointFile',
  instead: 'keep what point.state() gives by a callback of your own with onSavePoint',
};

/** The door to the files of runs. @throws ConfigError in a browser. */
export function runFiles(): Files {
  return filesFor(OPENING.operation, OPENING.instead);
}

/** Looks at a file's header only. @throws ConfigError if it cannot be read. */
export function occupantOf(file: string): Promise<Occupant> {
  return lookAt(file, async () => ({ kind: 'run' }));
}

/**
 * Looks at a file.
 * @param run What a run's checkpoint is: it is open, and its header was read.
 */
async function lookAt<Run>(
  file: string,
  run: (opened: WeightsFile) => Promise<Run>,
): Promise<Exclude<Occupant, { readonly kind: 'run' }> | Run> {
  const found = await statOf(runFiles(), file);
  if (!found || (found.isFile && found.size === 0)) return { kind: 'nothing' };
  try {
    return await withSafetensors(file, OPENING, async (opened) =>
      opened.metadata['format'] === RUN_FORMAT
        ? run(opened)
        : { kind: 'other', what: 'it holds tensors of something else' },
    );
  } catch (error) {
    if (!(error instanceof FileFormatError)) throw error;
    return { kind: 'other', what: `it is no checkpoint, or a damaged one: ${error.message}` };
  }
}

/**
 * Sees that nothing is lost where a run is kept in a file.
 * @throws ConfigError unless the file is missing or empty, or holds the very state that the run goes
 * on from.
 */
export async function keepOccupant(file: string, run: TrainingRun): Promise<void> {
  const occupant = await lookAt(file, async (opened) => ({
    kind: 'run' as const,
    isSame: run.step > 0 && (await holds(opened, run)),
  }));
  if (occupant.kind === 'nothing') return;
  if (occupant.kind === 'other') throw refusal(file, occupant.what);
  if (run.step === 0) {
    throw refusal(file, 'it holds a run already; go on with that by fit({ resume })');
  }
  if (occupant.isSame) return;
  throw refusal(
    file,
    `it does not hold the state that this run goes on from, at step ${run.step}: it is another run, or ` +
      'went on meanwhile; load it again',
  );
}

/** Whether a run's checkpoint is that of the step at which the run is, with the model's very bits. */
async function holds({ tensors, metadata }: WeightsFile, run: TrainingRun): Promise<boolean> {
  if (stepIn(metadata['state'] ?? '') !== run.step) return false;
  const own = run.model.stateDict();
  const stored = tensors.filter(({ name }) => name.startsWith(PREFIX));
  if (stored.length !== own.size) return false;
  for (const { name, read } of stored) {
    const tensor = own.get(name.slice(PREFIX.length));
    if (!tensor || !areEqual(await read(), elementsOf(tensor))) return false;
  }
  return true;
}

/** The prefix of the model's tensors in a run's state. */
const PREFIX = 'model.';

/** Whether they have the same bits: numbers would not do, as there are many NaNs and two zeros. */
function areEqual(a: NumericArray, b: NumericArray): boolean {
  const [left, right] = [bytesOf(a), bytesOf(b)];
  let i = 0;
  while (i < left.length && left[i] === right[i]) i++;
  return i === left.length && i === right.length;
}

function bytesOf({ buffer, byteOffset, byteLength }: NumericArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** The step of a run's state as it is in a file; null if there is none. */
function stepIn(text: string): unknown {
  try {
    const state: unknown = JSON.parse(text);
    const position = isObject(state) ? state['position'] : null;
    return isObject(position) ? position['step'] : null;
  } catch {
    return null;
  }
}
