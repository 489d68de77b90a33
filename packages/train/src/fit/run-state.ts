import {
  ConfigError,
  rngState,
  setRngState,
  Generator,
  type GeneratorState,
  type RngState,
  type Tensor,
} from '@unfold/core';
import { valueText } from '@unfold/core/internal';
import type { AnyModel } from '../model.js';
import type { EMA, EMAState } from '../optim/ema.js';
import type { Optimizer, OptimizerState } from '../optim/optimizer.js';
import type { Schedule, SchedulerState } from '../optim/schedules/scheduler.js';
import {
  asNumber,
  asObject,
  type JsonObject,
  prepareAll,
  type PreparedState,
} from '../optim/state.js';
import type { Callback, EpochReport, RunState } from './callback.js';
import { asHistory } from './history.js';
import type { Meter } from './measure.js';
import type { Source } from './source.js';
import {
  prepareCallback,
  prepareEma,
  prepareModel,
  prepareOptimizer,
  prepareSchedule,
} from './take-over.js';

/** The version of the form below, the only one that is understood. */
const VERSION = 1;
const WHERE = 'fit: resume';

/** Where all randomness of a run stands. */
export interface Randomness {
  /** The global streams. */
  readonly global: RngState;
  /**
   * The loader's generator now, and where it stood when the epoch in hand was drawn, from which it is
   * drawn again; null if none was drawn yet. Null for a source without a generator of its own.
   */
  readonly loader: { readonly now: GeneratorState; readonly epoch: GeneratorState | null } | null;
  /**
   * Of a source without a generator: where the global streams stood when the epoch in hand began, as it
   * may draw from them. Null if none was begun yet, and of other sources.
   */
  readonly epoch: RngState | null;
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
  /** Where what an epoch is drawn from stood when that in hand began. */
  #epochStart: Pick<Randomness, 'epoch'> & { readonly loader: GeneratorState | null } = NOT_BEGUN;
  /** The randomness to be set once an epoch that was begun before the run was saved is drawn again. */
  #resumed: Randomness | null = null;

  /** Whether the epoch in hand was begun before the run was saved. */
  get isBegun(): boolean {
    return this.#resumed !== null && isBegun(this.#resumed);
  }

  /**
   * To be called before an epoch's first batch is asked for.
   * @param generator The source's own, if it has one; else the global streams may be drawn from.
   * @returns `drawn`, to be called when the epoch is where it was: after its first batch came, or after those
   * were skipped that had been seen; and the randomness of the saved run as long as that isn't so.
   */
  beginEpoch(generator: Generator | null): {
    readonly drawn: () => void;
    readonly saved: Randomness | null;
  } {
    const resumed = this.#resumed;
    this.#resumed = null;
    if (!resumed || !isBegun(resumed)) {
      this.#epochStart = generator
        ? { loader: generator.state(), epoch: null }
        : { loader: null, epoch: rngState() };
      return { drawn: () => {}, saved: null };
    }
    const loader = resumed.loader?.epoch ?? null;
    this.#epochStart = { loader, epoch: resumed.epoch };
    if (loader) generator?.setState(loader);
    if (resumed.epoch) setRngState(resumed.epoch);
    let isSet = false;
    const drawn = (): void => {
      if (isSet) return;
      isSet = true;
      setRandomness(resumed, generator);
    };
    return { drawn, saved: resumed };
  }

  nextEpoch(): void {
    this.epoch++;
    this.batch = 0;
    this.seconds = 0;
    this.#epochStart = NOT_BEGUN;
  }

  randomness(generator: Generator | null): Randomness {
    const { loader, epoch } = this.#epochStart;
    return {
      global: rngState(),
      loader: generator && { now: generator.state(), epoch: loader },
      epoch,
    };
  }

  /** Where randomness stands if the epoch in hand ends before anything of it was drawn. */
  notBegun(generator: Generator | null): Randomness {
    this.#epochStart = NOT_BEGUN;
    return this.randomness(generator);
  }

  toJson(): JsonObject {
    const { epoch, batch, step, seconds, lr, stopped } = this;
    return { epoch, batch, step, seconds, lr, stopped };
  }

