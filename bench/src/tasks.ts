// Out of the sources, as the packages are built only after this has been loaded.
import { conv2dFlops, matmulFlops } from '../../packages/core/src/kernels/flops.js';

/** What is measured. Every system gets the same task and the same arrays. */
export type Task = NetTask | MatmulTask | ConvTask | LayerNormTask | SequenceTask;

export type NetName = 'lenet' | 'lenet-bn' | 'cnn' | 'resnet';

/**
 * `step`: forward, cross entropy, backward, SGD with momentum; the loss is read at the end.
 * `forward`: the logits, without gradients.
 */
export interface NetTask {
  readonly name: string;
  readonly kind: 'step' | 'forward';
  readonly net: NetName;
  readonly batch: number;
  readonly lr: number;
  readonly momentum: number;
}

/** `[size, size]` times `[size, size]`; with `inner`, `[size, inner]` times `[inner, size]`. */
export interface MatmulTask {
  readonly name: string;
  readonly kind: 'matmul';
  readonly size: number;
  readonly inner: number;
}

/** One convolution layer: forward, then the gradients of input, weight and bias. */
export interface ConvTask {
  readonly name: string;
  readonly kind: 'conv';
  readonly batch: number;
  readonly layer: ConvLayer;
}

/** Layer normalisation of `[rows, n]` over n: forward, then the gradients of x, weight and bias. */
export interface LayerNormTask {
  readonly name: string;
  readonly kind: 'layer-norm';
  readonly rows: number;
  readonly n: number;
}

/** `batch` sequences of `length` vectors of `width` numbers. */
export interface SequenceSizes {
  readonly batch: number;
  readonly length: number;
  readonly width: number;
}

/** A training step: forward, mean squared error of as many vectors, backward, SGD; the loss is read. */
interface SequenceStep extends SequenceSizes {
  readonly name: string;
  readonly kind: 'sequence';
  readonly lr: number;
  readonly momentum: number;
}

/** A GRU with as many units, on `[length, batch, width]`; SGD has momentum. */
export interface GruTask extends SequenceStep {
  readonly net: 'gru';
}

/** Layers of a transformer's encoder, without dropout, on `[batch, length, width]`. */
export interface TransformerTask extends SequenceStep {
  readonly net: 'transformer';
  readonly heads: number;
  readonly feedForward: number;
  readonly layers: number;
}

export type SequenceTask = GruTask | TransformerTask;

/**
 * Training on real digits. A run is the next `stepsPerRun` steps, the learning rate falling along a
 * line to 0 at step `steps`; the result is the accuracy on the test set.
 */
export interface RaceTask {
  readonly name: 'race';
  readonly kind: 'race';
  readonly net: NetName;
  readonly batch: number;
  readonly lr: number;
  readonly momentum: number;
  readonly steps: number;
  readonly stepsPerRun: number;
  /** Of the images' pixels, on the scale 0…1. */
  readonly mean: number;
  readonly std: number;
}

/** Square images and kernels. */
export interface ConvLayer {
  readonly inChannels: number;
  readonly outChannels: number;
  /** Rows, and columns, of the input. */
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
  readonly groups: number;
}

const TRAINING = { lr: 0.01, momentum: 0.9 };
/** Images in a step, where its name doesn't say. */
const STEP_BATCH = 64;

export function netTask(kind: NetTask['kind'], net: NetName, batch: number): NetTask {
  const isUsual = kind === 'step' && batch === STEP_BATCH;
  const name = isUsual ? `${net}-step` : `${net}-${kind}-${batch}`;
  return { name, kind, net, batch, ...TRAINING };
}

export function matmulTask(size: number, inner = size): MatmulTask {
  return { name: `matmul-${size}`, kind: 'matmul', size, inner };
}

export function convTask(name: string, batch: number, layer: Partial<ConvLayer>): ConvTask {
  const { inChannels = 1, outChannels = inChannels, size = 28, kernel = 3 } = layer;
  const { stride = 1, dilation = 1, groups = 1 } = layer;
  const { padding = (dilation * (kernel - 1)) / 2 } = layer;
  return {
    name: `conv-${name}`,
    kind: 'conv',
    batch,
    layer: { inChannels, outChannels, size, kernel, stride, padding, dilation, groups },
  };
}

