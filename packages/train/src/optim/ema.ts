import { type CompleteOptions, ConfigError, elementsOf, type Tensor } from '@unfold/core';
import type { Module } from '@unfold/nn';
import {
  completeOptions,
  flag,
  type Guard,
  guardsOf,
  hostAction,
  hostCall,
  reads,
  reliesOn,
  requireNoArguments,
  share,
  updates,
} from '@unfold/core/internal';
import { requireModule } from '@unfold/io/internal';
import { asNumber, asObject, checkTensors, copyTensors, type PreparedState } from './state.js';
import { moveTowards } from './updates.js';

/** Options of `EMA`. */
export interface EMAOptions {
  /** The share that is kept of the average at each update, from 0 to 1. Default 0.999. */
  readonly decay?: number;
  /**
   * Average buffers too, such as the running statistics of batch normalisation, instead of copying
   * them: averaged weights then meet statistics of the same past. Integers are copied even so.
   * Default false.
   */
  readonly useBuffers?: boolean;
}

/** An average's state: tensors by their names in the model, and the rest as plain JSON. */
export interface EMAState {
  /** The tensors themselves, not copies: they change with the next update. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** How many updates there were. */
  readonly json: { readonly updates: number };
}

/**
 * The exponential moving average of a model's weights, which often predicts better than the weights
 * themselves: average += (1 - decay)·(weight - average) after each step. The first update takes the
 * weights as they are, so that untrained ones never count. Buffers are copied, not averaged, unless
 * `useBuffers` says so. The rule is that of PyTorch's `AveragedModel` with `get_ema_multi_avg_fn`.
 */
export class EMA {
  readonly #model: Module;
  /** @internal What it was made with, complete. */
  readonly options: CompleteOptions<EMAOptions>;
  readonly #averages: ReadonlyMap<string, Tensor>;
  /** The names of parameters; the other averages are those of buffers. */
  readonly #parameters: ReadonlySet<string>;
  #updates = 0;
  #applied = false;

  /** @throws ConfigError for an unknown option or a decay out of range. */
  constructor(model: Module, options: EMAOptions = {}) {
    requireModule('EMA', model);
    this.#model = model;
    this.options = completeOptions<EMAOptions>(
      'EMA',
      { decay: share, useBuffers: flag },
      { decay: 0.999, useBuffers: false },
      options,
    );
    const state = model.stateDict();
    const parameters = new Set<Tensor>(model.parameters());
    this.#averages = copyTensors(state);
    this.#parameters = new Set(
      [...state].flatMap(([name, tensor]) => (parameters.has(tensor) ? [name] : [])),
    );
  }

  /** Whether the model holds the averages now. */
  get isApplied(): boolean {
    return this.#applied;
  }

  /**
   * Takes the model's weights into the averages. After `optimizer.step()`.
   * @throws ConfigError for a model, as other libraries' averages take one, or while the averages are
   * applied.
   */
  update(...given: readonly never[]): void {
    requireNoArguments('EMA.update', given, 'it averages the model that it was made for');
    this.#refuseApplied('update');
    reliesOn(this);
    for (const [average, own, name] of this.#pairs()) {
      if (this.#updates > 0 && this.#isAveraged(name, own))
        moveTowards(average, own, 1 - this.options.decay);
      else hostCall('EMA.update', [updates(average), reads(own)], (to, from) => to.set(from));
    }
    hostAction(() => this.#updates++);
  }

  /** @internal What a compiled update depends on. */
  *[guardsOf](): Iterable<Guard> {
    yield { read: () => this.#updates > 0, value: this.#updates > 0 };
    yield { read: () => this.#applied, value: false };
  }

  /** Puts the averages into the model, and keeps the model's own weights for `restore`. */
  apply(): void {
    this.#refuseApplied('apply');
    this.#swap();
    this.#applied = true;
  }

  /** Gives the model its own weights back. @throws ConfigError unless the averages are applied. */
  restore(): void {
    if (!this.#applied) throw new ConfigError('EMA.restore: nothing is applied; apply() first');
    this.#swap();
    this.#applied = false;
  }

  /** The averages by the names of the model's state: also a state dict for another such model. */
  stateDict(): EMAState {
    this.#refuseApplied('stateDict');
    return { tensors: this.#averages, json: { updates: this.#updates } };
  }

  /**
   * Takes over a state that `stateDict` gave. The tensors are copied. All is checked before anything
   * is changed.
   * @throws ShapeError, DTypeError or DisposedError for tensors that do not fit; ConfigError for a
   * state that is damaged, or while the averages are applied.
   */
  loadStateDict(state: EMAState): void {
    this.prepare(state).commit();
  }

  /** @internal Checks a state. @throws as loadStateDict. */
  prepare(state: EMAState): PreparedState {
    const where = 'EMA.loadStateDict';
    const { tensors, json } = asObject(where, state);
    this.#refuseApplied('loadStateDict');
    const { updates } = asObject(where, json);
    const newUpdates = asNumber(`${where}: updates`, updates, { integer: true });
    const pairs = checkTensors(where, this.#averages, tensors);
    const commit = (): void => {
      for (const { target, source } of pairs) target.update((data) => data.set(elementsOf(source)));
      this.#updates = newUpdates;
    };
    return { commit, discard: () => {} };
  }

  /** Frees the averages. */
  dispose(): void {
    for (const average of this.#averages.values()) average.dispose();
  }

  #swap(): void {
    for (const [average, own] of this.#pairs()) {
      const values = own.toTypedArray();
      own.update((data) => data.set(elementsOf(average)));
      average.update((data) => data.set(values));
    }
  }

  #isAveraged(name: string, own: Tensor): boolean {
    if (this.#parameters.has(name)) return true;
    return this.options.useBuffers && (own.dtype === 'float32' || own.dtype === 'float64');
  }

  /** Each average with the model's own tensor, and its name. */
  #pairs(): [Tensor, Tensor, string][] {
    const state = this.#model.stateDict();
    return [...this.#averages].map(([name, average]) => {
      const own = state.get(name);
      if (!own) throw new ConfigError(`EMA: the model has no ${name} any more`);
      return [average, own, name];
    });
  }

  #refuseApplied(what: string): void {
    if (this.#applied) {
      throw new ConfigError(`EMA.${what}: the averages are applied to the model; restore() first`);
    }
  }
}
