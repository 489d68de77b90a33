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

/** Sizes of a window along one or two axes, and the padding in front of and behind each. */
interface Window {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly pads: readonly [readonly [number, number], readonly [number, number]];
}

/** x `[N, C, L]` as `[N, C, 1, L]`; what comes back from it is made of one axis again. */
function asImages(call: Call, x: Tensor): Tensor {
  if (x.ndim === 4) return x;
  if (x.ndim === 3) return reshape(x, [x.shape[0] ?? 0, x.shape[1] ?? 0, 1, x.shape[2] ?? 0]);
  throw call.lacking(`an input of ${x.ndim} axes`);
}

function asGiven(out: Tensor, ndim: number): Tensor {
  if (ndim === out.ndim) return out;
  const [N = 0, C = 0, , W = 0] = out.shape;
  return reshape(out, [N, C, W]);
}

/** A list of one number for each axis, with 1, or another number, for an axis that was added. */
function both(
  call: Call,
  list: readonly number[] | undefined,
  isLine: boolean,
  otherwise: number,
): [number, number] {
  if (!list) return [otherwise, otherwise];
  const count = isLine ? 1 : 2;
  if (list.length !== count) throw call.fault(`${count} numbers for the axes of its windows`, list);
  const [first = otherwise, second = otherwise] = list;
  return isLine ? [otherwise, first] : [first, second];
}

const AUTO_PADS: ReadonlySet<string> = new Set(['NOTSET', 'VALID', 'SAME_UPPER', 'SAME_LOWER']);

function windowOf(call: Call, x: Tensor, kernelShape: readonly number[] | undefined): Window {
  const isLine = x.ndim === 3;
  const kernel = both(call, kernelShape, isLine, 1);
  const stride = both(call, call.ints('strides'), isLine, 1);
  const dilation = both(call, call.ints('dilations'), isLine, 1);
  const sizes = isLine ? [1, x.shape[2] ?? 0] : x.shape.slice(2);
  const pads = call.ints('pads');
  const count = isLine ? 1 : 2;
  if (pads && pads.length !== 2 * count) throw call.fault(`${2 * count} pads`, pads);
  const auto = call.text('auto_pad', 'NOTSET');
  if (!AUTO_PADS.has(auto)) throw call.fault('a known auto_pad', auto);
  if (!kernelShape) throw call.fault('a kernel_shape', 'none');
  if (![...kernel, ...stride, ...dilation].every((size) => size >= 1)) {
    throw call.fault('a kernel, strides and dilations of at least 1', [
      ...kernel,
      ...stride,
      ...dilation,
    ]);
  }
  const along = (axis: 0 | 1): [number, number] => {
    if (auto === 'SAME_UPPER' || auto === 'SAME_LOWER') {
      const reach = dilation[axis] * (kernel[axis] - 1) + 1;
      const size = sizes[axis] ?? 0;
      const total = Math.max(0, (Math.ceil(size / stride[axis]) - 1) * stride[axis] + reach - size);
      const less = Math.floor(total / 2);
      return auto === 'SAME_UPPER' ? [less, total - less] : [total - less, less];
    }
    if (auto === 'VALID' || !pads || (isLine && axis === 0)) return [0, 0];
    const at = isLine ? 0 : axis;
    return [pads[at] ?? 0, pads[at + count] ?? 0];
  };
  return { kernel, stride, dilation, pads: [along(0), along(1)] };
}

/** Padding that is the same on both sides, as the layers take it; null if it differs. */
function evenPadding({ pads: [[top, bottom], [left, right]] }: Window): [number, number] | null {
  return top === bottom && left === right ? [top, left] : null;
}

const padImages = (x: Tensor, { pads }: Pick<Window, 'pads'>, value: number): Tensor =>
  pads.every(([before, after]) => before === 0 && after === 0)
    ? x
    : pad(x, [[0, 0], [0, 0], [...pads[0]], [...pads[1]]], value);

const conv: Operator = (call) => {
  const given = call.tensor(0);
  const x = asImages(call, given);
  const w = call.tensor(1);
  const kernelShape = w.shape.slice(2);
  const asked = call.ints('kernel_shape') ?? kernelShape;
  if (asked.join() !== kernelShape.join())
    throw call.fault(`kernel_shape ${kernelShape.join()}`, asked);
  const window = windowOf(call, given, kernelShape);
  const padding = evenPadding(window);
  const out = conv2d(padding ? x : padImages(x, window, 0), asImages(call, w), call.maybe(2), {
    stride: window.stride,
    padding: padding ?? 0,
    dilation: window.dilation,
    groups: call.int('group', 1),
  });
  return asGiven(out, given.ndim);
};

