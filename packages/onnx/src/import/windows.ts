import {
  abs,
  add,
  cast,
  div,
  logSoftmax,
  max,
  maximum,
  mean,
  mul,
  ones,
  pad,
  pow,
  reshape,
  ShapeError,
  slice,
  sqrt,
  square,
  sub,
  sum,
  type SliceRange,
  type Tensor,
} from '@unfold/core';
import {
  avgPool2d,
  batchNorm,
  conv2d,
  convTranspose2d,
  crossEntropy,
  groupNorm,
  fold,
  layerNorm,
  maxPool2d,
  nllLoss,
  outputSize,
  rmsNorm,
  type Reduction,
} from '@unfold/nn';
import { isFloat } from '@unfold/core/internal';
import type { Call, Operator, Operators } from './call.js';

/** A number for each axis of an image. */
type Pair = readonly [number, number];

/** Pixels in front of and behind each axis. */
type Pads = readonly [Pair, Pair];

/** Something of each axis of an image. */
const pair = <T>(of: (axis: 0 | 1) => T): [T, T] => [of(0), of(1)];

/** A window that slides over the images x. */
interface Window {
  readonly x: Tensor;
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly dilation: Pair;
  /** Over how many pixels a kernel reaches. */
  readonly reach: Pair;
  readonly pads: Pads;
}

const sizesOf = (x: Tensor): Pair => pair((axis) => x.shape[axis + 2] ?? 0);

/** x `[N, C, L]` as `[N, C, 1, L]`; what comes back from it is made of one axis again. */
function asImages(call: Call, x: Tensor): Tensor {
  if (x.ndim === 4) return x;
  if (x.ndim === 3) return reshape(x, [x.shape[0] ?? 0, x.shape[1] ?? 0, 1, x.shape[2] ?? 0]);
  throw call.lacking(`an input of ${x.ndim} axes`);
}

/** The result of a call in as many axes as its input has. */
function asGiven(call: Call, out: Tensor): Tensor {
  const [N = 0, C = 0, , W = 0] = out.shape;
  return call.given(0).shape.length === 4 ? out : reshape(out, [N, C, W]);
}

/** A list of one number for each axis, with 1, or another number, for an axis that was added. */
function both(
  call: Call,
  list: readonly number[] | undefined,
  otherwise: number,
  count = call.given(0).shape.length - 2,
): Pair {
  if (!list) return [otherwise, otherwise];
  if (list.length !== count) throw call.fault(`${count} numbers for the axes of its windows`, list);
  const [first = otherwise, second = otherwise] = list;
  return count === 1 ? [otherwise, first] : [first, second];
}

const AUTO_PADS: ReadonlySet<string> = new Set(['NOTSET', 'VALID', 'SAME_UPPER', 'SAME_LOWER']);

/** Pixels on both sides, of an odd number one more in front where that is asked for. */
function halves(total: number, isMoreInFront: boolean): Pair {
  const less = Math.floor(total / 2);
  return isMoreInFront ? [total - less, less] : [less, total - less];
}

/** @param given The input, or what stands for it. */
function windowOf(call: Call, given: Tensor, kernelShape: readonly number[] | undefined): Window {
  const x = asImages(call, given);
  const [kernel, stride, dilation] = [
    kernelShape,
    call.ints('strides'),
    call.ints('dilations'),
  ].map((list) => both(call, list, 1)) as [Pair, Pair, Pair];
  const listed = call.ints('pads');
  const count = given.ndim - 2;
  if (listed && listed.length !== 2 * count) throw call.fault(`${2 * count} pads`, listed);
  const auto = call.text('auto_pad', 'NOTSET');
  if (!AUTO_PADS.has(auto)) throw call.fault('a known auto_pad', auto);
  if (!kernelShape) throw call.fault('a kernel_shape', 'none');
  const all = [...kernel, ...stride, ...dilation];
  if (!all.every((size) => size >= 1)) {
    throw call.fault('a kernel, strides and dilations of at least 1', all);
  }
  const reach = pair((axis) => dilation[axis] * (kernel[axis] - 1) + 1);
  const [before, after] = pair((side) =>
    both(call, listed?.slice(side * count, (side + 1) * count), 0),
  );
  const sizes = sizesOf(x);
  const pads = pair((axis): Pair => {
    if (auto === 'VALID') return [0, 0];
    if (auto === 'NOTSET') return [before[axis], after[axis]];
    const steps = Math.ceil(sizes[axis] / stride[axis]) - 1;
    const total = Math.max(0, steps * stride[axis] + reach[axis] - sizes[axis]);
    return halves(total, auto === 'SAME_LOWER');
  });
  return { x, kernel, stride, dilation, reach, pads };
}

