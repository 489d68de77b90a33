import * as core from '@unfold/core';
import { cast, gt, mul, rand, randn, type DType, type Tensor } from '@unfold/core';
import * as nn from '@unfold/nn';
import { labels, random, type Make } from '../operation-calls.js';

/** A call by a name of its own, and what it takes. */
export interface Call {
  readonly name: string;
  readonly inputs: readonly Make[];
  readonly call: (...inputs: Tensor[]) => Tensor | readonly Tensor[];
}

const whole =
  (dtype: DType, ...shape: number[]): Make =>
  () =>
    cast(mul(rand(shape), 9), dtype);
const truths =
  (...shape: number[]): Make =>
  () =>
    gt(randn(shape), 0);

const row = (name: string, inputs: readonly Make[], call: Call['call']): Call => ({
  name,
  inputs,
  call,
});

const PADDING = [
  [1, 0],
  [2, 1],
] as const;

/** Arguments and dtypes that `operation-calls.ts` leaves out, and which PyTorch sees in its own way. */
export const MORE_CALLS: readonly Call[] = [
  row('bool_and_number', [truths(3)], (x) => core.add(x, 1)),
  row('number_less_bool', [truths(3)], (x) => core.sub(1, x)),
  row('float_less_bool', [random(3), truths(3)], core.sub),
  row('bool_times_float', [truths(3), random(2, 3)], core.mul),
  row(
    'bytes_and_scalar',
    [whole('uint8', 3), () => core.tensor(300, undefined, { dtype: 'int32' })],
    core.add,
  ),
  row(
    'float_and_int_scalar',
    [random(3), () => core.tensor(3, undefined, { dtype: 'int32' })],
    core.mul,
  ),
  row('int_times_number', [whole('int32', 3)], (x) => core.mul(x, 2)),
  row('quotient_of_bytes', [whole('uint8', 3)], (x) => core.div(x, 255)),
  row('angle_of_bytes', [whole('uint8', 3), whole('uint8', 3)], core.atan2),
  row('two_numbers', [], () => [
    core.add(1, 2),
    core.maximum(1, 2),
    core.lt(1, 2),
    core.atan2(1, 2),
  ]),
  row('number_or_number', [truths(3)], (x) => core.where(x, 1, 0)),
  row('bool_or_number', [truths(3), truths(3)], (x, y) => core.where(x, y, 2)),
  row('int_or_number', [truths(3), whole('int32', 3)], (x, y) => core.where(x, y, 2)),
  row(
    'bytes_below_scalar',
    [whole('uint8', 3), () => core.tensor(300, undefined, { dtype: 'int32' })],
    core.lt,
  ),
  row('truth_and_truth', [truths(3), truths(3)], core.logicalAnd),
  row('truth_or_truth', [truths(3), truths(3)], core.logicalOr),
  row('one_truth', [truths(3), truths(3)], core.logicalXor),
  row('no_truth', [truths(3)], core.logicalNot),
  row('clamped_ints', [whole('int32', 9)], (x) => core.clamp(x, { min: 3, max: Infinity })),
  row('larger_int', [whole('int32', 9)], (x) => core.maximum(x, 3)),
  row('powers', [random(3)], (x) =>
    core.add(core.pow(core.sub(x, 1), 2), core.pow(2, core.neg(x))),
  ),
  ...(['bool', 'uint8', 'int32'] as const).flatMap((dtype) => [
    row(`sum_of_${dtype}`, [whole(dtype, 3, 4)], (x) => core.sum(x, 1)),
    row(`prod_of_${dtype}`, [whole(dtype, 3, 4)], (x) => core.prod(x, [0, -1])),
    row(`any_of_${dtype}`, [whole(dtype, 3, 4)], (x) => core.any(x, 1, { keepdim: true })),
    row(`all_of_${dtype}`, [whole(dtype, 3, 4)], (x) => core.all(x)),
    row(`count_of_${dtype}`, [whole(dtype, 3, 4)], (x) => core.countNonzero(x, [0])),
  ]),
  row('max_of_ints', [whole('int32', 3, 4, 2)], (x) => core.max(x, [0, 2])),
  row('min_of_bytes', [whole('uint8', 3, 4, 2)], (x) => core.min(x, 1)),
  row('mean_of_bytes', [whole('uint8', 3, 4)], (x) => core.mean(x, 0)),
  row('sums_of_ints', [whole('int32', 3, 4)], (x) => core.cumsum(x, 1)),
  row('products_of_truths', [truths(3, 4)], (x) => core.cumprod(x, 1)),
  row('kept_axes', [random(2, 3)], (x) => [
    core.sum(x, { keepdim: true }),
    core.mean(x, { keepdim: true }),
    core.max(x, { keepdim: true }),
    core.prod(x, { keepdim: true }),
    core.any(x, { keepdim: true }),
    core.argmin(x, { keepdim: true }),
    core.logSumExp(x, { keepdim: true }),
    core.norm(x, { keepdim: true }),
    core.std(x, { keepdim: true }),
  ]),
  row('of_a_scalar', [random()], (x) => [
    core.sum(x),
    core.max(x),
    core.logSumExp(x),
    core.reshape(x, []),
    core.permute(x, []),
    core.expand(x, []),
  ]),
  row('norms', [random(2, 3)], (x) => [
    core.norm(x, 1, { p: 1 }),
    core.norm(x, { p: 0 }),
    core.norm(x, 0, { p: -Infinity }),
    core.norm(x, { p: 3 }),
  ]),
  row('order_of_ties', [whole('int32', 40)], (x) => [
    core.argsort(x),
    core.argsort(x, 0, { descending: true }),
  ]),
  row('places', [random(5, 7)], (x) => {
    const [[sorted, at], [least, where]] = [core.sort(x), core.topk(x, 2, 0, { largest: false })];
    return [sorted, cast(at, 'int32'), least, core.gather(x, 0, where)];
  }),
  row('sorted_only', [whole('int32', 5, 7)], (x) => core.sort(x, 0)[0]),
  row('smallest', [random(5, 7)], (x) => core.topk(x, 3, 0, { largest: false })[0]),
  row('all_pieces', [random(5, 4)], (x) => core.split(x, 2)),
  row('one_piece', [random(5, 4)], (x) => core.split(x, 5)),
  row('all_slices', [random(2, 3, 4)], (x) => core.unbind(x, -1)),
  row('flattened', [random(2, 3, 4)], (x) => [
    core.reshape(x, [2, -1]),
    core.reshape(x, [-1]),
    core.reshape(x, [2, 12, 1]),
    core.reshape(x, [6, 4]),
  ]),
  row('slices', [random(7, 6)], (x) => [
    core.slice(x, []),
    core.slice(x, [[null, null, -1]]),
    core.slice(x, [null, [4, 1, -2]]),
    core.slice(x, [
      [-2, null, -3],
      [1, -1],
    ]),
    core.slice(x, [[99, -99, -2]]),
    core.slice(x, [
      [null, 2, -1],
      [null, -3, -1],
    ]),
    core.select(x, -1, 2),
  ]),
  ...(['reflect', 'replicate', 'circular'] as const).flatMap((mode) => [
    row(`${mode}_matrix`, [random(4, 5)], (x) => core.pad(x, PADDING, { mode })),
    row(`${mode}_rows`, [random(4, 5)], (x) =>
      core.pad(
        x,
        [
          [0, 0],
          [1, 2],
        ],
        { mode },
      ),
    ),
    row(`${mode}_volume`, [random(2, 4, 5)], (x) => core.pad(x, [[1, 1], ...PADDING], { mode })),
    row(`${mode}_images`, [random(2, 3, 4, 5)], (x) =>
      core.pad(
        x,
        [
          [0, 0],
          [0, 0],
          [0, 0],
          [1, 2],
        ],
        { mode },
      ),
    ),
    row(`${mode}_channels`, [random(2, 3, 4, 5)], (x) =>
      core.pad(
        x,
        [
          [0, 0],
          [1, 0],
          [0, 0],
          [1, 2],
        ],
        { mode },
      ),
    ),
    row(`${mode}_nothing`, [random(2, 3)], (x) =>
      core.pad(
        x,
        [
          [0, 0],
          [0, 0],
        ],
        { mode },
      ),
    ),
  ]),
  row('padded_ints', [whole('int32', 3)], (x) => core.pad(x, [[1, 2]], 7)),
  row('flipped_nowhere', [random(3)], (x) => core.flip(x, [])),
  row('scattered_ints', [whole('int32', 3, 4), labels(3, 2, 4)], (x, i) =>
    core.scatter(x, 0, i, 1),
  ),
  row('vectors', [random(4), random(3, 4)], (a, b) => core.matmul(b, a)),
  row('turned_batch', [random(2, 4, 3), random(2, 5, 4)], (a, b) =>
    core.matmul(a, b, { transposeA: true, transposeB: true }),
  ),
  row('ellipsis', [random(2, 3, 4), random(4, 5)], (a, b) => core.einsum('...i,ij->...j', a, b)),
  row('embedded_bytes', [whole('uint8', 3), random(9, 2)], (x, weight) => nn.embedding(x, weight)),
  row(
    'attention_with_truths',
    [random(3, 4), random(5, 4), random(5, 2), truths(3, 5)],
    (q, k, v, attnMask) => nn.scaledDotProductAttention(q, k, v, { attnMask }),
  ),
  row('norm_with_bias_only', [random(5, 4), random(4)], (x, bias) => nn.layerNorm(x, 4, { bias })),
  row('labels_of_images', [random(2, 3, 4, 5), labels(3, 2, 4, 5)], (x, t) =>
    nn.crossEntropy(x, t),
  ),
  row(
    'weighted_labels',
    [random(4, 3), () => cast(mul(rand([4]), 2.9), 'uint8'), random(3)],
    (x, t, w) => nn.nllLoss(core.logSoftmax(x), t, { weight: core.exp(w) }),
  ),
  row('resized', [random(1, 2, 5, 7)], (x) => [
    nn.interpolate(x, { scaleFactor: [1.5, 0.7] }),
    nn.interpolate(x, { scaleFactor: 2, mode: 'bilinear' }),
    nn.interpolate(x, { size: 4, mode: 'nearest-exact' }),
  ]),
  row('with_a_constant', [random(3)], (x) =>
    core.add(x, core.tensor([1, 2, 3], undefined, { dtype: x.dtype })),
  ),
  // gelu, silu, mish and hardswish are NaN at infinities in PyTorch.
  row('edges', [() => core.tensor([NaN, Infinity, -Infinity, -0, 0.5, 1.5, -2.5])], (x) =>
    [
      ...[core.sign, core.round, core.trunc, core.floor, core.relu, core.tanh],
      ...[core.isNaN, core.isInf, core.isFinite, core.logicalNot, core.square, core.reciprocal],
      ...[nn.hardsigmoid, nn.relu6, nn.selu, nn.elu, nn.softplus],
      ...[core.sum, core.max, core.min, core.argmax, core.argmin, core.any, core.all],
      ...[core.countNonzero, core.argsort],
    ].map((fn) => fn(x)),
  ),
  row(
    'edges_of_two',
    [
      () => core.tensor([NaN, Infinity, -Infinity, 0, 7, -7]),
      () => core.tensor([[0], [2], [-3], [Infinity]]),
    ],
    (a, b) =>
      [
        ...[
          core.maximum,
          core.minimum,
          core.remainder,
          core.floorDivide,
          core.pow,
          core.atan2,
          core.div,
        ],
        ...[core.eq, core.ne, core.lt, core.ge, core.logicalXor],
      ].map((fn) => fn(a, b)),
  ),
  row('bounds', [() => core.tensor([NaN, Infinity, -Infinity, 0, 7, -7])], (x) => [
    core.maximum(x, 2),
    core.minimum(-2, x),
    core.clamp(x, { min: 3, max: 1 }),
    core.clamp(x, { min: -Infinity }),
    core.softmax(core.sub(core.slice(x, [[2, null]]), 1)),
    core.sort(x)[0],
    core.topk(x, 3)[0],
  ]),
  row('a_long_line', [random(2, 3), random(2, 3)], (a, b) =>
    core.concat(
      Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? a : b)),
      1,
    ),
  ),
];