/** Padding takes pixels of the result away; what an output shape asks for is more or less of it. */
const convTranspose: Operator = (call) => {
  const given = call.tensor(0);
  const x = asImages(call, given);
  const w = asImages(call, call.tensor(1));
  const isLine = given.ndim === 3;
  const window = windowOf(call, given, call.tensor(1).shape.slice(2));
  const asked = call.ints('output_shape');
  const wanted = asked && both(call, asked.slice(isLine ? -1 : -2), isLine, 1);
  const auto = call.text('auto_pad', 'NOTSET');
  const isSame = auto === 'SAME_UPPER' || auto === 'SAME_LOWER';
  const more = both(call, call.ints('output_padding'), isLine, 0);
  const sizes = ([0, 1] as const).map((axis) => {
    const reach = window.dilation[axis] * (window.kernel[axis] - 1) + 1;
    const own = ((x.shape[axis + 2] ?? 1) - 1) * window.stride[axis] + reach;
    const [before, after] = window.pads[axis];
    if (!wanted && !isSame) return { extra: more[axis], before, end: own + more[axis] - after };
    const target = wanted ? wanted[axis] : (x.shape[axis + 2] ?? 0) * window.stride[axis];
    const total = Math.max(0, own + more[axis] - target);
    const less = Math.floor(total / 2);
    const front = auto === 'SAME_UPPER' ? less : total - less;
    return { extra: Math.max(0, target - own), before: front, end: front + target };
  });
  // An output padding is less than the stride, in layers: here it is zeros behind.
  const out = convTranspose2d(x, w, call.maybe(2), {
    stride: window.stride,
    dilation: window.dilation,
    groups: call.int('group', 1),
  });
  const [rows = 0, columns = 0] = sizes.map(({ extra }) => extra);
  const longer = lengthened(out, call.maybe(2), [rows, columns]);
  const ranges = sizes.map(({ before, end }): SliceRange => [before, end]);
  return asGiven(slice(longer, [null, null, ...ranges]), given.ndim);
};

/** Pixels behind that no kernel reaches: they are the bias alone. */
function lengthened(out: Tensor, bias: Tensor | null, [h, w]: readonly [number, number]): Tensor {
  if (h === 0 && w === 0) return out;
  const behind = {
    pads: [
      [0, h],
      [0, w],
    ],
  } as const;
  if (!bias) return padImages(out, behind, 0);
  const column = reshape(bias, [1, -1, 1, 1]);
  return add(padImages(sub(out, column), behind, 0), column);
}

/** With `ceil_mode` a last window counts that begins within the image or the padding before it. */
function ceiled(call: Call, x: Tensor, window: Window): Window {
  if (call.int('ceil_mode', 0) === 0) return window;
  const pads = ([0, 1] as const).map((axis): [number, number] => {
    const [before, after] = window.pads[axis];
    const { kernel, stride, dilation } = window;
    const size = x.shape[axis + 2] ?? 0;
    const reach = dilation[axis] * (kernel[axis] - 1) + 1;
    const windows = Math.ceil((size + before + after - reach) / stride[axis]) + 1;
    const last = (windows - 1) * stride[axis];
    const count = last >= size + before ? windows - 1 : windows;
    return [before, Math.max(after, (count - 1) * stride[axis] + reach - size - before)];
  });
  const [rows = [0, 0], columns = [0, 0]] = pads;
  return { ...window, pads: [rows, columns] };
}

const isSpread = ({ dilation }: Window): boolean => dilation.some((distance) => distance !== 1);

const maxPool: Operator = (call) => {
  if (call.gives(1)) throw call.lacking('the positions of a maximum');
  const given = call.tensor(0);
  const isWhole = !isFloat(given.dtype);
  const x = asImages(call, isWhole ? cast(given, 'float32') : given);
  const window = ceiled(call, x, windowOf(call, given, call.ints('kernel_shape')));
  const { kernel, stride } = window;
  const padding = evenPadding(window);
  const fits = padding?.every((size, axis) => size <= (kernel[axis] ?? 1) / 2) ?? false;
  const out =
    padding && fits && !isSpread(window)
      ? maxPool2d(x, kernel, { stride, padding })
      : taps(padImages(x, window, -Infinity), window).reduce((a, b) => maximum(a, b));
  return asGiven(isWhole ? cast(out, given.dtype) : out, given.ndim);
};

/** For each tap of the kernel the pixels that it meets, `[N, C, OH, OW]`. */
function taps(x: Tensor, { kernel, stride, dilation }: Window): Tensor[] {
  const along = (axis: 0 | 1): SliceRange[] => {
    const size = x.shape[axis + 2] ?? 0;
    const count = outputSize(size, kernel[axis], stride[axis], 0, dilation[axis]);
    if (count < 1) {
      throw new ShapeError(`a kernel of ${kernel[axis]} doesn't fit into ${size} pixels`);
    }
    return Array.from({ length: kernel[axis] }, (_, tap): SliceRange => {
      const from = tap * dilation[axis];
      return [from, from + (count - 1) * stride[axis] + 1, stride[axis]];
    });
  };
  return along(0).flatMap((rows) =>
    along(1).map((columns) => slice(x, [null, null, rows, columns])),
  );
}

