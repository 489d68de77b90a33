import type { DType } from '@unfold/core';
import { isFloat } from '@unfold/core/internal';
import { float } from './builder.js';
import type { Emit, Emitters, Step, Term } from './step.js';

/** Of one tensor in the dtype of the result. */
const formula =
  (write: (x: string, step: Step) => Term): Emit =>
  (step) =>
    step.term(write(step.operand('x', step.out.dtype), step));

const unary = (op: string): Emit => formula((x) => [op, x]);

/** Of two tensors, or of one and a number, in the dtype of the result. */
const binary =
  (op: string): Emit =>
  (step) =>
    step.emit(op, operands(step, step.out.dtype));

function operands(step: Step, type: DType): [string, string] {
  return [step.operand('a', type), step.operand('b', type)];
}

/** From the dtype that holds least to the one that holds most. */
const ORDER: readonly DType[] = ['bool', 'uint8', 'int32', 'float32', 'float64'];

/** The dtype in which two operands are compared: that of the tensor which holds more. */
function common(step: Step): DType {
  const dtypes = step.inputs.map(({ dtype }) => ORDER.indexOf(dtype));
  const beside = step.inputs.length < 2 && step.inputs[0]?.dtype === 'bool';
  return beside ? 'float32' : (ORDER[Math.max(...dtypes)] ?? 'float32');
}

const comparison =
  (op: string): Emit =>
  (step) =>
    step.emit(op, operands(step, common(step)));

const logic =
  (op: string): Emit =>
  (step) =>
    step.emit(op, operands(step, 'bool'));

const same: Emit = (step) => step.x;

/** A layer that does nothing in evaluation. */
const untilTraining: Emit = (step) => {
  if (step.flag('training')) throw step.onlyTraining('is random');
  return step.x;
};

/** By the angle of a/b, which half a turn is added to where b is negative. */
const atan2: Emit = (step) => {
  const [a, b] = operands(step, step.out.dtype);
  // 0/0 is none; the angle is 0 there, or half a turn.
  const known = step.emit('Where', [['Equal', a, 0], 0, ['Div', a, b]]);
  const halfTurn = step.emit('Where', [['Less', a, 0], -Math.PI, Math.PI]);
  return step.emit('Add', [
    ['Atan', known],
    ['Where', ['Less', b, 0], halfTurn, 0],
  ]);
};

/** ln(1 + e^(beta·x))/beta, and x where beta·x is above the threshold. */
const softplus = formula((x, step) => {
  const beta = step.number('beta');
  const scaled = beta === 1 ? x : step.emit('Mul', [x, beta]);
  const soft: Term = ['Softplus', scaled];
  const isLinear: Term = ['Greater', scaled, step.number('threshold')];
  return ['Where', isLinear, x, beta === 1 ? soft : ['Div', soft, beta]];
});

/** Translations by operators whose names in lower case are those of operations. */
const named = (translation: (op: string) => Emit, ops: readonly string[]): Emitters =>
  Object.fromEntries(ops.map((op) => [op.toLowerCase(), translation(op)]));

