import {
  ConfigError,
  DisposedError,
  generator,
  heapStats,
  manualSeed,
  Parameter,
  rngState,
  setRngState,
  tensor,
  UnfoldError,
  zeros,
  type RngState,
  type Tensor,
} from '@unfold/core';
import { Linear, Module, Sequential, type StateDict } from '@unfold/nn';
import {
  AdamW,
  type Callback,
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  EarlyStopping,
  EMA,
  ExponentialLR,
  fit,
  LambdaLR,
  LinearLR,
  type LRScheduler,
  MultiStepLR,
  OneCycleLR,
  type Optimizer,
  ReduceLROnPlateau,
  type RunState,
  type Scheduler,
  type SchedulerState,
  SequentialLR,
  SGD,
  StepLR,
} from '@unfold/train';
import { RunLog } from '@unfold/monitor';
import { describe, expect, it } from 'vitest';
import {
  copyOf,
  everything,
  stateOf,
  type Options,
  type Saved,
} from '../support/runs/saved-runs.js';
import { contents } from '../support/files/weights.js';
import { collectGarbage } from '../support/garbage.js';

/** What stands in a damaged state in place of something else. */
const JUNK: readonly unknown[] = [undefined, null, -1, 0.5, 2 ** 40, 'x', true, [], [7], {}];

/** Every state that differs from a JSON in one place: something left out, or junk in its stead. */
function* damaged(json: unknown): Iterable<[string, unknown]> {
  for (const path of pathsIn(json)) {
    for (const junk of JUNK) {
      const copy: unknown = structuredClone(json);
      let at = copy as Record<string, unknown>;
      for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>;
      const key = path.at(-1) as string;
      if (junk === undefined && Array.isArray(at)) at.splice(Number(key), 1);
      else if (junk === undefined) delete at[key];
      else at[key] = junk;
      yield [`${path.join('.')}: ${JSON.stringify(junk)}`, copy];
    }
  }
}

function* pathsIn(json: unknown): Iterable<string[]> {
  if (typeof json !== 'object' || json === null) return;
  for (const [key, value] of Object.entries(json)) {
    yield [key];
    for (const rest of pathsIn(value)) yield [key, ...rest];
  }
}

/** The same tensors but for one: missing, of another shape or dtype, freed; or one too many. */
function* misfits(tensors: StateDict): Iterable<[string, Map<string, Tensor>]> {
  for (const [name, own] of tensors) {
    const others = [...tensors].filter(([other]) => other !== name);
    yield [`${name} missing`, new Map(others)];
    const freed = tensor(own.toTypedArray(), own.shape, { dtype: own.dtype });
    freed.dispose();
    for (const [what, wrong] of [
      ['of another shape', zeros([...own.shape, 2], { dtype: own.dtype })],
      ['of another dtype', zeros(own.shape, { dtype: own.dtype === 'int32' ? 'bool' : 'int32' })],
      ['freed', freed],
    ] as const) {
      // Last, so that all before it are right.
      yield [`${name} ${what}`, new Map([...others, [name, wrong]])];
    }
  }
}

/**
 * Tries a loader on states that are damaged. Where it refuses one, by an error of Unfold's, all is as
 * it was before.
 * @returns How many were refused.
 */
async function refusals<State>(
  states: Iterable<[string, State]>,
  load: (state: State) => unknown,
  snapshot: () => unknown,
): Promise<number> {
  let refused = 0;
  let before = snapshot();
  for (const [what, state] of states) {
    try {
      await load(state);
      before = snapshot();
    } catch (error) {
      expect(error, what).toBeInstanceOf(UnfoldError);
      expect(snapshot(), what).toEqual(before);
      refused++;
    }
  }
  return refused;
}

/** A state as values that later steps don't change. */
function frozen({ tensors, json }: { tensors: StateDict; json: unknown }): unknown {
  return [contents(tensors), structuredClone(json)];
}

/** The options of each group, as they are now. */
function optionsOf({ groups }: Optimizer): unknown[] {
  return groups.map((group) => {
    const { params: _, ...options } = group;
    return structuredClone(options);
  });
}

