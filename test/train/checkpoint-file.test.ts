import { ConfigError, configureEngine, FileFormatError, manualSeed } from '@unfold/core';
import { BatchNorm1d, Flatten, Linear, Sequential } from '@unfold/nn';
import {
  AdamW,
  type Callback,
  CheckpointFile,
  DataLoader,
  EarlyStopping,
  EMA,
  fit,
  type FitOptions,
  type FitResult,
  loadRun,
} from '@unfold/train';
import {
  encodeSafetensors,
  type FileLock,
  lockFile,
  saveCheckpoint,
  weightsSha256,
} from '@unfold/io';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CLASSES, stripes } from '../support/runs/stripes.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unfold-checkpoint-'));
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => configureEngine({ kernels: 'wasm', strict: false }));

let files = 0;
const newFile = (): string => join(folder, `${files++}.safetensors`);

type Changes = Partial<FitOptions>;

async function train(changes: Changes): Promise<{ hash: string; result: FitResult }> {
  manualSeed(4);
  const model = new Sequential(new Flatten(), new Linear(36, CLASSES), new BatchNorm1d(CLASSES));
  const result = await fit(model, {
    train: new DataLoader(stripes(40), { batchSize: 8, shuffle: true }),
    validation: new DataLoader(stripes(20, 2), { batchSize: 8 }),
    epochs: 3,
    optimizer: new AdamW(model.parameters(), { lr: 0.01 }),
    ...(changes.ema === undefined ? { ema: new EMA(model, { decay: 0.9 }) } : {}),
    ...changes,
  });
  return { hash: weightsSha256(model.stateDict()), result };
}

/** Stops a run after so many steps. */
function stopAfter(steps: number): { callback: Callback; signal: AbortSignal } {
  const controller = new AbortController();
  const callback: Callback = {
    onStepEnd({ step }) {
      if (step === steps) controller.abort();
    },
  };
  return { callback, signal: controller.signal };
}

it('a run that goes on from its file ends with the same weights', async () => {
  const { hash } = await train({});
  for (const steps of [1, 5, 12]) {
    const file = newFile();
    const { callback, signal } = stopAfter(steps);
    await train({ callbacks: [callback, new CheckpointFile(file)], signal });
    const saved = await loadRun(file);
    expect(saved?.difference).toBe(null);
    expect(saved?.metadata).toEqual({ weightsPrefix: 'ema.' });
    const again = await train({ callbacks: [new CheckpointFile(file)], resume: saved?.state });
    expect(again.hash).toBe(hash);
  }
});

it('limits are those of loadRun, whether there is a file or not', async () => {
  const file = newFile();
  const limits = JSON.parse('{ "maxByte": 1 }') as object;
  const message =
    "loadRun: limits: unknown option 'maxByte'; did you mean maxBytes? The options are maxBytes, " +
    'maxRatio, maxHeaderBytes, maxTensors';
  await expect(loadRun(file, { limits })).rejects.toThrow(new ConfigError(message));
  await train({ callbacks: [new CheckpointFile(file)], epochs: 1 });
  await expect(loadRun(file, { limits })).rejects.toThrow(new ConfigError(message));
  await expect(loadRun(file, { limits: { maxTensors: 1 } })).rejects.toThrow(FileFormatError);
});

it('a run that is over stays so, with the weights of its end', async () => {
  const file = newFile();
  const callbacks = () => [
    new EarlyStopping({ monitor: 'loss', patience: 0, minDelta: 100 }),
    new CheckpointFile(file, { metadata: { about: 'it' } }),
  ];
  const first = await train({ callbacks: callbacks() });
  expect(first.result.stopped).toMatch(/^no better validation loss than /);
  const saved = await loadRun(file);
  expect(saved?.metadata).toEqual({ about: 'it', weightsPrefix: 'callbacks.earlyStopping.' });
  const again = await train({ callbacks: callbacks(), resume: saved?.state });
  expect(again.result).toMatchObject({ steps: 10, finished: true, stopped: first.result.stopped });
  expect(again.hash).toBe(first.hash);
});