/** Functions of single elements. */
export const ELEMENTWISE: Emitters = {
  ...named(binary, ['Add', 'Sub', 'Mul', 'Div', 'Pow']),
  maximum: binary('Max'),
  minimum: binary('Min'),
  floorDivide: (step) => {
    const { dtype } = step.out;
    const type = isFloat(dtype) ? dtype : 'float64';
    const floor = step.emit('Floor', [['Div', ...operands(step, type)]]);
    return step.cast(floor, type, dtype);
  },
  atan2,
  remainder: (step) => {
    const { dtype } = step.out;
    const [a, b] = operands(step, dtype);
    return isFloat(dtype)
      ? step.emit('Sub', [a, ['Mul', ['Floor', ['Div', a, b]], b]])
      : step.emit('Mod', [a, b]);
  },
  eq: comparison('Equal'),
  lt: comparison('Less'),
  gt: comparison('Greater'),
  le: comparison('LessOrEqual'),
  ge: comparison('GreaterOrEqual'),
  ne: (step) => step.emit('Not', [['Equal', ...operands(step, common(step))]]),
  logicalAnd: logic('And'),
  logicalOr: logic('Or'),
  logicalXor: logic('Xor'),
  logicalNot: (step) => step.emit('Not', [step.operand('x', 'bool')]),
  isNaN: (step) => step.emit('IsNaN', [step.x]),
  isInf: (step) => step.emit('IsInf', [step.x]),
  isFinite: (step) => step.emit('Not', [['Or', ['IsNaN', step.x], ['IsInf', step.x]]]),
  where: (step) => {
    const { dtype } = step.out;
    const condition = step.operand('condition', 'bool');
    return step.emit('Where', [condition, ...operands(step, dtype)]);
  },
  maskedFill: (step) =>
    step.emit('Where', [
      step.operand('mask', 'bool'),
      step.operand('value', step.out.dtype),
      step.x,
    ]),
  cast: (step) => step.operand('x', step.out.dtype),
  clone: same,
  dropout: untilTraining,
  dropout2d: untilTraining,

  ...named(unary, [
    ...['Abs', 'Neg', 'Exp', 'Log', 'Sqrt', 'Reciprocal', 'Erf', 'Floor', 'Ceil', 'Round', 'Sign'],
    ...['Sin', 'Cos', 'Tan', 'Asin', 'Acos', 'Atan', 'Sinh', 'Cosh', 'Tanh'],
    ...['Relu', 'Sigmoid', 'HardSwish', 'Selu'],
  ]),
  log2: formula((x) => ['Mul', ['Log', x], Math.LOG2E]),
  log10: formula((x) => ['Mul', ['Log', x], Math.LOG10E]),
  square: formula((x) => ['Mul', x, x]),
  rsqrt: formula((x) => ['Reciprocal', ['Sqrt', x]]),
  trunc: formula((x) => ['Mul', ['Sign', x], ['Floor', ['Abs', x]]]),
  // ONNX has neither of the two; near 0 they lose the digits that the 1 takes.
  expm1: formula((x) => ['Sub', ['Exp', x], 1]),
  log1p: formula((x) => ['Log', ['Add', x, 1]]),
  silu: formula((x) => ['Mul', x, ['Sigmoid', x]]),
  gelu: formula((x, step) => {
    const inner: Term =
      step.attributes['approximate'] === 'tanh'
        ? ['Tanh', tanhArgument(x)]
        : ['Erf', ['Mul', x, Math.SQRT1_2]];
    return ['Mul', ['Mul', x, 0.5], ['Add', inner, 1]];
  }),
  relu6: formula((x) => ['Clip', x, 0, 6]),
  hardsigmoid: (step) =>
    step.emit('HardSigmoid', [step.x], { alpha: float(1 / 6), beta: float(0.5) }),
  elu: (step) => step.emit('Elu', [step.x], { alpha: step.float('alpha') }),
  mish: formula((x) => ['Mul', x, ['Tanh', ['Softplus', x]]]),
  softplus,
  prelu: (step) => {
    const { shape } = step.value('x');
    const { shape: slopes } = step.value('weight');
    // A slope for each channel, the second axis.
    const behind = slopes[0] === 1 ? [] : shape.slice(2).map(() => 1);
    const weight = step.reshapeFixed(step.in('weight'), ...slopes, ...behind);
    return step.emit('PRelu', [step.x, weight]);
  },
  leakyRelu: (step) => step.emit('LeakyRelu', [step.x], { alpha: step.float('slope') }),
  clamp: (step) => {
    const bound = (name: string): Term => (step.isGiven(name) ? step.number(name) : '');
    return step.emit('Clip', [step.x, bound('min'), bound('max')]);
  },
};

/** √(2/π)·(x + 0.044715·x³), of Hendrycks and Gimpel's approximation. */
const tanhArgument = (x: string): Term => [
  'Mul',
  ['Add', x, ['Mul', ['Mul', ['Mul', x, x], x], 0.044715]],
  Math.sqrt(2 / Math.PI),
];
