import { ConfigError, generator, manualSeed } from '@unfold/core';
import { Flatten, Linear, Sequential } from '@unfold/nn';
import {
  accuracy,
  type Callback,
  DataLoader,
  fit,
  type FitResult,
  LinearLR,
  ReduceLROnPlateau,
  SGD,
} from '@unfold/train';
import { RunLog } from '@unfold/monitor';
import { weightsSha256 } from '@unfold/io';
import { tfjsDataLoader } from '@unfold/tfjs';
import { describe, expect, it } from 'vitest';
import {
  copyOf,
  everything,
  stateOf,
  type Options,
  type Saved,
} from '../support/runs/saved-runs.js';
import { CLASSES, stripes } from '../support/runs/stripes.js';

/** Plain SGD on a plateau, and a loader with a generator of its own. */
function plain(): { model: Sequential; options: Options } {
  manualSeed(6);
  const model = new Sequential(new Flatten(), new Linear(36, CLASSES));
  const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9, nesterov: true });
  return {
    model,
    options: {
      train: new DataLoader(stripes(50), { batchSize: 16, shuffle: true, seed: 3 }),
      epochs: 4,
      optimizer,
      scheduler: { epoch: new ReduceLROnPlateau(optimizer, { patience: 0, threshold: 0.2 }) },
      metrics: { accuracy },
    },
  };
}

/** The same, with nothing drawn for training: images in their order, not augmented. */
function inOrder(): { model: Sequential; options: Options } {
  const { model, options } = plain();
  const train = new DataLoader(stripes(50), { batchSize: 16 });
  return { model, options: { ...options, train } };
}

/** The run to its end, with what it was at every point where it could be saved. */
async function whole(make: typeof everything): Promise<{
  readonly hash: string;
  readonly result: FitResult<'accuracy'>;
  readonly saved: readonly Saved[];
}> {
  const { model, options } = make();
  const saved: Saved[] = [];
  const saver: Callback = { onSavePoint: (point) => void saved.push(copyOf(point.state())) };
  const callbacks = [...(options.callbacks ?? []), saver];
  const result = await fit(model, { ...options, callbacks });
  return { hash: weightsSha256(model.stateDict()), result, saved };
}

/** A new process would begin with streams like these. */
function forget(): void {
  manualSeed(999);
  generator('shuffle').uniform();
  generator('dropout').uniform();
}

async function resume(
  { model, options }: { model: Sequential; options: Options },
  saved: Saved,
): Promise<{ hash: string; result: FitResult<'accuracy'> }> {
  forget();
  const result = await fit(model, { ...options, resume: stateOf(saved) });
  return { hash: weightsSha256(model.stateDict()), result };
}

/** Reports but for what a clock says. */
const untimed = ({ history, ...rest }: FitResult<'accuracy'>): unknown => ({
  ...rest,
  history: history.map((report) => ({ ...report, seconds: 0 })),
});

describe.each([
  ['everything that has a state', everything, 20],
  ['plain SGD', plain, 20],
  ['images in their order', inOrder, 20],
] as const)('a run resumed: %s', (_, make, points) => {
  it('from any point ends with the same weights and reports', async () => {
    const { hash, result, saved } = await whole(make);
    expect(saved).toHaveLength(points);
    for (const state of saved) {
      const again = await resume(make(), state);
      expect(again.hash).toBe(hash);
      expect(untimed(again.result)).toEqual(untimed(result));
    }
  });

  it('after a signal, at any step, ends with the same weights', async () => {
    const { hash, result } = await whole(make);
    for (let stop = 0; stop <= result.steps; stop += 3) {
      const controller = new AbortController();
      const { model, options } = make();
      let saved: Saved | undefined;
      const stopper: Callback = {
        onTrainBegin: () => stop === 0 && controller.abort(),
        onStepEnd: ({ step }) => step === stop && controller.abort(),
        onSavePoint: (point) => {
          if (point.kind === 'stop') saved = copyOf(point.state());
        },
      } as Callback;
      const callbacks = [...(options.callbacks ?? []), stopper];
      const stopped = await fit(model, { ...options, callbacks, signal: controller.signal });
      if (stopped.finished || !saved) throw new Error('it was not stopped');
      expect(stopped.steps).toBe(stop);
      expect((await resume(make(), saved)).hash).toBe(hash);
    }
  });
});

it('a run that is stopped in its validation validates again when it is resumed', async () => {
  const { hash } = await whole(everything);
  for (const stopAt of [1, 3]) {
    const controller = new AbortController();
    const { model, options } = everything();
    let saved: Saved | undefined;
    let batches = 0;
    const { validation } = options;
    if (!validation) throw new Error('there is none');
    const watched = {
      async *[Symbol.asyncIterator]() {
        for await (const batch of validation) {
          if (++batches === stopAt) controller.abort();
          yield batch;
        }
      },
    };
    const saver: Callback = {
      onSavePoint(point) {
        if (point.kind === 'stop') saved = copyOf(point.state());
      },
    };
    const { history, steps, finished } = await fit(model, {
      ...options,
      validation: watched,
      signal: controller.signal,
      callbacks: [...(options.callbacks ?? []), saver],
    });
    expect([history.length, steps, finished]).toEqual([0, 4, false]);
    expect(options.ema?.isApplied).toBe(false);
    if (!saved) throw new Error('it was not saved');
    expect((await resume(everything(), saved)).hash).toBe(hash);
  }
});

