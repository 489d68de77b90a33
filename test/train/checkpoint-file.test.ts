import { ConfigError, configureEngine, FileFormatError, manualSeed } from '@unfold/core';
import { BatchNorm1d, Flatten, Linear, Sequential } from '@unfold/nn';
import {
  AdamW,
  CheckpointFile,
  DataLoader,
  EarlyStopping,
  EMA,
  fit,
  loadRun,
  saveCheckpoint,
  weightsSha256,
  type Callback,
  type FitOptions,
  type FitResult,
} from '@unfold/train';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CLASSES, stripes } from '../support/stripes.js';

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

it('a run that is stopped before its first step leaves the file as it is', async () => {
  const file = newFile();
  const { callback, signal } = stopAfter(3);
  await train({ callbacks: [callback, new CheckpointFile(file)], signal });
  const bytes = await readFile(file);
  await train({ callbacks: [new CheckpointFile(file)], signal: AbortSignal.abort() });
  expect(await readFile(file)).toEqual(bytes);
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
