import { ConfigError, DisposedError, type Generator } from '@unfold/core';
import {
  BatchBuffers,
  BatchPlan,
  IterationLock,
  type Batch,
  type BatchLoader,
  type LoaderOptions,
} from './batches.js';
import type { Dataset } from './dataset.js';
import { requiresFrom } from './packages.js';
import { pauses } from './pause.js';

export type { Batch, BatchLoader, LoaderOptions };

export interface TfjsOptions extends LoaderOptions {
  /** Folders from which TensorFlow.js is looked up. Default: Unfold's and the working one. */
  readonly packageRoots?: readonly string[];
}

/** As much of a TensorFlow.js tensor as the door needs. */
interface TfTensor {
  dataSync(): ArrayLike<number>;
  dispose(): void;
}

interface TfIterator<T> {
  next(): Promise<IteratorResult<T>>;
}

/**
 * As much of TensorFlow.js as the door needs. Its own types ask for the browser's, and don't pass
 * a strict type check without them.
 */
interface TensorFlow {
  tensor(values: Float32Array | Int32Array, shape: number[], dtype: string): TfTensor;
  readonly data: {
    generator<T>(make: () => Iterator<T>): { iterator(): Promise<TfIterator<T>> };
  };
  ready(): Promise<void>;
  env(): { getBool(flag: string): boolean; set(flag: string, value: boolean): void };
}

/** One element of the pipeline: a whole batch, images `[B, C, H, W]` and labels `[B]`. */
interface Element {
  readonly images: TfTensor;
  readonly labels: TfTensor;
  readonly size: number;
}

/** What is tried, in this order. */
const PACKAGES: readonly string[] = ['@tensorflow/tfjs-node', '@tensorflow/tfjs'];

/**
 * The TensorFlow.js door: a loader that feeds from a `tf.data` pipeline, whose elements are whole
 * batches. It gives exactly the batches that a `DataLoader` gives for the same options, as tensors
 * of Unfold under the same rule: a batch is valid until the next is asked for.
 *
 * It runs in Node, on `@tensorflow/tfjs-node` where that is installed and loads, else on
 * `@tensorflow/tfjs`. A batch is copied out of TensorFlow.js and freed there as soon as the
 * pipeline gives it. No TensorFlow.js kernel runs; that is also why tfjs-node serves on Node 23 and
 * later, where those of its kernels fail that call `util.isNullOrUndefined`.
 *
 * @throws ConfigError if neither package loads, or an option is wrong as for `DataLoader`.
 */
export async function tfjsLoader(
  dataset: Dataset,
  { packageRoots, ...options }: TfjsOptions = {},
): Promise<TfjsLoader> {
  const plan = new BatchPlan('tfjsLoader', dataset, options);
  const { tf, name } = loadTensorFlow(packageRoots);
  await tf.ready();
  silenceBanner(tf);
  return new TfjsLoader(tf, name, plan);
}

/** Made by `tfjsLoader`. An epoch for each `for await … of`. */
export class TfjsLoader implements BatchLoader {
  /** The package that the pipeline comes from. */
  readonly packageName: string;
  readonly #tf: TensorFlow;
  readonly #plan: BatchPlan;
  readonly #buffers: BatchBuffers;
  readonly #lock = new IterationLock('tfjsLoader');
  #disposed = false;

  /** @internal */
  constructor(tf: TensorFlow, packageName: string, plan: BatchPlan) {
    this.packageName = packageName;
    this.#tf = tf;
    this.#plan = plan;
    this.#buffers = new BatchBuffers(plan);
  }

  get dataset(): Dataset {
    return this.#plan.dataset;
  }

  get batchSize(): number {
    return this.#plan.batchSize;
  }

  /** Batches in an epoch. */
  get length(): number {
    return this.#plan.length;
  }

  /** The source of the random order, as `DataLoader.generator`. */
  get generator(): Generator {
    return this.#plan.generator;
  }