const averagePool: Operator = (call) => {
  const given = call.tensor(0);
  const x = asImages(call, given);
  const plain = windowOf(call, given, call.ints('kernel_shape'));
  const window = ceiled(call, x, plain);
  const includesPad = call.int('count_include_pad', 0) === 1;
  const { kernel, stride } = window;
  const padding = evenPadding(window);
  const fits = padding?.every((size, axis) => size <= (kernel[axis] ?? 1) / 2) ?? false;
  if (padding && fits && !isSpread(window) && window === plain) {
    return asGiven(
      avgPool2d(x, kernel, { stride, padding, countIncludePad: includesPad }),
      given.ndim,
    );
  }
  // What a window counts is an average too: that of ones, with 0 where nothing is to count.
  const [, , H = 0, W = 0] = x.shape;
  const one = ones([1, 1, H, W], { dtype: x.dtype });
  const counted = padImages(one, plain, includesPad ? 1 : 0);
  const rest = {
    pads: ([0, 1] as const).map((axis) => [0, window.pads[axis][1] - plain.pads[axis][1]]) as [
      [number, number],
      [number, number],
    ],
  };
  const counts = totals(padImages(counted, rest, 0), window);
  return asGiven(div(totals(padImages(x, window, 0), window), counts), given.ndim);
};

/** The sum of each window. */
const totals = (x: Tensor, window: Window): Tensor => taps(x, window).reduce((a, b) => add(a, b));

/** (Σ|x|ᵖ)^(1/p) of each window. */
const lpPool: Operator = (call) => {
  const given = call.tensor(0);
  const x = asImages(call, given);
  const p = call.int('p', 2);
  const window = ceiled(call, x, windowOf(call, given, call.ints('kernel_shape')));
  const powers = pow(abs(x), p);
  return asGiven(pow(totals(padImages(powers, window, 0), window), 1 / p), given.ndim);
};

const behindChannels = (x: Tensor): number[] => x.shape.slice(2).map((_, i) => i + 2);

const batchNormalization: Operator = (call) => {
  const given = call.tensor(0);
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
    eps: call.float('epsilon', 1e-5),
    training: call.training,
    momentum: 1 - call.float('momentum', 0.9),
  };
  const out = batchNorm(x, runningMean ?? null, runningVar ?? null, options);
  return reshape(out, [...given.shape]);
};

/** Each channel is a group by itself. */
const instanceNormalization: Operator = (call) => {
  const x = call.tensor(0);
  return groupNorm(x, x.shape[1] ?? 0, {
    weight: call.tensor(1),
    bias: call.tensor(2),
    eps: call.float('epsilon', 1e-5),
  });
};

const groupNormalization: Operator = (call) => {
  const x = call.tensor(0);
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
    eps: call.float('epsilon', 1e-5),
  });
};

const layerNormalization: Operator = (call) => {
  const x = call.tensor(0);
  if (call.gives(1) || call.gives(2)) {
    const from = call.axis(x.ndim, -1);
    const axes = x.shape.flatMap((_, axis) => (axis >= from ? [axis] : []));
    const centre = mean(x, axes, { keepdim: true });
    const variance = mean(square(sub(x, centre)), axes, { keepdim: true });
    const inverse = div(1, sqrt(add(variance, call.float('epsilon', 1e-5))));
    const normal = mul(mul(sub(x, centre), inverse), call.tensor(1));
    const bias = call.maybe(2);
    return [bias ? add(normal, bias) : normal, centre, inverse];
  }
  const shape = x.shape.slice(call.axis(x.ndim, -1));
  return layerNorm(x, shape, {
    weight: reshape(call.tensor(1), shape),
    bias: call.has(2) ? reshape(call.tensor(2), shape) : null,
    eps: call.float('epsilon', 1e-5),
  });
};

const rmsNormalization: Operator = (call) => {
  const x = call.tensor(0);
  const shape = x.shape.slice(call.axis(x.ndim, -1));
  // A factor may be shared by some of the axes.
  return mul(rmsNorm(x, shape, { eps: call.float('epsilon', 1e-5) }), call.tensor(1));
};

/** Each pixel is divided by what its neighbours among the channels hold. */
const localResponse: Operator = (call) => {
  const x = call.tensor(0);
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
    const scores = call.tensor(0);
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
    const x = call.tensor(0);
    return mean(x, behindChannels(x), { keepdim: true });
  },
  GlobalMaxPool: (call) => {
    const x = call.tensor(0);
    return max(x, behindChannels(x), { keepdim: true });
  },
  GlobalLpPool: (call) => {
    const x = call.tensor(0);
    const p = call.int('p', 2);
    return pow(sum(pow(abs(x), p), behindChannels(x), { keepdim: true }), 1 / p);
  },
  Col2Im: (call) => {
    const [H = 0, W = 0, ...others] = call.numbers(1);
    if (others.length > 0) throw call.lacking('an image of more than two axes');
    const [KH = 0, KW = 0] = call.numbers(2);
    const stride = both(call, call.ints('strides'), false, 1);
    const dilation = both(call, call.ints('dilations'), false, 1);
    const [top = 0, left = 0, bottom = 0, right = 0] = call.ints('pads') ?? [];
    const out = fold(call.tensor(0), [H + top + bottom, W + left + right], [KH, KW], {
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
    const x = call.tensor(0);
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
