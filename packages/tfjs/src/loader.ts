/**
 * The TensorFlow.js door: `tf.data` pipelines as loaders.
 * @module tfjs
 */
import {
  ConfigError,
  disposeSymbol,
  type Generator,
  type OptionRules,
  ShapeError,
} from '@unfold/core';
import {
  completeOptions,
  generatorRule,
  optional,
  positiveCount,
  valueText,
} from '@unfold/core/internal';
import {
  BatchLending,
  checkStart,
  chooseGenerator,
  makeBatch,
  pauses,
} from '@unfold/train/internal';
import type { Batch, BatchLoader } from '@unfold/train';
import {
  type BatchImages,
  disposeTensors,
  fieldsOf,
  type ImageLayout,
  imagesOf,
  labelsOf,
  LAYOUTS,
} from './elements.js';
import { hasFunctions } from './tensorflow.js';

/** As much of a `tf.data.Dataset` as the door needs. */
export interface TfDataPipeline {
  /** Its elements; null where TensorFlow.js doesn't know, Infinity where it never ends. */
  readonly size?: number | null;
  /** Begins an epoch. */
  iterator(): Promise<TfDataIterator>;
}

/** One pass over a pipeline. */
export interface TfDataIterator {
  /** The next element, or that there is none. */
  next(): Promise<IteratorResult<unknown>>;
}

/** The facts that a pipeline doesn't tell of itself. */
export interface TfjsLoaderOptions {
  /** How its images lie: `'NHWC'`, TensorFlow's own, or `'NCHW'`. */
  readonly layout: ImageLayout;
  /** Batches in an epoch. Default: the pipeline's size, where it has one. */
  readonly length?: number;
  /** The stream that the pipeline draws from, if any. Default: the global stream `'shuffle'`. */
  readonly generator?: Generator;
  /**
   * A pipeline that begins at batch `batch` of an epoch, to go on there without making what came
   * before. Default: those before are made and thrown away.
   */
  readonly from?: (batch: number) => TfDataPipeline | Promise<TfDataPipeline>;
}

const OPTIONS: OptionRules<TfjsLoaderOptions> = {
  layout: {
    expected: "'NHWC' (TensorFlow's own, channels last) or 'NCHW', as the pipeline's images lie",
    accepts: (value) => LAYOUTS.some((known) => known === value),
  },
  length: optional(positiveCount),
  generator: optional(generatorRule),
  from: optional({
    expected: 'a function of the batch to begin at',
    accepts: (value) => typeof value === 'function',
  }),
};

/**
 * Feeds from a `tf.data` pipeline, the user's own or any other, whose elements are whole batches:
 * `{ images, labels }`, or `{ xs, ys }` as TensorFlow.js's `fitDataset` takes them. Its batches are
 * lent as those of a `DataLoader` are.
 *
 * - images: float32 `[B, H, W, C]` or `[B, C, H, W]`, as `layout` says; they are given as they are,
 *   so scale and normalise them in the pipeline.
 * - labels: integers `[B]` or `[B, 1]` of any dtype, or one-hot rows `[B, classes]`.
 *
 * An epoch is one pass over the pipeline. Where `length` is less than a pass, the next epoch goes on
 * where the last one ended, and begins anew after the pipeline's end; so endless pipelines serve too.
 * A loop that was left early is not gone on with.
 *
 * TensorFlow.js's tensors are freed when they were copied, as by `fitDataset`. What goes wrong inside
 * the pipeline is thrown as it is, and the loader can be used again.
 *
 * A run goes on with the same bits if each pass gives the same batches, or draws what differs from
 * `generator` when it begins or makes its first element.
 * @throws ConfigError if `pipeline` is none, an option is wrong, or a pipeline has no end and no
 * `length`. While it runs: ConfigError or ShapeError, naming the batch, for other elements, and where
 * a pipeline ends before `length`.
 */
export function tfjsLoader(pipeline: TfDataPipeline, options: TfjsLoaderOptions): TfjsLoader {
  return new TfjsLoader(pipeline, options, null);
}

/** Made by `tfjsLoader`. An epoch for each `for await … of`. */
export class TfjsLoader implements BatchLoader {
  /** Null: what the pipeline draws from is its own affair, except of `tfjsDataLoader`. */
  readonly dataset: { readonly length: number } | null;
  readonly #pipeline: TfDataPipeline;
  readonly #layout: ImageLayout;
  readonly #length: number | undefined;
  readonly #from: TfjsLoaderOptions['from'];
  readonly #generator: () => Generator;
  readonly #lending = new BatchLending('tfjsLoader', 'clone(x) what must last longer');
  /** A pass that an epoch ended in the midst of. */
  #rest: TfDataIterator | null = null;

  /** @internal */
  constructor(
    pipeline: TfDataPipeline,
    options: TfjsLoaderOptions,
    dataset: TfjsLoader['dataset'],
  ) {
    checkPipeline(pipeline);
    const given = completeOptions('tfjsLoader', OPTIONS, {}, options);
    const { layout, from, generator, length = knownSize(pipeline) } = given;
    if (length === undefined && pipeline.size === Infinity) {
      throw new ConfigError(
        'tfjsLoader: the pipeline never ends; give the batches of an epoch, { length: 100 }, or end ' +
          'it with take(n)',
      );
    }
    this.dataset = dataset;
    this.#pipeline = pipeline;
    this.#layout = layout;
    this.#length = length;
    this.#from = from;
    this.#generator = chooseGenerator('tfjsLoader', generator === undefined ? {} : { generator });
  }

