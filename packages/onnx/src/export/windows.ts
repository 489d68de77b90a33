import { sizeOf } from '@unfold/core';
import { fixed } from '@unfold/nn/internal';
import type { Given } from './builder.js';
import type { Emit, Emitters, Step } from './step.js';

/** The sizes of the kernel behind the channels. */
function kernelOf(step: Step): readonly number[] {
  return step.value('weight').shape.slice(2);
}

/** Padding as ONNX gives it: in front of all axes, then behind. */
function pads(step: Step, kernel: readonly number[], dilation: readonly number[]): number[] {
  const { padding } = step.attributes;
  if (padding === 'valid') return kernel.flatMap(() => [0, 0]);
  if (padding === 'same') {
    const totals = kernel.map((size, axis) => (dilation[axis] ?? 1) * (size - 1));
    const before = totals.map((total) => Math.floor(total / 2));
    return [...before, ...totals.map((total, axis) => total - (before[axis] ?? 0))];
  }
  const both = step.numbers('padding', kernel.length);
  return [...both, ...both];
}

function windows(step: Step, kernel: readonly number[]) {
  const dilations = step.numbers('dilation', kernel.length);
  return {
    kernel_shape: kernel,
    strides: step.numbers('stride', kernel.length),
    pads: pads(step, kernel, dilations),
    dilations,
  };
}

const operands = (step: Step): string[] => [step.x, step.in('weight'), ...step.optional('bias')];

const conv: Emit = (step) =>
  step.emit('Conv', operands(step), {
    ...windows(step, kernelOf(step)),
    group: step.number('groups'),
  });

const convTranspose: Emit = (step) => {
  const kernel = kernelOf(step);
  return step.emit('ConvTranspose', operands(step), {
    ...windows(step, kernel),
    output_padding: step.numbers('outputPadding', kernel.length),
    group: step.number('groups'),
  });
};

/** Strides and padding of a pooling over `ndim` axes. */
function pooling(step: Step, ndim: number): Given {
  const padding = step.numbers('padding', ndim);
  return {
    kernel_shape: step.numbers('kernelSize', ndim),
    strides: step.numbers('stride', ndim),
    pads: [...padding, ...padding],
    ...(step.flag('ceilMode') && { ceil_mode: 1 }),
  };
}

const maxPool =
  (ndim: number): Emit =>
  (step) => {
    const { dilation = 1 } = step.attributes;
    return step.emit('MaxPool', [step.x], {
      ...pooling(step, ndim),
      ...(dilation !== 1 && { dilations: step.numbers('dilation', ndim) }),
    });
  };

const averagePool =
  (ndim: number): Emit =>
  (step) => {
    const { divisorOverride = null } = step.attributes;
    const includesPad = divisorOverride !== null || step.attributes['countIncludePad'] !== false;
    const means = step.emit('AveragePool', [step.x], {
      ...pooling(step, ndim),
      count_include_pad: includesPad ? 1 : 0,
    });
    if (divisorOverride === null) return means;
    // A last window that reaches over the edge counts fewer pixels, of which nothing is known here.
    if (step.flag('ceilMode')) throw step.lacking('divisorOverride');
    const taps = sizeOf(step.numbers('kernelSize', ndim));
    return step.emit('Mul', [means, taps / step.number('divisorOverride')]);
  };

/** Windows that differ are no pooling of ONNX's: each is a mean of its own. */
const adaptive =
  (pool: string, reduce: string): Emit =>
  (step) => {
    const { shape } = step.value('x');
    const ndim = step.out.shape.length - 2;
    const sizes = Array.from({ length: ndim }, (_, i) => step.countAlong(step.value('x'), [i + 2]));
    const counts = step.out.shape.slice(2);
    if (counts.every((count) => count === 1)) return step.emit(`Global${pool}`, [step.x]);
    if (sizes.every((size, i) => size % (counts[i] ?? 1) === 0)) {
      const kernel = sizes.map((size, i) => size / (counts[i] ?? 1));
      return step.emit(pool, [step.x], { kernel_shape: kernel, strides: kernel });
    }
    return counts.reduce((x, count, i) => {
      const axis = i + 2;
      const size = shape[axis] ?? 0;
      const parts = Array.from({ length: count }, (_, at) => {
        const from = step.int64(Math.floor((at * size) / count));
        const to = step.int64(Math.ceil(((at + 1) * size) / count));
        const part = step.emit('Slice', [x, from, to, step.int64(axis)]);
        return step.reduce(reduce, part, [axis], true);
      });
      return step.emit('Concat', parts, { axis });
    }, step.x);
  };

