import {
  ConfigError,
  rngState,
  setRngState,
  type Generator,
  type GeneratorState,
  type RngState,
  type Tensor,
} from '@unfold/core';
import type { Layer } from '@unfold/nn';
import type { EMA, EMAState } from '../optim/ema.js';
import type { Optimizer, OptimizerState } from '../optim/optimizer.js';
import type { SchedulerState } from '../optim/schedules/index.js';
import { asNumber, asObject, type JsonObject } from '../optim/state.js';
import type { Callback, EpochReport, RunState } from './callback.js';
import { asHistory } from './history.js';
import type { Meter } from './measure.js';

/** Of the form below. Another one is not understood. */
const VERSION = 1;
const WHERE = 'fit: resume';

/** Where all randomness of a run stands. */
export interface Randomness {
  /** The global streams. */
  readonly global: RngState;
  /**
   * The loader's generator now, and where it stood when the epoch in hand was drawn, from which it is
   * drawn again; null if none was drawn yet.
   */
  readonly loader: { readonly now: GeneratorState; readonly epoch: GeneratorState | null };
}

/** How far a run has come. */
export class Position {
  /** The epoch in hand, or the first that is not begun; counts from 1. */
  epoch = 1;
  /** Batches of it that are done. */
  batch = 0;
  /** Steps done in all. */
  step = 0;
  /** Seconds spent on its batches. */
  seconds = 0;
  /** The learning rate of the last step. */
  lr = 0;
  /** Why the run ends with the epoch in hand; null if it goes on. */
  stopped: string | null = null;
  /** The loader's generator when the epoch in hand was drawn. */
  #epochStart: GeneratorState | null = null;
  /** What is to be set once an epoch that was begun before the run was saved is drawn again. */
  #resumed: Randomness | null = null;

