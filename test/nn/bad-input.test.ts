import {
  ConfigError,
  DTypeError,
  ShapeError,
  tensor,
  zeros,
  type DType,
  type Tensor,
} from '@unfold/core';
import {
  Conv2d,
  conv2d,
  crossEntropy,
  Linear,
  linear,
  maxPool2d,
  mseLoss,
  nllLoss,
  type Conv2dOptions,
  type Reduction,
} from '@unfold/nn';
import { describe } from 'vitest';
import { refuse } from '../support/refuse.js';

function float(...shape: number[]): Tensor {
  return zeros(shape);
}

function typed(dtype: DType, ...shape: number[]): Tensor {
  return zeros(shape, { dtype });
}

/** A convolution of [1,4,6,7] with [6,4,3,2] and the given options, typed or not. */
function withOptions(options: object): () => Tensor {
  return () => conv2d(float(1, 4, 6, 7), float(6, 4, 3, 2), null, options);
}

describe('conv2d refuses', () => {
  refuse({
    'images as NHWC': [
      () => conv2d(float(64, 28, 28, 3), float(8, 3, 5, 5)),
      ShapeError,
      'conv2d: weight [8,3,5,5] expects 3 input channels, x [64,28,28,3] has 28; ' +
        'x looks like NHWC, Unfold is NCHW: permute(x, [0, 3, 1, 2])',
    ],
    'another number of channels': [
      () => conv2d(float(2, 4, 9, 9), float(8, 3, 5, 5)),
      ShapeError,
      'conv2d: weight [8,3,5,5] expects 3 input channels, x [2,4,9,9] has 4; ' +
        'the second axis of x must be its channels',
    ],
    'another number of channels in groups': [
      () => conv2d(float(2, 4, 9, 9), float(8, 3, 5, 5), null, { groups: 2 }),
      ShapeError,
      'conv2d: weight [8,3,5,5] expects 6 input channels in 2 groups, x [2,4,9,9] has 4; ' +
        'the second axis of x must be its channels',
    ],
    'a kernel larger than the padded input': [
      () => conv2d(float(1, 1, 4, 9), float(1, 1, 7, 3), null, { padding: [1, 0] }),
      ShapeError,
      'conv2d: the kernel spans [7,3] pixels and the padded input has [6,9]; ' +
        'use a smaller kernel or more padding',
    ],
    'a dilated kernel larger than the input': [
      () => conv2d(float(1, 1, 4, 4), float(1, 1, 2, 3), null, { dilation: [1, 2] }),
      ShapeError,
      'conv2d: the kernel spans [2,5] pixels and the padded input has [4,4]; ' +
        'use a smaller kernel or more padding',
    ],
    'a kernel without taps': [
      () => conv2d(float(1, 1, 4, 4), float(1, 1, 0, 3)),
      ConfigError,
      'conv2d: kernel size must be an integer of at least 1, or two of them, got [0,3]',
    ],
    'stride 0': [
      withOptions({ stride: 0 }),
      ConfigError,
      'conv2d: stride must be an integer of at least 1, or two of them, got 0',
    ],
    'a stride of 0 along one axis': [
      withOptions({ stride: [1, 0] }),
      ConfigError,
      'conv2d: stride must be an integer of at least 1, or two of them, got [1,0]',
    ],
    'a stride of NaN': [
      withOptions({ stride: NaN }),
      ConfigError,
      'conv2d: stride must be an integer of at least 1, or two of them, got NaN',
    ],
    'a stride of three numbers': [
      withOptions({ stride: [1, 2, 3] }),
      ConfigError,
      'conv2d: stride must be an integer of at least 1, or two of them, got [1,2,3]',
    ],
    'a stride of one number in brackets': [
      withOptions({ stride: [2] }),
      ConfigError,
      'conv2d: stride must be an integer of at least 1, or two of them, got [2]',
    ],
    'dilation 0': [
      withOptions({ dilation: 0 }),
      ConfigError,
      'conv2d: dilation must be an integer of at least 1, or two of them, got 0',
    ],
    'half a dilation': [
      withOptions({ dilation: 1.5 }),
      ConfigError,
      'conv2d: dilation must be an integer of at least 1, or two of them, got 1.5',
    ],
    'negative padding': [
      withOptions({ padding: [0, -1] }),
      ConfigError,
      'conv2d: padding must be an integer of at least 0, or two of them, got [0,-1]',
    ],
    'padding of NaN': [
      withOptions({ padding: NaN }),
      ConfigError,
      'conv2d: padding must be an integer of at least 0, or two of them, got NaN',
    ],
    "padding 'full'": [
      withOptions({ padding: 'full' }),
      ConfigError,
      "conv2d: padding must be numbers, 'same' or 'valid', got 'full'",
    ],
    "padding 'same' with a stride": [
      withOptions({ padding: 'same', stride: [1, 2] }),
      ConfigError,
      "conv2d: padding 'same' needs stride 1, got [1,2]; give the padding in numbers",
    ],
    'groups 0': [
      withOptions({ groups: 0 }),
      ConfigError,
      'conv2d: groups must be an integer of at least 1, got 0',
    ],
    'groups of NaN': [
      withOptions({ groups: NaN }),
      ConfigError,
      'conv2d: groups must be an integer of at least 1, got NaN',
    ],
    'groups that do not divide the output channels': [
      withOptions({ groups: 4 }),
      ShapeError,
      'conv2d: 6 output channels are not divisible by 4 groups; choose a multiple',
    ],
    'one image without a batch axis': [
      () => conv2d(float(3, 8, 8), float(4, 3, 3, 3)),
      ShapeError,
      'conv2d: expected x [N,C,H,W] and weight [OC,C/groups,KH,KW], got [3,8,8] and [4,3,3,3]; ' +
        'one image needs a batch axis in front',
    ],
    'a weight that is a matrix': [
      () => conv2d(float(1, 3, 8, 8), float(4, 27)),
      ShapeError,
      'conv2d: expected x [N,C,H,W] and weight [OC,C/groups,KH,KW], got [1,3,8,8] and [4,27]',
    ],
    'a bias of another length': [
      () => conv2d(float(1, 3, 8, 8), float(4, 3, 3, 3), float(3)),
      ShapeError,
      'conv2d: expected bias [4], got [3]',
    ],
    'a bias with axes to broadcast': [
      () => conv2d(float(1, 3, 8, 8), float(4, 3, 3, 3), float(4, 1, 1)),
      ShapeError,
      'conv2d: expected bias [4], got [4,1,1]',
    ],
    'bytes as they come from a file': [
      () => conv2d(typed('uint8', 1, 1, 8, 8), float(4, 1, 3, 3)),
      DTypeError,
      'conv2d: expected x, weight and bias of one float dtype, got uint8 tensor [1,1,8,8], ' +
        "float32 tensor [4,1,3,3]; cast(x, 'float32') converts",
    ],
    'mixed dtypes': [
      () => conv2d(float(1, 1, 8, 8), float(4, 1, 3, 3), typed('float64', 4)),
      DTypeError,
      'conv2d: expected x, weight and bias of one float dtype, got float32 tensor [1,1,8,8], ' +
        "float32 tensor [4,1,3,3] and float64 tensor [4]; cast(x, 'float32') converts",
    ],
  });
});

