import { Generator, logSoftmax, rand, randn, reshape, Tensor, tensor } from '@unfold/core';
import * as nn from '@unfold/nn';
import { Module } from '@unfold/nn';
import { describe, expect, it } from 'vitest';

/** A layer that was made of `given`, and a call of it. */
interface Case {
  readonly given: object;
  readonly layer: Module;
  call(): Tensor;
}

const images = randn([2, 4, 7, 6], { generator: new Generator(1) });
const sequences = randn([2, 4, 9], { generator: new Generator(4) });
const rows = randn([5, 4], { generator: new Generator(2) });
const signals = randn([5, 6, 7], { generator: new Generator(4) });
const share = rand([5, 4], { generator: new Generator(3) });
const labels = tensor(Int32Array.of(0, 3, 1, 2, 3));
const signs = tensor(Int32Array.of(1, -1, -1, 1, -1));
const weights = (...values: number[]): Tensor => tensor(values);

/**
 * A layer whose options are the lists and the object in `given`, called with `inputs`; of several results,
 * the first counts.
 */
function made<Given extends readonly unknown[], Inputs extends readonly unknown[]>(
  given: Given,
  make: (...given: Given) => Module & {
    forward(...inputs: Inputs): Tensor | readonly [Tensor, ...unknown[]];
  },
  ...inputs: Inputs
): Case {
  const layer = make(...given);
  const call = (): Tensor => {
    const results = layer.forward(...inputs);
    return results instanceof Tensor ? results : results[0];
  };
  return { given, layer, call };
}

const encoderLayer = (): nn.TransformerEncoderLayer =>
  new nn.TransformerEncoderLayer(4, 2, { dropout: 0 });