  /** Whether the epoch in hand was begun before the run was saved. */
  get isBegun(): boolean {
    return (this.#resumed?.loader.epoch ?? null) !== null;
  }

  /**
   * To be called before an epoch's first batch is asked for.
   * @returns To be called after it came.
   */
  beginEpoch(generator: Generator): () => void {
    const resumed = this.#resumed;
    this.#resumed = null;
    const start = resumed?.loader.epoch;
    if (!resumed || !start) {
      this.#epochStart = generator.state();
      return () => {};
    }
    this.#epochStart = start;
    generator.setState(start);
    let isSet = false;
    return () => {
      if (isSet) return;
      isSet = true;
      setRandomness(resumed, generator);
    };
  }

  nextEpoch(): void {
    this.epoch++;
    this.batch = 0;
    this.seconds = 0;
    this.#epochStart = null;
  }

  randomness(generator: Generator): Randomness {
    const now = generator.state();
    return { global: rngState(), loader: { now, epoch: this.#epochStart } };
  }

  toJson(): JsonObject {
    const { epoch, batch, step, seconds, lr, stopped } = this;
    return { epoch, batch, step, seconds, lr, stopped };
  }

  restore(json: unknown, randomness: Randomness): void {
    const where = `${WHERE}: position`;
    const { epoch, batch, step, seconds, lr, stopped } = asObject(where, json);
    if (stopped !== null && typeof stopped !== 'string') {
      throw new ConfigError(`${where}: stopped: expected a text or null`);
    }
    this.epoch = asNumber(`${where}: epoch`, epoch, { integer: true });
    this.batch = asNumber(`${where}: batch`, batch, { integer: true });
    this.step = asNumber(`${where}: step`, step, { integer: true });
    this.seconds = asNumber(`${where}: seconds`, seconds);
    this.lr = asNumber(`${where}: lr`, lr);
    this.stopped = stopped;
    this.#resumed = randomness;
  }
}

function setRandomness({ global, loader }: Randomness, generator: Generator): void {
  setRngState(global);
  generator.setState(loader.now);
}

/** The parts of a run whose states make up its own. */
export interface Parts<Metric extends string> {
  readonly model: Layer;
  readonly optimizer: Optimizer;
  readonly ema: EMA | null;
  /** By the option's names. */
  readonly schedules: ReadonlyMap<string, Schedule>;
  readonly callbacks: readonly Callback<Metric>[];
  readonly generator: Generator;
  readonly position: Position;
  readonly meter: Meter<Metric>;
  readonly history: EpochReport<Metric>[];
  /** What an epoch is made of; a run goes on with the same. */
  readonly shape: EpochShape;
}

/** What the place in an epoch is counted in. */
export interface EpochShape {
  readonly images: number;
  readonly batches: number;
  /** Batches of a step. */
  readonly accumulate: number;
}

/** Any kind of schedule: only its state matters here. */
export interface Schedule {
  stateDict(): SchedulerState;
  loadStateDict(state: SchedulerState): void;
}

/** The whole state. Its tensors are the run's own. */
export function captureState<Metric extends string>(
  parts: Parts<Metric>,
  randomness: Randomness,
): RunState {
  const optimizer = parts.optimizer.stateDict();
  const ema = parts.ema?.stateDict() ?? null;
  const callbacks = [...namedCallbacks(parts.callbacks)].map(
    ([name, callback]) => [name, callback.stateDict?.()] as const,
  );
  const tensors = new Map<string, Tensor>();
  const put = (prefix: string, own: ReadonlyMap<string, Tensor>): void => {
    for (const [name, tensor] of own) tensors.set(`${prefix}.${name}`, tensor);
  };
  put('model', parts.model.stateDict());
  put('optimizer', optimizer.tensors);
  if (ema) put('ema', ema.tensors);
  for (const [name, state] of callbacks) if (state) put(`callbacks.${name}`, state.tensors);
  return {
    tensors,
    json: {
      version: VERSION,
      epoch: parts.shape,
      position: parts.position.toJson(),
      randomness,
      optimizer: optimizer.json,
      schedules: Object.fromEntries(
        [...parts.schedules].map(([name, schedule]) => [name, schedule.stateDict()]),
      ),
      ema: ema?.json ?? null,
      callbacks: Object.fromEntries(callbacks.map(([name, state]) => [name, state?.json ?? null])),
      meter: parts.meter.sums(),
      history: parts.history,
    },
  };
}

/**
 * Sets all parts as they were.
 * @returns What sets randomness as it was, to be called when nothing else draws from it before the
 * run goes on.
 * @throws ConfigError, ShapeError or DTypeError for a state that is damaged, or of a run with other
 * parts.
 */
export function restoreState<Metric extends string>(
  { tensors, json }: RunState,
  parts: Parts<Metric>,
): () => void {
  const saved = asObject(WHERE, json);
  if (saved['version'] !== VERSION) {
    throw new ConfigError(
      `${WHERE}: expected a state of version ${VERSION}, got ${JSON.stringify(saved['version'])}`,
    );
  }
  checkSameParts(saved, parts);
  const under = (prefix: string): ReadonlyMap<string, Tensor> => tensorsUnder(tensors, prefix);
  const callbackStates = asObject(`${WHERE}: callbacks`, saved['callbacks']);
  const schedules = asObject(`${WHERE}: schedules`, saved['schedules']);
  const randomness = asRandomness(saved['randomness']);

  checkSameEpochs(asObject(`${WHERE}: epoch`, saved['epoch']), parts.shape);
  const history = asHistory(`${WHERE}: history`, saved['history']);
  const { position } = parts;
  position.restore(saved['position'], randomness);
  const isPossible =
    position.batch <= parts.shape.batches &&
    position.epoch === history.length + 1 &&
    (position.batch === 0 || randomness.loader.epoch !== null);
  if (!isPossible) {
    throw new ConfigError(
      `${WHERE}: the position, epoch ${position.epoch} and batch ${position.batch}, does not fit the ` +
        'rest of the state; it is damaged',
    );
  }
  restoreMeter(saved['meter'], parts.meter);
  // The names of its scores were compared with those of the metrics.
  parts.history.push(...(history as EpochReport<Metric>[]));
  parts.model.loadStateDict(under('model'));
  // What is no such state is refused by the loaders themselves.
  parts.optimizer.loadStateDict({
    tensors: under('optimizer'),
    json: saved['optimizer'] as OptimizerState['json'],
  });
  for (const [name, schedule] of parts.schedules) {
    schedule.loadStateDict(schedules[name] as SchedulerState);
  }
  parts.ema?.loadStateDict({ tensors: under('ema'), json: saved['ema'] as EMAState['json'] });
  for (const [name, callback] of namedCallbacks(parts.callbacks)) {
    if (!Object.hasOwn(callbackStates, name)) continue;
    const own = asObject(`${WHERE}: callbacks: ${name}`, callbackStates[name]);
    callback.loadStateDict?.({ tensors: under(`callbacks.${name}`), json: own });
  }
  return () => setRandomness(randomness, parts.generator);
}

/** @throws ConfigError where the loader's epochs are others than those of the run that was saved. */
function checkSameEpochs(saved: JsonObject, now: EpochShape): void {
  for (const [name, value] of Object.entries(now)) {
    if (saved[name] === value) continue;
    throw new ConfigError(
      `${WHERE}: the saved run had ${name} ${JSON.stringify(saved[name])} in an epoch, this one has ` +
        `${value}; resume with the same data, batch size and accumulate`,
    );
  }
}

/** @throws ConfigError where the run that was saved had other schedules, averages or callbacks. */
function checkSameParts<Metric extends string>(saved: JsonObject, parts: Parts<Metric>): void {
  const differ = (what: string, before: readonly string[], now: readonly string[]): void => {
    const list = (names: readonly string[]): string => names.join(', ') || 'none';
    if (list([...before].sort()) === list([...now].sort())) return;
    throw new ConfigError(
      `${WHERE}: the saved run had ${what}: ${list(before)}; this one has: ${list(now)}; ` +
        'resume with the same options',
    );
  };
  const namesIn = (key: string): string[] => Object.keys(asObject(`${WHERE}: ${key}`, saved[key]));
  differ('schedules', namesIn('schedules'), [...parts.schedules.keys()]);
  const { sums } = asObject(`${WHERE}: meter`, saved['meter']);
  differ('metrics', Object.keys(asObject(`${WHERE}: meter: sums`, sums)), parts.meter.names);
  // A callback that was not there begins anew; what one remembered must not be lost.
  const callbacks = namedCallbacks(parts.callbacks);
  const lost = namesIn('callbacks').filter((name) => !callbacks.has(name));
  if (lost.length > 0) {
    throw new ConfigError(
      `${WHERE}: the saved run had callbacks with a state that are missing here: ${lost.join(', ')}; ` +
        'resume with the same callbacks',
    );
  }
  differ('averages of weights', saved['ema'] === null ? [] : ['ema'], parts.ema ? ['ema'] : []);
}

/** The callbacks that have a state. @throws ConfigError for one without a name, or two of one. */
export function namedCallbacks<Metric extends string>(
  callbacks: readonly Callback<Metric>[],
): Map<string, Callback<Metric>> {
  const named = new Map<string, Callback<Metric>>();
  for (const callback of callbacks) {
    if (!callback.stateDict) continue;
    const { name } = callback;
    // A dot would let the tensors of `a` pass for those of `a.b`.
    if (name === undefined || !/^[^.]+$/.test(name) || named.has(name)) {
      throw new ConfigError(
        'fit: callbacks: one with stateDict needs a name of its own, without dots, got ' +
          (name === undefined
            ? 'none'
            : `${JSON.stringify(name)}${named.has(name) ? ' twice' : ''}`),
      );
    }
    named.set(name, callback);
  }
  return named;
}

function tensorsUnder(tensors: ReadonlyMap<string, Tensor>, prefix: string): Map<string, Tensor> {
  const start = `${prefix}.`;
  return new Map(
    [...tensors].flatMap(([name, tensor]) =>
      name.startsWith(start) ? [[name.slice(start.length), tensor] as const] : [],
    ),
  );
}

/** What is no state of a generator is refused when it is set. */
function asRandomness(value: unknown): Randomness {
  const { global, loader } = asObject(`${WHERE}: randomness`, value);
  const { now, epoch } = asObject(`${WHERE}: randomness: loader`, loader);
  const { seed, streams } = asObject(`${WHERE}: randomness: global`, global);
  const named = asObject(`${WHERE}: randomness: streams`, streams);
  const state = (name: string, given: unknown): GeneratorState => {
    const { words, spareNormal } = asObject(`${WHERE}: randomness: ${name}`, given);
    return { words, spareNormal } as GeneratorState;
  };
  return {
    global: {
      seed: asNumber(`${WHERE}: randomness: seed`, seed, { integer: true }),
      streams: Object.fromEntries(
        Object.entries(named).map(([name, given]) => [name, state(name, given)]),
      ),
    },
    loader: { now: state('now', now), epoch: epoch === null ? null : state('epoch', epoch) },
  };
}

function restoreMeter<Metric extends string>(value: unknown, meter: Meter<Metric>): void {
  const where = `${WHERE}: meter`;
  const { images, sums } = asObject(where, value);
  meter.restore({
    images: asNumber(`${where}: images`, images, { integer: true }),
    sums: new Map(
      Object.entries(asObject(`${where}: sums`, sums)).map(([name, sum]) => [
        name,
        asNumber(`${where}: ${name}`, sum),
      ]),
    ),
  });
}