/** A callback of a program's own that remembers a number. */
class Counter implements Callback {
  readonly name: string;
  count = 0;

  constructor(name: string) {
    this.name = name;
  }

  onStepEnd(): void {
    this.count++;
  }

  stateDict(): RunState {
    return { tensors: new Map(), json: { count: this.count } };
  }

  loadStateDict({ json }: RunState): void {
    const { count } = json;
    // Not as it should be: it forgets before it looks.
    this.count = -1;
    if (!Number.isSafeInteger(count)) throw new ConfigError('Counter: expected a count');
    this.count = Number(count);
  }
}

describe('a refused fit({ resume })', () => {
  function make(): { model: Sequential; options: Options; snapshot: () => unknown } {
    const { model, options } = everything();
    const callbacks = [
      ...(options.callbacks ?? []),
      new Counter('first'),
      new RunLog(),
      new Counter('last'),
    ];
    const { optimizer, scheduler, ema, train } = options;
    const snapshot = (): unknown => [
      contents(model.stateDict()),
      frozen(optimizer.stateDict()),
      optionsOf(optimizer),
      scheduler?.step?.stateDict(),
      scheduler?.epoch?.stateDict(),
      ema && frozen(ema.stateDict()),
      callbacks.map((callback) => {
        const state = callback.stateDict?.();
        return state && frozen(state);
      }),
      rngState(),
      train.generator.state(),
    ];
    return { model, options: { ...options, callbacks }, snapshot };
  }

  /** A run's state in the middle of its second epoch. */
  async function savedRun(): Promise<Saved> {
    const { model, options } = make();
    const controller = new AbortController();
    let saved: Saved | undefined;
    const saver: Callback = {
      onStepEnd: ({ step }) => (step === 6 ? controller.abort() : undefined),
      onSavePoint: (point) => void (saved = copyOf(point.state())),
    };
    const callbacks = [...(options.callbacks ?? []), saver];
    await fit(model, { ...options, callbacks, signal: controller.signal });
    if (!saved) throw new Error('nothing was saved');
    return saved;
  }

  /** A run that has come some way, so that there is something to lose. */
  async function begun(): Promise<ReturnType<typeof make>> {
    const run = make();
    const controller = new AbortController();
    const stop: Callback = {
      onStepEnd: ({ step }) => (step === 3 ? controller.abort() : undefined),
    };
    const callbacks = [...(run.options.callbacks ?? []), stop];
    await fit(run.model, { ...run.options, callbacks, signal: controller.signal });
    return run;
  }

  it('has changed nothing, wherever its JSON is damaged', async () => {
    const saved = await savedRun();
    const { model, options, snapshot } = await begun();
    const { tensors } = stateOf(saved);
    const resume = (json: RunState['json']): Promise<unknown> =>
      fit(model, { ...options, resume: { tensors, json }, signal: AbortSignal.abort() });
    await resume(stateOf(saved).json);
    const states = damaged(stateOf(saved).json) as Iterable<[string, RunState['json']]>;
    const count = await refusals(states, resume, snapshot);
    expect(count).toBeGreaterThan(1000);
  });

  it('has changed nothing, whichever tensor does not fit', async () => {
    const { tensors, json } = stateOf(await savedRun());
    const { model, options, snapshot } = await begun();
    const resume = (given: StateDict): Promise<unknown> =>
      fit(model, { ...options, resume: { tensors: given, json }, signal: AbortSignal.abort() });
    const states = [...misfits(tensors)];
    // A log keeps the tensors of its last state.
    snapshot();
    await collectGarbage();
    const { liveTensors } = heapStats();
    // What was best belongs to no model until the run ends, and may have any shape.
    const best = states.filter(([what]) =>
      /^callbacks\.earlyStopping\..*(missing|another)/.test(what),
    );
    expect(await refusals(states, resume, snapshot)).toBe(states.length - best.length);
    expect(heapStats().liveTensors).toBe(liveTensors);
    await resume(tensors);
  });

  it('has changed nothing of parts that are a program’s own, and load at once', async () => {
    class OwnModel extends Sequential {
      override loadStateDict(state: StateDict): void {
        super.loadStateDict(state);
      }
    }
    class OwnSGD extends SGD {
      override loadStateDict(state: ReturnType<SGD['stateDict']>): void {
        super.loadStateDict(state);
      }
    }
    manualSeed(3);
    const { options: base } = everything();
    const layers = everything().model;
    const model = new OwnModel(...[...layers.namedChildren()].map(([, layer]) => layer as Linear));
    const optimizer = new OwnSGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
    const scheduler: Scheduler & { count: number } = {
      count: 0,
      step() {
        this.count++;
      },
      stateDict() {
        return { scheduler: 'own', count: this.count };
      },
      loadStateDict({ count }: SchedulerState) {
        this.count = Number(count);
        for (const group of optimizer.groups) group.lr = 0.01;
      },
    };
    const options: Options = {
      train: base.train,
      epochs: 2,
      optimizer,
      scheduler: { step: scheduler },
      ...(base.metrics ? { metrics: base.metrics } : {}),
      callbacks: [new Counter('last')],
    };
    const states: RunState[] = [];
    const saver: Callback = {
      onSavePoint: (point) => void states.push(stateOf(copyOf(point.state()))),
    };
    await fit(model, { ...options, callbacks: [new Counter('last'), saver] });
    const [state] = states;
    if (!state) throw new Error('nothing was saved');
    const snapshot = (): unknown => [
      contents(model.stateDict()),
      frozen(optimizer.stateDict()),
      scheduler.count,
    ];
    const before = snapshot();
    await collectGarbage();
    const { liveTensors } = heapStats();
    const json = { ...state.json, callbacks: { last: { count: 'x' } } };
    const resumed = fit(model, { ...options, resume: { ...state, json } });
    await expect(resumed).rejects.toThrow(new ConfigError('Counter: expected a count'));
    expect(snapshot()).toEqual(before);
    expect(heapStats().liveTensors).toBe(liveTensors);
  });
});

