import type { DType } from '@unfold/core';
import { float } from './builder.js';
import type { Emit, Emitters, Step } from './step.js';

/** Of one tensor, by the operator of the same meaning. */
const unary =
  (op: string): Emit =>
  (step) =>
    step.emit(op, [step.operand('x', step.out.dtype)]);

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

/** x times a constant. */
const scaled =
  (op: string, factor: number): Emit =>
  (step) => {
    const { dtype } = step.out;
    return step.emit('Mul', [
      step.emit(op, [step.operand('x', dtype)]),
      step.scalar(dtype, factor),
    ]);
  };

/** A function of x and of constants in its dtype. */
function formula(
  write: (x: string, constant: (value: number) => string, step: Step) => string,
): Emit {
  return (step) => {
    const { dtype } = step.out;
    return write(step.operand('x', dtype), (value) => step.scalar(dtype, value), step);
  };
}

const same: Emit = (step) => step.in('x');

/** A layer that does nothing in evaluation. */
const untilTraining: Emit = (step) => {
  if (step.attributes['training'] !== true) return step.in('x');
  throw step.refusal('it is random in training', 'model.eval() comes before an export');
};

/** By the angle of a/b, which half a turn is added to where b is negative. */
const atan2: Emit = (step) => {
  const { dtype } = step.out;
  const [a, b] = operands(step, dtype);
  const zero = step.scalar(dtype, 0);
  const quotient = step.emit('Div', [a, b]);
  // 0/0 is none; the angle is 0 there, or half a turn.
  const known = step.emit('Where', [step.emit('Equal', [a, zero]), zero, quotient]);
  const halfTurn = step.emit('Where', [
    step.emit('Less', [a, zero]),
    step.scalar(dtype, -Math.PI),
    step.scalar(dtype, Math.PI),
  ]);
  const more = step.emit('Where', [step.emit('Less', [b, zero]), halfTurn, zero]);
  return step.emit('Add', [step.emit('Atan', [known]), more]);
};

/** ln(1 + e^(beta·x))/beta, and x where beta·x is above the threshold. */
const softplus = formula((x, constant, step) => {
  const beta = step.number('beta');
  const scaled = beta === 1 ? x : step.emit('Mul', [x, constant(beta)]);
  const soft = step.emit('Softplus', [scaled]);
  const even = beta === 1 ? soft : step.emit('Div', [soft, constant(beta)]);
  const isLinear = step.emit('Greater', [scaled, constant(step.number('threshold'))]);
  return step.emit('Where', [isLinear, x, even]);
});

