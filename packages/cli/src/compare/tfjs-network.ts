import { elementsOf, ShapeError, type Shape, type Tensor } from '@unfold/core';
import type { StateDict } from '@unfold/nn';
import type { TfTensor } from '@unfold/tfjs/internal';
import {
  filterWeights,
  imagesToNhwc,
  matrixWeights,
  vectorWeights,
  type Weights,
} from './layout.js';
import type { Contender, SgdSettings, StepResult } from './contender.js';
import type { TensorFlowLayers, TfLayer, TfModel, TfOptimizer } from './tensorflow.js';

/** A layer with weights, by its name in our state dict, or one without. */
export type LayerPlan =
  | { readonly kind: 'conv2d' | 'dense'; readonly name: string; readonly relu: boolean }
  | { readonly kind: 'maxPool' | 'flatten' };

/** Classes of the digits. */
const CLASSES = 10;

/** A network of TensorFlow.js layers that starts from our weights. */
export class TfjsNetwork implements Contender {
  readonly #tf: TensorFlowLayers;
  readonly #model: TfModel;
  readonly #optimizer: TfOptimizer;

  /** @param image `[C, H, W]` of the network's input. */
  constructor(
    tf: TensorFlowLayers,
    network: { plan: readonly LayerPlan[]; image: Shape; weights: StateDict },
    { lr, momentum }: SgdSettings,
  ) {
    this.#tf = tf;
    this.#model = buildModel(tf, network.plan, network.image, network.weights);
    this.#optimizer = tf.train.momentum(lr, momentum);
    this.#model.compile({
      optimizer: this.#optimizer,
      // The network gives logits: with a softmax of its own, the loss would be clipped.
      loss: (target, output) => tf.losses.softmaxCrossEntropy(target, output),
    });
  }

  async step(images: Tensor, labels: Tensor): Promise<StepResult> {
    const pixels = imagesToNhwc(images);
    const target = oneHot(labels);
    const begin = performance.now();
    const x = this.#tensor(pixels);
    const y = this.#tensor(target);
    const losses = await this.#model.trainOnBatch(x, y);
    x.dispose();
    y.dispose();
    const milliseconds = performance.now() - begin;
    return { loss: typeof losses === 'number' ? losses : (losses[0] ?? NaN), milliseconds };
  }

  classify(images: Tensor): number[] {
    const x = this.#tensor(imagesToNhwc(images));
    const out = this.#model.predictOnBatch(x);
    const logits = out.dataSync();
    x.dispose();
    out.dispose();
    return Array.from({ length: images.shape[0] ?? 0 }, (_, i) => {
      let best = 0;
      for (let c = 1; c < CLASSES; c++) {
        if (Number(logits[i * CLASSES + c]) > Number(logits[i * CLASSES + best])) best = c;
      }
      return best;
    });
  }

  dispose(): void {
    this.#model.dispose();
    this.#optimizer.dispose();
  }

  #tensor({ data, shape }: Weights): TfTensor {
    return this.#tf.tensor(data, shape, 'float32');
  }
}

/** `[N]` → `[N, CLASSES]`. */
function oneHot(labels: Tensor): Weights {
  const data = new Float32Array(labels.size * CLASSES);
  elementsOf(labels).forEach((label, i) => {
    data[i * CLASSES + label] = 1;
  });
  return { data, shape: [labels.size, CLASSES] };
}

function buildModel(
  tf: TensorFlowLayers,
  plan: readonly LayerPlan[],
  image: Shape,
  weights: StateDict,
): TfModel {
  const [C, H, W] = image;
  const model = tf.sequential();
  let last = tf.layers.inputLayer({ inputShape: [H, W, C] });
  model.add(last);
  const add = (layer: TfLayer, ...values: readonly Weights[]): void => {
    model.add(layer);
    const tensors = values.map(({ data, shape }) => tf.tensor(data, shape, 'float32'));
    if (tensors.length > 0) layer.setWeights(tensors);
    for (const tensor of tensors) tensor.dispose();
    last = layer;
  };
  /** The image that was flattened last, until a dense layer has taken it. */
  let flattened: [number, number, number] | undefined;
  for (const layer of plan) {
    switch (layer.kind) {
      case 'conv2d': {
        const kernel = filterWeights(find(weights, `${layer.name}.weight`));
        const [kernelRows, kernelColumns, , filters] = kernel.shape;
        const kernelSize = [kernelRows, kernelColumns];
        add(
          tf.layers.conv2d({ filters, kernelSize, ...activation(layer.relu) }),
          kernel,
          vectorWeights(find(weights, `${layer.name}.bias`)),
        );
        break;
      }
      case 'dense': {
        const kernel = matrixWeights(find(weights, `${layer.name}.weight`), flattened);
        flattened = undefined;
        add(
          tf.layers.dense({ units: kernel.shape[1], ...activation(layer.relu) }),
          kernel,
          vectorWeights(find(weights, `${layer.name}.bias`)),
        );
        break;
      }
      case 'maxPool':
        add(tf.layers.maxPooling2d({ poolSize: 2 }));
        break;
      case 'flatten': {
        const [, rows, columns, channels] = last.outputShape;
        flattened = [Number(channels), Number(rows), Number(columns)];
        add(tf.layers.flatten({}));
      }
    }
  }
  return model;
}

const activation = (relu: boolean): { activation?: string } => (relu ? { activation: 'relu' } : {});

/** @throws ShapeError if the state lacks it. */
function find(weights: StateDict, name: string): Tensor {
  const tensor = weights.get(name);
  if (!tensor) {
    throw new ShapeError(
      `compare: expected a weight '${name}', got ${[...weights.keys()].join(', ')}`,
    );
  }
  return tensor;
}