  /**
   * Batches in an epoch.
   * @throws ConfigError where neither the pipeline nor the option `length` says so; validating and
   * evaluating do without.
   */
  get length(): number {
    if (this.#length !== undefined) return this.#length;
    throw new ConfigError(
      'tfjsLoader: length: the pipeline does not tell its size; give the batches of an epoch, such ' +
        'as { length: 100 }',
    );
  }

  /** The stream that the pipeline draws from: a run that is saved takes its state along. */
  get generator(): Generator {
    return this.#generator();
  }

  /** @throws ConfigError if another iteration is open, DisposedError after `dispose()`. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Batch> {
    return this.#batches(0);
  }

  /**
   * A new pass from batch `batch` on.
   * @throws ConfigError unless `batch` is an integer from 0 to `length`.
   */
  from(batch: number): AsyncIterable<Batch> {
    checkStart('tfjsLoader', batch, this.#length ?? Infinity);
    return { [Symbol.asyncIterator]: () => this.#batches(batch) };
  }

  /** Frees the batches. The last one given must not be read any more. */
  dispose(): void {
    this.#keepRest(null);
    this.#lending.dispose();
  }

  /** Disposes of the loader at the end of a `using` block. */
  [disposeSymbol](): void {
    this.dispose();
  }

  async *#batches(first: number): AsyncIterableIterator<Batch> {
    this.#lending.begin();
    try {
      this.#lending.assertAlive();
      const pause = pauses();
      const rest = first === 0 ? this.#rest : null;
      if (rest) this.#rest = null;
      else this.#keepRest(null);
      let elements = rest ?? (await this.#begin(first));
      let index = first;
      for (; index < (this.#length ?? Infinity); index++) {
        let next = await elements.next();
        if (next.done && elements === rest) {
          elements = await this.#begin(0);
          next = await elements.next();
        }
        if (next.done) {
          this.#checkEnd(index);
          return;
        }
        const batch = await this.#receive(next.value, index);
        await pause();
        yield batch;
      }
      if (this.#length !== knownSize(this.#pipeline)) this.#rest = elements;
    } finally {
      this.#lending.end();
    }
  }

  /** A pass whose next element is batch `first`. */
  async #begin(first: number): Promise<TfDataIterator> {
    if (first > 0 && this.#from) {
      const pipeline = await this.#from(first);
      checkPipeline(pipeline);
      const elements = await pipeline.iterator();
      return first === this.#length ? BegunPass.of(elements) : elements;
    }
    const elements = await this.#pipeline.iterator();
    for (let index = 0; index < first; index++) {
      const { value, done } = await elements.next();
      if (done) {
        this.#checkEnd(index);
        break;
      }
      disposeTensors(value);
    }
    return elements;
  }

  #keepRest(rest: TfDataIterator | null): void {
    if (this.#rest instanceof BegunPass) this.#rest.dispose();
    this.#rest = rest;
  }

  /** @throws ConfigError if an epoch of `count` batches is too short, or empty. */
  #checkEnd(count: number): void {
    if (count > 0 && this.#length === undefined) return;
    throw new ConfigError(
      `tfjsLoader: expected ${this.#length ?? 'some'} batches, the pipeline ended after ${count}; ` +
        'give its own length, or repeat() it',
    );
  }

  /** Copies an element of the pipeline, and frees it there whatever happens. */
  async #receive(element: unknown, index: number): Promise<Batch> {
    try {
      this.#lending.assertAlive();
      const where = `tfjsLoader: batch ${index}`;
      const fields = fieldsOf(where, element);
      const images: BatchImages = await imagesOf(where, fields.images, this.#layout);
      const labels = await labelsOf(where, fields.labels);
      const [size] = images.shape;
      if (labels.length !== size) {
        throw new ShapeError(
          `${where}: expected a label for each image, got ${labels.length} for ${size}`,
        );
      }
      this.#lending.assertAlive();
      return this.#lending.lend(() =>
        makeBatch('tfjsLoader', images.shape, (ourImages, ourLabels) => {
          images.write(ourImages);
          ourLabels.set(labels);
        }),
      );
    } finally {
      disposeTensors(element);
    }
  }
}

/**
 * A pass from the end of an epoch on. Some pipelines draw an epoch's order when they are asked for its
 * first element: that is done here, in the epoch whose order it is.
 */
class BegunPass implements TfDataIterator {
  readonly #elements: TfDataIterator;
  #first: IteratorResult<unknown> | null;

  private constructor(elements: TfDataIterator, first: IteratorResult<unknown>) {
    this.#elements = elements;
    this.#first = first;
  }

  static async of(elements: TfDataIterator): Promise<BegunPass> {
    return new BegunPass(elements, await elements.next());
  }

  async next(): Promise<IteratorResult<unknown>> {
    const next = this.#first ?? (await this.#elements.next());
    this.#first = null;
    return next;
  }

  /** Frees the first element, if nobody took it. */
  dispose(): void {
    if (this.#first && !this.#first.done) disposeTensors(this.#first.value);
    this.#first = null;
  }
}

/** @throws ConfigError unless `value` has what a `tf.data.Dataset` has. */
function checkPipeline(value: unknown): void {
  if (hasFunctions(value, ['iterator'])) return;
  throw new ConfigError(
    `tfjsLoader: expected a tf.data pipeline, got ${valueText(value)}; make one with tf.data.array or ` +
      'tf.data.generator and batch(n); for a Dataset of Unfold, see tfjsDataLoader',
  );
}

/** Undefined where the pipeline does not tell, or has no end. */
function knownSize({ size }: TfDataPipeline): number | undefined {
  return typeof size === 'number' && Number.isSafeInteger(size) && size > 0 ? size : undefined;
}