/** Padding that is the same on both sides, as the layers take it; null if it differs. */
function evenPadding({ pads: [[top, bottom], [left, right]] }: Window): Pair | null {
  return top === bottom && left === right ? [top, left] : null;
}

/** Padding as layers of pooling take it, whose windows have no gaps; null for what they don't take. */
function poolPadding(window: Window): Pair | null {
  const { kernel, dilation } = window;
  const padding = evenPadding(window);
  const fits = padding?.every((size, axis) => size <= (kernel[axis] ?? 1) / 2) ?? false;
  return fits && dilation.every((distance) => distance === 1) ? padding : null;
}

const padImages = (x: Tensor, pads: Pads, value: number): Tensor =>
  pads.flat().every((count) => count === 0)
    ? x
    : pad(x, [[0, 0], [0, 0], [...pads[0]], [...pads[1]]], value);

const conv: Operator = (call) => {
  const w = call.tensor(1);
  const kernelShape = w.shape.slice(2);
  const asked = call.ints('kernel_shape') ?? kernelShape;
  if (asked.join() !== kernelShape.join())
    throw call.fault(`kernel_shape ${kernelShape.join()}`, asked);
  const window = windowOf(call, call.x, kernelShape);
  const { x, stride, dilation, pads } = window;
  const padding = evenPadding(window);
  const out = conv2d(padding ? x : padImages(x, pads, 0), asImages(call, w), call.maybe(2), {
    stride,
    padding: padding ?? 0,
    dilation,
    groups: call.int('group', 1),
  });
  return asGiven(call, out);
};

/** Padding takes pixels of the result away; what an output shape asks for is more or less of it. */
const convTranspose: Operator = (call) => {
  const w = call.tensor(1);
  const bias = call.maybe(2);
  const { x, stride, dilation, reach, pads } = windowOf(call, call.x, w.shape.slice(2));
  const asked = call.ints('output_shape');
  const wanted = asked && both(call, asked.slice(2 - call.x.ndim), 1);
  const auto = call.text('auto_pad', 'NOTSET');
  const isSame = auto.startsWith('SAME');
  const more = both(call, call.ints('output_padding'), 0);
  const sizes = sizesOf(x);
  const parts = pair((axis) => {
    const own = (sizes[axis] - 1) * stride[axis] + reach[axis];
    const [before, after] = pads[axis];
    if (!wanted && !isSame) return { extra: more[axis], before, end: own + more[axis] - after };
    const target = wanted ? wanted[axis] : sizes[axis] * stride[axis];
    const total = Math.max(0, own + more[axis] - target);
    const [front] = halves(total, auto !== 'SAME_UPPER');
    return { extra: Math.max(0, target - own), before: front, end: front + target };
  });
  // An output padding is less than the stride, in layers: here it is zeros behind.
  const out = convTranspose2d(x, asImages(call, w), bias, {
    stride,
    dilation,
    groups: call.int('group', 1),
  });
  const behind = pair((axis): Pair => [0, parts[axis].extra]);
  const ranges = parts.map(({ before, end }): SliceRange => [before, end]);
  return asGiven(call, slice(lengthened(out, bias, behind), [null, null, ...ranges]));
};

/** Pixels behind that no kernel reaches: they are the bias alone. */
function lengthened(out: Tensor, bias: Tensor | null, behind: Pads): Tensor {
  if (!bias) return padImages(out, behind, 0);
  const column = reshape(bias, [1, -1, 1, 1]);
  return add(padImages(sub(out, column), behind, 0), column);
}

/** With `ceil_mode` a last window counts that begins within the image or the padding before it. */
function ceiled(call: Call, window: Window): Window {
  if (call.int('ceil_mode', 0) === 0) return window;
  const { x, stride, reach } = window;
  const sizes = sizesOf(x);
  const pads = pair((axis): Pair => {
    const [before, after] = window.pads[axis];
    const size = sizes[axis] + before;
    const windows = Math.ceil((size + after - reach[axis]) / stride[axis]) + 1;
    const count = (windows - 1) * stride[axis] >= size ? windows - 1 : windows;
    return [before, Math.max(after, (count - 1) * stride[axis] + reach[axis] - size)];
  });
  return { ...window, pads };
}

const maxPool: Operator = (call) => {
  if (call.gives(1)) throw call.lacking('the positions of a maximum');
  const { dtype } = call.x;
  const isWhole = !isFloat(dtype);
  const given = isWhole ? cast(call.x, 'float32') : call.x;
  const window = ceiled(call, windowOf(call, given, call.ints('kernel_shape')));
  const { x, kernel, stride } = window;
  const padding = poolPadding(window);
  const out = padding
    ? maxPool2d(x, kernel, { stride, padding })
    : taps(window, -Infinity).reduce((a, b) => maximum(a, b));
  return asGiven(call, isWhole ? cast(out, dtype) : out);
};