/** Every class of nn that is given lists or options; those without are not listed. */
const CASES: Readonly<Record<string, () => Case>> = {
  AdaptiveAvgPool2d: () =>
    made([[3, 2]] as const, (size) => new nn.AdaptiveAvgPool2d(size), images),
  AdaptiveMaxPool2d: () =>
    made([[3, 2]] as const, (size) => new nn.AdaptiveMaxPool2d(size), images),
  AvgPool1d: () =>
    made(
      [{ stride: 2, padding: 1, ceilMode: true, countIncludePad: false }],
      (options) => new nn.AvgPool1d(3, options),
      sequences,
    ),
  AvgPool2d: () =>
    made(
      [
        [3, 2],
        { stride: [1, 2], padding: [1, 0], countIncludePad: false, divisorOverride: 2 },
      ] as const,
      (kernel, options) => new nn.AvgPool2d(kernel, options),
      images,
    ),
  BatchNorm1d: () =>
    made(
      [{ eps: 0.1, momentum: 0.5, affine: false, trackRunningStats: false }],
      (options) => new nn.BatchNorm1d(4, options),
      rows,
    ),
  BatchNorm2d: () =>
    made(
      [{ eps: 0.1, momentum: 0.5, affine: false, trackRunningStats: false }],
      (options) => new nn.BatchNorm2d(4, options),
      images,
    ),
  BCELoss: () =>
    made([{ reduction: 'none' }] as const, (options) => new nn.BCELoss(options), share, share),
  BCEWithLogitsLoss: () =>
    made(
      [{ posWeight: weights(1, 2, 3, 4), reduction: 'sum' }] as const,
      (options) => new nn.BCEWithLogitsLoss(options),
      rows,
      share,
    ),
  CircularPad2d: () =>
    made([[3, 2, 1, 0]] as const, (sides) => new nn.CircularPad2d(sides), images),
  Conv1d: () =>
    made(
      [{ stride: 2, padding: 1, dilation: 2, groups: 2, paddingMode: 'reflect' }] as const,
      (options) => new nn.Conv1d(4, 6, 3, options),
      sequences,
    ),
  Conv2d: () =>
    made(
      [
        [3, 2],
        { stride: [1, 2], padding: [1, 0], dilation: [2, 1], groups: 2, paddingMode: 'circular' },
      ] as const,
      (kernel, options) => new nn.Conv2d(4, 6, kernel, options),
      images,
    ),
  ConvTranspose1d: () =>
    made(
      [{ stride: 2, padding: 1, outputPadding: 1, dilation: 2, groups: 2 }],
      (options) => new nn.ConvTranspose1d(4, 6, 3, options),
      sequences,
    ),
  ConvTranspose2d: () =>
    made(
      [
        [3, 2],
        { stride: [1, 2], padding: [1, 0], outputPadding: [1, 0], dilation: [2, 1], groups: 2 },
      ] as const,
      (kernel, options) => new nn.ConvTranspose2d(4, 6, kernel, options),
      images,
    ),
  CosineEmbeddingLoss: () =>
    made(
      [{ margin: 0.25, reduction: 'none' }] as const,
      (options) => new nn.CosineEmbeddingLoss(options),
      rows,
      share,
      signs,
    ),
  CrossEntropyLoss: () =>
    made(
      [
        { weight: weights(1, 2, 3, 4), ignoreIndex: 1, labelSmoothing: 0.1, reduction: 'sum' },
      ] as const,
      (options) => new nn.CrossEntropyLoss(options),
      rows,
      labels,
    ),
  ELU: () => made([{ alpha: 0.5 }], (options) => new nn.ELU(options), rows),
  Embedding: () => made([{ paddingIdx: 1 }], (options) => new nn.Embedding(4, 3, options), labels),
  GELU: () => made([{ approximate: 'tanh' }] as const, (options) => new nn.GELU(options), rows),
  GroupNorm: () =>
    made([{ eps: 0.1, affine: false }], (options) => new nn.GroupNorm(2, 4, options), images),
  HingeEmbeddingLoss: () =>
    made(
      [{ margin: 0.5, reduction: 'none' }] as const,
      (options) => new nn.HingeEmbeddingLoss(options),
      weights(1, 2, 0, 4, -1),
      signs,
    ),
  GRU: () =>
    made(
      [{ numLayers: 2, bias: false, batchFirst: true, bidirectional: true }],
      (options) => new nn.GRU(7, 3, options),
      signals,
    ),
  GRUCell: () => made([{ bias: false }], (options) => new nn.GRUCell(4, 3, options), rows),
  HuberLoss: () =>
    made(
      [{ delta: 0.5, reduction: 'none' }] as const,
      (options) => new nn.HuberLoss(options),
      rows,
      share,
    ),
  InstanceNorm1d: () =>
    made(
      [{ eps: 0.1, momentum: 0.5, affine: true, trackRunningStats: true }],
      (options) => new nn.InstanceNorm1d(4, options),
      reshape(images, [2, 4, 42]),
    ),
  InstanceNorm2d: () =>
    made(
      [{ eps: 0.1, momentum: 0.5, affine: true, trackRunningStats: true }],
      (options) => new nn.InstanceNorm2d(4, options),
      images,
    ),
  KLDivLoss: () =>
    made(
      [{ reduction: 'batchmean', logTarget: true }] as const,
      (options) => new nn.KLDivLoss(options),
      rows,
      share,
    ),
  L1Loss: () =>
    made([{ reduction: 'none' }] as const, (options) => new nn.L1Loss(options), rows, share),
  LayerNorm: () =>
    made(
      [[7, 6], { eps: 0.1, elementwiseAffine: false }] as const,
      (shape, options) => new nn.LayerNorm(shape, options),
      images,
    ),
  LeakyReLU: () => made([{ negativeSlope: 0.5 }], (options) => new nn.LeakyReLU(options), rows),
  Linear: () => made([{ bias: false }], (options) => new nn.Linear(4, 3, options), rows),
  MaxPool1d: () =>
    made(
      [{ stride: 2, padding: 1, dilation: 2, ceilMode: true }],
      (options) => new nn.MaxPool1d(3, options),
      sequences,
    ),
  MarginRankingLoss: () =>
    made(
      [{ margin: 0.5, reduction: 'none' }] as const,
      (options) => new nn.MarginRankingLoss(options),
      weights(1, 2, 3, 4, 5),
      weights(1, 1, 2, 3, 5),
      signs,
    ),
  LSTM: () =>
    made(
      [{ numLayers: 2, bias: false, batchFirst: true, bidirectional: true }],
      (options) => new nn.LSTM(7, 3, options),
      signals,
    ),
  LSTMCell: () => made([{ bias: false }], (options) => new nn.LSTMCell(4, 3, options), rows),
  MaxPool2d: () =>
    made(
      [[3, 2], { stride: [1, 2], padding: [1, 0], dilation: [1, 2], ceilMode: true }] as const,
      (kernel, options) => new nn.MaxPool2d(kernel, options),
      images,
    ),
  ModuleDict: () => {
    const given = { relu: new nn.ReLU(), tanh: new nn.Tanh() };
    const layer = new nn.ModuleDict<nn.Layer>(given);
    return { given, layer, call: () => layer.get('tanh').forward(rows) };
  },
  ModuleList: () => {
    const given = [new nn.ReLU(), new nn.Tanh()];
    const layer = new nn.ModuleList<nn.Layer>(given);
    return { given, layer, call: () => layer.at(1).forward(rows) };
  },
  MSELoss: () =>
    made([{ reduction: 'none' }] as const, (options) => new nn.MSELoss(options), rows, share),
  MultiheadAttention: () =>
    made(
      [{ bias: false, kdim: 3, vdim: 5, batchFirst: true }],
      (options) => new nn.MultiheadAttention(4, 2, options),
      randn([2, 3, 4]),
      randn([2, 3, 3]),
      randn([2, 3, 5]),
    ),
  NLLLoss: () =>
    made(
      [{ reduction: 'none', ignoreIndex: 1 }] as const,
      (options) => new nn.NLLLoss(options),
      logSoftmax(rows, 1),
      labels,
    ),
  PReLU: () => made([{ numParameters: 4, init: 0.5 }], (options) => new nn.PReLU(options), rows),
  RMSNorm: () =>
    made(
      [[7, 6], { eps: 0.1, elementwiseAffine: false }] as const,
      (shape, options) => new nn.RMSNorm(shape, options),
      images,
    ),
  ReflectionPad2d: () =>
    made([[3, 2, 1, 0]] as const, (sides) => new nn.ReflectionPad2d(sides), images),
  ReplicationPad2d: () =>
    made([[3, 2, 1, 0]] as const, (sides) => new nn.ReplicationPad2d(sides), images),
  PositionalEncoding: () =>
    made(
      [{ dropout: 0, maxLen: 5, batchFirst: true }],
      (options) => new nn.PositionalEncoding(4, options),
      rows,
    ),
  RNN: () =>
    made(
      [{ nonlinearity: 'relu', batchFirst: true }] as const,
      (options) => new nn.RNN(7, 3, options),
      signals,
    ),
  RNNCell: () =>
    made(
      [{ nonlinearity: 'relu', bias: false }] as const,
      (options) => new nn.RNNCell(4, 3, options),
      rows,
    ),
  Sequential: () => {
    const layers = [new nn.ReLU(), new nn.Tanh()];
    const layer = new nn.Sequential(...layers);
    return { given: layers, layer, call: () => layer.forward(rows) };
  },
  SmoothL1Loss: () =>
    made(
      [{ beta: 0.5, reduction: 'none' }] as const,
      (options) => new nn.SmoothL1Loss(options),
      rows,
      share,
    ),
  Softplus: () => made([{ beta: 2, threshold: 1 }], (options) => new nn.Softplus(options), rows),
  Unflatten: () => made([[2, 3]] as const, (sizes) => new nn.Unflatten(3, sizes), images),
  Upsample: () =>
    made(
      [{ scaleFactor: [2, 1.5], mode: 'bilinear', alignCorners: true }] as const,
      (options) => new nn.Upsample(options),
      images,
    ),
  ZeroPad2d: () => made([[3, 2, 1, 0]] as const, (sides) => new nn.ZeroPad2d(sides), images),
  TransformerEncoder: () => {
    const options = { norm: new nn.LayerNorm(4, { elementwiseAffine: false }) };
    const layer = new nn.TransformerEncoder(encoderLayer, 2, options);
    return { given: { 0: 1, options }, layer, call: () => layer.forward(rows) };
  },
  TransformerEncoderLayer: () =>
    made(
      [
        {
          dimFeedforward: 3,
          dropout: 0,
          activation: 'gelu',
          layerNormEps: 0.1,
          batchFirst: true,
          normFirst: true,
          bias: false,
        },
      ] as const,
      (options) => new nn.TransformerEncoderLayer(4, 2, options),
      rows,
    ),
  TripletMarginLoss: () =>
    made(
      [{ margin: 2, p: 3, eps: 0.5, swap: true, reduction: 'none' }] as const,
      (options) => new nn.TripletMarginLoss(options),
      rows,
      share,
      randn([5, 4], { generator: new Generator(4) }),
    ),
};