export function layerNormTask(rows: number, n: number): LayerNormTask {
  return { name: `layer-norm-${n}`, kind: 'layer-norm', rows, n };
}

export function gruTask(sizes: SequenceSizes): GruTask {
  return { name: 'gru-step', kind: 'sequence', net: 'gru', ...sizes, ...TRAINING };
}

export function transformerTask(
  sizes: SequenceSizes & Pick<TransformerTask, 'heads' | 'feedForward' | 'layers'>,
): TransformerTask {
  const training = { lr: TRAINING.lr, momentum: 0 };
  return { name: 'transformer-step', kind: 'sequence', net: 'transformer', ...sizes, ...training };
}

/** Elements that are normalised, in rows of whatever length. */
const NORM_SIZE = 2 ** 17;

/** Images in a batch of the single layers. */
const CONV_BATCH = 16;

export const TASKS: readonly Task[] = [
  netTask('step', 'lenet', STEP_BATCH),
  ...[1, 8, 256].map((batch) => netTask('step', 'lenet', batch)),
  netTask('step', 'lenet-bn', STEP_BATCH),
  netTask('step', 'cnn', STEP_BATCH),
  netTask('step', 'resnet', STEP_BATCH),
  netTask('forward', 'lenet', 1),
  netTask('forward', 'lenet', 64),
  netTask('forward', 'cnn', 1),
  netTask('forward', 'cnn', 64),
  matmulTask(256),
  matmulTask(1024),
  convTask('64x64-3x3-28', CONV_BATCH, { inChannels: 64 }),
  convTask('3x32-3x3-s2-64', CONV_BATCH, { inChannels: 3, outChannels: 32, size: 64, stride: 2 }),
  convTask('depthwise-64-3x3-28', CONV_BATCH, { inChannels: 64, groups: 64 }),
  convTask('128x128-1x1-28', CONV_BATCH, { inChannels: 128, kernel: 1 }),
  convTask('16x16-5x5-d2-28', CONV_BATCH, { inChannels: 16, kernel: 5, dilation: 2 }),
  // A late layer of a deep network: many channels, hardly any pixels.
  convTask('256x256-3x3-7', CONV_BATCH, { inChannels: 256, size: 7 }),
  ...[8, 64].map((n) => layerNormTask(NORM_SIZE / n, n)),
  transformerTask({ batch: 64, length: 50, width: 128, heads: 4, feedForward: 512, layers: 2 }),
  gruTask({ batch: 64, length: 50, width: 128 }),
];

/** Rows, and columns, of a convolution's output. */
export function outputSize({ size, kernel, stride, padding, dilation }: ConvLayer): number {
  return Math.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1;
}

function convForwardFlops(batch: number, layer: ConvLayer): number {
  const { inChannels, outChannels, kernel, groups } = layer;
  const size = outputSize(layer);
  const window = { C: inChannels / groups, KH: kernel, KW: kernel, OH: size, OW: size };
  return conv2dFlops({ N: batch, OC: outChannels, window });
}

interface NetLayer {
  readonly conv?: ConvLayer;
  /** Default true. */
  readonly hasBias?: boolean;
  /** `[outFeatures, inFeatures]` */
  readonly linear?: readonly [number, number];
}

function plainConv(
  inChannels: number,
  outChannels: number,
  kernel: number,
  size: number,
): ConvLayer {
  const plain = { stride: 1, padding: 0, dilation: 1, groups: 1 };
  return { inChannels, outChannels, kernel, size, ...plain };
}

/** One of a residual network: 3×3 with a border, or 1×1, without bias. */
function residualConv(
  inChannels: number,
  outChannels: number,
  size: number,
  { kernel = 3, stride = 1 } = {},
): NetLayer {
  const padding = (kernel - 1) / 2;
  const plain = plainConv(inChannels, outChannels, kernel, size);
  return { conv: { ...plain, stride, padding }, hasBias: false };
}

/**
 * The layers with parameters, by PyTorch's names and in its order. Batch normalisation starts as all
 * have it: weights of 1, biases of 0.
 */