describe('Conv2d refuses, when it is made,', () => {
  const make = (options: Conv2dOptions) => () => new Conv2d(4, 6, 3, options);
  refuse({
    'no channels': [
      () => new Conv2d(0, 6, 3),
      ConfigError,
      'Conv2d: expected positive numbers of channels, got 0 and 6',
    ],
    'half a channel': [
      () => new Conv2d(4, 1.5, 3),
      ConfigError,
      'Conv2d: expected positive numbers of channels, got 4 and 1.5',
    ],
    'groups that do not divide': [
      make({ groups: 4 }),
      ShapeError,
      'Conv2d: 4 input and 6 output channels must both be divisible by groups = 4',
    ],
    'kernel size 0': [
      () => new Conv2d(4, 6, [3, 0]),
      ConfigError,
      'Conv2d: kernel size must be an integer of at least 1, or two of them, got [3,0]',
    ],
    'stride 0': [
      make({ stride: 0 }),
      ConfigError,
      'conv2d: stride must be an integer of at least 1, or two of them, got 0',
    ],
    "padding 'same' with a stride": [
      make({ padding: 'same', stride: 2 }),
      ConfigError,
      "conv2d: padding 'same' needs stride 1, got [2,2]; give the padding in numbers",
    ],
    'an integer dtype': [
      () => new Conv2d(4, 6, 3, { dtype: 'int32' }),
      ConfigError,
      "Conv2d: dtype must be 'float32' or 'float64', got 'int32'",
    ],
  });
});