/** Classes that are made of nothing that could be changed later. */
const PLAIN = [
  'AdaptiveAvgPool1d',
  'BatchNorm',
  'Dropout',
  'Dropout2d',
  'Flatten',
  'Hardsigmoid',
  'Hardswish',
  'Identity',
  'LogSoftmax',
  'Mish',
  'Module',
  'PixelShuffle',
  'PixelUnshuffle',
  'ReLU',
  'ReLU6',
  'SELU',
  'Sigmoid',
  'SiLU',
  'Softmax',
  'Tanh',
];

/** Changes all that an object or a list holds, as its owner may. */
function spoil(given: object): void {
  for (const key of Object.keys(given)) {
    const value: unknown = Reflect.get(given, key);
    if (typeof value === 'object' && value !== null && !(value instanceof Module)) {
      if (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype) spoil(value);
      else Reflect.deleteProperty(given, key);
    } else if (typeof value === 'number') Reflect.set(given, key, value + 1);
    else if (typeof value === 'boolean') Reflect.set(given, key, !value);
    else Reflect.deleteProperty(given, key);
  }
}

const bits = (x: Tensor): unknown => [x.shape, [...x.toTypedArray()]];

describe('a layer stays as it was made when its options are changed later', () => {
  it('every class of nn has a case', () => {
    const classes = Object.entries(nn).filter(
      ([, value]) =>
        typeof value === 'function' && (value === Module || value.prototype instanceof Module),
    );
    expect([...Object.keys(CASES), ...PLAIN].sort()).toEqual(classes.map(([name]) => name).sort());
  });

  it.each(Object.entries(CASES))('%s', (_name, make) => {
    const { given, layer, call } = make();
    const before = { shown: String(layer), out: bits(call()) };
    const told = JSON.stringify(given);
    spoil(given);
    expect(JSON.stringify(given)).not.toBe(told);
    expect({ shown: String(layer), out: bits(call()) }).toEqual(before);
  });
});