  /** Checks a place that `toJson` gave. @throws ConfigError. @returns What takes it over. */
  prepare(json: unknown, randomness: Randomness): { next: Place; commit(): void } {
    const where = `${WHERE}: position`;
    const { epoch, batch, step, seconds, lr, stopped } = asObject(where, json);
    if (stopped !== null && typeof stopped !== 'string') {
      throw new ConfigError(`${where}: stopped: expected a text or null`);
    }
    const next = {
      epoch: asNumber(`${where}: epoch`, epoch, { integer: true }),
      batch: asNumber(`${where}: batch`, batch, { integer: true }),
      step: asNumber(`${where}: step`, step, { integer: true }),
      seconds: asNumber(`${where}: seconds`, seconds),
      lr: asNumber(`${where}: lr`, lr),
      stopped,
    };
    const commit = (): void => {
      Object.assign(this, next);
      this.#resumed = randomness;
    };
    return { next, commit };
  }
}

/** The part of a `Position` that has to fit the rest of a state. */
type Place = Pick<Position, 'epoch' | 'batch'>;

const NOT_BEGUN = { loader: null, epoch: null };

/** Whether an epoch was begun. */
const isBegun = ({ loader, epoch }: Randomness): boolean => (loader?.epoch ?? epoch) !== null;

function setRandomness({ global, loader }: Randomness, generator: Generator | null): void {
  setRngState(global);
  if (loader) generator?.setState(loader.now);
}

/** The parts of a run whose states make up its own. */
export interface Parts<Metric extends string> {
  readonly model: AnyModel;
  readonly optimizer: Optimizer;
  readonly ema: EMA | null;
  /** By the option's names. */
  readonly schedules: ReadonlyMap<string, Schedule>;
  readonly callbacks: readonly Callback<Metric>[];
  readonly source: Source;
  readonly position: Position;
  readonly meter: Meter<Metric>;
  readonly history: EpochReport<Metric>[];
  /** The sizes of an epoch; a run goes on with the same. */
  readonly shape: EpochShape;
}

/** The sizes that the place in an epoch is counted by. */
export interface EpochShape {
  /** The examples of an epoch; null where the source of batches doesn't know. */
  readonly images: number | null;
  /** Null where it doesn't know. */
  readonly batches: number | null;
  /** Batches of a step. */
  readonly accumulate: number;
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
      source: parts.source.state(),
      optimizer: optimizer.json,
      schedules: Object.fromEntries(
        [...parts.schedules].map(([name, schedule]) => [name, schedule.stateDict()]),
      ),
      ema: ema?.json ?? null,
      callbacks: Object.fromEntries(callbacks.map(([name, state]) => [name, state?.json ?? null])),
      meter: parts.meter.measured(),
      history: parts.history,
    },
  };
}

/**
 * Sets all parts as they were; or none, where anything is wrong.
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
  checkSameEpochs(asObject(`${WHERE}: epoch`, saved['epoch']), parts.shape);
  const randomness = asRandomness(saved['randomness']);
  checkSameSource(randomness, parts.source);
  const history = asHistory(`${WHERE}: history`, saved['history']);
  const position = parts.position.prepare(saved['position'], randomness);
  const { epoch, batch } = position.next;
  const isPossible =
    batch <= (parts.shape.batches ?? Infinity) &&
    epoch === history.length + 1 &&
    (batch === 0 || isBegun(randomness));
  if (!isPossible) {
    throw new ConfigError(
      `${WHERE}: the position, epoch ${epoch} and batch ${batch}, does not fit the rest of the ` +
        'state; it is damaged',
    );
  }
  const measured = parts.meter.prepare(`${WHERE}: meter`, saved['meter']);
  prepareAll(preparations({ tensors, saved, parts })).commit();
  position.commit();
  measured();
  // The names of its scores were compared with those of the metrics.
  parts.history.push(...(history as EpochReport<Metric>[]));
  return () => setRandomness(randomness, parts.source.generator);
}

/** For each part with a loader of its own, what checks its state. What is none is refused there. */
function preparations<Metric extends string>({
  tensors,
  saved,
  parts,
}: {
  readonly tensors: RunState['tensors'];
  readonly saved: JsonObject;
  readonly parts: Parts<Metric>;
}): (() => PreparedState)[] {
  const under = (prefix: string): ReadonlyMap<string, Tensor> => tensorsUnder(tensors, prefix);
  const { model, optimizer, ema, source } = parts;
  const schedules = asObject(`${WHERE}: schedules`, saved['schedules']);
  const callbacks = asObject(`${WHERE}: callbacks`, saved['callbacks']);
  const optimizerState: OptimizerState = {
    tensors: under('optimizer'),
    json: saved['optimizer'] as OptimizerState['json'],
  };
  const averages: EMAState = { tensors: under('ema'), json: saved['ema'] as EMAState['json'] };
  return [
    () => prepareModel(`${WHERE}: model`, model, under('model')),
    () => prepareOptimizer(optimizer, optimizerState),
    // Runs that were saved before there were other sources than loaders have none.
    () => source.prepare(asObjectOrNull(`${WHERE}: source`, saved['source'] ?? null)),
    ...[...parts.schedules].map(
      ([name, schedule]) =>
        () =>
          prepareSchedule(schedule, schedules[name] as SchedulerState),
    ),
    ...(ema ? [() => prepareEma(ema, averages)] : []),
    ...[...namedCallbacks(parts.callbacks)].flatMap(([name, callback]) => {
      if (!Object.hasOwn(callbacks, name)) return [];
      const own = asObject(`${WHERE}: callbacks: ${name}`, callbacks[name]);
      return [() => prepareCallback(callback, { tensors: under(`callbacks.${name}`), json: own })];
    }),
  ];
}