describe('a loadStateDict that a program replaced is called by fit({ resume }),', () => {
  /** What a run with everything saves after its first step. */
  async function saved(options: Options, model: Sequential): Promise<RunState> {
    const states: RunState[] = [];
    const saver: Callback = {
      onSavePoint: (point) => void states.push(stateOf(copyOf(point.state()))),
    };
    await fit(model, { ...options, epochs: 1, callbacks: [saver] });
    const [state] = states;
    if (!state) throw new Error('nothing was saved');
    return state;
  }

  /** Resumes a run whose last part refuses its state, and one that goes on. */
  async function resume(make: () => { model: Sequential; options: Options }): Promise<void> {
    const first = make();
    const state = await saved({ ...first.options }, first.model);
    const callbacks = { last: { count: 'x' } };
    const { model, options } = make();
    const refused = fit(model, {
      ...options,
      callbacks: [new Counter('last')],
      resume: { ...state, json: { ...state.json, callbacks } },
    });
    await expect(refused).rejects.toThrow(new ConfigError('Counter: expected a count'));
    await fit(model, { ...options, epochs: 1, callbacks: [], resume: state });
  }

  it('of the averages', async () => {
    const updates: number[] = [];
    class OwnEMA extends EMA {
      override loadStateDict(state: ReturnType<EMA['stateDict']>): void {
        updates.push(state.json.updates);
        super.loadStateDict(state);
      }
    }
    await resume(() => {
      const { model, options } = everything();
      return { model, options: { ...options, ema: new OwnEMA(model, { decay: 0.8 }) } };
    });
    // Taken over, given back, and taken over at last.
    expect(updates).toEqual([1, 0, 1]);
  });

  it('of a schedule among several', async () => {
    const counts: unknown[] = [];
    class OwnLR extends ExponentialLR {
      override loadStateDict(state: SchedulerState): void {
        counts.push(state['count']);
        super.loadStateDict(state);
      }
    }
    await resume(() => {
      const { model, options } = everything();
      const { optimizer } = options;
      const own = new OwnLR(optimizer, { gamma: 0.9 });
      const last = new StepLR(optimizer, { stepSize: 2 });
      const step = new SequentialLR(optimizer, [own, last], { milestones: [3] });
      return { model, options: { ...options, scheduler: { step } } };
    });
    expect(counts).toEqual([1, 0, 1]);
  });
});

