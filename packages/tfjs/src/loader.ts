/**
 * The TensorFlow.js door, imported from `@unfold/train/tfjs`.
 * @module tfjs
 */
import { BatchPlan, pauses, PlannedLoader } from '@unfold/train/internal';
import type { Batch, BatchLoader, Dataset, LoaderOptions } from '@unfold/train';
import {
  findTensorFlow,
  hasFunctions,
  isTensorFlow,
  missingTensorFlow,
  silenceBanner,
  type TensorFlow,
  TFJS,
  TFJS_NODE,
  type TfTensor,
} from './tensorflow.js';

export type { Batch, BatchLoader, LoaderOptions };

/** Options of `tfjsLoader`. */
export interface TfjsOptions extends LoaderOptions {
  /** Folders from which TensorFlow.js is looked up. Default: Unfold's and the working one. */
  readonly packageRoots?: readonly string[];
}

interface TfIterator<T> {
  next(): Promise<IteratorResult<T>>;
}

/** As much of TensorFlow.js as the door needs. */
interface WithData extends TensorFlow {
  readonly data: {
    generator<T>(make: () => Iterator<T>): { iterator(): Promise<TfIterator<T>> };
  };
}

/** One element of the pipeline: a whole batch, images `[B, C, H, W]` and labels `[B]`. */
interface Element {
  readonly images: TfTensor;
  readonly labels: TfTensor;
  readonly size: number;
}

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
export class TfjsLoader extends PlannedLoader implements BatchLoader {
  /** The package that the pipeline comes from. */
  readonly packageName: string;
  readonly #tf: WithData;

  /** @internal */
  constructor(tf: WithData, packageName: string, plan: BatchPlan) {
    super(plan);
    this.packageName = packageName;
    this.#tf = tf;
  }

  /** @throws ConfigError if another iteration is open, DisposedError after `dispose()`. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Batch> {
    return this.#batches(0);
  }

  /**
   * A new epoch from batch `batch` on, as `DataLoader.from`.
   * @throws ConfigError unless `batch` is an integer from 0 to `length`.
   */
  from(batch: number): AsyncIterable<Batch> {
    this.checkStart(batch);
    return { [Symbol.asyncIterator]: () => this.#batches(batch) };
  }

  async *#batches(first: number): AsyncIterableIterator<Batch> {
    this.beginIteration();
    try {
      this.assertAlive();
      const pause = pauses();
      const pipeline = this.#tf.data.generator(() => this.#elements(first));
      const elements = await pipeline.iterator();
      for (;;) {
        const { value, done } = await elements.next();
        if (done) return;
        const batch = this.#receive(value);
        await pause();
        yield batch;
      }
    } finally {
      this.endIteration();
    }
  }

  /**
   * The elements of an epoch from `first` on. TensorFlow.js may keep the arrays that it is given instead of copying
   * them; they are read and let go before the next batch is written to them.
   */
  *#elements(first: number): IterableIterator<Element> {
    const plan = this.plan;
    const { shape, pixels } = plan.dataset;
    const epoch = plan.drawEpoch();
    const allImages = new Float32Array(plan.sizeOf(0) * pixels);
    const allLabels = new Int32Array(plan.sizeOf(0));
    for (let index = first; index < plan.length; index++) {
      const size = plan.sizeOf(index);
      const images = allImages.subarray(0, size * pixels);
      const labels = allLabels.subarray(0, size);
      plan.write(index, epoch, images, labels);
      yield {
        images: this.#tf.tensor(images, [size, ...shape], 'float32'),
        labels: this.#tf.tensor(labels, [size], 'int32'),
        size,
      };
    }
  }

  #receive({ images, labels, size }: Element): Batch {
    try {
      this.assertAlive();
      return this.lent.replace(size, (ourImages, ourLabels) => {
        ourImages.set(images.dataSync());
        ourLabels.set(labels.dataSync());
      });
    } finally {
      images.dispose();
      labels.dispose();
    }
  }
}

/** @throws ConfigError if no package loads, with what each of them said. */
function loadTensorFlow(roots: readonly string[] | undefined): { tf: WithData; name: string } {
  const packages = [TFJS_NODE, TFJS];
  const { tf, name, failures } = findTensorFlow({ packages, roots, isKnown: hasData });
  if (tf) return { tf, name };
  throw missingTensorFlow(
    'tfjsLoader',
    failures,
    'npm install @tensorflow/tfjs, or use DataLoader (on the command line: --loader own)',
  );
}

function hasData(value: unknown): value is WithData {
  return isTensorFlow(value) && 'data' in value && hasFunctions(value.data, ['generator']);
}