  /** @throws ConfigError if another iteration is open, DisposedError after `dispose()`. */
  async *[Symbol.asyncIterator](): AsyncIterableIterator<Batch> {
    this.#lock.take();
    try {
      this.#assertAlive();
      const pause = pauses();
      const pipeline = this.#tf.data.generator(() => this.#elements());
      const elements = await pipeline.iterator();
      for (;;) {
        const { value, done } = await elements.next();
        if (done) return;
        const batch = this.#receive(value);
        await pause();
        yield batch;
      }
    } finally {
      this.#lock.release();
    }
  }

  /** Frees the batches. The last one given must not be read any more. */
  dispose(): void {
    this.#disposed = true;
    this.#buffers.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /**
   * The elements of an epoch. TensorFlow.js may keep the arrays that it is given instead of copying
   * them; they are read and let go before the next batch is written to them.
   */
  *#elements(): IterableIterator<Element> {
    const plan = this.#plan;
    const { shape, pixels } = plan.dataset;
    const order = plan.drawOrder();
    const allImages = new Float32Array(plan.sizeOf(0) * pixels);
    const allLabels = new Int32Array(plan.sizeOf(0));
    for (let index = 0; index < plan.length; index++) {
      const size = plan.sizeOf(index);
      const images = allImages.subarray(0, size * pixels);
      const labels = allLabels.subarray(0, size);
      plan.write(index, order, images, labels);
      yield {
        images: this.#tf.tensor(images, [size, ...shape], 'float32'),
        labels: this.#tf.tensor(labels, [size], 'int32'),
        size,
      };
    }
  }

  #receive({ images, labels, size }: Element): Batch {
    try {
      this.#assertAlive();
      return this.#buffers.write(size, (ourImages, ourLabels) => {
        ourImages.set(images.dataSync());
        ourLabels.set(labels.dataSync());
      });
    } finally {
      images.dispose();
      labels.dispose();
    }
  }

  #assertAlive(): void {
    if (this.#disposed) {
      throw new DisposedError('tfjsLoader: expected a loader in use, got one after dispose()');
    }
  }
}

/** @throws ConfigError if no package loads, with what each of them said. */
function loadTensorFlow(roots: readonly string[] | undefined): { tf: TensorFlow; name: string } {
  const failures: string[] = [];
  for (const name of PACKAGES) {
    for (const from of requiresFrom(roots)) {
      try {
        const tf: unknown = quietly(() => from(name));
        if (isTensorFlow(tf)) return { tf, name };
        failures.push(`${name}: not a version that Unfold knows`);
      } catch (error) {
        failures.push(`${name}: ${firstLine(error)}`);
      }
    }
  }
  throw new ConfigError(
    `tfjsLoader: expected TensorFlow.js, got none (${[...new Set(failures)].join('; ')}); ` +
      'npm install @tensorflow/tfjs, or use DataLoader (on the command line: --loader own)',
  );
}

/**
 * Runs `load` with the native library told to report warnings and errors only: it reads the
 * variable once, when it is loaded. What the user set is left alone.
 */
function quietly<T>(load: () => T): T {
  if (process.env['TF_CPP_MIN_LOG_LEVEL'] !== undefined) return load();
  process.env['TF_CPP_MIN_LOG_LEVEL'] = '1';
  try {
    return load();
  } finally {
    delete process.env['TF_CPP_MIN_LOG_LEVEL'];
  }
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1).join('');
}

function isTensorFlow(value: unknown): value is TensorFlow {
  return (
    isRecord(value) &&
    isFunction(value['tensor']) &&
    isFunction(value['ready']) &&
    isFunction(value['env']) &&
    isRecord(value['data']) &&
    isFunction(value['data']['generator'])
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

/**
 * The cpu backend greets the first tensor with an advertisement on the console. Its own production
 * flag keeps it silent; the flag is as before afterwards.
 */
function silenceBanner(tf: TensorFlow): void {
  const env = tf.env();
  const before = env.getBool('PROD');
  env.set('PROD', true);
  try {
    tf.tensor(new Float32Array(1), [1], 'float32').dispose();
  } finally {
    env.set('PROD', before);
  }
}
