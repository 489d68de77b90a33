import { argmax, ConfigError, elementsOf, Scope, ShapeError, Tensor } from '@unfold/core';
import { isOptions, requireTensor, valueText } from '@unfold/core/internal';
import {
  type AnyBatch,
  type Batch,
  inputsOf,
  targetsOf,
  type WholeBatch,
  wholeBatch,
} from '../data/batch.js';
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

/** The metrics of a run, by name. */
export type Metrics<Name extends string, B extends AnyBatch = Batch, Output = Tensor> = Readonly<
  Record<Name, Metric<B, Output>>
>;

/** Metrics of anything, which their own checks are for. */
export type AnyMetrics<Name extends string> = Metrics<Name, AnyBatch, unknown>;

/**
 * The part of the examples whose largest logit is at their label, 0…1; of equal logits the first counts.
 * @param output Logits `[B, classes]`.
 * @param batch Its targets, or labels, are integers `[B]`.
 * @throws ShapeError for another output.
 */
export const accuracy: Metric<AnyBatch, unknown> = (output, batch) => {
  requireTensor('accuracy', 'output', output);
  const { size } = wholeBatch('accuracy', batch);
  const labels = targetsOf(batch);
  requireTensor('accuracy', 'targets', labels);
  if (output.ndim !== 2 || labels.size !== output.shape[0]) {
    throw new ShapeError(
      `accuracy: expected logits [N, classes] and targets [N], got ${output.describe()} and ` +
        labels.describe(),
    );
  }
  return Scope.run(() => {
    const predictions = elementsOf(argmax(output, { axis: 1 }));
    const data = elementsOf(labels);
    let correct = 0;
    for (let i = 0; i < size; i++) if (predictions[i] === data[i]) correct++;
    return correct / size;
  });
};

/** @throws ConfigError for what is no table of metrics. */
export function checkMetrics(where: string, metrics: unknown): void {
  const isTable =
    metrics === undefined ||
    (isOptions(metrics) && Object.values(metrics).every((metric) => typeof metric === 'function'));
  if (!isTable) {
    throw new ConfigError(
      `${where}: metrics: expected functions by name, such as { accuracy }, got ${valueText(metrics)}`,
    );
  }
  if (metrics !== undefined && 'loss' in metrics) {
    throw new ConfigError(`${where}: metrics: loss is there already; give the metric another name`);
  }
}

/** Sums over examples, from which means follow. Plain JSON, so that half an epoch can be saved. */
export interface Sums<Name extends string> {
  readonly images: number;
  /** The sums of the figures: of each batch's mean times its images. */
  readonly sums: Scores<Name>;
}

/** Adds up the loss and the metrics of batches. */
export class Meter<Name extends string> {
  readonly #metrics: AnyMetrics<Name>;
  #images = 0;
  readonly #sums = new Map<string, number>();

  constructor(metrics: AnyMetrics<Name>) {
    this.#metrics = metrics;
    this.reset();
  }

  /** The names of the figures that are added up: `loss`, and the metrics. */
  get names(): readonly string[] {
    return [...this.#sums.keys()];
  }

  get images(): number {
    return this.#images;
  }

  reset(): void {
    this.#images = 0;
    for (const name of ['loss', ...Object.keys(this.#metrics)]) this.#sums.set(name, 0);
  }

  add(loss: number, output: unknown, batch: WholeBatch<AnyBatch>): void {
    this.#images += batch.size;
    this.#add('loss', loss * batch.size);
    for (const [name, metric] of Object.entries<Metric<AnyBatch, unknown>>(this.#metrics)) {
      const value = metric(output, batch);
      requireNumber(name, value);
      this.#add(name, value * batch.size);
    }
  }

  #add(name: string, value: number): void {
    if (!Number.isFinite(value)) {
      throw new ConfigError(`fit: metrics: ${name} of a batch is not finite; give a finite number`);
    }
    this.#sums.set(name, (this.#sums.get(name) ?? 0) + value);
  }

  /** The means over all examples that were added, of which there is at least one. */
  means(): Scores<Name> {
    return this.#scores((sum) => sum / this.#images);
  }

  sums(): Sums<Name> {
    return { images: this.#images, sums: this.#scores((sum) => sum) };
  }

  /** Goes on from sums that `sums` gave. */
  restore({ images, sums }: { images: number; sums: ReadonlyMap<string, number> }): void {
    this.reset();
    this.#images = images;
    for (const name of this.#sums.keys()) this.#sums.set(name, sums.get(name) ?? 0);
  }

  #scores(value: (sum: number) => number): Scores<Name> {
    // The names are those of the metrics and 'loss', as the type says.
    return Object.fromEntries(
      [...this.#sums].map(([name, sum]) => [name, value(sum)]),
    ) as Scores<Name>;
  }
}

/** @throws ConfigError, with how to make it one, unless a metric gave a number. */
function requireNumber(name: string, value: unknown): void {
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
  readonly loss: AnyLoss;
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
  const meter = new Meter(metrics);
  await forEachOutput(showing, (output, batch) => {
    meter.add(finiteLoss(where, model, inputsOf(batch), loss(output, batch)), output, batch);
  });
  return meter.means();
}