/** For each tap of the kernel the pixels of x, padded with a value, that it meets, `[N, C, OH, OW]`. */
function taps({ x, pads, kernel, stride, dilation }: Window, value = 0): Tensor[] {
  const padded = padImages(x, pads, value);
  const sizes = sizesOf(padded);
  const [allRows, allColumns] = pair((axis) => {
    const count = outputSize(sizes[axis], kernel[axis], stride[axis], 0, dilation[axis]);
    if (count < 1) {
      throw new ShapeError(`a kernel of ${kernel[axis]} doesn't fit into ${sizes[axis]} pixels`);
    }
    return Array.from({ length: kernel[axis] }, (_, tap): SliceRange => {
      const from = tap * dilation[axis];
      return [from, from + (count - 1) * stride[axis] + 1, stride[axis]];
    });
  });
  return allRows.flatMap((rows) =>
    allColumns.map((columns) => slice(padded, [null, null, rows, columns])),
  );
}

/** The sum of each window. */
const totals = (window: Window): Tensor => taps(window).reduce((a, b) => add(a, b));

const averagePool: Operator = (call) => {
  const plain = windowOf(call, call.x, call.ints('kernel_shape'));
  const window = ceiled(call, plain);
  const countIncludePad = call.int('count_include_pad', 0) === 1;
  const { x, kernel, stride } = window;
  const padding = poolPadding(window);
  if (padding && window === plain) {
    return asGiven(call, avgPool2d(x, kernel, { stride, padding, countIncludePad }));
  }
  // What a window counts is an average too: that of ones, with 0 where nothing is to count.
  const one = ones([1, 1, ...sizesOf(x)], { dtype: x.dtype });
  const counted = padImages(one, plain.pads, Number(countIncludePad));
  const pads = pair((axis): Pair => [0, window.pads[axis][1] - plain.pads[axis][1]]);
  return asGiven(call, div(totals(window), totals({ ...window, x: counted, pads })));
};

/** (Σ|x|ᵖ)^(1/p) of each window. */
const lpPool: Operator = (call) => {
  const p = call.int('p', 2);
  const powers = pow(abs(call.x), p);
  const window = ceiled(call, windowOf(call, powers, call.ints('kernel_shape')));
  return asGiven(call, pow(totals(window), 1 / p));
};

const behindChannels = (x: Tensor): number[] => x.shape.slice(2).map((_, i) => i + 2);

const batchNormalization: Operator = (call) => {
  const given = call.x;
  // Of any number of axes behind the channels, which count as one.
  const x =
    given.ndim <= 4 && given.ndim > 1
      ? given
      : reshape(given, [given.shape[0] ?? 0, given.shape[1] ?? 1, -1]);
  if (call.gives(1)) throw call.lacking('the statistics of a batch');
  const [weight, bias, runningMean, runningVar] = [1, 2, 3, 4].map((at) => call.tensor(at));
  const options = {
    weight: weight ?? null,
    bias: bias ?? null,
    eps: call.epsilon,
    training: call.training,
    momentum: 1 - call.float('momentum', 0.9),
  };
  const out = batchNorm(x, runningMean ?? null, runningVar ?? null, options);
  return reshape(out, [...given.shape]);
};

/** Each channel is a group by itself. */
const instanceNormalization: Operator = (call) => {
  const { x } = call;
  return groupNorm(x, x.shape[1] ?? 0, {
    weight: call.tensor(1),
    bias: call.tensor(2),
    eps: call.epsilon,
  });
};

const groupNormalization: Operator = (call) => {
  const { x } = call;
  const groups = call.int('num_groups', 1);
  const C = x.shape[1] ?? 0;
  // Up to operator set 20, one factor for each group.
  const spread = (vector: Tensor): Tensor => {
    if (vector.size === C) return vector;
    const each = ones([groups, C / groups], { dtype: x.dtype });
    return reshape(mul(reshape(vector, [groups, 1]), each), [C]);
  };
  return groupNorm(x, groups, {
    weight: spread(call.tensor(1)),
    bias: spread(call.tensor(2)),
    eps: call.epsilon,
  });
};

const layerNormalization: Operator = (call) => {
  const { x } = call;
  if (call.gives(1) || call.gives(2)) {
    const from = call.axis(x.ndim, -1);
    const axes = x.shape.flatMap((_, axis) => (axis >= from ? [axis] : []));
    const centre = mean(x, axes, { keepdim: true });
    const variance = mean(square(sub(x, centre)), axes, { keepdim: true });
    const inverse = div(1, sqrt(add(variance, call.epsilon)));
    const normal = mul(mul(sub(x, centre), inverse), call.tensor(1));
    const bias = call.maybe(2);
    return [bias ? add(normal, bias) : normal, centre, inverse];
  }
  const shape = x.shape.slice(call.axis(x.ndim, -1));
  return layerNorm(x, shape, {
    weight: reshape(call.tensor(1), shape),
    bias: call.has(2) ? reshape(call.tensor(2), shape) : null,
    eps: call.epsilon,
  });
};

