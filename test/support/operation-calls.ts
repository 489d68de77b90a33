import * as core from '@unfold/core';
import {
  abs,
  add,
  argmax,
  cast,
  clamp,
  clone,
  concat,
  div,
  eq,
  exp,
  gelu,
  gt,
  indexSelect,
  leakyRelu,
  log,
  logSoftmax,
  lt,
  matmul,
  max,
  maximum,
  mean,
  min,
  minimum,
  mul,
  neg,
  pad,
  permute,
  pow,
  randn,
  relu,
  reshape,
  sigmoid,
  silu,
  slice,
  softmax,
  sqrt,
  sub,
  sum,
  tanh,
  type Tensor,
  transpose,
  where,
  zeros,
  type JsonData,
} from '@unfold/core';
import * as nn from '@unfold/nn';
import {
  adaptiveAvgPool2d,
  avgPool2d,
  batchNorm,
  bce,
  bceWithLogits,
  conv2d,
  convTranspose2d,
  cosineEmbedding,
  cosineSimilarity,
  crossEntropy,
  dropout,
  dropout2d,
  embedding,
  fold,
  hingeEmbedding,
  huber,
  klDiv,
  l1Loss,
  layerNorm,
  linear,
  marginRanking,
  maxPool2d,
  mseLoss,
  nllLoss,
  scaledDotProductAttention,
  smoothL1,
  tripletMargin,
  unfold,
} from '@unfold/nn';

/** Makes a tensor of the next random numbers. */
export type Make = () => Tensor;

export const random =
  (...shape: number[]): Make =>
  () =>
    randn(shape);
const positive =
  (...shape: number[]): Make =>
  () =>
    exp(randn(shape));
export const labels =
  (classes: number, ...shape: number[]): Make =>
  () =>
    cast(mul(core.rand(shape), classes - 0.01), 'int32');

/** One call of an operation, and the node that it is to become. */
export interface Case {
  readonly inputs: readonly Make[];
  readonly call: (...inputs: Tensor[]) => Tensor;
  readonly operands: readonly string[];
  readonly attributes: Readonly<Record<string, JsonData>>;
}

function row(
  inputs: readonly Make[],
  call: (...inputs: Tensor[]) => Tensor,
  operands: string,
  attributes: Case['attributes'] = {},
): Case {
  return { inputs, call, operands: operands.split(' '), attributes };
}

/** Of a function of one tensor. */
const unary = (call: (x: Tensor) => Tensor, input: Make = random(3, 4)): Case[] => [
  row([input], call, 'x'),
];

/** Of a function of two tensors, or of one and a number. */
function binary(
  call: (a: Tensor | number, b: Tensor | number) => Tensor,
  input: (...shape: number[]) => Make = random,
): Case[] {
  return [
    row([input(3, 4), input(4)], call, 'a b'),
    row([input(3, 4)], (a) => call(a, 2.5), 'a', { b: 2.5 }),
    row([input(3, 4)], (b) => call(0.5, b), 'b', { a: 0.5 }),
  ];
}

/** Of a reduction, in each of the ways to give its axes. */
const reduction = (call: typeof sum): Case[] => [
  row([random(2, 3, 4)], (x) => call(x), 'x', { keepdim: false }),
  row([random(2, 3, 4)], (x) => call(x, -2), 'x', { axis: -2, keepdim: false }),
  row([random(2, 3, 4)], (x) => call(x, [0, 2], { keepdim: true }), 'x', {
    axis: [0, 2],
    keepdim: true,
  }),
  row([random(2, 3, 4)], (x) => call(x, { axis: 1, keepdim: true }), 'x', {
    axis: 1,
    keepdim: true,
  }),
];

type Three = [Tensor, Tensor, Tensor];
const CONV = 'x weight bias';
export const image = random(2, 4, 7, 9);
export const sequence = random(2, 4, 11);

