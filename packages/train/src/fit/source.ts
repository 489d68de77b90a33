import { ConfigError, type Generator } from '@unfold/core';
import { valueText, warnOnce, withPauses } from '@unfold/core/internal';
import { requireBatches } from '../arguments.js';
import type { AnyBatch } from '../data/batch.js';
import type { BatchLoader } from '../data/batches.js';
import { type JsonObject, loadAtOnce, type PreparedState } from '../optim/state.js';

/** Batches, one after another. */
export type Batches<B> = Iterable<B> | AsyncIterable<B>;

/**
 * Where a run takes its batches from, again for each epoch: what can be gone through more than once,
 * such as a loader or an array, or a function that makes something to go through.
 */
export type BatchSource<B> = Batches<B> | ((epoch: number) => Batches<B>);

/**
 * A source that can say where it stands, and be set there: `stateDict` after a batch was taken, and
 * `loadStateDict` before the next iteration, which gives the batches that come after that one in its
 * epoch: none, if it was the last. PyTorch knows it as a stateful data loader.
 */
export interface StatefulSource<B> extends AsyncIterable<B> {
  /** Where it stands: plain JSON. */
  stateDict(): JsonObject;
  /** Has the next iteration go on there. */
  loadStateDict(state: JsonObject): void;
}

/** The batches to learn from, as a run asks for them. */
export interface Source {
  /** Batches in an epoch; null where nobody knows before its end. */
  readonly length: number | null;
  /** The examples of an epoch; null where nobody knows. */
  readonly examples: number | null;
  /** The source of a random order of its own; null where it has none, or draws from the global streams. */
  readonly generator: Generator | null;
  /** Whether `from` gives all batches of an epoch, those that were seen too. */
  readonly skips: boolean;
  /** The batches of epoch `epoch`, which counts from 1, from `batch` on unless it `skips`. */
  from(epoch: number, batch: number): AsyncIterable<AnyBatch>;
  /** Where it stands, if it can say so; else null. */
  state(): JsonObject | null;
  /** Checks a state that `state` gave. @throws What the source throws for it. */
  prepare(state: JsonObject | null): PreparedState;
}

const NOTHING: PreparedState = { commit: () => {}, discard: () => {} };

/** @throws ConfigError for what gives no batches. */
export function sourceOf(where: string, given: unknown, epochs: number): Source {
  if (isLoader(given)) return loaderSource(given);
  if (isStateful(where, given)) return statefulSource(given);
  const begin = batchesOf(where, given);
  if (typeof given !== 'function' && epochs > 1) refuseIterator(where, given as Batches<AnyBatch>);
  return {
    length: Array.isArray(given) ? given.length : null,
    examples: null,
    generator: null,
    skips: true,
    from: (epoch) => withPauses(begin(epoch)),
    state: () => {
      // The same list comes in the same order.
      if (!Array.isArray(given)) {
        warnOnce(
          `${where}: the source of batches can't say where it stands: a run that is resumed within ` +
            'an epoch skips the batches that it had seen, and is the same run only if the same batches ' +
            'come again; a DataLoader, or a source with stateDict() and loadStateDict(state), goes on ' +
            'exactly',
        );
      }
      return null;
    },
    prepare: () => NOTHING,
  };
}

/** What begins an epoch over batches that are only looked at. @throws ConfigError for what has none. */
export function batchesOf(where: string, given: unknown): (epoch: number) => Batches<AnyBatch> {
  if (typeof given !== 'function') {
    requireBatches(where, given);
    return () => given as Batches<AnyBatch>;
  }
  return (epoch) => {
    const made: unknown = Reflect.apply(given, undefined, [epoch]);
    requireBatches(`${where}: what the function gave`, made);
    return made as Batches<AnyBatch>;
  };
}

/** @throws ConfigError for an iterator, which gives its batches once, where there are more epochs. */
function refuseIterator(where: string, given: Batches<AnyBatch>): void {
  const isIterator =
    'next' in given &&
    typeof given.next === 'function' &&
    (Symbol.asyncIterator in given
      ? given[Symbol.asyncIterator]() === (given as unknown)
      : given[Symbol.iterator]() === (given as unknown));
  if (!isIterator) return;
  throw new ConfigError(
    `${where}: expected batches for each epoch, got an iterator, such as a generator gives, which can ` +
      'be gone through once; pass a function that makes one: () => batches()',
  );
}

function loaderSource(loader: BatchLoader<AnyBatch>): Source {
  return {
    length: loader.length,
    examples: loader.dataset?.length ?? null,
    get generator() {
      return loader.generator;
    },
    skips: false,
    from: (_, batch) => loader.from(batch),
    state: () => null,
    prepare: () => NOTHING,
  };
}

function statefulSource(source: StatefulSource<AnyBatch>): Source {
  const length: unknown = Reflect.get(source, 'length');
  return {
    length: typeof length === 'number' ? length : null,
    examples: null,
    generator: null,
    skips: false,
    // It stands where the run does.
    from: () => withPauses(source),
    state: () => source.stateDict(),
    prepare(state) {
      if (state === null) {
        throw new ConfigError(
          'fit: resume: the saved run had a source of batches that did not say where it stood, this ' +
            'one does; resume with the same source',
        );
      }
      const before = source.stateDict();
      return loadAtOnce(
        () => source.loadStateDict(state),
        () => source.loadStateDict(before),
      );
    },
  };
}

function isLoader(given: unknown): given is BatchLoader<AnyBatch> {
  return (
    isObject(given) && typeof Reflect.get(given, 'from') === 'function' && 'generator' in given
  );
}

/** @throws ConfigError for one that has half of what it needs. */
function isStateful(where: string, given: unknown): given is StatefulSource<AnyBatch> {
  if (!isObject(given)) return false;
  const methods = ['stateDict', 'loadStateDict'];
  const has = methods.filter((name) => typeof Reflect.get(given, name) === 'function');
  if (has.length === 0) return false;
  if (has.length === methods.length) {
    requireBatches(where, given);
    return true;
  }
  throw new ConfigError(
    `${where}: expected a source with both of ${methods.join(' and ')}, got ${valueText(given)} with ` +
      `${has.join()} alone`,
  );
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
