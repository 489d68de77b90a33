import { argmax, ConfigError, elementsOf, Scope, ShapeError, Tensor } from '@unfold/core';
import { requireTensor, valueText } from '@unfold/core/internal';
import { crossEntropy, type Layer } from '@unfold/nn';
import { type Batch, wholeBatch } from '../data/batch.js';
import { findNonFinite, NonFiniteLossError } from '../non-finite.js';
import { forEachOutput } from '../outputs.js';
import type { StopSignal } from '../stop-signal.js';
import type { Scores } from './callback.js';

/**
 * The mean loss over a batch, as a tensor of one element.
 * @param output What the model made of `batch.images`.
 */
export type Loss = (output: Tensor, batch: Batch) => Tensor;

/**
 * A figure to follow: its mean over a batch, as a number. The mean over an epoch weighs each batch by
 * its images.
 * @param output What the model made of `batch.images`.
 */
export type Metric = (output: Tensor, batch: Batch) => number;

/** The metrics of a run, by name. */
export type Metrics<Name extends string> = Readonly<Record<Name, Metric>>;

/** Cross entropy of logits `[B, classes]` with the labels. */
export const classLoss: Loss = (output, { labels }) => crossEntropy(output, labels);

/**
 * The part of the images whose largest logit is at their label, 0…1; of equal logits the first counts.
 * @param output Logits `[B, classes]`.
 * @throws ShapeError for another output.
 */
export const accuracy: Metric = (output, batch) => {
  requireTensor('accuracy', 'output', output);
  const { labels, size } = wholeBatch('accuracy', batch);
  if (output.ndim !== 2) {
    throw new ShapeError(`accuracy: expected logits [N, classes], got ${output.describe()}`);
  }
  return Scope.run(() => {
    const predictions = elementsOf(argmax(output, { axis: 1 }));
    const data = elementsOf(labels);
    let correct = 0;
    for (let i = 0; i < size; i++) if (predictions[i] === data[i]) correct++;
    return correct / size;
  });
};

/** Sums over images, from which means follow. Plain JSON, so that half an epoch can be saved. */
export interface Sums<Name extends string> {
  readonly images: number;
  /** The sums of the figures: of each batch's mean times its images. */
  readonly sums: Scores<Name>;
}

/** Adds up the loss and the metrics of batches. */
export class Meter<Name extends string> {
  readonly #metrics: Metrics<Name>;
  #images = 0;
  readonly #sums = new Map<string, number>();

  constructor(metrics: Metrics<Name>) {
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

  add(loss: number, output: Tensor, batch: Batch): void {
    this.#images += batch.size;
    this.#add('loss', loss * batch.size);
    for (const [name, metric] of Object.entries<Metric>(this.#metrics)) {
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

  /** The means over all images that were added, of which there is at least one. */
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
export interface Measurement<Name extends string> {
  /** Begins errors: which validation it was. */
  readonly where: string;
  readonly model: Layer;
  readonly data: AsyncIterable<Batch> | Iterable<Batch>;
  readonly loss: Loss;
  readonly metrics: Metrics<Name>;
  readonly signal: StopSignal | undefined;
  /** Whether the model runs as a program. */
  readonly isCompiled: boolean;
}

/**
 * Loss and metrics over some images, in evaluation mode; all modules' modes are as before afterwards.
 * @throws NonFiniteLossError, naming the layer; ConfigError if there is no batch; the reason of
 * `signal` when that aborts.
 */
export async function measure<Name extends string>({
  where,
  model,
  data,
  loss,
  metrics,
  signal,
  isCompiled,
}: Measurement<Name>): Promise<Scores<Name>> {
  const meter = new Meter(metrics);
  await forEachOutput(
    { operation: 'fit: validation', where, model, data, signal, isCompiled },
    (output, batch) => {
      meter.add(finiteLoss(where, model, batch, loss(output, batch)), output, batch);
    },
  );
  return meter.means();
}

/** @throws ConfigError, with how to make it one, unless a loss gave a tensor. */
export function requireLoss(loss: unknown): asserts loss is Tensor {
  if (loss instanceof Tensor) return;
  const mend =
    typeof loss === 'number'
      ? '; without item(), which no gradient flows through'
      : loss instanceof Promise
        ? '; a loss is not async'
        : '';
  throw new ConfigError(
    `fit: loss: expected a tensor of one element, got ${valueText(loss)}${mend}`,
  );
}

/** @throws NonFiniteLossError that names the layer, if the loss is no finite number. */
export function finiteLoss(where: string, model: Layer, { images }: Batch, loss: Tensor): number {
  requireLoss(loss);
  const value = loss.item();
  if (Number.isFinite(value)) return value;
  throw new NonFiniteLossError(`${where}: the loss is ${value}; ${findNonFinite(model, images)}`);
}
