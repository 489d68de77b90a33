import { ConfigError, DTypeError, ones, ShapeError, tensor, zeros } from '@unfold/core';
import * as nn from '@unfold/nn';
import {
  AvgPool2d,
  BatchNorm2d,
  bceWithLogits,
  Conv2d,
  conv2d,
  crossEntropy,
  CrossEntropyLoss,
  Dropout,
  Embedding,
  Flatten,
  GELU,
  init,
  LayerNorm,
  LeakyReLU,
  Linear,
  linear,
  MaxPool2d,
  mseLoss,
  ReLU,
  Sequential,
  Softmax,
  summary,
} from '@unfold/nn';
import { describe, expect, it } from 'vitest';
import { call, make, refuseMisuses, send, strangeErrors } from '../support/misuse.js';

/*
 * What a plain JavaScript program may call: no type checker has seen it. Nothing that it says is
 * passed over, and what is thrown names the right call.
 */

const CONV_OPTIONS = 'stride, padding, dilation, groups';

describe('a call that is wrong is an error that names the right one', () => {
  refuseMisuses([
    [
      'new Conv2d(3, 8, 3, 2)',
      () => make(Conv2d, 3, 8, 3, 2),
      ConfigError,
      `Conv2d: expected options as an object, such as { stride: … }, got 2; the options are ${CONV_OPTIONS}, bias, dtype, paddingMode`,
    ],
    [
      'new Conv2d(3, 8, 3, { pading: 2 })',
      () => make(Conv2d, 3, 8, 3, { pading: 2 }),
      ConfigError,
      `Conv2d: unknown option 'pading'; did you mean padding? The options are ${CONV_OPTIONS}, bias, dtype, paddingMode`,
    ],
    [
      'new Conv2d(3, 8, 3, { use_bias: false })',
      () => make(Conv2d, 3, 8, 3, { use_bias: false }),
      ConfigError,
      `Conv2d: unknown option 'use_bias'; did you mean bias? The options are ${CONV_OPTIONS}, bias, dtype, paddingMode`,
    ],
    [
      'new Conv2d(3, 8)',
      () => make(Conv2d, 3, 8),
      ConfigError,
      'Conv2d: kernel size must be an integer of at least 1, or two of them, got undefined',
    ],
    [
      'conv.forward(array)',
      () => send(new Conv2d(1, 1, 1), 'forward', new Float32Array(4)),
      DTypeError,
      'conv2d: expected a tensor for x, got a Float32Array; tensor(data, shape) makes one',
    ],
    [
      'conv2d(x, weight, options)',
      () => call(conv2d, zeros([1, 1, 3, 3]), zeros([1, 1, 1, 1]), { stride: 2 }),
      ConfigError,
      'conv2d: expected a tensor or null for bias, got { stride: 2 }; options come after it: conv2d(x, weight, null, options)',
    ],
    [
      'conv2d(x, weight, null, { strides: 2 })',
      () => call(conv2d, zeros([1, 1, 3, 3]), zeros([1, 1, 1, 1]), null, { strides: 2 }),
      ConfigError,
      `conv2d: unknown option 'strides'; did you mean stride? The options are ${CONV_OPTIONS}`,
    ],
    [
      'new Linear(3, 5, false)',
      () => make(Linear, 3, 5, false),
      ConfigError,
      'Linear: expected options as an object, such as { bias: … }, got false; the options are bias, dtype',
    ],
    [
      "new Linear('3', 5)",
      () => make(Linear, '3', 5),
      ConfigError,
      "Linear: expected positive integers, got '3' and 5",
    ],
    [
      'new Linear(3, 5, { bias: 0 })',
      () => make(Linear, 3, 5, { bias: 0 }),
      ConfigError,
      'Linear: bias must be true or false, got 0',
    ],
    [
      "new Linear(3, 5, { dtype: 'int32' })",
      () => make(Linear, 3, 5, { dtype: 'int32' }),
      ConfigError,
      "Linear: dtype must be 'float32' or 'float64', got 'int32'",
    ],
    [
      'linear(x, array)',
      () => call(linear, ones([2, 2]), [1, 2]),
      DTypeError,
      'linear: expected a tensor for weight, got [1, 2]; tensor(data) makes one',
    ],
    [
      'new LeakyReLU(0.3)',
      () => make(LeakyReLU, 0.3),
      ConfigError,
      'LeakyReLU: expected options as an object, such as { negativeSlope: 0.3 }, got 0.3',
    ],
    [
      'new LeakyReLU({ negative_slope: 0.3 })',
      () => make(LeakyReLU, { negative_slope: 0.3 }),
      ConfigError,
      "LeakyReLU: unknown option 'negative_slope'; did you mean negativeSlope? The options are negativeSlope",
    ],
    [
      'new ELU(0.5)',
      () => make(nn.ELU, 0.5),
      ConfigError,
      'ELU: expected options as an object, such as { alpha: 0.5 }, got 0.5',
    ],
    [
      'softplus(x, 2)',
      () => call(nn.softplus, ones([2]), 2),
      ConfigError,
      'softplus: expected options as an object, such as { beta: … }, got 2; the options are beta, threshold',
    ],
    [
      'new Softplus({ beta: 0 })',
      () => make(nn.Softplus, { beta: 0 }),
      ConfigError,
      'Softplus: beta must be a finite number above 0, got 0',
    ],
    [
      'new PReLU({ num_parameters: 3 })',
      () => make(nn.PReLU, { num_parameters: 3 }),
      ConfigError,
      "PReLU: unknown option 'num_parameters'; did you mean numParameters? The options are numParameters, init, dtype",
    ],
    [
      "new GELU('tanh')",
      () => make(GELU, 'tanh'),
      ConfigError,
      "GELU: expected options as an object, such as { approximate: 'tanh' }, got 'tanh'",
    ],
    [
      'new MaxPool2d(2, 1)',
      () => make(MaxPool2d, 2, 1),
      ConfigError,
      'MaxPool2d: expected options as an object, such as { stride: … }, got 1; the options are stride, padding, dilation, ceilMode',
    ],
    [
      'new MaxPool2d({ kernelSize: 2 })',
      () => make(MaxPool2d, { kernelSize: 2 }),
      ConfigError,
      'MaxPool2d: kernel size must be an integer of at least 1, or two of them, got { kernelSize: 2 }',
    ],
    [
      'new AvgPool2d(2, { count_include_pad: false })',
      () => make(AvgPool2d, 2, { count_include_pad: false }),
      ConfigError,
      "AvgPool2d: unknown option 'count_include_pad'; did you mean countIncludePad? The options are stride, padding, ceilMode, countIncludePad, divisorOverride",
    ],
    [
      'new Dropout({ p: 0.5 })',
      () => make(Dropout, { p: 0.5 }),
      ConfigError,
      'Dropout: p must be a probability in 0 … 1, got { p: 0.5 }',
    ],
    [
      'new BatchNorm2d(8, 1e-5)',
      () => make(BatchNorm2d, 8, 1e-5),
      ConfigError,
      'BatchNorm2d: expected options as an object, such as { eps: … }, got 0.00001; the options are eps, momentum, affine, trackRunningStats, dtype',
    ],
    [
      "new BatchNorm2d(8, { eps: '1' })",
      () => make(BatchNorm2d, 8, { eps: '1' }),
      ConfigError,
      "BatchNorm2d: eps must be a number of at least 0, got '1'",
    ],
    [
      'new LayerNorm(4, { elementwise_affine: false })',
      () => make(LayerNorm, 4, { elementwise_affine: false }),
      ConfigError,
      "LayerNorm: unknown option 'elementwise_affine'; did you mean elementwiseAffine? The options are eps, elementwiseAffine, bias, dtype",
    ],
    [
      'new GroupNorm(2)',
      () => make(nn.GroupNorm, 2),
      ConfigError,
      'GroupNorm: expected positive integers, got 2 and undefined',
    ],
    [
      'groupNorm(x, { numGroups: 2 })',
      () => call(nn.groupNorm, ones([2, 2, 2]), { numGroups: 2 }),
      ConfigError,
      'groupNorm: numGroups must be an integer from 1, got { numGroups: 2 }',
    ],
    [
      'new InstanceNorm2d(3, { momentum: null })',
      () => make(nn.InstanceNorm2d, 3, { momentum: null }),
      ConfigError,
      'InstanceNorm2d: momentum must be a number from 0 to 1, got null',
    ],
    [
      'new RMSNorm(4, 1e-6)',
      () => make(nn.RMSNorm, 4, 1e-6),
      ConfigError,
      'RMSNorm: expected options as an object, such as { eps: … }, got 0.000001; the options are eps, elementwiseAffine, dtype',
    ],
    [
      'new GRU(2, 3, 2)',
      () => make(nn.GRU, 2, 3, 2),
      ConfigError,
      'GRU: expected options as an object, such as { numLayers: … }, got 2; the options are numLayers, bias, batchFirst, dropout, bidirectional, dtype',
    ],
    [
      'new GRU(2, 3, { batch_first: true })',
      () => make(nn.GRU, 2, 3, { batch_first: true }),
      ConfigError,
      "GRU: unknown option 'batch_first'; did you mean batchFirst? The options are numLayers, bias, batchFirst, dropout, bidirectional, dtype",
    ],
    [
      "new RNN(2, 3, { nonlinearity: 'sigmoid' })",
      () => make(nn.RNN, 2, 3, { nonlinearity: 'sigmoid' }),
      ConfigError,
      "RNN: nonlinearity must be 'tanh' or 'relu', got 'sigmoid'",
    ],
    [
      'new LSTM(2, 3).forward(x, h)',
      () => send(new nn.LSTM(2, 3), 'forward', zeros([4, 5, 2]), zeros([1, 5, 3])),
      ConfigError,
      'LSTM: expected the first states in a list, such as [h, c], got a float32 tensor [1,5,3]',
    ],
    [
      'new Embedding(10, 3, 0)',
      () => make(Embedding, 10, 3, 0),
      ConfigError,
      'Embedding: expected options as an object, such as { paddingIdx: … }, got 0; the options are paddingIdx, dtype',
    ],
    [
      'new Softmax({ dim: 1 })',
      () => make(Softmax, { dim: 1 }),
      ConfigError,
      'Softmax: expected an integer for axis, got { dim: 1 }',
    ],
    [
      'new Flatten({ startDim: 1 })',
      () => make(Flatten, { startDim: 1 }),
      ConfigError,
      'Flatten: expected an integer for startDim, got { startDim: 1 }',
    ],
    [
      'interpolate(x, 2)',
      () => call(nn.interpolate, ones([1, 1, 2, 2]), 2),
      ConfigError,
      'interpolate: expected options as an object, such as { size: … }, got 2; the options are size, scaleFactor, mode, alignCorners',
    ],
    [
      'new Upsample({ scale_factor: 2 })',
      () => make(nn.Upsample, { scale_factor: 2 }),
      ConfigError,
      "Upsample: unknown option 'scale_factor'; did you mean scaleFactor? The options are size, scaleFactor, mode, alignCorners",
    ],
    [
      "new Upsample({ scaleFactor: '2' })",
      () => make(nn.Upsample, { scaleFactor: '2' }),
      ConfigError,
      "Upsample: scaleFactor must be a finite number above 0, or a list of such, got '2'",
    ],
    [
      "new Upsample({ size: 2, mode: 'bicubic' })",
      () => make(nn.Upsample, { size: 2, mode: 'bicubic' }),
      ConfigError,
      "Upsample: mode must be 'nearest', 'nearest-exact', 'linear' or 'bilinear', got 'bicubic'",
    ],
    [
      'new PixelShuffle({ upscaleFactor: 2 })',
      () => make(nn.PixelShuffle, { upscaleFactor: 2 }),
      ConfigError,
      'PixelShuffle: expected a positive integer, got { upscaleFactor: 2 }',
    ],
    [
      'new Unflatten(1, 2, 3)',
      () => make(nn.Unflatten, 1, 2, 3),
      ConfigError,
      'Unflatten: expected sizes, at most one of them -1, got 2; Unflatten(…, [2, 3])',
    ],
    [
      'crossEntropy(x, [0, 1])',
      () => call(crossEntropy, ones([2, 2]), [0, 1]),
      DTypeError,
      'crossEntropy: expected a tensor for target, got [0, 1]; tensor(data) makes one',
    ],
    [
      'crossEntropy(…, { label_smoothing })',
      () =>
        call(crossEntropy, ones([2, 2]), zeros([2], { dtype: 'int32' }), { label_smoothing: 1 }),
      ConfigError,
      "crossEntropy: unknown option 'label_smoothing'; did you mean labelSmoothing? The options are reduction, weight, ignoreIndex, labelSmoothing",
    ],
    [
      'new CrossEntropyLoss({ weight: [1, 2] })',
      () => make(CrossEntropyLoss, { weight: [1, 2] }),
      DTypeError,
      'CrossEntropyLoss: expected a tensor for weight, got [1, 2]; tensor(data) makes one',
    ],
    [
      'new CrossEntropyLoss(weight)',
      () => make(CrossEntropyLoss, tensor([1, 2])),
      ConfigError,
      'CrossEntropyLoss: expected options as an object, such as { reduction: … }, got a float32 tensor [2]; the options are reduction, weight, ignoreIndex, labelSmoothing',
    ],
    [
      'mseLoss(x, [1, 2])',
      () => call(mseLoss, ones([2]), [1, 2]),
      DTypeError,
      'mseLoss: expected a tensor for target, got [1, 2]; tensor(data) makes one',
    ],
    [
      "mseLoss(x, y, 'sum')",
      () => call(mseLoss, ones([2]), ones([2]), 'sum'),
      ConfigError,
      "mseLoss: expected options as an object, such as { reduction: 'sum' }, got 'sum'",
    ],
    [
      'bceWithLogits(x, y, { pos_weight })',
      () => call(bceWithLogits, ones([2]), ones([2]), { pos_weight: ones([2]) }),
      ConfigError,
      "bceWithLogits: unknown option 'pos_weight'; did you mean posWeight? The options are reduction, posWeight",
    ],
    [
      'new nn.TripletMarginLoss(2)',
      () => make(nn.TripletMarginLoss, 2),
      ConfigError,
      'TripletMarginLoss: expected options as an object, such as { reduction: … }, got 2; the options are reduction, margin, p, eps, swap',
    ],
    [
      'klDiv(x, y, { log_target })',
      () => call(nn.klDiv, ones([2]), ones([2]), { log_target: true }),
      ConfigError,
      "klDiv: unknown option 'log_target'; did you mean logTarget? The options are reduction, logTarget",
    ],
    [
      'cosineSimilarity(x, y, { axis: 1 })',
      () => call(nn.cosineSimilarity, ones([2, 2]), ones([2, 2]), { axis: 1 }),
      ConfigError,
      'cosineSimilarity: expected an axis, a number, got { axis: 1 }; the axis is the third argument',
    ],
    [
      'new Sequential([a, b])',
      () => make(Sequential, [new ReLU(), new ReLU()]),
      ConfigError,
      'Sequential: expected a layer, such as new ReLU(), at position 0, got [a ReLU, a ReLU]; give layers one by one: new Sequential(...layers)',
    ],
    [
      'new Sequential(undefined)',
      () => make(Sequential, new ReLU(), undefined),
      ConfigError,
      'Sequential: expected a layer, such as new ReLU(), at position 1, got undefined',
    ],
    [
      'new Sequential(ReLU)',
      () => make(Sequential, ReLU),
      ConfigError,
      'Sequential: expected a layer, such as new ReLU(), at position 0, got the function ReLU; make one: new ReLU(…)',
    ],
    [
      'init.uniform(x, 0.1)',
      () => call(init.uniform, ones([2]), 0.1),
      ConfigError,
      'uniform: expected options as an object, such as { bound: … }, got 0.1; the options are bound, generator',
    ],
    [
      "init.kaimingUniform(x, { mode: 'fan_in' })",
      () => call(init.kaimingUniform, ones([2, 2]), { mode: 'fan_in' }),
      ConfigError,
      "kaimingUniform: mode must be 'fanIn' or 'fanOut', got 'fan_in'",
    ],
    [
      'init.normal(x, { generator: 7 })',
      () => call(init.normal, ones([2]), { generator: 7 }),
      ConfigError,
      "normal: generator must be a generator, such as generator('init'), got 7",
    ],
    [
      'init.xavierNormal([1])',
      () => call(init.xavierNormal, [1]),
      DTypeError,
      'xavierNormal: expected a tensor for tensor, got [1]; tensor(data) makes one',
    ],
    [
      'summary([1, 2])',
      () => call(summary, [1, 2]),
      ConfigError,
      'summary: expected a module for the model, got [1, 2]',
    ],
  ]);
});

