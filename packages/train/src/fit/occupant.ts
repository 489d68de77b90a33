import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { elementsOf, FileFormatError, type NumericArray } from '@unfold/core';
import {
  isObject,
  reading,
  refusal,
  RUN_FORMAT,
  type WeightsFile,
  withSafetensors,
} from '@unfold/io/internal';
import type { TrainingRun } from './callback.js';

/** What is in the place where a run is to be kept. */
export type Occupant =
  /** No file, or an empty one. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'run' }
  /** Anything else, a run's file that is damaged too. */
  | { readonly kind: 'other'; readonly what: string };

const OPENING = { operation: 'CheckpointFile' };

/** Looks at a file's header only. @throws ConfigError if it cannot be read. */
export async function occupantOf(file: string): Promise<Occupant> {
  const found = await statOf(file);
  if (!found || (found.isFile() && found.size === 0)) return { kind: 'nothing' };
  try {
    return await withSafetensors(file, OPENING, ({ metadata: { format } }) =>
      Promise.resolve(
        format === RUN_FORMAT
          ? { kind: 'run' }
          : { kind: 'other', what: 'it holds tensors of something else' },
      ),
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
  const occupant = await occupantOf(file);
  if (occupant.kind === 'nothing') return;
  if (occupant.kind === 'other') throw refusal(file, occupant.what);
  if (run.step === 0) {
    throw refusal(file, 'it holds a run already; go on with that by fit({ resume })');
  }
  const isSame = await withSafetensors(file, OPENING, (opened) => holds(opened, run));
  if (isSame) return;
  throw refusal(
    file,
    `it does not hold the state that this run goes on from, at step ${run.step}: it is another run, or ` +
      'went on meanwhile; load it again',
  );
}

/** Null if there is no such file. @throws ConfigError if it cannot be found out. */
export async function statOf(file: string): Promise<Stats | null> {
  try {
    return await stat(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    return reading(file, () => Promise.reject(error));
  }
}

/** Whether a run's checkpoint is that of the step at which the run is, with the model's very bits. */
async function holds({ tensors, metadata }: WeightsFile, run: TrainingRun): Promise<boolean> {
  if (stepIn(metadata['state'] ?? '') !== run.step) return false;
  const own = run.model.stateDict();
  const stored = tensors.filter(({ name }) => name.startsWith(PREFIX));
  if (stored.length !== own.size) return false;
  for (const { name, read } of stored) {
    const tensor = own.get(name.slice(PREFIX.length));
    if (!tensor || !bytesOf(await read()).equals(bytesOf(elementsOf(tensor)))) return false;
  }
  return true;
}

/** What the model's tensors are called in a run's state. */
const PREFIX = 'model.';

function bytesOf({ buffer, byteOffset, byteLength }: NumericArray): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
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