const rmsNormalization: Operator = (call) => {
  const { x } = call;
  const shape = x.shape.slice(call.axis(x.ndim, -1));
  // A factor may be shared by some of the axes.
  return mul(rmsNorm(x, shape, { eps: call.epsilon }), call.tensor(1));
};

/** Each pixel is divided by what its neighbours among the channels hold. */
const localResponse: Operator = (call) => {
  const { x } = call;
  const size = call.int('size', 1);
  const C = x.shape[1] ?? 0;
  // Beyond all channels there is nothing.
  const before = Math.min(C, Math.floor((size - 1) / 2));
  const after = Math.min(C, size - 1 - Math.floor((size - 1) / 2));
  const squares = pad(square(x), [
    [0, 0],
    [before, after],
    ...behindChannels(x).map((): [number, number] => [0, 0]),
  ]);
  const sums = Array.from({ length: before + 1 + after }, (_, i) =>
    slice(squares, [null, [i, i + C]]),
  ).reduce((a, b) => add(a, b));
  const scale = add(mul(sums, call.float('alpha', 1e-4) / size), call.float('bias', 1));
  return div(x, pow(scale, call.float('beta', 0.75)));
};

const reductionOf = (call: Call): Reduction => {
  const reduction = call.text('reduction', 'mean');
  if (reduction === 'mean' || reduction === 'sum' || reduction === 'none') return reduction;
  throw call.fault('mean, sum or none for reduction', reduction);
};

const labelLoss =
  (loss: typeof nllLoss): Operator =>
  (call) => {
    const scores = call.x;
    const weight = call.maybe(2);
    const ignoreIndex = call.attribute('ignore_index', 'int');
    const out = loss(scores, cast(call.tensor(1), 'int32'), {
      reduction: reductionOf(call),
      ...(weight && { weight }),
      ...(ignoreIndex !== undefined && { ignoreIndex }),
    });
    return call.gives(1) ? [out, logSoftmax(scores, 1)] : out;
  };

/** What slides windows over images, and normalises. */
export const WINDOWS: Operators = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: maxPool,
  AveragePool: averagePool,
  LpPool: lpPool,
  GlobalAveragePool: (call) => {
    const { x } = call;
    return mean(x, behindChannels(x), { keepdim: true });
  },
  GlobalMaxPool: (call) => {
    const { x } = call;
    return max(x, behindChannels(x), { keepdim: true });
  },
  GlobalLpPool: (call) => {
    const { x } = call;
    const p = call.int('p', 2);
    return pow(sum(pow(abs(x), p), behindChannels(x), { keepdim: true }), 1 / p);
  },
  Col2Im: (call) => {
    const [H = 0, W = 0, ...others] = call.numbers(1);
    if (others.length > 0) throw call.lacking('an image of more than two axes');
    const [KH = 0, KW = 0] = call.numbers(2);
    const stride = both(call, call.ints('strides'), 1, 2);
    const dilation = both(call, call.ints('dilations'), 1, 2);
    const [top = 0, left = 0, bottom = 0, right = 0] = call.ints('pads') ?? [];
    const out = fold(call.x, [H + top + bottom, W + left + right], [KH, KW], {
      stride,
      dilation,
    });
    return slice(out, [null, null, [top, top + H], [left, left + W]]);
  },
  BatchNormalization: batchNormalization,
  InstanceNormalization: instanceNormalization,
  GroupNormalization: groupNormalization,
  LayerNormalization: layerNormalization,
  RMSNormalization: rmsNormalization,
  LRN: localResponse,
  NegativeLogLikelihoodLoss: labelLoss(nllLoss),
  SoftmaxCrossEntropyLoss: labelLoss(crossEntropy),
  DequantizeLinear: (call) => {
    const { x } = call;
    const scale = call.tensor(1);
    if (call.int('block_size', 0) !== 0) throw call.lacking('a factor for each block');
    const along = (vector: Tensor): Tensor => {
      if (vector.ndim !== 1) return vector;
      return reshape(vector, [-1, ...x.shape.slice(call.axis(x.ndim, 1) + 1).map(() => 1)]);
    };
    const numbers = cast(x, 'float32');
    const zero = call.maybe(2);
    const shifted = zero ? sub(numbers, along(cast(zero, 'float32'))) : numbers;
    return mul(shifted, along(scale));
  },
};
