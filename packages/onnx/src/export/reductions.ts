import { sizeOf } from '@unfold/core';
import type { Emit, Emitters, Step, Term } from './step.js';

/** Reduces `x` over the axes of the operation. */
const reduce = (step: Step, op: string, x: Term, keepdim = step.flag('keepdim')): string =>
  step.reduce(op, x, step.axes(), keepdim);

const reduction =
  (op: string): Emit =>
  (step) =>
    reduce(step, op, step.operand('x', step.out.dtype));

/** Truth values as numbers, which ONNX's reductions take. */
const truths = (step: Step): string => step.cast(step.operand('x', 'bool'), 'bool', 'int32');

const ofTruths =
  (op: string): Emit =>
  (step) =>
    step.cast(reduce(step, op, truths(step)), 'int32', 'bool');

/** Σ(x - mean)² / (count - correction). */
function varianceOf(step: Step): Term {
  const x = step.operand('x', step.out.dtype);
  const deviations = step.emit('Sub', [x, reduce(step, 'ReduceMean', x, true)]);
  const squares = reduce(step, 'ReduceSum', ['Mul', deviations, deviations]);
  const count = step.countAlong(step.value('x'), step.axes());
  return ['Div', squares, Math.max(0, count - step.number('correction'))];
}

const norm: Emit = (step) => {
  const { x } = step;
  const p = step.number('p');
  if (p === 2) return reduce(step, 'ReduceL2', x);
  if (p === 1) return reduce(step, 'ReduceL1', x);
  const magnitudes: Term = ['Abs', x];
  if (p === Infinity) return reduce(step, 'ReduceMax', magnitudes);
  if (p === -Infinity) return reduce(step, 'ReduceMin', magnitudes);
  if (p === 0) {
    const isOther = step.emit('Not', [['Equal', magnitudes, 0]]);
    return reduce(step, 'ReduceSum', step.cast(isOther, 'bool', step.out.dtype));
  }
  return step.emit('Pow', [reduce(step, 'ReduceSum', ['Pow', magnitudes, p]), 1 / p]);
};

/** The position of an extreme, the first of several. */
const position =
  (op: string): Emit =>
  (step) => {
    const { x } = step;
    const isWhole = !step.isGiven('axis');
    const [rows, axis] = isWhole ? [step.flat(x), 0] : [x, step.axis()];
    const keepdims = !isWhole && step.flag('keepdim') ? 1 : 0;
    const at = step.cast(step.emit(op, [rows], { axis, keepdims }), 'int64', 'int32');
    return isWhole ? step.reshape(at, step.out) : at;
  };

const along =
  (op: string): Emit =>
  (step) =>
    step.emit(op, [step.x], { axis: step.axis() });

/** ONNX has no products that run on: they are written out. */
const cumprod: Emit = (step) => {
  const axis = step.axis();
  const count = step.countAlong(step.value('x'), [axis]);
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
  const { x } = step;
  const count = step.list('normalizedShape').length;
  const axes = Array.from({ length: count }, (_, i) => shape.length - count + i);
  const { eps } = step.attributes;
  const added = typeof eps === 'number' ? eps : dtype === 'float64' ? 2 ** -52 : 2 ** -23;
  const means = step.reduce('ReduceMean', ['Mul', x, x], axes, true);
  const normal = step.emit('Div', [x, ['Sqrt', ['Add', means, added]]]);
  return step.has('weight') ? step.emit('Mul', [normal, step.in('weight')]) : normal;
};

/** x1·x2 along an axis, of vectors that are divided by their lengths, at least eps. */
const cosineSimilarity: Emit = (step) => {
  const ndim = Math.max(...step.inputs.map(({ shape }) => shape.length));
  const axis = step.axis('axis', ndim) - ndim;
  const unit = (operand: string): Term => {
    const x = step.in(operand);
    return ['Div', x, ['Max', step.reduce('ReduceL2', x, [axis], true), step.number('eps')]];
  };
  return step.reduce('ReduceSum', ['Mul', unit('x1'), unit('x2')], [axis], false);
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
  countNonzero: (step) => reduce(step, 'ReduceSum', truths(step)),
  variance: (step) => step.term(varianceOf(step)),
  std: (step) => step.emit('Sqrt', [varianceOf(step)]),
  norm,
  argmax: position('ArgMax'),
  argmin: position('ArgMin'),
  softmax: along('Softmax'),
  logSoftmax: along('LogSoftmax'),
  cumsum: (step) =>
    step.emit('CumSum', [step.operand('x', step.out.dtype), step.scalar('int64', step.axis())]),
  cumprod,
  rmsNorm,
  cosineSimilarity,
  layerNorm: (step) => {
    const places = step.list('normalizedShape');
    const weight = step.has('weight')
      ? step.in('weight')
      : step.reshapeFixed(step.uniform(step.out.dtype, sizeOf(places), 1), ...places);
    return step.emit('LayerNormalization', [step.x, weight, ...step.optional('bias')], {
      axis: -places.length,
      epsilon: step.float('eps'),
    });
  },
};
