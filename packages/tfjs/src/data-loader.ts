import { elementsOf, type OptionRules } from '@unfold/core';
import { checkedInUse, checkOptions } from '@unfold/core/internal';
import { type PackageRequire, textList } from '@unfold/io/internal';
import { DataLoader, type Dataset, type LoaderOptions } from '@unfold/train';
import type { ElementTensor } from './elements.js';
import { type TfDataPipeline, TfjsLoader } from './loader.js';
import { findTensorFlow, hasFunctions, missingTensorFlow, TFJS, TFJS_NODE } from './tensorflow.js';

/** Options of `tfjsDataLoader`: those of `DataLoader`, but TensorFlow.js asks for batches when it wants. */
export interface TfjsOptions extends Omit<LoaderOptions, 'prefetch'> {
  /** Folders from which TensorFlow.js is looked up. Default: Unfold's and the working one. */
  readonly packageRoots?: readonly string[];
}

const OPERATION = 'tfjsDataLoader';

const OPTIONS: OptionRules<TfjsOptions> = {
  packageRoots: textList,
  // DataLoader's.
  batchSize: checkedInUse,
  shuffle: checkedInUse,
  dropLast: checkedInUse,
  normalization: checkedInUse,
  augment: checkedInUse,
  generator: checkedInUse,
  seed: checkedInUse,
};

/** `tf.data`, as much of it as makes a pipeline. */
interface TfData {
  generator(make: () => Iterator<unknown>): TfDataPipeline;
}

/** The package of it, which `@tensorflow/tfjs` brings. */
const TFJS_DATA = '@tensorflow/tfjs-data';

/**
 * The batches of a `DataLoader`, by way of a `tf.data` pipeline of ours: exactly the same for the
 * same options.
 *
 * It runs in Node, on `@tensorflow/tfjs-node` where that is installed and loads, else on
 * `@tensorflow/tfjs`, of which only `tfjs-data` and `tfjs-core` are loaded. The batches are arrays
 * there, so that no backend is needed and none of its kernels runs; that is also why tfjs-node serves
 * on Node 23 and later, where those of its kernels fail that call `util.isNullOrUndefined`.
 *
 * @throws ConfigError if neither package loads, or an option is wrong as for `DataLoader`.
 */
export async function tfjsDataLoader(
  dataset: Dataset,
  allOptions: TfjsOptions = {},
): Promise<TfjsLoader> {
  checkOptions(OPERATION, allOptions, OPTIONS);
  const { packageRoots, ...options } = allOptions;
  const own = new DataLoader(dataset, options);
  const data = loadTensorFlowData(packageRoots);
  const { seed, ...rest } = options;
  // A seed makes one generator for all passes. The global stream is looked up anew in each.
  const perPass: LoaderOptions = seed === undefined ? rest : { ...rest, generator: own.generator };
  const from = (batch: number): TfDataPipeline =>
    data.generator(() => elements(new DataLoader(dataset, perPass), batch));
  const { generator } = perPass;
  return new TfjsLoader(
    from(0),
    { layout: 'NCHW', length: own.length, from, ...(generator ? { generator } : {}) },
    dataset,
  );
}

/** Whole batches. An element is read before the next one is made, which takes the same memory. */
function* elements(loader: DataLoader, first: number): Iterator<unknown> {
  let room = new Float32Array(0);
  for (const { images, labels } of loader.from(first)) {
    const pixels = elementsOf(images);
    if (room.length < pixels.length) room = new Float32Array(pixels.length);
    room.set(pixels);
    const element = {
      images: asElement(images.shape, 'float32', room.subarray(0, pixels.length)),
      labels: asElement(labels.shape, 'int32', labels.toTypedArray()),
    };
    // TensorFlow.js never ends a generator that it doesn't read on, so nothing is left in one.
    images.dispose();
    labels.dispose();
    yield element;
  }
}

/** What is read like a tensor of TensorFlow.js; the garbage collector frees it. */
function asElement(
  shape: readonly number[],
  dtype: string,
  values: ArrayLike<number>,
): ElementTensor {
  return { shape, dtype, data: () => Promise.resolve(values), dispose() {} };
}

/** @throws ConfigError if no package loads, with what each of them said. */
export function loadTensorFlowData(roots?: readonly string[]): TfData {
  const { tf, failures } = findTensorFlow({
    operation: OPERATION,
    packages: [TFJS_NODE, TFJS],
    roots,
    load: loadData,
    isKnown: (value): value is TfData => hasFunctions(value, ['generator']),
  });
  if (tf) return tf;
  throw missingTensorFlow(
    OPERATION,
    failures,
    'npm install @tensorflow/tfjs, or use DataLoader (on the command line: --loader own)',
  );
}

/** Of plain TensorFlow.js only what makes pipelines: all of it takes much longer to load. */
function loadData(name: string, from: PackageRequire): unknown {
  if (name === TFJS) return from(from.resolve(TFJS_DATA, { paths: [from.resolve(TFJS)] }));
  const tf = from(name);
  return hasFunctions(tf, []) && 'data' in tf ? tf.data : undefined;
}