/** Functions of single elements. */
export const ELEMENTWISE: Emitters = {
  add: binary('Add'),
  sub: binary('Sub'),
  mul: binary('Mul'),
  div: binary('Div'),
  pow: binary('Pow'),
  maximum: binary('Max'),
  minimum: binary('Min'),
  floorDivide: (step) => {
    const { dtype } = step.out;
    const isFloat = dtype === 'float32' || dtype === 'float64';
    const [a, b] = operands(step, isFloat ? dtype : 'float64');
    const floor = step.emit('Floor', [step.emit('Div', [a, b])]);
    return isFloat ? floor : step.cast(floor, 'float64', dtype);
  },
  atan2,
  remainder: (step) => {
    const [a, b] = operands(step, step.out.dtype);
    if (step.out.dtype !== 'float32' && step.out.dtype !== 'float64') {
      return step.emit('Mod', [a, b]);
    }
    const whole = step.emit('Floor', [step.emit('Div', [a, b])]);
    return step.emit('Sub', [a, step.emit('Mul', [whole, b])]);
  },
  eq: comparison('Equal'),
  lt: comparison('Less'),
  gt: comparison('Greater'),
  le: comparison('LessOrEqual'),
  ge: comparison('GreaterOrEqual'),
  ne: (step) => step.emit('Not', [comparison('Equal')(step) as string]),
  logicalAnd: logic('And'),
  logicalOr: logic('Or'),
  logicalXor: logic('Xor'),
  logicalNot: (step) => step.emit('Not', [step.operand('x', 'bool')]),
  isNaN: (step) => step.emit('IsNaN', [step.in('x')]),
  isInf: (step) => step.emit('IsInf', [step.in('x')]),
  isFinite: (step) => {
    const x = step.in('x');
    return step.emit('Not', [step.emit('Or', [step.emit('IsNaN', [x]), step.emit('IsInf', [x])])]);
  },
  where: (step) => {
    const { dtype } = step.out;
    const condition = step.operand('condition', 'bool');
    return step.emit('Where', [condition, ...operands(step, dtype)]);
  },
  maskedFill: (step) =>
    step.emit('Where', [
      step.operand('mask', 'bool'),
      step.operand('value', step.out.dtype),
      step.in('x'),
    ]),
  cast: (step) => step.cast(step.in('x'), step.value('x').dtype, step.out.dtype),
  clone: same,
  dropout: untilTraining,
  dropout2d: untilTraining,

  abs: unary('Abs'),
  neg: unary('Neg'),
  exp: unary('Exp'),
  log: unary('Log'),
  sqrt: unary('Sqrt'),
  reciprocal: unary('Reciprocal'),
  sin: unary('Sin'),
  cos: unary('Cos'),
  tan: unary('Tan'),
  asin: unary('Asin'),
  acos: unary('Acos'),
  atan: unary('Atan'),
  sinh: unary('Sinh'),
  cosh: unary('Cosh'),
  tanh: unary('Tanh'),
  erf: unary('Erf'),
  floor: unary('Floor'),
  ceil: unary('Ceil'),
  round: unary('Round'),
  sign: unary('Sign'),
  relu: unary('Relu'),
  sigmoid: unary('Sigmoid'),
  log2: scaled('Log', Math.LOG2E),
  log10: scaled('Log', Math.LOG10E),
  square: formula((x, _, step) => step.emit('Mul', [x, x])),
  rsqrt: formula((x, _, step) => step.emit('Reciprocal', [step.emit('Sqrt', [x])])),
  trunc: formula((x, _, step) =>
    step.emit('Mul', [step.emit('Sign', [x]), step.emit('Floor', [step.emit('Abs', [x])])]),
  ),
  // ONNX has neither of the two; near 0 they lose the digits that the 1 takes.
  expm1: formula((x, constant, step) => step.emit('Sub', [step.emit('Exp', [x]), constant(1)])),
  log1p: formula((x, constant, step) => step.emit('Log', [step.emit('Add', [x, constant(1)])])),
  silu: formula((x, _, step) => step.emit('Mul', [x, step.emit('Sigmoid', [x])])),
  gelu: formula((x, constant, step) => {
    const half = step.emit('Mul', [x, constant(0.5)]);
    const inner =
      step.attributes['approximate'] === 'tanh'
        ? step.emit('Tanh', [tanhArgument(x, constant, step)])
        : step.emit('Erf', [step.emit('Mul', [x, constant(Math.SQRT1_2)])]);
    return step.emit('Mul', [half, step.emit('Add', [inner, constant(1)])]);
  }),
  relu6: formula((x, constant, step) => step.emit('Clip', [x, constant(0), constant(6)])),
  hardsigmoid: (step) =>
    step.emit('HardSigmoid', [step.in('x')], { alpha: float(1 / 6), beta: float(0.5) }),
  hardswish: unary('HardSwish'),
  selu: unary('Selu'),
  elu: (step) => step.emit('Elu', [step.in('x')], { alpha: float(step.number('alpha')) }),
  mish: formula((x, _, step) =>
    step.emit('Mul', [x, step.emit('Tanh', [step.emit('Softplus', [x])])]),
  ),
  softplus,
  prelu: (step) => {
    const { shape } = step.value('x');
    const { shape: slopes } = step.value('weight');
    // A slope for each channel, the second axis.
    const behind = slopes[0] === 1 ? [] : shape.slice(2).map(() => 1);
    const weight = step.reshapeFixed(step.in('weight'), ...slopes, ...behind);
    return step.emit('PRelu', [step.in('x'), weight]);
  },
  leakyRelu: (step) =>
    step.emit('LeakyRelu', [step.in('x')], { alpha: float(step.number('slope')) }),
  clamp: (step) => {
    const { dtype } = step.out;
    const bound = (name: string): string =>
      step.attributes[name] === undefined || step.attributes[name] === null
        ? ''
        : step.scalar(dtype, step.number(name));
    const max = bound('max');
    return step.emit('Clip', [step.in('x'), bound('min'), ...(max === '' ? [] : [max])]);
  },
};

/** √(2/π)·(x + 0.044715·x³), of Hendrycks and Gimpel's approximation. */
function tanhArgument(x: string, constant: (value: number) => string, step: Step): string {
  const square = step.emit('Mul', [x, x]);
  const cubic = step.emit('Mul', [step.emit('Mul', [square, x]), constant(0.044715)]);
  return step.emit('Mul', [step.emit('Add', [x, cubic]), constant(Math.sqrt(2 / Math.PI))]);
}
