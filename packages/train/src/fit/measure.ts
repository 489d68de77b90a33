import { ConfigError, Tensor } from '@unfold/core';
import { isOptions, valueText } from '@unfold/core/internal';
import { type AnyBatch, type Batch, inputsOf, type WholeBatch } from '../data/batch.js';
import { type AccumulatingMetric, isAccumulating, type MetricState } from '../metrics/metric.js';
import { asNumber, asObject, type JsonObject } from '../optim/state.js';
import { forEachOutput, type Showing } from '../outputs.js';
import type { Scores } from './callback.js';
import { type AnyLoss, finiteLoss } from './loss.js';

/**
 * A figure to follow: its mean over a batch, as a number. The mean over an epoch weighs each batch by
 * its examples.
 * @param output What the model made of the batch's inputs.
 */
export type Metric<B extends AnyBatch = Batch, Output = Tensor> = (
  output: Output,
  batch: WholeBatch<B>,
) => number;

/** The metrics of a run, by name: means over batches, or what gathers over all of them. */
export type Metrics<Name extends string, B extends AnyBatch = Batch, Output = Tensor> = Readonly<
  Record<Name, Metric<B, Output> | AccumulatingMetric<B, Output>>
>;

/** Metrics of anything, which their own checks are for. */
export type AnyMetrics<Name extends string> = Metrics<Name, AnyBatch, unknown>;

/** @throws ConfigError for what is no table of metrics. */
export function checkMetrics(where: string, metrics: unknown): void {
  const isTable =
    metrics === undefined || (isOptions(metrics) && Object.values(metrics).every(isMetric));
  if (!isTable) {
    throw new ConfigError(
      `${where}: metrics: expected functions, or metrics such as f1(), by name, as in ` +
        `{ accuracy, f1: f1() }, got ${valueText(metrics)}`,
    );
  }
  if (metrics !== undefined && 'loss' in metrics) {
    throw new ConfigError(`${where}: metrics: loss is there already; give the metric another name`);
  }
}

function isMetric(value: unknown): boolean {
  return typeof value === 'function' || isAccumulating(value);
}

/** What was measured of an epoch so far. Plain JSON, so that half an epoch can be saved. */
export interface Measured {
  readonly images: number;
  /** The sums of the means: of each batch's value times its examples. */
  readonly sums: Readonly<Record<string, number>>;
  /** What the other metrics have gathered. */
  readonly states: Readonly<Record<string, JsonObject>>;
}

/** Adds up the loss and the metrics of batches. */
export class Meter<Name extends string> {
  readonly #metrics: AnyMetrics<Name>;
  readonly #hasLoss: boolean;
  #images = 0;
  readonly #sums = new Map<string, number>();
  #states = new Map<string, MetricState<AnyBatch, unknown>>();

  constructor(metrics: AnyMetrics<Name>, hasLoss = true) {
    this.#metrics = metrics;
    this.#hasLoss = hasLoss;
    this.reset();
  }

  /** The names of the figures: `loss` where there is one, and the metrics. */
  get names(): readonly string[] {
    return [...(this.#hasLoss ? ['loss'] : []), ...Object.keys(this.#metrics)];
  }

  get images(): number {
    return this.#images;
  }

  reset(): void {
    this.#images = 0;
    this.#states = this.#newStates();
    for (const name of this.names) if (!this.#states.has(name)) this.#sums.set(name, 0);
  }

  /** @param loss Of no meaning where there is none. */
  add(loss: number, output: unknown, batch: WholeBatch<AnyBatch>): void {
    this.#images += batch.size;
    if (this.#hasLoss) this.#add('loss', loss * batch.size);
    for (const [name, metric] of this.#entries()) {
      if (typeof metric === 'function') {
        const value: unknown = metric(output, batch);
        requireNumber(name, value);
        this.#add(name, value * batch.size);
      } else this.#states.get(name)?.update(output, batch);
    }
  }

  #entries() {
    return Object.entries<AnyMetrics<string>[string]>(this.#metrics);
  }

  #newStates(): Map<string, MetricState<AnyBatch, unknown>> {
    return new Map(
      this.#entries().flatMap(([name, metric]) =>
        isAccumulating(metric) ? [[name, metric.create()] as const] : [],
      ),
    );
  }

  #add(name: string, value: number): void {
    if (!Number.isFinite(value)) {
      throw new ConfigError(`fit: metrics: ${name} of a batch is not finite; give a finite number`);
    }
    this.#sums.set(name, (this.#sums.get(name) ?? 0) + value);
  }

  /** The figures over all examples that were added, of which there is at least one. */
  scores(): Scores<Name> {
    const figureOf = (name: string): number => {
      const state = this.#states.get(name);
      if (!state) return (this.#sums.get(name) ?? 0) / this.#images;
      const value: unknown = state.compute();
      requireNumber(name, value);
      return value;
    };
    // The names are those of the metrics and 'loss', as the type says.
    return Object.fromEntries(this.names.map((name) => [name, figureOf(name)])) as Scores<Name>;
  }

  measured(): Measured {
    return {
      images: this.#images,
      sums: Object.fromEntries(this.#sums),
      states: Object.fromEntries(
        [...this.#states].map(([name, state]) => [name, state.stateDict()]),
      ),
    };
  }

  /**
   * Checks what `measured` gave, of metrics of the same names.
   * @throws ConfigError for anything else, and what a metric throws; nothing has changed then.
   * @returns What goes on from there.
   */
  prepare(where: string, json: unknown): () => void {
    const { images, sums, states = {} } = asObject(where, json);
    const count = asNumber(`${where}: images`, images, { integer: true });
    const given = asObject(`${where}: sums`, sums);
    const gathered = asObject(`${where}: states`, states);
    const numbers = [...this.#sums.keys()].map(
      (name) => [name, asNumber(`${where}: ${name}`, given[name])] as const,
    );
    const made = this.#newStates();
    for (const [name, state] of made) {
      state.loadStateDict(asObject(`${where}: ${name}`, gathered[name]));
    }
    return () => {
      this.#images = count;
      this.#states = made;
      for (const [name, sum] of numbers) this.#sums.set(name, sum);
    };
  }
}

/** @throws ConfigError, with how to make it one, unless a metric gave a number. */
function requireNumber(name: string, value: unknown): asserts value is number {
  if (typeof value === 'number') return;
  const mend =
    value instanceof Tensor
      ? '; its item() is one'
      : value instanceof Promise
        ? '; a metric is not async'
        : '';
  throw new ConfigError(
    `fit: metrics: ${name}: expected a number for a batch, got ${valueText(value)}${mend}`,
  );
}

/** The model, data and figures of a measurement. */
export interface Measurement<Name extends string> extends Showing {
  /** Null where none is measured. */
  readonly loss: AnyLoss | null;
  readonly metrics: AnyMetrics<Name>;
}

/**
 * Loss and metrics over some examples, in evaluation mode; all modules' modes are as before afterwards.
 * @throws NonFiniteLossError, naming the layer; ConfigError if there is no batch; the reason of
 * `signal` when that aborts.
 */
export async function measure<Name extends string>({
  loss,
  metrics,
  ...showing
}: Measurement<Name>): Promise<Scores<Name>> {
  const { where, model } = showing;
  const meter = new Meter(metrics, loss !== null);
  await forEachOutput(showing, (output, batch) => {
    const value = loss ? finiteLoss(where, model, inputsOf(batch), loss(output, batch)) : 0;
    meter.add(value, output, batch);
  });
  return meter.scores();
}
