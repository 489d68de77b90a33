import { FileFormatError } from '@unfold/core';
import { activation, leakyReluLayer, reluLayer, softmaxLayer } from './activations.js';
import { convolution, depthwiseConvolution, transposedConvolution } from './convolutions.js';
import { dense } from './dense.js';
import type { BuildContext, Builder, DataFormat, Flow, Step } from './flow.js';
import { flatten, inTheirOrder, maxPooling, reshaping, zeroPadding } from './images.js';
import { MAX_DIMENSIONS, quote } from '@unfold/io/internal';
import { isInteger, type SavedLayer } from './saved-layer.js';
import type { SavedWeights } from './weights.js';

/** Layers that leave predictions as they are. */
const identity: Builder = (_layer, flow) => ({ steps: [], flow });

/** The builder that Unfold has for each kind of layer. */
const BUILDERS: ReadonlyMap<string, Builder> = new Map([
  ['InputLayer', identity],
  ['Conv2D', convolution],
  ['DepthwiseConv2D', depthwiseConvolution],
  ['Conv2DTranspose', transposedConvolution],
  ['Dense', dense],
  ['MaxPooling2D', maxPooling],
  ['ZeroPadding2D', zeroPadding],
  ['Flatten', flatten],
  ['Reshape', reshaping],
  ['Activation', activation],
  ['ReLU', reluLayer],
  ['LeakyReLU', leakyReluLayer],
  ['Softmax', softmaxLayer],
  ['Dropout', identity],
  ['AlphaDropout', identity],
  ['GaussianDropout', identity],
  ['GaussianNoise', identity],
]);

/** Layers whose setting `data_format` says how the model orders its images. */
const IMAGE_LAYERS: ReadonlySet<string> = new Set([
  'Conv2D',
  'DepthwiseConv2D',
  'Conv2DTranspose',
  'MaxPooling2D',
  'ZeroPadding2D',
]);

export interface BuiltModel {
  readonly steps: readonly Step[];
  readonly input: Flow;
  readonly output: Flow;
  readonly dataFormat: DataFormat;
}

/**
 * Builds layer after layer.
 * @throws FileFormatError that names file, layer and tensor; what was built until then is freed.
 */
export function buildModel(
  layers: readonly SavedLayer[],
  weights: SavedWeights,
  file: string,
): BuiltModel {
  checkNames(layers, file);
  const dataFormat = dataFormatOf(layers);
  const context: BuildContext = { weights, dataFormat };
  const input = inputOf(layers, dataFormat, file);
  const steps: Step[] = [];
  let flow = input;
  try {
    for (const layer of layers) {
      const built = builderOf(layer)(layer, flow, context);
      steps.push(...built.steps);
      flow = built.flow;
    }
    weights.expectAllTaken();
  } catch (error) {
    for (const step of steps) step.weights?.dispose();
    throw error;
  }
  if (typeof flow.theirs === 'object') {
    // No Dense followed Flatten, so the numbers themselves are put into the right order.
    const flattened = flow;
    steps.push({ name: 'output', weights: null, apply: (x) => inTheirOrder(x, flattened) });
    flow = { ...flow, theirs: 'same' };
  }
  return { steps, input, output: flow, dataFormat };
}

function builderOf(layer: SavedLayer): Builder {
  const builder = BUILDERS.get(layer.className);
  if (builder) return builder;
  throw layer.fail(
    `Unfold has no such layer; it has ${[...BUILDERS.keys()].join(', ')}. Rebuild the model with ` +
      'these, or load the part before and write the rest as a Module',
  );
}

/** The names become those of the parameters. */
function checkNames(layers: readonly SavedLayer[], file: string): void {
  const names = new Set<string>();
  for (const { name } of layers) {
    if (names.has(name)) {
      throw new FileFormatError(
        `${file}: two layers are named ${quote(name)}; give each its own name and save again`,
      );
    }
    names.add(name);
  }
}

function dataFormatOf(layers: readonly SavedLayer[]): DataFormat {
  let found: DataFormat | undefined;
  for (const layer of layers) {
    if (!IMAGE_LAYERS.has(layer.className)) continue;
    const format = layer.choice('data_format', ['channels_last', 'channels_first']);
    if (found !== undefined && format !== found) {
      throw layer.fail(`data_format is ${format}, that of a layer before it ${found}; use one`);
    }
    found = format;
  }
  return found ?? 'channels_last';
}

/** Reads the input's shape from the first layer. */
function inputOf([first]: readonly SavedLayer[], dataFormat: DataFormat, file: string): Flow {
  const shape = first?.value('batch_input_shape');
  if (!first || shape === undefined) {
    throw new FileFormatError(
      `${file}: the first layer has no batch_input_shape; give the first layer an inputShape ` +
        'and save the model again',
    );
  }
  const [, ...dims]: readonly unknown[] = Array.isArray(shape) ? shape : [];
  const sizes = dims.map((size) => {
    if (size === null || isInteger(size, 1)) return size;
    throw first.wrong('batch_input_shape', 'a list of positive integers and null');
  });
  if (sizes.length === 0 || sizes.length >= MAX_DIMENSIONS) {
    throw first.wrong(
      'batch_input_shape',
      `a list of the batch axis and at least another, at most ${MAX_DIMENSIONS} in all`,
    );
  }
  const [H = null, W = null, C = null] = sizes;
  return sizes.length === 3 && dataFormat === 'channels_last'
    ? { shape: [C, H, W], theirs: 'channelsLast' }
    : { shape: sizes, theirs: 'same' };
}