describe('an error inside a Sequential names the layer', () => {
  it('by its place and its class', () => {
    const model = new Sequential(new Flatten(), new Sequential(new ReLU(), new Linear(4, 2)));
    const message =
      'linear: weight [2,4] expects x […,4], got [1,3]; in layer 1 of the Sequential (Linear); ' +
      'in layer 1 of the Sequential (Sequential)';
    expect(() => model.forward(ones([1, 3]))).toThrow(new ShapeError(message));
  });

  it('and keeps the first error', () => {
    const model = new Sequential(new Linear(4, 2));
    const thrown = ((): unknown => {
      try {
        return send(model, 'forward', [1, 2]);
      } catch (error) {
        return error;
      }
    })();
    expect(thrown).toBeInstanceOf(DTypeError);
    expect(thrown).toHaveProperty('cause.message', expect.stringMatching(/^linear: /));
  });
});

describe('whatever the arguments are, errors are ours', () => {
  const isClass = (value: unknown): boolean => /^class\b/.test(String(value));
  const all: readonly (readonly [string, unknown])[] = [
    ...Object.entries(nn),
    ...Object.entries(init).map(([name, value]) => [`init.${name}`, value] as const),
  ].filter(([, value]) => typeof value === 'function');
  const functions = all.filter(([, value]) => !isClass(value));
  // The first two are abstract.
  const classes = all.filter(
    ([name, value]) => isClass(value) && name !== 'Module' && name !== 'BatchNorm',
  );

  it.each(functions)('%s', { timeout: 60_000 }, (_name, fn) => {
    // A generator does nothing before it is asked.
    const run = (...args: readonly unknown[]): void => {
      const result = call(fn as Function, ...args);
      if (typeof result === 'object' && result !== null && 'next' in result) {
        send(result, 'next');
      }
    };
    expect(strangeErrors(run, 3)).toEqual([]);
  });

  it.each(classes)('new %s', { timeout: 60_000 }, (_name, kind) => {
    const run = (...args: readonly unknown[]): void => {
      const made = make(kind as Function, ...args);
      if (made instanceof nn.Module) made.dispose();
    };
    expect(strangeErrors(run, 3)).toEqual([]);
  });

  const layers: readonly nn.Module[] = [
    new Conv2d(2, 2, 1),
    new nn.ConvTranspose2d(2, 2, 1),
    new nn.Conv1d(2, 2, 1),
    new nn.ConvTranspose1d(2, 2, 1),
    new nn.MaxPool1d(1),
    new nn.AvgPool1d(1),
    new nn.AdaptiveAvgPool1d(1),
    new nn.AdaptiveMaxPool2d(1),
    new nn.ReflectionPad2d(1),
    new nn.ReplicationPad2d(1),
    new nn.CircularPad2d(1),
    new nn.ZeroPad2d(1),
    new Linear(2, 2),
    new Embedding(4, 2),
    new BatchNorm2d(2),
    new nn.BatchNorm1d(2),
    new LayerNorm(2),
    new nn.GroupNorm(1, 2),
    new nn.InstanceNorm1d(2),
    new nn.InstanceNorm2d(2),
    new nn.RMSNorm(2),
    new Dropout(),
    new nn.Dropout2d(),
    new MaxPool2d(1),
    new AvgPool2d(1),
    new nn.AdaptiveAvgPool2d(1),
    new Flatten(),
    new Softmax(),
    new LeakyReLU(),
    new GELU(),
    new nn.SiLU(),
    new nn.ReLU6(),
    new nn.Hardsigmoid(),
    new nn.Hardswish(),
    new nn.PixelShuffle(1),
    new nn.PixelUnshuffle(1),
    new nn.Unflatten(0, [1, -1]),
    new nn.Upsample({ scaleFactor: 2 }),
    new nn.ELU(),
    new nn.SELU(),
    new nn.Mish(),
    new nn.Softplus(),
    new nn.PReLU(),
    new nn.LogSoftmax(),
    new nn.Sigmoid(),
    new nn.Tanh(),
    new ReLU(),
    new nn.Identity(),
    new Sequential(new ReLU()),
    new CrossEntropyLoss(),
    new nn.BCEWithLogitsLoss(),
    new nn.BCELoss(),
    new nn.CosineEmbeddingLoss(),
    new nn.HingeEmbeddingLoss(),
    new nn.HuberLoss(),
    new nn.KLDivLoss(),
    new nn.L1Loss(),
    new nn.MarginRankingLoss(),
    new nn.MSELoss(),
    new nn.NLLLoss(),
    new nn.SmoothL1Loss(),
    new nn.MultiheadAttention(2, 1),
    new nn.PositionalEncoding(2),
    new nn.TransformerEncoderLayer(2, 1),
    new nn.TransformerEncoder(() => new nn.TransformerEncoderLayer(2, 1), 1),
    new nn.TripletMarginLoss(),
    new nn.RNN(2, 2),
    new nn.LSTM(2, 2),
    new nn.GRU(2, 2),
    new nn.RNNCell(2, 2),
    new nn.LSTMCell(2, 2),
    new nn.GRUCell(2, 2),
  ];

  it('which layers are tried: all that run something', () => {
    const tried = new Set(layers.map((layer) => layer.constructor.name));
    const running = classes.filter(([, kind]) => 'forward' in (kind as Function).prototype);
    expect(running.map(([name]) => name).filter((name) => !tried.has(name))).toEqual([]);
  });

  it.each(layers.map((layer) => [layer.constructor.name, layer] as const))(
    '%s.forward',
    { timeout: 60_000 },
    (_name, layer) => {
      expect(strangeErrors((...args) => send(layer, 'forward', ...args), 2)).toEqual([]);
    },
  );
});