it('is written after each epoch, and within one as often as is asked', async () => {
  const written: [number, number][] = [];
  const watch = (file: string): Callback => ({
    async onSavePoint(_, { step }) {
      const saved = await loadRun(file);
      if (saved) {
        const { step: of } = saved.state.json['position'] as { step: number };
        written.push([step, of]);
      }
    },
  });
  const often = newFile();
  await train({ callbacks: [new CheckpointFile(often, { everySeconds: 0 }), watch(often)] });
  expect(written).toHaveLength(15 + 3);
  for (const [step, saved] of written) expect(saved).toBe(step);
  written.length = 0;
  const seldom = newFile();
  await train({ callbacks: [new CheckpointFile(seldom), watch(seldom)] });
  expect(new Set(written.map(([, saved]) => saved))).toEqual(new Set([5, 10, 15]));
});

it('says if the engine rounds otherwise than that of the saved run', async () => {
  const file = newFile();
  const { callback, signal } = stopAfter(2);
  await train({ callbacks: [callback, new CheckpointFile(file)], signal });
  await configureEngine({ kernels: 'reference' });
  const saved = await loadRun(file);
  expect(saved?.difference).toMatch(
    /^the run was saved on WebAssembly with(out)? fused multiply-add and goes on with the reference kernels: it may end with other bits$/,
  );
  expect((await train({ resume: saved?.state })).result.finished).toBe(true);
});

it('what a process that was killed left half written is deleted', async () => {
  const file = newFile();
  const left = `${file}.01234567-89ab-cdef-0123-456789abcdef.tmp`;
  const others = [`${file}.tmp`, `${file}.01234567-89ab-cdef-0123-456789abcdef.txt`];
  for (const name of [left, ...others]) await writeFile(name, 'half');
  await train({ callbacks: [new CheckpointFile(file)] });
  const names = (await readdir(folder)).map((name) => join(folder, name));
  expect(names).not.toContain(left);
  expect(names).toEqual(expect.arrayContaining([file, ...others]));
});