export const NET_LAYERS: Readonly<Record<NetName, Readonly<Record<string, NetLayer>>>> = {
  lenet: {
    conv1: { conv: plainConv(1, 8, 5, 28) },
    conv2: { conv: plainConv(8, 16, 5, 12) },
    fc: { linear: [10, 256] },
  },
  'lenet-bn': {
    conv1: { conv: plainConv(1, 16, 5, 28), hasBias: false },
    conv2: { conv: plainConv(16, 32, 5, 12), hasBias: false },
    fc: { linear: [10, 512] },
  },
  cnn: {
    conv1: { conv: plainConv(1, 32, 3, 28) },
    conv2: { conv: plainConv(32, 64, 3, 26) },
    fc1: { linear: [128, 9216] },
    fc2: { linear: [10, 128] },
  },
  /**
   * A residual network of two basic blocks after He et al. 2015, https://arxiv.org/abs/1512.03385,
   * named as torchvision's: ReLU(bn(conv1)), then in each block ReLU(bn2(conv2(ReLU(bn1(conv1(x)))))
   * + shortcut(x)), where the second block halves the image and its shortcut is bn(1×1 convolution);
   * the mean of each channel goes to `fc`.
   */
  resnet: {
    conv1: residualConv(1, 16, 28),
    'layer1.conv1': residualConv(16, 16, 28),
    'layer1.conv2': residualConv(16, 16, 28),
    'layer2.conv1': residualConv(16, 32, 28, { stride: 2 }),
    'layer2.conv2': residualConv(32, 32, 14),
    'layer2.downsample.0': residualConv(16, 32, 28, { kernel: 1, stride: 2 }),
    fc: { linear: [10, 32] },
  },
};

/** What each vector of a sequence is multiplied by, by PyTorch's names. */
interface SequenceMatrix {
  readonly weight: string;
  readonly bias: string;
  /** `[outputs, inputs]` */
  readonly shape: readonly [number, number];
}

/** In the order in which they are met; layer norm starts as all have it. */
export function sequenceMatrices(task: SequenceTask): SequenceMatrix[] {
  const { width } = task;
  if (task.net === 'gru') {
    return ['ih', 'hh'].map((of) => ({
      weight: `gru.weight_${of}_l0`,
      bias: `gru.bias_${of}_l0`,
      shape: [3 * width, width],
    }));
  }
  const { feedForward, layers } = task;
  const shapes: Readonly<Record<string, readonly [number, number]>> = {
    'self_attn.in_proj_': [3 * width, width],
    'self_attn.out_proj.': [width, width],
    'linear1.': [feedForward, width],
    'linear2.': [width, feedForward],
  };
  return Array.from({ length: layers }, (_, layer) =>
    Object.entries(shapes).map(([name, shape]) => ({
      weight: `layers.${layer}.${name}weight`,
      bias: `layers.${layer}.${name}bias`,
      shape,
    })),
  ).flat();
}

/** The arithmetic of each product forward. */
function productFlops(task: NetTask | SequenceTask): number[] {
  const { batch } = task;
  if (task.kind !== 'sequence') {
    return Object.values(NET_LAYERS[task.net]).map(({ conv, linear: [N, K] = [0, 0] }) =>
      conv ? convForwardFlops(batch, conv) : matmulFlops({ M: batch, N, K, batch: 1 }),
    );
  }
  const { length, width } = task;
  const products = sequenceMatrices(task).map(({ shape: [N, K] }) =>
    matmulFlops({ M: length * batch, N, K, batch: 1 }),
  );
  if (task.net === 'gru') return products;
  // Of all heads together: scores, and what is made of the values.
  const attention = 2 * matmulFlops({ M: length, N: length, K: width, batch });
  return [...products, task.layers * attention];
}

/**
 * The task's useful arithmetic: the multiplications and additions of its convolutions and matrix
 * products, padding included. A step needs each of them three times (output, weight's gradient,
 * input's gradient), but no gradient of the images or sequences; everything else is too small to count, and
 * layer normalisation has none.
 */
export function flopsOf(task: Task): number {
  if (task.kind === 'matmul') {
    return matmulFlops({ M: task.size, N: task.size, K: task.inner, batch: 1 });
  }
  if (task.kind === 'conv') return 3 * convForwardFlops(task.batch, task.layer);
  if (task.kind === 'layer-norm') return 0;
  const products = productFlops(task);
  const forward = products.reduce((sum, flops) => sum + flops, 0);
  return task.kind === 'forward' ? forward : 3 * forward - (products[0] ?? 0);
}