describe('linear and Linear refuse', () => {
  refuse({
    'another number of features': [
      () => linear(float(5, 3), float(2, 4)),
      ShapeError,
      'linear: weight [2,4] expects x […,4], got [5,3]',
    ],
    'images that were not flattened': [
      () => linear(float(5, 2, 3, 3), float(2, 18)),
      ShapeError,
      'linear: weight [2,18] expects x […,18], got [5,2,3,3]; flatten it first, perhaps',
    ],
    'a bias that would be broadcast': [
      () => linear(float(5, 3), float(2, 3), float(1)),
      ShapeError,
      'linear: expected bias [2], got [1]',
    ],
    'mixed dtypes': [
      () => linear(typed('float64', 5, 3), float(2, 3)),
      DTypeError,
      'linear: expected x, weight and bias of one float dtype, got float64 tensor [5,3], float32 ' +
        "tensor [2,3]; cast(x, 'float32') converts",
    ],
    'sizes that are not positive integers': [
      () => new Linear(3, 0),
      ConfigError,
      'Linear: expected positive integers, got 3 and 0',
    ],
  });
});

describe('maxPool2d refuses', () => {
  refuse({
    'an image without a batch axis': [
      () => maxPool2d(float(3, 8, 8), 2),
      ShapeError,
      'maxPool2d: expected x [N,C,H,W], got [3,8,8]',
    ],
    'images without pixels': [
      () => maxPool2d(float(1, 1, 0, 4), 2, { padding: 1 }),
      ShapeError,
      'maxPool2d: expected images with pixels, got x [1,1,0,4]',
    ],
    bytes: [
      () => maxPool2d(typed('uint8', 1, 1, 4, 4), 2),
      DTypeError,
      'maxPool2d: expected a float tensor, got uint8 tensor [1,1,4,4]; cast it first',
    ],
    'a kernel larger than the image': [
      () => maxPool2d(float(1, 1, 4, 2), 3),
      ShapeError,
      'maxPool2d: the kernel spans [3,3] pixels and the padded input has [4,2]; ' +
        'use a smaller kernel or more padding',
    ],
    'more padding than half the kernel': [
      () => maxPool2d(float(1, 1, 4, 4), [2, 3], { padding: [1, 2] }),
      ConfigError,
      'maxPool2d: padding must be at most half the kernel [2,3], got [1,2]',
    ],
    'stride 0': [
      () => maxPool2d(float(1, 1, 4, 4), 2, { stride: 0 }),
      ConfigError,
      'maxPool2d: stride must be an integer of at least 1, or two of them, got 0',
    ],
  });
});

