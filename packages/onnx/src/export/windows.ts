import { float, type Given } from './builder.js';
import { fixed } from '@unfold/core/internal';
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

function windows(step: Step, kernel: readonly number[]): Given {
  const dilations = step.numbers('dilation', kernel.length);
  return {
    kernel_shape: kernel,
    strides: step.numbers('stride', kernel.length),
    pads: pads(step, kernel, dilations),
    dilations,
  };
}

const operands = (step: Step): string[] => [
  step.in('x'),
  step.in('weight'),
  ...(step.has('bias') ? [step.in('bias')] : []),
];

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
    ...(step.attributes['ceilMode'] === true && { ceil_mode: 1 }),
  };
}

const maxPool =
  (ndim: number): Emit =>
  (step) => {
    const { dilation = 1 } = step.attributes;
    return step.emit('MaxPool', [step.in('x')], {
      ...pooling(step, ndim),
      ...(dilation !== 1 && { dilations: step.numbers('dilation', ndim) }),
    });
  };

const averagePool =
  (ndim: number): Emit =>
  (step) => {
    const { divisorOverride = null } = step.attributes;
    const includesPad = divisorOverride !== null || step.attributes['countIncludePad'] !== false;
    const means = step.emit('AveragePool', [step.in('x')], {
      ...pooling(step, ndim),
      count_include_pad: includesPad ? 1 : 0,
    });
    if (divisorOverride === null) return means;
    // A last window that reaches over the edge counts fewer pixels, of which nothing is known here.
    if (step.attributes['ceilMode'] === true) throw step.refusal('ONNX has no divisorOverride');
    const taps = step.numbers('kernelSize', ndim).reduce((count, size) => count * size, 1);
    const factor = step.scalar(step.out.dtype, taps / step.number('divisorOverride'));
    return step.emit('Mul', [means, factor]);
  };

/** Windows that differ are no pooling of ONNX's: each is a mean of its own. */
const adaptive =
  (pool: string, reduce: string): Emit =>
  (step) => {
    const { shape } = step.value('x');
    const ndim = step.out.shape.length - 2;
    const sizes = Array.from({ length: ndim }, (_, i) => step.countAlong(step.value('x'), [i + 2]));
    const counts = step.out.shape.slice(2);
    if (counts.every((count) => count === 1)) return step.emit(`Global${pool}`, [step.in('x')]);
    if (sizes.every((size, i) => size % (counts[i] ?? 1) === 0)) {
      const kernel = sizes.map((size, i) => size / (counts[i] ?? 1));
      return step.emit(pool, [step.in('x')], { kernel_shape: kernel, strides: kernel });
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
    }, step.in('x'));
  };

/** With the running statistics; ONNX wants factors and offsets too. */
const batchNorm: Emit = (step) => {
  if (step.attributes['training'] === true) {
    throw step.refusal('it counts statistics in training', 'model.eval() comes before an export');
  }
  const { dtype, shape } = step.value('runningMean');
  const count = shape[0] ?? 0;
  return step.emit(
    'BatchNormalization',
    [
      step.in('x'),
      step.has('weight') ? step.in('weight') : step.uniform(dtype, count, 1),
      step.has('bias') ? step.in('bias') : step.uniform(dtype, count, 0),
      step.in('runningMean'),
      step.in('runningVar'),
    ],
    { epsilon: float(step.number('eps')) },
  );
};

/** A vector over the channels in a shape that broadcasts to x. */
function byChannel(step: Step, operand: string): string {
  const { shape } = step.value('x');
  const behind = shape.slice(2).map(() => 1);
  return step.reshapeFixed(step.in(operand), shape[1] ?? 0, ...behind);
}

/** Groups of channels as the channels of ONNX's InstanceNormalization. */
const groupNorm: Emit = (step) => {
  const [N] = step.extents(step.value('x'));
  const { dtype } = step.out;
  const groups = step.number('numGroups');
  const rest =
    step
      .value('x')
      .shape.slice(1)
      .reduce((count, size) => count * size, 1) / groups;
  if (!N) throw step.fault('x [N, C, …]', 'none');
  const rows = step.reshapeTo(step.in('x'), [N, fixed(groups), fixed(rest)]);
  const vectors = [step.uniform(dtype, groups, 1), step.uniform(dtype, groups, 0)];
  const epsilon = float(step.number('eps'));
  const normal = step.emit('InstanceNormalization', [rows, ...vectors], { epsilon });
  const back = step.reshape(normal, step.out);
  const scaled = step.has('weight') ? step.emit('Mul', [back, byChannel(step, 'weight')]) : back;
  return step.has('bias') ? step.emit('Add', [scaled, byChannel(step, 'bias')]) : scaled;
};

const instanceNorm: Emit = (step) => {
  const { dtype } = step.out;
  const channels = step.value('x').shape[1] ?? 0;
  const weight = step.has('weight') ? step.in('weight') : step.uniform(dtype, channels, 1);
  const bias = step.has('bias') ? step.in('bias') : step.uniform(dtype, channels, 0);
  const epsilon = float(step.number('eps'));
  return step.attributes['useInputStats'] === true
    ? step.emit('InstanceNormalization', [step.in('x'), weight, bias], { epsilon })
    : step.emit(
        'BatchNormalization',
        [step.in('x'), weight, bias, step.in('runningMean'), step.in('runningVar')],
        { epsilon },
      );
};

const fold: Emit = (step) => {
  if (step.opset < 18)
    throw step.refusal('Col2Im came with operator set 18', '{ opset: 18 } has it');
  const { kernel_shape, ...rest } = windows(step, step.numbers('kernelSize', 2));
  const kernel = step.int64(...(kernel_shape as readonly number[]));
  return step.emit(
    'Col2Im',
    [step.in('columns'), step.int64(...step.numbers('size', 2)), kernel],
    rest,
  );
};

/** Each tap of the kernel is a convolution that gives its pixel alone. */
const unfold: Emit = (step) => {
  const { shape, dtype } = step.value('x');
  const channels = shape[1] ?? 0;
  const kernel = step.numbers('kernelSize', 2);
  const taps = kernel.reduce((product, size) => product * size, 1);
  const one = Array.from({ length: taps * taps }, (_, i) => Number(i % (taps + 1) === 0));
  const all = step.vector(dtype, Array.from({ length: channels }, () => one).flat());
  const weight = step.reshapeFixed(all, channels * taps, 1, ...kernel);
  const columns = step.emit('Conv', [step.in('x'), weight], {
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
  batchNorm,
  groupNorm,
  instanceNorm,
  fold,
  unfold,
};