describe('a loader that refuses has changed nothing:', () => {
  const SCHEDULES: [string, (optimizer: Optimizer) => Scheduler | ReduceLROnPlateau][] = [
    ['StepLR', (optimizer) => new StepLR(optimizer, { stepSize: 2 })],
    ['MultiStepLR', (optimizer) => new MultiStepLR(optimizer, { milestones: [1, 3] })],
    ['ExponentialLR', (optimizer) => new ExponentialLR(optimizer, { gamma: 0.9 })],
    ['LambdaLR', (optimizer) => new LambdaLR(optimizer, (step) => 1 / (1 + step))],
    ['LinearLR', (optimizer) => new LinearLR(optimizer)],
    ['CosineAnnealingLR', (optimizer) => new CosineAnnealingLR(optimizer, { tMax: 9 })],
    ['warm restarts', (optimizer) => new CosineAnnealingWarmRestarts(optimizer, { t0: 4 })],
    ['OneCycleLR', (optimizer) => new OneCycleLR(optimizer, { maxLr: 0.3, totalSteps: 9 })],
    ['ReduceLROnPlateau', (optimizer) => new ReduceLROnPlateau(optimizer, { patience: 0 })],
    [
      'SequentialLR',
      (optimizer) => {
        const parts: LRScheduler[] = [
          new LinearLR(optimizer, { totalIters: 2 }),
          new OneCycleLR(optimizer, { maxLr: 0.3, totalSteps: 9 }),
          new ExponentialLR(optimizer, { gamma: 0.9 }),
        ];
        return new SequentialLR(optimizer, parts, { milestones: [2, 4] });
      },
    ],
  ];

  const twoGroups = (): SGD =>
    new SGD(
      [
        { params: [new Parameter(tensor([1, 2]))] },
        { params: [new Parameter(zeros([2, 2]))], lr: 0.02 },
      ],
      { lr: 0.1, momentum: 0.9 },
    );

  it.each(SCHEDULES)('%s', async (_, makeSchedule) => {
    const optimizer = twoGroups();
    const schedule = makeSchedule(optimizer);
    const json = schedule.stateDict();
    for (let i = 0; i < 3; i++) {
      if (schedule instanceof ReduceLROnPlateau) schedule.step(1);
      else schedule.step();
    }
    const snapshot = (): unknown => [structuredClone(schedule.stateDict()), optionsOf(optimizer)];
    const load = (state: unknown): void => schedule.loadStateDict(state as SchedulerState);
    expect(await refusals(damaged(json), load, snapshot)).toBeGreaterThan(10);
    for (const lrs of [
      [0.1, -1],
      [NaN, 0.1],
    ]) {
      const wrong = { ...json, ...('lrs' in json ? { lrs } : {}) };
      expect(await refusals([['lrs', wrong]], load, snapshot)).toBe('lrs' in json ? 1 : 0);
    }
  });

  it('optimisers', async () => {
    const make = (): { optimizer: AdamW; parameters: Parameter[] } => {
      const parameters = [new Parameter(tensor([1, 2])), new Parameter(zeros([2, 2]))];
      const optimizer = new AdamW(
        parameters.map((parameter) => ({ params: [parameter] })),
        { lr: 0.1, amsgrad: true },
      );
      for (const parameter of parameters) {
        parameter.grad = tensor(parameter.toTypedArray(), parameter.shape).keep();
      }
      optimizer.step();
      return { optimizer, parameters };
    };
    const { optimizer: saved } = make();
    saved.step();
    const { tensors, json } = saved.stateDict();
    const { optimizer } = make();
    const load = (state: unknown): void =>
      optimizer.loadStateDict(state as ReturnType<Optimizer['stateDict']>);
    const snapshot = (): unknown => frozen(optimizer.stateDict());
    const jsons = [...damaged(json)].map(([what, json]): [string, unknown] => [
      what,
      { tensors, json },
    ]);
    expect(await refusals(jsons, load, snapshot)).toBeGreaterThan(100);
    const wrong = [...misfits(tensors)].map(([what, given]): [string, unknown] => [
      what,
      { tensors: given, json },
    ]);
    await collectGarbage();
    const { liveTensors } = heapStats();
    expect(await refusals(wrong, load, snapshot)).toBe(wrong.length);
    expect(heapStats().liveTensors).toBe(liveTensors);
  });

  it('modules, also where a part of them was freed', async () => {
    const make = (): Sequential => new Sequential(new Linear(3, 2), new Linear(2, 4));
    const state = make().stateDict();
    const model = make();
    const snapshot = (): unknown => contents(model.stateDict());
    const wrong = [...misfits(state)];
    const load = (given: StateDict): void => model.loadStateDict(given);
    expect(await refusals(wrong, load, snapshot)).toBe(wrong.length);
    const parameters = [...model.parameters()];
    const before = parameters.slice(0, -1).map((parameter) => parameter.toArray());
    parameters.at(-1)?.dispose();
    expect(() => model.loadStateDict(state)).toThrow(DisposedError);
    expect(parameters.slice(0, -1).map((parameter) => parameter.toArray())).toEqual(before);
  });

  it('averages', async () => {
    const model = new Linear(3, 2);
    const ema = new EMA(model);
    const { tensors, json } = new EMA(new Linear(3, 2)).stateDict();
    const snapshot = (): unknown => frozen(ema.stateDict());
    const load = (state: unknown): void => ema.loadStateDict(state as ReturnType<EMA['stateDict']>);
    const states: [string, unknown][] = [
      ...[...misfits(tensors)].map(([what, given]): [string, unknown] => [
        what,
        { tensors: given, json },
      ]),
      ...[...damaged(json)].map(([what, wrong]): [string, unknown] => [
        what,
        { tensors, json: wrong },
      ]),
    ];
    expect(await refusals(states, load, snapshot)).toBeGreaterThan(12);
  });

  it.each<[string, () => Callback]>([
    ['EarlyStopping', () => new EarlyStopping()],
    ['RunLog', () => new RunLog()],
  ])('%s', async (_, makeCallback) => {
    const callbacks: Callback[] = [makeCallback()];
    let saved: Saved | undefined;
    const saver: Callback = {
      onSavePoint: () => {
        const state = callbacks[0]?.stateDict?.();
        if (state) saved = copyOf(state);
      },
    };
    const { model, options } = everything();
    await fit(model, { ...options, callbacks: [...callbacks, saver] });
    if (!saved) throw new Error('nothing was saved');
    const { tensors, json } = stateOf(saved);
    const callback = makeCallback();
    callback.loadStateDict?.({ tensors, json });
    const snapshot = (): unknown => {
      const state = callback.stateDict?.();
      return state && frozen(state);
    };
    const load = (state: RunState): void => callback.loadStateDict?.(state);
    const states = damaged(json) as Iterable<[string, RunState['json']]>;
    const jsons = [...states].map(([what, json]): [string, RunState] => [what, { tensors, json }]);
    expect(await refusals(jsons, load, snapshot)).toBeGreaterThan(10);
    const wrong = [...misfits(tensors)].map(([what, given]): [string, RunState] => [
      what,
      { tensors: given, json },
    ]);
    expect(await refusals(wrong, load, snapshot)).toBeGreaterThanOrEqual(tensors.size);
  });

  it('random streams', async () => {
    manualSeed(8);
    generator('dropout').normal();
    const json = rngState();
    generator('dropout').normal();
    generator('shuffle').uniform();
    const load = (state: unknown): void => setRngState(state as RngState);
    expect(await refusals(damaged(json), load, rngState)).toBeGreaterThan(50);
  });
});

it('Module is the class whose loader is Unfold’s own', () => {
  // What `fit` relies on to tell a loader that a program replaced.
  expect(new Linear(1, 1).loadStateDict).toBe(Module.prototype.loadStateDict);
});
