import { inspect } from 'node:util';
import {
  AdaptiveAvgPool2d,
  AvgPool2d,
  BatchNorm1d,
  BatchNorm2d,
  BCEWithLogitsLoss,
  Conv2d,
  ConvTranspose2d,
  CrossEntropyLoss,
  Dropout,
  Dropout2d,
  Embedding,
  Flatten,
  GELU,
  GRU,
  GRUCell,
  HuberLoss,
  Identity,
  LayerNorm,
  LeakyReLU,
  Linear,
  LSTM,
  MaxPool2d,
  Module,
  MSELoss,
  NLLLoss,
  ReLU,
  RNN,
  RNNCell,
  Sequential,
  Sigmoid,
  SiLU,
  SmoothL1Loss,
  Softmax,
  Tanh,
} from '@unfold/nn';
import { describe, expect, it } from 'vitest';

describe('String(layer)', () => {
  it.each<[Module, string]>([
    [new Conv2d(1, 8, 5), 'Conv2d(1, 8, kernelSize=[5, 5], stride=[1, 1])'],
    [
      new Conv2d(4, 6, [3, 2], { stride: 2, padding: [0, 1], dilation: 3, groups: 2, bias: false }),
      'Conv2d(4, 6, kernelSize=[3, 2], stride=[2, 2], padding=[0, 1], dilation=[3, 3], groups=2, ' +
        'bias=false)',
    ],
    [
      new Conv2d(1, 1, 3, { padding: 'same', dilation: [1, 1] }),
      "Conv2d(1, 1, kernelSize=[3, 3], stride=[1, 1], padding='same')",
    ],
    [
      new ConvTranspose2d(4, 6, 3, { stride: 2, outputPadding: 1, groups: 2 }),
      'ConvTranspose2d(4, 6, kernelSize=[3, 3], stride=[2, 2], outputPadding=[1, 1], groups=2)',
    ],
    [new Linear(3, 2), 'Linear(inFeatures=3, outFeatures=2, bias=true)'],
    [new Linear(3, 2, { bias: false }), 'Linear(inFeatures=3, outFeatures=2, bias=false)'],
    [new MaxPool2d(2), 'MaxPool2d(kernelSize=2, stride=2, padding=0)'],
    [
      new MaxPool2d([3, 2], { stride: 2, padding: 1 }),
      'MaxPool2d(kernelSize=[3, 2], stride=2, padding=1)',
    ],
    [new AvgPool2d(2), 'AvgPool2d(kernelSize=2, stride=2, padding=0)'],
    [new AdaptiveAvgPool2d(1), 'AdaptiveAvgPool2d(outputSize=[1, 1])'],
    [new Flatten(), 'Flatten(startDim=1, endDim=-1)'],
    [new Dropout(0.25), 'Dropout(p=0.25)'],
    [new Dropout2d(), 'Dropout2d(p=0.5)'],
    [
      new BatchNorm2d(8),
      'BatchNorm2d(8, eps=0.00001, momentum=0.1, affine=true, trackRunningStats=true)',
    ],
    [
      new BatchNorm1d(8, { momentum: null, affine: false, trackRunningStats: false }),
      'BatchNorm1d(8, eps=0.00001, momentum=null, affine=false, trackRunningStats=false)',
    ],
    [new LayerNorm([4, 5]), 'LayerNorm([4, 5], eps=0.00001, elementwiseAffine=true)'],
    [
      new LayerNorm(4, { bias: false }),
      'LayerNorm([4], eps=0.00001, elementwiseAffine=true, bias=false)',
    ],
    [new Embedding(10, 3), 'Embedding(10, 3)'],
    [new Embedding(10, 3, { paddingIdx: -1 }), 'Embedding(10, 3, paddingIdx=9)'],
    [new GRU(4, 3), 'GRU(4, 3)'],
    [
      new LSTM(4, 3, { numLayers: 2, bias: false, batchFirst: true, dropout: 0.5 }),
      'LSTM(4, 3, numLayers=2, bias=false, batchFirst=true, dropout=0.5)',
    ],
    [
      new RNN(4, 3, { bidirectional: true, nonlinearity: 'relu' }),
      "RNN(4, 3, bidirectional=true, nonlinearity='relu')",
    ],
    [new RNN(4, 3), 'RNN(4, 3)'],
    [new GRUCell(4, 3), 'GRUCell(4, 3)'],
    [
      new RNNCell(4, 3, { bias: false, nonlinearity: 'relu' }),
      "RNNCell(4, 3, bias=false, nonlinearity='relu')",
    ],
    [new LeakyReLU(), 'LeakyReLU(negativeSlope=0.01)'],
    [new GELU({ approximate: 'tanh' }), "GELU(approximate='tanh')"],
    [new Softmax(1), 'Softmax(axis=1)'],
    [new ReLU(), 'ReLU()'],
    [new SiLU(), 'SiLU()'],
    [new Sigmoid(), 'Sigmoid()'],
    [new Tanh(), 'Tanh()'],
    [new Identity(), 'Identity()'],
    [new CrossEntropyLoss(), 'CrossEntropyLoss()'],
    [new BCEWithLogitsLoss(), 'BCEWithLogitsLoss()'],
    [new HuberLoss(), 'HuberLoss()'],
    [new MSELoss(), 'MSELoss()'],
    [new NLLLoss(), 'NLLLoss()'],
    [new SmoothL1Loss(), 'SmoothL1Loss()'],
    [new Sequential(), 'Sequential()'],
  ])('%s', (layer, expected) => {
    expect(String(layer)).toBe(expected);
  });
});

describe('the tree of a model', () => {
  class Net extends Module {
    readonly features = new Sequential(new Conv2d(1, 8, 5), new ReLU());
    readonly layers = [new Linear(3, 2)];
    readonly loss = 3;
    override extraRepr(): string {
      return 'classes=2';
    }
  }
  const tree = [
    'Net(',
    '  classes=2',
    '  (features): Sequential(',
    '    (0): Conv2d(1, 8, kernelSize=[5, 5], stride=[1, 1])',
    '    (1): ReLU()',
    '  )',
    '  (layers.0): Linear(inFeatures=3, outFeatures=2, bias=true)',
    ')',
  ].join('\n');

  it("is PyTorch's: a line for each module, nested, its own options first", () => {
    expect(String(new Net())).toBe(tree);
  });

  it('is what console.log shows in Node', () => {
    expect(inspect(new Net())).toBe(tree);
    expect(inspect({ relu: new ReLU() })).toBe('{ relu: ReLU() }');
  });
});
