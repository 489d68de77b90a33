import type { OptionRules } from '@unfold/core';
import { checkedInUse, checkOptions } from '@unfold/core/internal';
import { textList } from '@unfold/io/internal';
import { DataLoader, type Dataset, type LoaderOptions } from '@unfold/train';
import { type TfDataPipeline, TfjsLoader } from './loader.js';
import {
  findTensorFlow,
  hasFunctions,
  isTensorFlow,
  missingTensorFlow,
  silenceBanner,
  type TensorFlow,
  TFJS,
  TFJS_NODE,
} from './tensorflow.js';

/** Options of `tfjsDataLoader`. */
export interface TfjsOptions extends LoaderOptions {
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

/** As much of TensorFlow.js as makes a pipeline. */
interface WithData extends TensorFlow {
  readonly data: { generator(make: () => Iterator<unknown>): TfDataPipeline };
}

/**
 * The batches of a `DataLoader`, by way of a `tf.data` pipeline of ours: exactly the same for the
 * same options.
 *
 * It runs in Node, on `@tensorflow/tfjs-node` where that is installed and loads, else on
 * `@tensorflow/tfjs`. No TensorFlow.js kernel runs; that is also why tfjs-node serves on Node 23 and
 * later, where those of its kernels fail that call `util.isNullOrUndefined`.
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
  const tf = loadTensorFlowData(packageRoots);
  await tf.ready();
  silenceBanner(tf);
  const { seed, ...rest } = options;
  // A seed makes one generator for all passes. The global stream is looked up anew in each.
  const perPass: LoaderOptions = seed === undefined ? rest : { ...rest, generator: own.generator };
  const from = (batch: number): TfDataPipeline =>
    tf.data.generator(() => elements(tf, new DataLoader(dataset, perPass), batch));
  const { generator } = perPass;
  return new TfjsLoader(
    from(0),
    { layout: 'NCHW', length: own.length, from, ...(generator ? { generator } : {}) },
    dataset,
  );
}

/** Whole batches as tensors of TensorFlow.js, which may keep the arrays that it is given. */
function* elements(tf: TensorFlow, loader: DataLoader, first: number): Iterator<unknown> {
  for (const { images, labels } of loader.from(first)) {
    const element = {
      images: tf.tensor(images.toTypedArray(), [...images.shape], 'float32'),
      labels: tf.tensor(labels.toTypedArray(), [...labels.shape], 'int32'),
    };
    // TensorFlow.js never ends a generator that it doesn't read on, so nothing is left in one.
    images.dispose();
    labels.dispose();
    yield element;
  }
}

/** @throws ConfigError if no package loads, with what each of them said. */
export function loadTensorFlowData(roots?: readonly string[]): WithData {
  const { tf, failures } = findTensorFlow({
    operation: OPERATION,
    packages: [TFJS_NODE, TFJS],
    roots,
    isKnown: hasData,
  });
  if (tf) return tf;
  throw missingTensorFlow(
    OPERATION,
    failures,
    'npm install @tensorflow/tfjs, or use DataLoader (on the command line: --loader own)',
  );
}

function hasData(value: unknown): value is WithData {
  return isTensorFlow(value) && 'data' in value && hasFunctions(value.data, ['generator']);
}