/** By the statistics of each image, or the running ones. */
function normalised(step: Step, isByImage: boolean): string {
  const operands = [step.x, ...step.affine(step.value('x').shape[1] ?? 0)];
  const epsilon = step.float('eps');
  return isByImage
    ? step.emit('InstanceNormalization', operands, { epsilon })
    : step.emit(
        'BatchNormalization',
        [...operands, step.in('runningMean'), step.in('runningVar')],
        { epsilon },
      );
}

/** A vector over the channels in a shape that broadcasts to x. */
function byChannel(step: Step, operand: string): string {
  const { shape } = step.value('x');
  const behind = shape.slice(2).map(() => 1);
  return step.reshapeFixed(step.in(operand), shape[1] ?? 0, ...behind);
}

/** Groups of channels as the channels of ONNX's InstanceNormalization. */
const groupNorm: Emit = (step) => {
  const { shape } = step.value('x');
  const [N] = step.extents(step.value('x'));
  if (!N) throw step.fault('x [N, C, …]', 'none');
  const groups = step.number('numGroups');
  const rows = step.reshapeTo(step.x, [N, fixed(groups), fixed(sizeOf(shape.slice(1)) / groups)]);
  const vectors = [1, 0].map((value) => step.uniform(step.out.dtype, groups, value));
  const normal = step.emit('InstanceNormalization', [rows, ...vectors], {
    epsilon: step.float('eps'),
  });
  const back = step.reshape(normal, step.out);
  const scaled = step.has('weight') ? step.emit('Mul', [back, byChannel(step, 'weight')]) : back;
  return step.has('bias') ? step.emit('Add', [scaled, byChannel(step, 'bias')]) : scaled;
};

const fold: Emit = (step) => {
  if (step.opset < 18)
    throw step.refusal('Col2Im came with operator set 18', '{ opset: 18 } has it');
  const { kernel_shape, ...rest } = windows(step, step.numbers('kernelSize', 2));
  const sizes = [step.numbers('size', 2), kernel_shape].map((list) => step.int64(...list));
  return step.emit('Col2Im', [step.in('columns'), ...sizes], rest);
};

/** Each tap of the kernel is a convolution that gives its pixel alone. */
const unfold: Emit = (step) => {
  const { shape, dtype } = step.value('x');
  const channels = shape[1] ?? 0;
  const kernel = step.numbers('kernelSize', 2);
  const taps = sizeOf(kernel);
  const one = Array.from({ length: taps * taps }, (_, i) => Number(i % (taps + 1) === 0));
  const all = step.vector(dtype, Array.from({ length: channels }, () => one).flat());
  const weight = step.reshapeFixed(all, channels * taps, 1, ...kernel);
  const columns = step.emit('Conv', [step.x, weight], {
    ...windows(step, kernel),
    group: channels,
  });
  return step.reshape(columns, step.out);
};

/** What slides windows over images, and normalises by their channels. */
export const WINDOWS: Emitters = {
  conv1d: conv,
  conv2d: conv,
  convTranspose1d: convTranspose,
  convTranspose2d: convTranspose,
  maxPool1d: maxPool(1),
  maxPool2d: maxPool(2),
  avgPool1d: averagePool(1),
  avgPool2d: averagePool(2),
  adaptiveAvgPool1d: adaptive('AveragePool', 'ReduceMean'),
  adaptiveAvgPool2d: adaptive('AveragePool', 'ReduceMean'),
  adaptiveMaxPool2d: adaptive('MaxPool', 'ReduceMax'),
  batchNorm: (step) => {
    if (step.flag('training')) throw step.onlyTraining('counts statistics');
    return normalised(step, false);
  },
  groupNorm,
  instanceNorm: (step) => normalised(step, step.flag('useInputStats')),
  fold,
  unfold,
};