const losses = (
  call: (x: Tensor, target: Tensor, options?: nn.LossOptions) => Tensor,
  target: Make,
  more: Case['attributes'] = {},
): Case[] => [
  row([random(5, 3), target], (x, t) => call(x, t), 'x target', { ...more, reduction: 'mean' }),
  row([random(5, 3), target], (x, t) => call(x, t, { reduction: 'none' }), 'x target', {
    ...more,
    reduction: 'none',
  }),
];

const signs =
  (...shape: number[]): Make =>
  () =>
    sub(mul(cast(gt(randn(shape), 0), 'float32'), 2), 1);

/** The first of several results. */
const first = ([x]: readonly Tensor[]): Tensor => x ?? zeros([0]);
const singleElements: Readonly<Record<string, readonly Case[]>> = {
  ne: binary(core.ne),
  ge: binary(core.ge),
  le: binary(core.le),
  logicalAnd: binary(core.logicalAnd),
  logicalOr: binary(core.logicalOr),
  logicalXor: binary(core.logicalXor),
  logicalNot: unary(core.logicalNot),
  isNaN: unary(core.isNaN),
  isInf: unary(core.isInf),
  isFinite: unary(core.isFinite),
  any: reduction(core.any),
  all: reduction(core.all),
  countNonzero: reduction(core.countNonzero),
  floor: unary(core.floor),
  ceil: unary(core.ceil),
  round: unary(core.round),
  trunc: unary(core.trunc),
  sign: unary(core.sign),
  sin: unary(core.sin),
  cos: unary(core.cos),
  tan: unary(core.tan),
  atan: unary(core.atan),
  sinh: unary(core.sinh),
  cosh: unary(core.cosh),
  erf: unary(core.erf),
  expm1: unary(core.expm1),
  square: unary(core.square),
  log1p: unary(core.log1p, positive(3, 4)),
  log2: unary(core.log2, positive(3, 4)),
  log10: unary(core.log10, positive(3, 4)),
  reciprocal: unary(core.reciprocal, positive(3, 4)),
  rsqrt: unary(core.rsqrt, positive(3, 4)),
  asin: unary(core.asin, () => core.rand([3, 4])),
  acos: unary(core.acos, () => core.rand([3, 4])),
  atan2: binary(core.atan2),
  remainder: binary(core.remainder, positive),
  floorDivide: binary(core.floorDivide, positive),
  prod: reduction(core.prod),
  logSumExp: reduction(core.logSumExp),
  variance: [
    row([random(3, 4)], (x) => core.variance(x), 'x', { correction: 1, keepdim: false }),
    row([random(3, 4)], (x) => core.variance(x, { axis: 0, correction: 0 }), 'x', {
      axis: 0,
      correction: 0,
      keepdim: false,
    }),
  ],
  std: [
    row([random(3, 4)], (x) => core.std(x, 1, { keepdim: true }), 'x', {
      axis: 1,
      correction: 1,
      keepdim: true,
    }),
  ],
  norm: [
    row([random(3, 4)], (x) => core.norm(x), 'x', { p: 2, keepdim: false }),
    row([random(3, 4)], (x) => core.norm(x, [0, 1], { p: Infinity }), 'x', {
      axis: [0, 1],
      p: Infinity,
      keepdim: false,
    }),
  ],
  argmin: [
    row([random(3, 4)], (x) => core.argmin(x), 'x', { keepdim: false }),
    row([random(3, 4)], (x) => core.argmin(x, -1), 'x', { axis: -1, keepdim: false }),
  ],
};