describe('the losses refuse', () => {
  const labels = (...values: number[]): Tensor => tensor(Int32Array.from(values));
  refuse({
    'a label above the classes': [
      () => crossEntropy(float(2, 3), labels(0, 3)),
      ShapeError,
      'crossEntropy: label 3 at element 1 is outside 0 … 2, the classes of scores [2,3]',
    ],
    'a negative label': [
      () => nllLoss(float(2, 3), labels(-1, 0)),
      ShapeError,
      'nllLoss: label -1 at element 0 is outside 0 … 2, the classes of scores [2,3]',
    ],
    'float labels': [
      () => crossEntropy(float(2, 3), tensor([0, 1])),
      DTypeError,
      'crossEntropy: expected integer labels (int32 or uint8), got float32 tensor [2]; ' +
        "cast(labels, 'int32'), or give probabilities in the shape and dtype of the scores",
    ],
    'probabilities of another dtype': [
      () => crossEntropy(float(2, 3), typed('float64', 2, 3)),
      DTypeError,
      'crossEntropy: expected integer labels (int32 or uint8), got float64 tensor [2,3]; ' +
        "cast(labels, 'int32'), or give probabilities in the shape and dtype of the scores",
    ],
    'another number of labels': [
      () => crossEntropy(float(2, 3), labels(0, 1, 2)),
      ShapeError,
      'crossEntropy: scores [2,3] expect labels [2], got [3]',
    ],
    'labels in one-hot columns': [
      () => nllLoss(float(2, 3), typed('int32', 2, 3)),
      ShapeError,
      'nllLoss: scores [2,3] expect labels [2], got [2,3]',
    ],
    'labels of one place for many': [
      () => crossEntropy(float(2, 3, 4, 5), labels(0, 1)),
      ShapeError,
      'crossEntropy: scores [2,3,4,5] expect labels [2,4,5], got [2]',
    ],
    'scores without a batch axis': [
      () => crossEntropy(float(3), labels(0)),
      ShapeError,
      'crossEntropy: expected logits [N,C] or [N,C,…], got [3]',
    ],
    'log-probabilities without a batch axis': [
      () => nllLoss(float(3), labels(0)),
      ShapeError,
      'nllLoss: expected logProbs [N,C] or [N,C,…], got [3]',
    ],
    'integer logits': [
      () => crossEntropy(typed('int32', 2, 3), labels(0, 1)),
      DTypeError,
      'crossEntropy: expected a float tensor, got int32 tensor [2,3]; cast it first',
    ],
    'integer log-probabilities': [
      () => nllLoss(typed('int32', 2, 3), labels(0, 1)),
      DTypeError,
      'nllLoss: expected a float tensor, got int32 tensor [2,3]; cast it first',
    ],
    'label smoothing of NaN': [
      () => crossEntropy(float(2, 3), labels(0, 1), { labelSmoothing: NaN }),
      ConfigError,
      'crossEntropy: labelSmoothing must be in 0 … 1, got NaN',
    ],
    'label smoothing above 1': [
      () => crossEntropy(float(2, 3), labels(0, 1), { labelSmoothing: 1.5 }),
      ConfigError,
      'crossEntropy: labelSmoothing must be in 0 … 1, got 1.5',
    ],
    'an unknown reduction': [
      // As it comes from plain JavaScript, or from a file of options.
      () => crossEntropy(float(2, 3), labels(0, 1), { reduction: String('avg') as Reduction }),
      ConfigError,
      "crossEntropy: reduction must be 'mean', 'sum' or 'none', got 'avg'",
    ],
    'mseLoss that would broadcast': [
      () => mseLoss(float(4, 1), float(4)),
      ShapeError,
      'mseLoss: x [4,1] and target [4] must have one shape; reshape one of them to that of the other',
    ],
    'mseLoss of integers': [
      () => mseLoss(typed('uint8', 4), typed('uint8', 4)),
      DTypeError,
      'mseLoss: expected a float tensor, got uint8 tensor [4]; cast it first',
    ],
    'mseLoss of mixed dtypes': [
      () => mseLoss(float(4), typed('float64', 4)),
      DTypeError,
      "mseLoss: expected x and target of one dtype, got float32 and float64; cast(target, 'float32') converts",
    ],
  });
});
