import { ConfigError, engine, type Engine } from '@unfold/core';
import {
  type CheckpointMetadata,
  FileLock,
  type LoadCheckpointOptions,
  lockFile,
  saveCheckpoint,
} from '@unfold/io';
import {
  completeLimits,
  type Fail,
  failIn,
  filesFor,
  isObject,
  quote,
  readCheckpoint,
  requireFile,
  RUN_FORMAT,
  SAFETENSORS_LIMITS,
  statOf,
} from '@unfold/io/internal';
import {
  atLeast0,
  checkedInUse,
  checkOptions,
  completeOptions,
  isOptions,
  optional,
} from '@unfold/core/internal';
import type { Callback, FitResult, RunState, SavePoint, TrainingRun } from './callback.js';
import { EARLY_STOPPING } from './early-stopping.js';
import { keepOccupant, runFiles } from './occupant.js';

/** Options of `CheckpointFile`. */
export interface CheckpointFileOptions {
  /** Kept in the file's metadata, beside what is needed to go on. Plain text values. */
  readonly metadata?: CheckpointMetadata;
  /** Seconds between two checkpoints within an epoch; 0 writes one after each step. Default 30. */
  readonly everySeconds?: number;
  /**
   * A lock on the file that the caller took by `lockFile`, and will release. Default: one is taken as
   * the run begins, and released at its end.
   */
  readonly lock?: FileLock | undefined;
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
 * whole one. Nothing is replaced but what the run itself wrote: a file that is there when the run begins
 * has to hold the very state that the run goes on from. A lock, a file beside it, keeps other processes
 * off. It is safetensors: weights under `model.`, averages under `ema.`, and so on; the
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
  readonly #given: FileLock | undefined;
  readonly #runs = new WeakMap<TrainingRun, Keeping>();

  /** @throws ConfigError for an unknown option or one out of range, or in a browser. */
  constructor(file: string, options: CheckpointFileOptions = {}) {
    runFiles();
    requireFile('CheckpointFile', file);
    const { metadata, everySeconds, lock } = completeOptions<CheckpointFileOptions>(
      'CheckpointFile',
      {
        metadata: {
          expected: 'an object of texts',
          accepts: (value: unknown) =>
            isOptions(value) && Object.values(value).every((text) => typeof text === 'string'),
        },
        everySeconds: atLeast0,
        lock: optional({
          expected: 'what lockFile gave',
          accepts: (value: unknown) => value instanceof FileLock,
        }),
      },
      { metadata: {}, everySeconds: 30, lock: undefined },
      options,
    );
    this.file = file;
    this.#metadata = metadata;
    this.#interval = 1000 * everySeconds;
    this.#given = lock;
  }

  /**
   * Locks the file, sees that nothing in it would be lost, and deletes what a process that was killed
   * left half written.
   * @throws ConfigError that says who uses the file, or what it holds.
   */
  async onTrainBegin(run: TrainingRun): Promise<void> {
    const lock = this.#given ?? (await lockFile(this.file));
    if (IN_USE.has(lock)) {
      throw new ConfigError(
        `CheckpointFile: the lock on ${lock.file} is another run's of this process; wait for its end, ` +
          'or name another file',
      );
    }
    IN_USE.add(lock);
    this.#runs.set(run, { lock, last: performance.now() });
    if (lock.path !== (await runFiles().lockOf(this.file))) {
      throw new ConfigError(
        `CheckpointFile: expected a lock on ${this.file}, got one on ${lock.file}`,
      );
    }
    await lock.check();
    await keepOccupant(this.file, run);
    await runFiles().removeLeftovers(this.file);
  }

  /** Releases its lock. */
  onTrainEnd(_result: FitResult, run: TrainingRun): Promise<void> {
    return this.#end(run);
  }

  /** Releases its lock. */
  onError(_error: unknown, run: TrainingRun): Promise<void> {
    return this.#end(run);
  }

  /**
   * Writes.
   * @throws ConfigError if the file cannot be written, the older one is whole then; or if another
   * process took over its lock.
   */
  async onSavePoint(point: SavePoint, run: TrainingRun): Promise<void> {
    const keeping = this.#runs.get(run);
    if (!keeping) throw new ConfigError('CheckpointFile: the run has not begun, or has ended');
    // Before its first step a run has nothing to keep, and the file may hold another.
    if (run.step === 0) return;
    const isDue = performance.now() - keeping.last >= this.#interval;
    if (point.kind === 'step' && !isDue) return;
    await keeping.lock.check();
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
    keeping.last = performance.now();
  }

  /** Ends the keeping of a run; one that was refused, or has ended, has nothing left to be done. */
  async #end(run: TrainingRun): Promise<void> {
    const keeping = this.#runs.get(run);
    if (!keeping) return;
    this.#runs.delete(run);
    IN_USE.delete(keeping.lock);
    if (!this.#given) await keeping.lock.release();
  }
}

/** The lock of a run that goes on, and when it was saved last. */
interface Keeping {
  readonly lock: FileLock;
  /** When it was saved last, or began, on the clock of `performance`. */
  last: number;
}

/** The locks that runs hold or were given, each for one run at a time. */
const IN_USE = new WeakSet<FileLock>();

/**
 * The run that a `CheckpointFile` keeps in a file; null if there is no file. The tensors belong to the
 * scope that is open.
 * @throws FileFormatError if it is damaged or no run's checkpoint; ConfigError if it cannot be read, or in
 * a browser.
 */
export async function loadRun(
  file: string,
  options: LoadCheckpointOptions = {},
): Promise<SavedRun | null> {
  requireFile('loadRun', file);
  checkOptions('loadRun', options, { limits: checkedInUse });
  const limits = completeLimits('loadRun', SAFETENSORS_LIMITS, options.limits);
  const files = filesFor(
    'loadRun',
    'give fit as resume what a callback of your own kept of point.state()',
  );
  // An error must not pass for a run that has not begun.
  if (!(await statOf(files, file))) return null;
  const { state: tensors, metadata } = await readCheckpoint('loadRun', file, { limits });
  const { format, state, engine: saved, ...own } = metadata;
  const fail = failIn(file);
  if (format !== RUN_FORMAT || state === undefined) {
    throw fail(
      `expected the checkpoint of a run (format ${RUN_FORMAT}), got ` +
        (format === undefined ? 'other tensors' : `format ${quote(format)}`) +
        '; a run can go on from a file that --checkpoint or CheckpointFile wrote',
    );
  }
  return {
    state: { tensors, json: parse(state, fail) },
    metadata: own,
    difference: engineDifference(saved),
  };
}

/** The prefix of those weights in a run's state that it would end with. */
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
    if (isObject(json)) return json;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw fail('the state of the run is no JSON object; the file is damaged');
}