describe('what is in the file when a run begins', () => {
  const MEND = 'Name another file, or move or delete that one';

  /** The file of a run that was stopped after three steps. */
  async function someRun(): Promise<string> {
    const file = newFile();
    const { callback, signal } = stopAfter(3);
    await train({ callbacks: [callback, new CheckpointFile(file)], signal });
    return file;
  }

  /** Tries to keep a run in the file; it stays as it is, and no lock is left. */
  async function refused(file: string, changes: Changes = {}): Promise<string> {
    const before = await readFile(file);
    const error = await train({ callbacks: [new CheckpointFile(file)], ...changes }).catch(
      (error: unknown) => error,
    );
    expect(error).toBeInstanceOf(ConfigError);
    expect(await readFile(file)).toEqual(before);
    expect(await readdir(folder)).not.toContain(basename(`${file}.lock`));
    return (error as ConfigError).message;
  }

  it('an older run is not replaced by one that begins', async () => {
    const file = await someRun();
    expect(await refused(file)).toBe(
      `${file} would be replaced, and it holds a run already; go on with that by fit({ resume }). ${MEND}`,
    );
  });

  it('another run is not replaced by one that goes on', async () => {
    const [saved, file] = [await loadRun(await someRun()), newFile()];
    const { callback, signal } = stopAfter(3);
    manualSeed(9);
    const model = new Sequential(new Flatten(), new Linear(36, CLASSES), new BatchNorm1d(CLASSES));
    await fit(model, {
      train: new DataLoader(stripes(40), { batchSize: 8, shuffle: true }),
      epochs: 3,
      optimizer: new AdamW(model.parameters(), { lr: 0.01 }),
      callbacks: [callback, new CheckpointFile(file)],
      signal,
    });
    expect(await refused(file, { resume: saved?.state })).toBe(
      `${file} would be replaced, and it does not hold the state that this run goes on from, at step 3: ` +
        `it is another run, or went on meanwhile; load it again. ${MEND}`,
    );
  });

  it('a run that went on since it was loaded is not set back', async () => {
    const file = await someRun();
    const saved = await loadRun(file);
    const { callback, signal } = stopAfter(7);
    await train({
      callbacks: [callback, new CheckpointFile(file)],
      signal,
      resume: (await loadRun(file))?.state,
    });
    expect(await refused(file, { resume: saved?.state })).toContain('or went on meanwhile');
  });

  it.each<[string, () => Promise<Uint8Array | string>, string]>([
    ['a text', () => Promise.resolve('Dear diary'), 'it is no checkpoint, or a damaged one: '],
    [
      'weights',
      () => Promise.resolve(encodeSafetensors(new Linear(2, 1).stateDict())),
      'it holds tensors of something else. ',
    ],
    [
      'a run that is cut off',
      async () => (await readFile(await someRun())).subarray(0, -1),
      'it is no checkpoint, or a damaged one: ',
    ],
    [
      'a run with a flipped bit in its header',
      async () => {
        const bytes = await readFile(await someRun());
        const at = bytes.indexOf('weightsPrefix') + 2;
        bytes[at] = (bytes[at] as number) ^ 1;
        return bytes;
      },
      'it is no checkpoint, or a damaged one: ',
    ],
  ])('%s is not replaced', async (_, content, what) => {
    const file = newFile();
    await writeFile(file, await content());
    const message = await refused(file);
    expect(message.startsWith(`${file} would be replaced, and ${what}`)).toBe(true);
    expect(message.endsWith(MEND)).toBe(true);
    const saved = await loadRun(await someRun());
    expect(await refused(file, { resume: saved?.state })).toBe(message);
  });

  it('an empty file is nobody’s', async () => {
    const file = newFile();
    await writeFile(file, '');
    const { result } = await train({ callbacks: [new CheckpointFile(file)] });
    expect((await loadRun(file))?.state.json['history']).toHaveLength(result.history.length);
  });

  it('a run may go on in another place', async () => {
    const saved = await loadRun(await someRun());
    const file = newFile();
    await train({ callbacks: [new CheckpointFile(file)], resume: saved?.state });
    expect((await loadRun(file))?.state.json['position']).toMatchObject({ step: 15 });
  });
});

