import { engine, type Engine } from '@unfold/core';
import { stat } from 'node:fs/promises';
import {
  loadCheckpoint,
  saveCheckpoint,
  type CheckpointMetadata,
  type LoadCheckpointOptions,
} from '../checkpoint.js';
import { rejectUnknown } from '../data/options.js';
import { removeLeftovers } from '../files.js';
import { atLeast0, completeOptions } from '../optim/rules.js';
import { reading } from '../weights/safetensors-file.js';
import { failIn, type Fail } from '../weights/messages.js';
import type { Callback, RunState, SavePoint, TrainingRun } from './callback.js';
import { EARLY_STOPPING } from './early-stopping.js';

/** What the metadata of a run's checkpoint calls its form. */
export const RUN_FORMAT = 'unfold-checkpoint-2';

/** Options of `CheckpointFile`. */
export interface CheckpointFileOptions {
  /** Kept in the file's metadata, beside what is needed to go on. Plain text values. */
  readonly metadata?: CheckpointMetadata;
  /** Seconds between two checkpoints within an epoch; 0 writes one after each step. Default 30. */
  readonly everySeconds?: number;
}

/** A run that was saved. */
export interface SavedRun {
  /** For the option `resume` of `fit`. */
  readonly state: RunState;
  readonly metadata: CheckpointMetadata;
  /** Why a run that goes on here may end with other bits than there; null if it will not. */
  readonly difference: string | null;
}

/**
 * Keeps a run in one file: its state after every epoch, now and then within one, and where a signal
 * stops it. The file is written to a temporary name, flushed and renamed, so that there is always a
 * whole one. It is safetensors: weights under `model.`, averages under `ema.`, and so on; the
 * metadata's `weightsPrefix` says which of them predict best.
 *
 * ```ts
 * const saved = await loadRun('run.safetensors'); // null the first time
 * const callbacks = [new CheckpointFile('run.safetensors')];
 * await fit(model, { …, callbacks, resume: saved?.state });
 * ```
 */
export class CheckpointFile implements Callback {
  readonly file: string;
  readonly #metadata: CheckpointMetadata;
  readonly #interval: number;
  #last = performance.now();

  /** @throws ConfigError for an unknown option or one out of range. */
  constructor(file: string, options: CheckpointFileOptions = {}) {
    const { metadata, everySeconds } = completeOptions<CheckpointFileOptions>(
      'CheckpointFile',
      {
        metadata: {
          expected: 'an object of texts',
          accepts: (value: unknown) => typeof value === 'object' && value !== null,
        },
        everySeconds: atLeast0,
      },
      { metadata: {}, everySeconds: 30 },
      options,
    );
    this.file = file;
    this.#metadata = metadata;
    this.#interval = 1000 * everySeconds;
  }

  /** Deletes what a process that was killed left half written. */
  async onTrainBegin(): Promise<void> {
    this.#last = performance.now();
    await removeLeftovers(this.file);
  }

  /** Writes. @throws ConfigError if the file cannot be written; the older one is whole then. */
  async onSavePoint(point: SavePoint, { step }: TrainingRun): Promise<void> {
    // Before its first step a run has nothing to keep, and the file may hold another.
    if (step === 0) return;
    const isDue = performance.now() - this.#last >= this.#interval;
    if (point.kind === 'step' && !isDue) return;
    const { tensors, json } = point.state();
    await saveCheckpoint(this.file, {
      state: tensors,
      metadata: {
        ...this.#metadata,
        format: RUN_FORMAT,
        weightsPrefix: weightsPrefix(tensors),
        engine: JSON.stringify(roundingOf(engine())),
        state: JSON.stringify(json),
      },
    });
    this.#last = performance.now();
  }
}

/**
 * The run that a `CheckpointFile` keeps in a file; null if there is no file. The tensors belong to the
 * scope that is open.
 * @throws FileFormatError if it is damaged or no run's checkpoint; ConfigError if it cannot be read.
 */
export async function loadRun(
  file: string,
  options: LoadCheckpointOptions = {},
): Promise<SavedRun | null> {
  rejectUnknown('loadRun', options, ['limits']);
  if (!(await exists(file))) return null;
  const { state: tensors, metadata } = await loadCheckpoint(file, options);
  const { format, state, engine: saved, ...own } = metadata;
  const fail = failIn(file);
  if (format !== RUN_FORMAT || state === undefined) {
    throw fail(
      `expected the checkpoint of a run (format ${RUN_FORMAT}), got ` +
        (format === undefined ? 'other tensors' : `format ${format}`) +
        '; a run can go on from a file that --checkpoint or CheckpointFile wrote',
    );
  }
  return {
    state: { tensors, json: parse(state, fail) },
    metadata: own,
    difference: engineDifference(saved),
  };
}

/** @throws ConfigError if it cannot be found out: a run must not begin anew for that. */
async function exists(file: string): Promise<boolean> {
  try {
    return Boolean(await stat(file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    return reading(file, () => Promise.reject(error));
  }
}

/** Of the weights in a run's state, those that it would end with. */
function weightsPrefix(tensors: RunState['tensors']): string {
  const prefixes = [`callbacks.${EARLY_STOPPING}.`, 'ema.', 'model.'];
  const names = [...tensors.keys()];
  return prefixes.find((prefix) => names.some((name) => name.startsWith(prefix))) ?? 'model.';
}

/** The part of an engine that shows in the bits; the number of threads and the width do not. */
function roundingOf({ kernels, fused }: Engine): { kernels: string; fused: boolean } {
  return { kernels, fused };
}

function nameOf({ kernels, fused }: ReturnType<typeof roundingOf>): string {
  if (kernels === 'reference') return 'the reference kernels';
  return `WebAssembly ${fused ? 'with' : 'without'} fused multiply-add`;
}

function engineDifference(saved: string | undefined): string | null {
  const now = roundingOf(engine());
  if (saved === undefined || saved === JSON.stringify(now)) return null;
  return (
    `the run was saved on ${ENGINES.get(saved) ?? 'another engine'} and goes on with ${nameOf(now)}: ` +
    'it may end with other bits'
  );
}

/** By what `engine` of the metadata holds. */
const ENGINES = new Map(
  [
    { kernels: 'reference', fused: false },
    { kernels: 'wasm', fused: false },
    { kernels: 'wasm', fused: true },
  ].map((rounding) => [JSON.stringify(rounding), nameOf(rounding)]),
);

function parse(text: string, fail: Fail): RunState['json'] {
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) {
      return json as RunState['json'];
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw fail('the state of the run is no JSON object; the file is damaged');
}