/** Calls of every operation of core and nn that a graph holds, by its name. */
export const OPERATIONS: Readonly<Record<string, readonly Case[]>> = {
  add: binary(add),
  sub: binary(sub),
  mul: binary(mul),
  div: binary(div),
  pow: binary(pow, positive),
  maximum: binary(maximum),
  minimum: binary(minimum),
  eq: binary(eq),
  lt: binary(lt),
  gt: binary(gt),
  where: [
    row([() => gt(randn([3, 4]), 0), random(3, 4), random(4)], where, 'condition a b'),
    row(
      [() => gt(randn([3, 4]), 0), random(3, 4)],
      (c, a) => where(c, a, -Infinity),
      'condition a',
      { b: -Infinity },
    ),
  ],
  abs: unary(abs),
  exp: unary(exp),
  log: unary(log, positive(3, 4)),
  neg: unary(neg),
  sqrt: unary(sqrt, positive(3, 4)),
  relu: unary(relu),
  sigmoid: unary(sigmoid),
  tanh: unary(tanh),
  silu: unary(silu),
  clone: unary(clone),
  ...singleElements,
  clamp: [
    row([random(3, 4)], (x) => clamp(x, { min: -0.5 }), 'x', { min: -0.5 }),
    row([random(3, 4)], (x) => clamp(x, { min: -0, max: 1 }), 'x', { min: -0, max: 1 }),
  ],
  leakyRelu: [
    row([random(3, 4)], (x) => leakyRelu(x), 'x', { slope: 0.01 }),
    row([random(3, 4)], (x) => leakyRelu(x, { slope: 0.3 }), 'x', { slope: 0.3 }),
  ],
  gelu: [
    row([random(3, 4)], (x) => gelu(x), 'x', { approximate: 'none' }),
    row([random(3, 4)], (x) => gelu(x, { approximate: 'tanh' }), 'x', { approximate: 'tanh' }),
  ],
  softmax: [
    row([random(3, 4)], (x) => softmax(x), 'x', { axis: -1 }),
    row([random(3, 4)], (x) => softmax(x, 0), 'x', { axis: 0 }),
  ],
  logSoftmax: [row([random(3, 4)], (x) => logSoftmax(x, 0), 'x', { axis: 0 })],
  sum: reduction(sum),
  mean: reduction(mean),
  max: reduction(max),
  min: reduction(min),
  argmax: [
    row([random(3, 4)], (x) => argmax(x), 'x', { keepdim: false }),
    row([random(3, 4)], (x) => argmax(x, 1, { keepdim: true }), 'x', { axis: 1, keepdim: true }),
  ],
  matmul: [
    row([random(3, 4), random(4, 5)], (a, b) => matmul(a, b), 'a b', {
      transposeA: false,
      transposeB: false,
    }),
    row([random(2, 3, 4), random(5, 4)], (a, b) => matmul(a, b, { transposeB: true }), 'a b', {
      transposeA: false,
      transposeB: true,
    }),
  ],
  indexSelect: [
    row([random(5, 3), labels(5, 4)], (x, index) => indexSelect(x, 0, index), 'x index', {
      axis: 0,
    }),
  ],
  cast: [row([random(3, 4)], (x) => cast(x, 'int32'), 'x', { dtype: 'int32' })],
  concat: [
    row([random(3, 4), random(3, 2)], (a, b) => concat([a, b], 1), 'tensors.0 tensors.1', {
      axis: 1,
    }),
    row([random(3, 4)], (a) => concat([a, a]), 'tensors.0 tensors.1', { axis: 0 }),
  ],
  pad: [
    row(
      [random(3, 4)],
      (x) =>
        pad(x, [
          [1, 0],
          [2, 3],
        ]),
      'x',
      {
        padding: [
          [1, 0],
          [2, 3],
        ],
        mode: 'constant',
        value: 0,
      },
    ),
    row([random(3)], (x) => pad(x, [[1, 1]], -Infinity), 'x', {
      padding: [[1, 1]],
      mode: 'constant',
      value: -Infinity,
    }),
    row([random(3)], (x) => pad(x, [[1, 1]], { mode: 'reflect' }), 'x', {
      padding: [[1, 1]],
      mode: 'reflect',
    }),
  ],
  permute: [row([random(2, 3, 4)], (x) => permute(x, [2, 0, -2]), 'x', { axes: [2, 0, -2] })],
  reshape: [row([random(2, 3, 4)], (x) => reshape(x, [-1, 6]), 'x', { shape: [-1, 6] })],
  slice: [
    row([random(5, 4)], (x) => slice(x, [null, [1, null]]), 'x', { ranges: [null, [1, null]] }),
    row([random(5, 4)], (x) => slice(x, [[0, -1, 2]]), 'x', { ranges: [[0, -1, 2]] }),
  ],
  transpose: [
    row([random(2, 3, 4)], (x) => transpose(x), 'x', { first: -2, second: -1 }),
    row([random(2, 3, 4)], (x) => transpose(x, 0, 2), 'x', { first: 0, second: 2 }),
  ],

  squeeze: [
    row([random(1, 3, 1)], (x) => core.squeeze(x), 'x'),
    row([random(1, 3, 1)], (x) => core.squeeze(x, [0, -1]), 'x', { axis: [0, -1] }),
  ],
  unsqueeze: [row([random(3)], (x) => core.unsqueeze(x, -1), 'x', { axis: -1 })],
  expand: [row([random(3, 1)], (x) => core.expand(x, [2, -1, 4]), 'x', { shape: [2, -1, 4] })],
  broadcastTo: [
    row([random(3, 1)], (x) => core.broadcastTo(x, [2, 3, 4]), 'x', { shape: [2, 3, 4] }),
  ],
  repeat: [row([random(3)], (x) => core.repeat(x, [2, 3]), 'x', { repeats: [2, 3] })],
  tile: [row([random(3, 2)], (x) => core.tile(x, [3]), 'x', { repeats: [3] })],
  stack: [
    row([random(3), random(3)], (...xs) => core.stack(xs), 'tensors.0 tensors.1', { axis: 0 }),
    row([random(3), random(3)], (...xs) => core.stack(xs, 1), 'tensors.0 tensors.1', { axis: 1 }),
  ],
  split: [
    row([random(5, 2)], (x) => first(core.split(x, 2)), 'x', { sizes: 2, axis: 0 }),
    row([random(2, 5)], (x) => first(core.split(x, [1, 4], -1)), 'x', { sizes: [1, 4], axis: -1 }),
  ],
  chunk: [row([random(5)], (x) => first(core.chunk(x, 2)), 'x', { chunks: 2, axis: 0 })],
  unbind: [row([random(5, 2)], (x) => first(core.unbind(x, 1)), 'x', { axis: 1 })],
  select: [row([random(5, 2)], (x) => core.select(x, 0, -2), 'x', { axis: 0, index: -2 })],
  flip: [
    row([random(2, 3)], (x) => core.flip(x), 'x'),
    row([random(2, 3)], (x) => core.flip(x, 1), 'x', { axes: 1 }),
  ],
  roll: [
    row([random(2, 3)], (x) => core.roll(x, 2), 'x', { shifts: 2 }),
    row([random(2, 3)], (x) => core.roll(x, [1, 2], [0, 1]), 'x', { shifts: [1, 2], axes: [0, 1] }),
  ],
  tril: [row([random(3, 3)], (x) => core.tril(x), 'x', { diagonal: 0 })],
  triu: [row([random(3, 3)], (x) => core.triu(x, -1), 'x', { diagonal: -1 })],
  gather: [
    row([random(3, 4), labels(3, 2, 4)], (x, index) => core.gather(x, 0, index), 'x index', {
      axis: 0,
    }),
  ],
  takeAlongAxis: [
    row([random(3, 4), labels(4, 1, 2)], (x, i) => core.takeAlongAxis(x, i, 1), 'x index', {
      axis: 1,
    }),
    row([random(3, 4), labels(12, 2)], (x, i) => core.takeAlongAxis(x, i), 'x index'),
  ],
  scatter: [
    row(
      [random(3, 4), labels(3, 2, 4), random(2, 4)],
      (x, index, src) => core.scatter(x, 0, index, src),
      'x index src',
      { axis: 0 },
    ),
    row([random(3, 4), labels(3, 2, 4)], (x, i) => core.scatter(x, 0, i, 0.5), 'x index', {
      axis: 0,
      src: 0.5,
    }),
  ],
  scatterAdd: [
    row(
      [random(3, 4), labels(3, 5, 4), random(5, 4)],
      (x, index, src) => core.scatterAdd(x, 0, index, src),
      'x index src',
      { axis: 0 },
    ),
  ],
  oneHot: [
    row([labels(3, 5)], (x) => core.oneHot(x, 3), 'index', { numClasses: 3, dtype: 'int32' }),
    row([labels(3, 5)], (x) => core.oneHot(x, 4, { dtype: 'float32' }), 'index', {
      numClasses: 4,
      dtype: 'float32',
    }),
  ],
  dot: [row([random(3), random(3)], (a, b) => core.dot(a, b), 'a b')],
  outer: [row([random(3), random(4)], (a, b) => core.outer(a, b), 'a b')],
  bmm: [row([random(2, 3, 4), random(2, 4, 3)], (a, b) => core.bmm(a, b), 'a b')],
  einsum: [
    row([random(2, 3), random(3, 4)], (a, b) => core.einsum('ij,jk->ki', a, b), 'x0 x1', {
      equation: 'ij,jk->ki',
    }),
  ],
  cumsum: [row([random(3, 4)], (x) => core.cumsum(x, 1), 'x', { axis: 1 })],
  cumprod: [row([random(3, 4)], (x) => core.cumprod(x, 0), 'x', { axis: 0 })],
  sort: [
    row([random(3, 4)], (x) => first(core.sort(x)), 'x', { axis: -1, descending: false }),
    row([random(3, 4)], (x) => first(core.sort(x, 0, { descending: true })), 'x', {
      axis: 0,
      descending: true,
    }),
  ],
  argsort: [row([random(3, 4)], (x) => core.argsort(x), 'x', { axis: -1, descending: false })],
  topk: [
    row([random(3, 4)], (x) => first(core.topk(x, 2)), 'x', { k: 2, axis: -1, largest: true }),
  ],
  maskedFill: [
    row(
      [random(3, 4), () => gt(randn([3, 4]), 0)],
      (x, mask) => core.maskedFill(x, mask, -Infinity),
      'x mask',
      { value: -Infinity },
    ),
  ],

  linear: [
    row([random(5, 3), random(4, 3), random(4)], linear, 'x weight bias'),
    row([random(2, 5, 3), random(4, 3)], (x, weight) => linear(x, weight), 'x weight', {
      bias: null,
    }),
  ],
  conv2d: [
    row([image, random(6, 4, 3, 3), random(6)], (...args) => conv2d(...(args as Three)), CONV, {
      stride: 1,
      padding: 0,
      dilation: 1,
      groups: 1,
    }),
    row(
      [image, random(6, 2, 3, 2)],
      (x, weight) => conv2d(x, weight, null, { stride: [2, 1], padding: 'valid', groups: 2 }),
      'x weight',
      { bias: null, stride: [2, 1], padding: 'valid', dilation: 1, groups: 2 },
    ),
  ],
  convTranspose2d: [
    row(
      [image, random(4, 3, 3, 3), random(3)],
      (x, weight, bias) => convTranspose2d(x, weight, bias, { stride: 2, outputPadding: 1 }),
      CONV,
      { stride: 2, padding: 0, outputPadding: 1, dilation: 1, groups: 1 },
    ),
  ],
  unfold: [
    row([image], (x) => unfold(x, [3, 2], { padding: 1 }), 'x', {
      kernelSize: [3, 2],
      stride: 1,
      padding: 1,
      dilation: 1,
    }),
  ],
  fold: [
    row([random(2, 4 * 6, 5 * 8)], (x) => fold(x, [7, 9], [3, 2]), 'columns', {
      size: [7, 9],
      kernelSize: [3, 2],
      stride: 1,
      padding: 0,
      dilation: 1,
    }),
  ],
  maxPool2d: [
    row([image], (x) => maxPool2d(x, 2), 'x', {
      kernelSize: 2,
      stride: 2,
      padding: 0,
      dilation: 1,
      ceilMode: false,
    }),
    row(
      [image],
      (x) => maxPool2d(x, [3, 2], { stride: 1, padding: 1, dilation: 2, ceilMode: true }),
      'x',
      { kernelSize: [3, 2], stride: 1, padding: 1, dilation: 2, ceilMode: true },
    ),
  ],
  avgPool2d: [
    row([image], (x) => avgPool2d(x, [7, 9]), 'x', {
      kernelSize: [7, 9],
      stride: [7, 9],
      padding: 0,
      ceilMode: false,
      countIncludePad: true,
    }),
    row(
      [image],
      (x) => avgPool2d(x, 3, { stride: 2, padding: 1, ceilMode: true, divisorOverride: 4 }),
      'x',
      {
        kernelSize: 3,
        stride: 2,
        padding: 1,
        ceilMode: true,
        countIncludePad: true,
        divisorOverride: 4,
      },
    ),
  ],
  adaptiveMaxPool2d: [
    row([image], (x) => nn.adaptiveMaxPool2d(x, [2, 5]), 'x', { outputSize: [2, 5] }),
  ],
  adaptiveAvgPool1d: [row([sequence], (x) => nn.adaptiveAvgPool1d(x, 4), 'x', { outputSize: 4 })],
  maxPool1d: [
    row([sequence], (x) => nn.maxPool1d(x, 2), 'x', {
      kernelSize: 2,
      stride: 2,
      padding: 0,
      dilation: 1,
      ceilMode: false,
    }),
  ],
  avgPool1d: [
    row([sequence], (x) => nn.avgPool1d(x, 4, { stride: 3, ceilMode: true }), 'x', {
      kernelSize: 4,
      stride: 3,
      padding: 0,
      ceilMode: true,
      countIncludePad: true,
    }),
  ],
  conv1d: [
    row(
      [sequence, random(6, 2, 3), random(6)],
      (x, weight, bias) => nn.conv1d(x, weight, bias, { padding: 'same', groups: 2 }),
      CONV,
      { stride: 1, padding: 'same', dilation: 1, groups: 2 },
    ),
  ],
  convTranspose1d: [
    row(
      [sequence, random(4, 3, 3)],
      (x, weight) => nn.convTranspose1d(x, weight, null, { stride: 2, outputPadding: 1 }),
      'x weight',
      { bias: null, stride: 2, padding: 0, outputPadding: 1, dilation: 1, groups: 1 },
    ),
  ],
  adaptiveAvgPool2d: [
    row([image], (x) => adaptiveAvgPool2d(x, [2, 5]), 'x', { outputSize: [2, 5] }),
  ],
  dropout: [
    row([random(30, 4)], (x) => dropout(x), 'x', { p: 0.5, training: true }),
    row([random(30, 4)], (x) => dropout(x, { p: 0.2, training: false }), 'x', {
      p: 0.2,
      training: false,
    }),
  ],
  scaledDotProductAttention: [
    row(
      [random(2, 3, 4), random(2, 5, 4), random(2, 5, 3)],
      (q, k, v) => scaledDotProductAttention(q, k, v, { isCausal: true }),
      'q k v',
      { attnMask: null, dropoutP: 0, isCausal: true, scale: null },
    ),
    row(
      [random(3, 4), random(5, 4), random(5, 3), random(3, 5)],
      (q, k, v, attnMask) => scaledDotProductAttention(q, k, v, { attnMask, scale: 0.5 }),
      'q k v attnMask',
      { dropoutP: 0, isCausal: false, scale: 0.5 },
    ),
  ],
  dropout2d: [
    row([random(9, 4, 3, 2)], (x) => dropout2d(x, { p: 0.4 }), 'x', { p: 0.4, training: true }),
  ],
  embedding: [
    row([labels(7, 2, 3), random(7, 5)], (x, weight) => embedding(x, weight), 'x weight', {
      paddingIdx: null,
    }),
    row(
      [labels(7, 2, 3), random(7, 5)],
      (x, weight) => embedding(x, weight, { paddingIdx: -1 }),
      'x weight',
      { paddingIdx: -1 },
    ),
  ],
  hardsigmoid: [row([random(5, 3)], (x) => nn.hardsigmoid(x), 'x')],
  hardswish: [row([random(5, 3)], (x) => nn.hardswish(x), 'x')],
  elu: [
    row([random(5, 3)], (x) => nn.elu(x), 'x', { alpha: 1 }),
    row([random(5, 3)], (x) => nn.elu(x, { alpha: 0.3 }), 'x', { alpha: 0.3 }),
  ],
  selu: [row([random(5, 3)], (x) => nn.selu(x), 'x')],
  mish: [row([random(5, 3)], (x) => nn.mish(x), 'x')],
  softplus: [
    row([random(5, 3)], (x) => nn.softplus(x), 'x', { beta: 1, threshold: 20 }),
    row([random(5, 3)], (x) => nn.softplus(x, { beta: 2, threshold: 1 }), 'x', {
      beta: 2,
      threshold: 1,
    }),
  ],
  prelu: [row([image, random(4)], (x, weight) => nn.prelu(x, weight), 'x weight')],
  relu6: [row([random(5, 3)], (x) => nn.relu6(x), 'x')],
  layerNorm: [
    row([random(5, 3, 4)], (x) => layerNorm(x, [3, 4]), 'x', {
      normalizedShape: [3, 4],
      weight: null,
      bias: null,
      eps: 1e-5,
    }),
    row(
      [random(5, 4), random(4), random(4)],
      (x, weight, bias) => layerNorm(x, 4, { weight, bias, eps: 1e-3 }),
      'x weight bias',
      { normalizedShape: 4, eps: 1e-3 },
    ),
  ],
  interpolate: [
    row([image], (x) => nn.interpolate(x, { scaleFactor: 2 }), 'x', {
      scaleFactor: 2,
      mode: 'nearest',
      alignCorners: false,
    }),
    row(
      [image],
      (x) => nn.interpolate(x, { size: [5, 12], mode: 'bilinear', alignCorners: true }),
      'x',
      { size: [5, 12], mode: 'bilinear', alignCorners: true },
    ),
  ],
  pixelShuffle: [row([image], (x) => nn.pixelShuffle(x, 2), 'x', { upscaleFactor: 2 })],
  pixelUnshuffle: [
    row([random(2, 3, 6, 9)], (x) => nn.pixelUnshuffle(x, 3), 'x', { downscaleFactor: 3 }),
  ],
  unflatten: [row([image], (x) => nn.unflatten(x, 3, [3, -1]), 'x', { axis: 3, sizes: [3, -1] })],
  groupNorm: [
    row([image], (x) => nn.groupNorm(x, 2), 'x', {
      numGroups: 2,
      weight: null,
      bias: null,
      eps: 1e-5,
    }),
    row(
      [image, random(4), random(4)],
      (x, weight, bias) => nn.groupNorm(x, 1, { weight, bias, eps: 0.1 }),
      'x weight bias',
      { numGroups: 1, eps: 0.1 },
    ),
  ],
  instanceNorm: [
    row([image], (x) => nn.instanceNorm(x), 'x', {
      runningMean: null,
      runningVar: null,
      weight: null,
      bias: null,
      useInputStats: true,
      momentum: 0.1,
      eps: 1e-5,
    }),
    row(
      [image, random(4), positive(4), random(4), random(4)],
      (x, mean, variance, weight, bias) =>
        nn.instanceNorm(x, mean, variance, { weight, bias, useInputStats: false }),
      'x runningMean runningVar weight bias',
      { useInputStats: false, momentum: 0.1, eps: 1e-5 },
    ),
  ],
  rmsNorm: [
    row([random(5, 3, 4)], (x) => nn.rmsNorm(x, [3, 4]), 'x', {
      normalizedShape: [3, 4],
      weight: null,
      eps: null,
    }),
    row(
      [random(5, 4), random(4)],
      (x, weight) => nn.rmsNorm(x, 4, { weight, eps: 1e-3 }),
      'x weight',
      { normalizedShape: 4, eps: 1e-3 },
    ),
  ],
  batchNorm: [
    row(
      [random(5, 3), random(3), positive(3)],
      (x, runningMean, runningVar) => batchNorm(x, runningMean, runningVar),
      'x runningMean runningVar',
      { weight: null, bias: null, training: false, eps: 1e-5 },
    ),
    row(
      [random(5, 3), random(3), random(3)],
      (x, weight, bias) => batchNorm(x, null, null, { weight, bias, training: true }),
      'x weight bias',
      {
        runningMean: null,
        runningVar: null,
        training: true,
        momentum: 0.1,
        eps: 1e-5,
        numBatchesTracked: null,
      },
    ),
  ],
  mseLoss: losses(mseLoss, random(5, 3)),
  l1Loss: losses(l1Loss, random(5, 3)),
  bce: [
    row([() => core.rand([5, 3]), () => core.rand([5, 3])], (x, t) => bce(x, t), 'x target', {
      reduction: 'mean',
    }),
  ],
  klDiv: [
    ...losses(klDiv, () => core.rand([5, 3]), { logTarget: false }),
    row(
      [random(5, 3), random(5, 3)],
      (x, t) => klDiv(x, t, { logTarget: true, reduction: 'batchmean' }),
      'x target',
      { logTarget: true, reduction: 'batchmean' },
    ),
    row(
      [random(5), () => core.rand([5])],
      (x, t) => klDiv(x, t, { reduction: 'batchmean' }),
      'x target',
      { logTarget: false, reduction: 'batchmean' },
    ),
  ],
  hingeEmbedding: losses(hingeEmbedding, signs(5, 3), { margin: 1 }),
  marginRanking: [
    row(
      [random(5), random(5), signs(5)],
      (a, b, t) => marginRanking(a, b, t, { margin: 0.5 }),
      'x1 x2 target',
      { margin: 0.5, reduction: 'mean' },
    ),
  ],
  cosineEmbedding: [
    row(
      [random(5, 3), random(5, 3), signs(5)],
      (a, b, t) => cosineEmbedding(a, b, t, { reduction: 'none' }),
      'x1 x2 target',
      { margin: 0, reduction: 'none' },
    ),
  ],
  cosineSimilarity: [
    row([random(5, 3), random(5, 3)], (a, b) => cosineSimilarity(a, b), 'x1 x2', {
      axis: 1,
      eps: 1e-8,
    }),
    row([random(3), random(5, 3)], (a, b) => cosineSimilarity(a, b, -1, { eps: 1 }), 'x1 x2', {
      axis: -1,
      eps: 1,
    }),
  ],
  tripletMargin: [
    row(
      [random(5, 3), random(5, 3), random(5, 3)],
      (a, b, c) => tripletMargin(a, b, c, { p: Infinity, swap: true }),
      'anchor positive negative',
      { margin: 1, p: Infinity, eps: 1e-6, swap: true, reduction: 'mean' },
    ),
  ],
  huber: losses(huber, random(5, 3), { delta: 1 }),
  smoothL1: losses(smoothL1, random(5, 3), { beta: 1 }),
  bceWithLogits: [
    ...losses(bceWithLogits, () => core.rand([5, 3])),
    row(
      [random(5, 3), () => core.rand([5, 3]), positive(3)],
      (x, target, posWeight) => bceWithLogits(x, target, { posWeight }),
      'x target posWeight',
      { reduction: 'mean' },
    ),
  ],
  crossEntropy: [
    row([random(5, 3), labels(3, 5)], (x, t) => crossEntropy(x, t), 'logits target', {
      reduction: 'mean',
      labelSmoothing: 0,
      ignoreIndex: -100,
    }),
    row(
      [random(5, 3), labels(3, 5), positive(3)],
      (x, t, weight) =>
        crossEntropy(x, t, { weight, labelSmoothing: 0.1, ignoreIndex: 1, reduction: 'sum' }),
      'logits target weight',
      { reduction: 'sum', labelSmoothing: 0.1, ignoreIndex: 1 },
    ),
    row(
      [random(5, 3), () => softmax(randn([5, 3]))],
      (x, t) => crossEntropy(x, t),
      'logits target',
      { reduction: 'mean', labelSmoothing: 0, ignoreIndex: -100 },
    ),
  ],
  nllLoss: [
    row(
      [() => logSoftmax(randn([5, 3])), labels(3, 5)],
      (x, t) => nllLoss(x, t, { reduction: 'none' }),
      'logProbs target',
      { reduction: 'none', ignoreIndex: -100 },
    ),
  ],
};