it('a run that was told to stop ends its epoch, also when it was saved before', async () => {
  const stopping = (): Callback => ({
    onStepEnd: ({ step }, run) => (step === 6 ? run.stop('enough') : undefined),
  });
  const make = (): { model: Sequential; options: Options } => {
    const { model, options } = plain();
    return { model, options: { ...options, callbacks: [stopping()] } };
  };
  const { hash, result, saved } = await whole(make);
  expect([result.steps, result.stopped]).toEqual([8, 'enough']);
  for (const state of saved) {
    const again = await resume(make(), state);
    expect(again.hash).toBe(hash);
    expect(untimed(again.result)).toEqual(untimed(result));
  }
});

it('what draws random numbers as a run begins again changes nothing', async () => {
  const drawing: Callback = { onTrainBegin: () => void generator('shuffle').uniform() };
  const make = (): { model: Sequential; options: Options } => {
    const { model, options } = everything();
    return { model, options: { ...options, callbacks: [...(options.callbacks ?? []), drawing] } };
  };
  const { hash, saved } = await whole(make);
  for (const state of saved.slice(3, 8)) expect((await resume(make(), state)).hash).toBe(hash);
});

it('a callback that the saved run did not have begins anew', async () => {
  const { hash, saved } = await whole(everything);
  const { model, options } = everything();
  const log = new RunLog();
  const callbacks = [...(options.callbacks ?? []), log];
  const state = saved[7];
  if (!state) throw new Error('there are fewer');
  expect((await resume({ model, options: { ...options, callbacks } }, state)).hash).toBe(hash);
  expect(log.steps.step[0]).toBe(8);
});

it('the loader may be another that gives the same batches', async () => {
  const { hash, saved } = await whole(plain);
  const { model, options } = plain();
  const train = await tfjsDataLoader(stripes(50), { batchSize: 16, shuffle: true, seed: 3 });
  for (const state of [saved[1], saved[6]]) {
    if (!state) throw new Error('there are fewer');
    expect((await resume({ model, options: { ...options, train } }, state)).hash).toBe(hash);
  }
});

describe('a state that does not fit', () => {
  const change = async (
    edit: (json: Record<string, unknown>) => void,
    alter: (options: Options) => Options = (options) => options,
  ): Promise<unknown> => {
    const [state] = (await whole(plain)).saved;
    if (!state) throw new Error('nothing was saved');
    const json = JSON.parse(state.json) as Record<string, unknown>;
    edit(json);
    const { model, options } = plain();
    const wrong = { ...state, json: JSON.stringify(json) };
    return resume({ model, options: alter(options) }, wrong).catch((error: unknown) => error);
  };

  it.each<[string, (json: Record<string, unknown>) => void, string]>([
    [
      'another version',
      (json) => (json['version'] = 2),
      'fit: resume: expected a state of version 1, got 2',
    ],
    [
      'no position',
      (json) => (json['position'] = [1]),
      'fit: resume: position: expected an object, got [1]',
    ],
    [
      'a position beyond the epoch',
      (json) => Object.assign(json['position'] as object, { batch: 5 }),
      'fit: resume: the position, epoch 1 and batch 5, does not fit the rest of the state; it is damaged',
    ],
    [
      'a report of other things',
      (json) => Object.assign(json, { history: [{ epoch: 1, train: { loss: 'x' } }] }),
      "fit: resume: history[0].train[0]: expected a finite number, got 'x'",
    ],
    [
      'another loader',
      (json) => (json['epoch'] = { images: 60, batches: 4, accumulate: 1 }),
      'fit: resume: the saved run had images 60 in an epoch, this one has 50; resume with the same data, ' +
        'batch size and accumulate',
    ],
    [
      'another metric',
      (json) => (json['meter'] = { images: 16, sums: { loss: 1, f1: 0 } }),
      'fit: resume: the saved run had metrics: loss, f1; this one has: loss, accuracy; resume with the ' +
        'same options',
    ],
    [
      'what a callback remembered that is not there',
      (json) => (json['callbacks'] = { earlyStopping: {} }),
      'fit: resume: the saved run had callbacks with a state that are missing here: earlyStopping; ' +
        'resume with the same callbacks',
    ],
    [
      'a broken generator',
      (json) => Object.assign(json['randomness'] as object, { loader: { now: 3, epoch: null } }),
      'fit: resume: randomness: now: expected an object, got 3',
    ],
    [
      'no list of reports',
      (json) => (json['history'] = {}),
      "fit: resume: history: expected a list of epochs' reports",
    ],
    [
      'an average that is not there',
      (json) => (json['ema'] = { updates: 3 }),
      'fit: resume: the saved run had averages of weights: ema; this one has: none; resume with the ' +
        'same options',
    ],
    [
      'another optimiser',
      (json) => Object.assign(json['optimizer'] as object, { optimizer: 'Adam' }),
      'SGD.loadStateDict: got the state of Adam',
    ],
  ])('%s', async (_, edit, message) => {
    expect(await change(edit)).toEqual(new ConfigError(message));
  });

  it('other schedules than the options', async () => {
    const other = (options: Options): Options => ({
      ...options,
      scheduler: { step: new LinearLR(options.optimizer) },
    });
    expect(await change(() => {}, other)).toEqual(
      new ConfigError(
        'fit: resume: the saved run had schedules: epoch; this one has: step; resume with the same ' +
          'options',
      ),
    );
  });
});