const asObjectOrNull = (where: string, value: unknown): JsonObject | null =>
  value === null ? null : asObject(where, value);

/** @throws ConfigError where a loader with a generator goes on for a source without, or the other way. */
function checkSameSource({ loader }: Randomness, { generator }: Source): void {
  if ((loader === null) === (generator === null)) return;
  const named = (has: boolean): string => (has ? 'a loader with a generator' : 'another source');
  throw new ConfigError(
    `${WHERE}: the saved run had ${named(loader !== null)} for its batches, this one has ` +
      `${named(generator !== null)}; resume with the same`,
  );
}

/** @throws ConfigError where the loader's epochs are others than those of the run that was saved. */
function checkSameEpochs(saved: JsonObject, now: EpochShape): void {
  for (const [name, value] of Object.entries(now)) {
    // A loader that doesn't know its images may go on with what another began, and the other way round.
    const isUnknown = name === 'images' && (value === null || saved[name] === null);
    if (saved[name] === value || isUnknown) continue;
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
  const { sums, states = {} } = asObject(`${WHERE}: meter`, saved['meter']);
  const measured = [sums, states].flatMap((figures) =>
    Object.keys(asObject(`${WHERE}: meter: sums`, figures)),
  );
  differ('metrics', measured, parts.meter.names);
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
    if (typeof name !== 'string' || !/^[^.]+$/.test(name) || named.has(name)) {
      throw new ConfigError(
        'fit: callbacks: one with stateDict needs a name of its own, without dots, got ' +
          (name === undefined ? 'none' : `${valueText(name)}${named.has(name) ? ' twice' : ''}`),
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

/** @throws ConfigError for what is no state of a generator. */
function asGeneratorState(where: string, value: unknown): GeneratorState {
  const { words, spareNormal } = asObject(where, value);
  const checked = new Generator(0);
  try {
    checked.setState({ words, spareNormal } as GeneratorState);
  } catch (error) {
    throw new ConfigError(
      `${where}: expected the state of a generator, got ${JSON.stringify(value)}; it is damaged`,
      { cause: error },
    );
  }
  return checked.state();
}

function asRandomness(value: unknown): Randomness {
  const where = `${WHERE}: randomness`;
  const { global, loader, epoch = null } = asObject(where, value);
  return {
    global: asStreams(where, 'global', global),
    loader: loader === null ? null : asLoaderState(where, loader),
    epoch: epoch === null ? null : asStreams(where, 'epoch', epoch),
  };
}

function asLoaderState(where: string, value: unknown): Randomness['loader'] {
  const { now, epoch } = asObject(`${where}: loader`, value);
  return {
    now: asGeneratorState(`${where}: now`, now),
    epoch: epoch === null ? null : asGeneratorState(`${where}: epoch`, epoch),
  };
}

/** The global streams as they were saved under a name. */
function asStreams(where: string, key: string, value: unknown): RngState {
  const { seed, streams } = asObject(`${where}: ${key}`, value);
  const named = asObject(`${where}: streams`, streams);
  return {
    seed: asNumber(`${where}: seed`, seed, { integer: true }),
    streams: Object.fromEntries(
      Object.entries(named).map(([name, given]) => [
        name,
        asGeneratorState(`${where}: ${name}`, given),
      ]),
    ),
  };
}