describe('the lock on the file', () => {
  it('is there while the run is, and keeps others off', async () => {
    const file = newFile();
    let error: unknown;
    const intruder: Callback = {
      async onEpochEnd({ epoch }) {
        if (epoch !== 1) return;
        error = await lockFile(file).catch((error: unknown) => error);
      },
    };
    await train({ callbacks: [new CheckpointFile(file), intruder] });
    expect(error).toBeInstanceOf(ConfigError);
    await (await lockFile(file)).release();
  });

  it('two of one file in a run are refused, and the first lets go of it', async () => {
    const file = newFile();
    const callbacks = [new CheckpointFile(file), new CheckpointFile(file)];
    await expect(train({ callbacks })).rejects.toThrow(
      new ConfigError(
        `${file} is used by another run of this process; wait for its end, or name another file`,
      ),
    );
    expect((await readdir(folder)).filter((name) => name.endsWith('.lock'))).toEqual([]);
  });

  /** Trains with a callback, and once within that run again with the same one. */
  async function twiceAtOnce(callback: Callback): Promise<unknown> {
    let error: unknown;
    const again: Callback = {
      async onEpochEnd({ epoch }) {
        if (epoch !== 1) return;
        error = await train({ callbacks: [callback] }).catch((error: unknown) => error);
      },
    };
    const { result } = await train({ callbacks: [callback, again] });
    expect(result).toMatchObject({ finished: true, steps: 15 });
    return error;
  }

  it('is the first run’s where a second is given the same CheckpointFile', async () => {
    const file = newFile();
    const callback = new CheckpointFile(file);
    expect(await twiceAtOnce(callback)).toEqual(
      new ConfigError(
        `${file} is used by another run of this process; wait for its end, or name another file`,
      ),
    );
    // Had the lock been released, the first run could not have gone on to here.
    expect((await loadRun(file))?.state.json['position']).toMatchObject({ step: 15 });
    await (await lockFile(file)).release();
  });

  it('is one run’s at a time, also where the caller gave it', async () => {
    const file = newFile();
    const lock = await lockFile(file);
    expect(await twiceAtOnce(new CheckpointFile(file, { lock }))).toEqual(
      new ConfigError(
        `CheckpointFile: the lock on ${file} is another run's of this process; wait for its end, or name ` +
          'another file',
      ),
    );
    const saved = await loadRun(file);
    expect(saved?.state.json['position']).toMatchObject({ step: 15 });
    await train({ callbacks: [new CheckpointFile(file, { lock })], resume: saved?.state });
    await lock.release();
  });

  it('that another takes over ends the run before it writes', async () => {
    const file = newFile();
    const thief: Callback = {
      async onStepEnd({ step }) {
        if (step === 2) await writeFile(`${file}.lock`, 'mine');
      },
    };
    const callbacks = [thief, new CheckpointFile(file)];
    await expect(train({ callbacks })).rejects.toThrow(/it was taken over/);
    expect(await loadRun(file)).toBe(null);
    await rm(`${file}.lock`);
  });

  it('may be the caller’s, who holds it before and after', async () => {
    const file = newFile();
    const lock = await lockFile(file);
    await train({ callbacks: [new CheckpointFile(file, { lock })] });
    await lock.check();
    await lock.release();
    await expect(train({ callbacks: [new CheckpointFile(newFile(), { lock })] })).rejects.toThrow(
      /^CheckpointFile: expected a lock on \S+, got one on \S+$/,
    );
    expect(() => new CheckpointFile(file, { lock: {} as FileLock })).toThrow(
      new ConfigError('CheckpointFile: lock must be what lockFile gave, got {}'),
    );
  });
});

describe('a file that is no whole checkpoint', () => {
  it('that is not there is none', async () => {
    expect(await loadRun(join(folder, 'missing'))).toBe(null);
  });

  it('of other tensors, or damaged, is an error', async () => {
    const other = newFile();
    await saveCheckpoint(other, { state: new Map(), metadata: {} });
    await expect(loadRun(other)).rejects.toThrow(
      new FileFormatError(
        `${other}: expected the checkpoint of a run (format unfold-checkpoint-2), got other tensors; ` +
          'a run can go on from a file that --checkpoint or CheckpointFile wrote',
      ),
    );
    for (const state of ['[1]', '{', 'null']) {
      await saveCheckpoint(other, {
        state: new Map(),
        metadata: { format: 'unfold-checkpoint-2', state },
      });
      await expect(loadRun(other)).rejects.toThrow(
        new FileFormatError(
          `${other}: the state of the run is no JSON object; the file is damaged`,
        ),
      );
    }
    await expect(loadRun(folder)).rejects.toThrow(ConfigError);
  });

  it('cut off anywhere is an error', async () => {
    const file = newFile();
    const { callback, signal } = stopAfter(2);
    await train({ callbacks: [callback, new CheckpointFile(file)], signal });
    const bytes = await readFile(file);
    const cut = newFile();
    for (let length = 0; length < bytes.length; length += 97) {
      await writeFile(cut, bytes.subarray(0, length));
      await expect(loadRun(cut)).rejects.toThrow(FileFormatError);
    }
  });
});

it('a checkpoint that cannot be written ends the run', async () => {
  const callbacks = [new CheckpointFile(join(folder, 'missing', 'c'))];
  await expect(train({ callbacks })).rejects.toThrow(/^cannot write .*missing.*ENOENT/);
});
