import { float } from './builder.js';
import type { Emit, Emitters, Step } from './step.js';

/** Reduces `x` over the axes of the operation. */
function reduce(
  step: Step,
  op: string,
  x: string,
  keepdim = step.attributes['keepdim'] === true,
): string {
  const { shape } = step.value('x');
  // Without axes ONNX reduces all; here there is nothing to reduce then.
  if (shape.length === 0) return x;
  const axes = step.axes(shape.length);
  if (axes.length === 0) return x;
  return step.reduce(op, x, axes, keepdim);
}

const reduction =
  (op: string): Emit =>
  (step) =>
    reduce(step, op, step.operand('x', step.out.dtype));

/** Of truth values, which ONNX's reductions don't take. */
const ofTruths =
  (op: string): Emit =>
  (step) =>
    step.cast(
      reduce(step, op, step.cast(step.operand('x', 'bool'), 'bool', 'int32')),
      'int32',
      'bool',
    );

/** Σ(x - mean)² / (count - correction). */
const variance: Emit = (step) => {
  const { dtype } = step.out;
  const x = step.operand('x', dtype);
  const value = step.value('x');
  const axes = step.axes(value.shape.length);
  const deviations = step.emit('Sub', [x, reduce(step, 'ReduceMean', x, true)]);
  const squares = reduce(step, 'ReduceSum', step.emit('Mul', [deviations, deviations]));
  const divisor = Math.max(0, step.countAlong(value, axes) - step.number('correction'));
  return step.emit('Div', [squares, step.scalar(dtype, divisor)]);
};

const norm: Emit = (step) => {
  const { dtype } = step.out;
  const x = step.in('x');
  const p = step.number('p');
  if (p === 2) return reduce(step, 'ReduceL2', x);
  if (p === 1) return reduce(step, 'ReduceL1', x);
  const magnitudes = step.emit('Abs', [x]);
  if (p === Infinity) return reduce(step, 'ReduceMax', magnitudes);
  if (p === -Infinity) return reduce(step, 'ReduceMin', magnitudes);
  if (p === 0) {
    const isZero = step.emit('Equal', [magnitudes, step.scalar(dtype, 0)]);
    return reduce(step, 'ReduceSum', step.cast(step.emit('Not', [isZero]), 'bool', dtype));
  }
  const powers = step.emit('Pow', [magnitudes, step.scalar(dtype, p)]);
  return step.emit('Pow', [reduce(step, 'ReduceSum', powers), step.scalar(dtype, 1 / p)]);
};

/** The position of an extreme, the first of several. */
const position =
  (op: string): Emit =>
  (step) => {
    const x = step.in('x');
    const isWhole = step.attributes['axis'] === undefined || step.attributes['axis'] === null;
    const { shape } = step.value('x');
    const rows = isWhole ? step.emit('Reshape', [x, step.int64(-1)]) : x;
    const axis = isWhole ? 0 : step.axis(shape.length);
    const keepdims = !isWhole && step.attributes['keepdim'] === true ? 1 : 0;
    const at = step.cast(step.emit(op, [rows], { axis, keepdims }), 'int64', 'int32');
    return isWhole ? step.reshape(at, step.out) : at;
  };

const along =
  (op: string): Emit =>
  (step) =>
    step.emit(op, [step.in('x')], { axis: step.axis(step.out.shape.length) });

/** ONNX has no products that run on: they are written out. */
const cumprod: Emit = (step) => {
  const value = step.value('x');
  const axis = step.axis(value.shape.length);
  const count = step.countAlong(value, [axis]);
  const x = step.operand('x', step.out.dtype);
  if (count < 2) return x;
  const ones = step.uniform('int64', count, 1);
  const [first = '', ...rest] = step.emitAll('Split', [x, ones], { axis }, count);
  const products = [first];
  for (const slice of rest) products.push(step.emit('Mul', [products.at(-1) ?? '', slice]));
  return step.emit('Concat', products, { axis });
};

/** x divided by the root of its mean square over the last axes. */
const rmsNorm: Emit = (step) => {
  const { dtype, shape } = step.out;
  const x = step.in('x');
  const count = step.list('normalizedShape').length;
  const axes = Array.from({ length: count }, (_, i) => shape.length - count + i);
  const { eps } = step.attributes;
  const added = typeof eps === 'number' ? eps : dtype === 'float64' ? 2 ** -52 : 2 ** -23;
  const squares = step.emit('Mul', [x, x]);
  const means = step.reduce('ReduceMean', squares, axes, true);
  const root = step.emit('Sqrt', [step.emit('Add', [means, step.scalar(dtype, added)])]);
  const normal = step.emit('Div', [x, root]);
  return step.has('weight') ? step.emit('Mul', [normal, step.in('weight')]) : normal;
};

/** x1·x2 along an axis, of vectors that are divided by their lengths, at least eps. */
const cosineSimilarity: Emit = (step) => {
  const { dtype } = step.out;
  const ndim = Math.max(...step.inputs.map(({ shape }) => shape.length));
  const axis = step.axis(ndim) - ndim;
  const unit = (operand: string): string => {
    const x = step.in(operand);
    const length = step.reduce('ReduceL2', x, [axis], true);
    const eps = step.scalar(dtype, step.number('eps'));
    return step.emit('Div', [x, step.emit('Max', [length, eps])]);
  };
  return step.reduce('ReduceSum', step.emit('Mul', [unit('x1'), unit('x2')]), [axis], false);
};

/** Functions of the elements along axes. */
export const REDUCTIONS: Emitters = {
  sum: reduction('ReduceSum'),
  mean: reduction('ReduceMean'),
  max: reduction('ReduceMax'),
  min: reduction('ReduceMin'),
  prod: reduction('ReduceProd'),
  logSumExp: reduction('ReduceLogSumExp'),
  all: ofTruths('ReduceMin'),
  any: ofTruths('ReduceMax'),
  countNonzero: (step) =>
    reduce(step, 'ReduceSum', step.cast(step.operand('x', 'bool'), 'bool', 'int32')),
  variance,
  std: (step) => step.emit('Sqrt', [variance(step) as string]),
  norm,
  argmax: position('ArgMax'),
  argmin: position('ArgMin'),
  softmax: along('Softmax'),
  logSoftmax: along('LogSoftmax'),
  cumsum: (step) => {
    const { dtype, shape } = step.out;
    return step.emit('CumSum', [
      step.operand('x', dtype),
      step.scalar('int64', step.axis(shape.length)),
    ]);
  },
  cumprod,
  rmsNorm,
  cosineSimilarity,
  layerNorm: (step) => {
    const places = step.list('normalizedShape');
    const { dtype } = step.out;
    const count = places.reduce((product, size) => product * size, 1);
    const weight = step.has('weight')
      ? step.in('weight')
      : step.reshapeFixed(step.uniform(dtype, count, 1), ...places);
    return step.emit(
      'LayerNormalization',
      [step.in('x'), weight, ...(step.has('bias') ? [step.in('bias')] : [])],
      { axis: -places.length, epsilon: float(step.number('eps')) },
    );
  },
};
