import { fileURLToPath } from 'node:url';
import util from 'node:util';
import { ConfigError } from '@unfold/core';
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
} from '@unfold/tfjs/internal';

export interface TfLayer {
  /** The shape of the layer's output; the first size, the batch's, is null. */
  readonly outputShape: readonly (number | null)[];
  setWeights(weights: TfTensor[]): void;
}

export interface TfModel {
  add(layer: TfLayer): void;
  compile(settings: { optimizer: TfOptimizer; loss: TfLoss }): void;
  trainOnBatch(x: TfTensor, y: TfTensor): Promise<number | number[]>;
  predictOnBatch(x: TfTensor): TfTensor;
  dispose(): unknown;
}

export interface TfOptimizer {
  dispose(): void;
}

export type TfLoss = (target: TfTensor, output: TfTensor) => TfTensor;

type MakeLayer = (settings: Record<string, unknown>) => TfLayer;

/** As much of TensorFlow.js as it takes to train a model of its layers. */
export interface TensorFlowLayers extends TensorFlow {
  sequential(): TfModel;
  readonly layers: Readonly<
    Record<'inputLayer' | 'conv2d' | 'maxPooling2d' | 'flatten' | 'dense', MakeLayer>
  >;
  readonly losses: { softmaxCrossEntropy: TfLoss };
  readonly train: { momentum(learningRate: number, momentum: number): TfOptimizer };
  setBackend(name: string): Promise<boolean>;
  readonly version: Readonly<Record<string, string>>;
}

/** `tfjs-node` computes with TensorFlow's native library, `cpu` in plain JavaScript. */
export type TfjsBackend = 'tfjs-node' | 'cpu';

export interface LoadedTensorFlow {
  readonly tf: TensorFlowLayers;
  readonly backend: TfjsBackend;
  readonly version: string;
  /** Why tfjs-node is not what runs; empty where it is, or was not wanted. */
  readonly failures: readonly string[];
}

export interface TensorFlowChoice {
  /** `auto` takes tfjs-node where it loads, else cpu. */
  readonly backend: TfjsBackend | 'auto';
  /** A folder from which TensorFlow.js is looked up before Unfold's and the working one. */
  readonly folder?: string | undefined;
}

/** @throws ConfigError if what is wanted does not load, saying why. */
export async function loadTensorFlow(choice: TensorFlowChoice): Promise<LoadedTensorFlow> {
  const packages = { auto: [TFJS_NODE, TFJS], 'tfjs-node': [TFJS_NODE], cpu: [TFJS] };
  const { tf, name, failures } = findTensorFlow({
    operation: 'compare',
    packages: packages[choice.backend],
    roots: [
      ...(choice.folder === undefined ? [] : [choice.folder]),
      fileURLToPath(new URL('.', import.meta.url)),
      process.cwd(),
    ],
    isKnown: hasLayers,
  });
  if (!tf) {
    const mend =
      choice.backend === 'tfjs-node'
        ? `npm install ${TFJS_NODE}; docs/comparison.md says how to build it where that fails`
        : `npm install ${TFJS}`;
    throw missingTensorFlow('compare', failures, mend);
  }
  const backend: TfjsBackend = name === TFJS_NODE ? 'tfjs-node' : 'cpu';
  if (backend === 'tfjs-node') restoreNodeFunction();
  if (!(await tf.setBackend(backend === 'cpu' ? 'cpu' : 'tensorflow'))) {
    throw new ConfigError(`compare: ${name} has no backend '${backend}' here`);
  }
  await tf.ready();
  silenceBanner(tf);
  return { tf, backend, version: tf.version['tfjs-core'] ?? 'unknown', failures };
}

function hasLayers(value: unknown): value is TensorFlowLayers {
  return (
    isTensorFlow(value) &&
    hasFunctions(value, ['sequential', 'setBackend']) &&
    has(value, 'layers', ['inputLayer', 'conv2d', 'maxPooling2d', 'flatten', 'dense']) &&
    has(value, 'losses', ['softmaxCrossEntropy']) &&
    has(value, 'train', ['momentum'])
  );
}

function has(tf: object, part: string, functions: readonly string[]): boolean {
  return hasFunctions(Reflect.get(tf, part), functions);
}

/** Node 23 dropped a function that tfjs-node 4.22 calls. */
function restoreNodeFunction(): void {
  if ('isNullOrUndefined' in util) return;
  Object.assign(util, {
    isNullOrUndefined: (value: unknown) => value === null || value === undefined,
  });
}
