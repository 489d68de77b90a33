import type { DType, Value } from '@unfold/core';
import { isFloat } from '@unfold/core/internal';
import { torchDtype } from '../names.js';
import {
  atom,
  call,
  float,
  infix,
  method,
  prefix,
  type Expression,
  type Operator,
} from '../python.js';
import { cast, functional, methodical } from './call.js';
import type { Step, Translate, Translations } from './step.js';

/** From the dtype that holds least to the one that holds most. */
const ORDER: readonly DType[] = ['bool', 'uint8', 'int32', 'float32', 'float64'];
const largest = (values: readonly Value[]): number =>
  Math.max(...values.map(({ dtype }) => ORDER.indexOf(dtype)));

/** bool, integers and floats by their places in `ORDER`. */
const kindOf = (place: number): number => Math.ceil(place / 2);

/** The dtype in which PyTorch computes with two tensors: one without dimensions decides by its kind only. */
function promoted(values: readonly Value[]): DType | undefined {
  const isScalar = ({ shape }: Value): boolean => shape.length === 0;
  const [all, dimensioned] = [largest(values), largest(values.filter((x) => !isScalar(x)))];
  return ORDER[kindOf(dimensioned) === kindOf(all) ? dimensioned : all];
}

/** A number as a tensor without dimensions. */
const scalar = (value: number, dtype: DType = 'float32'): Expression =>
  call('torch.tensor', [float(value)], {
    dtype: dtype === 'float32' ? undefined : atom(torchDtype(dtype)),
  });

/**
 * The tensors or numbers a and b, cast where PyTorch computes in another dtype: it makes int64 of a bool
 * and a whole number, and subtracts no bool.
 */
function operands(step: Step): [a: Expression, b: Expression] {
  const tensors = ['a', 'b'].flatMap((name) => (step.has(name) ? [step.value(name)] : []));
  const { dtype } = step.out;
  const common = dtype === 'bool' ? (ORDER[largest(tensors)] ?? 'float32') : dtype;
  const isOther = tensors.length === 2 && promoted(tensors) !== common;
  const written = (name: string): Expression => {
    if (!step.has(name)) return step.operand(name);
    const own = step.value(name).dtype;
    const isCast = own !== common && (isOther || own === 'bool');
    return isCast ? cast(step.in(name), common) : step.in(name);
  };
  // Two numbers would be no tensor.
  return [tensors.length === 0 ? scalar(step.number('a')) : written('a'), written('b')];
}

const arithmetic =
  (operator: Operator): Translate =>
  (step) =>
    infix(operator, ...operands(step));

/** By a function that takes tensors only. */
const ofTensors = (step: Step, callee: string, dtype: DType = 'float32'): Expression =>
  call(
    callee,
    ['a', 'b'].map((name) => (step.has(name) ? step.in(name) : scalar(step.number(name), dtype))),
  );

/** By an operator where both are bool. */
const logic =
  (operator: Operator, callee: string): Translate =>
  (step) => {
    const areBool = step.inputs.length === 2 && step.inputs.every(({ dtype }) => dtype === 'bool');
    return areBool ? infix(operator, step.in('a'), step.in('b')) : ofTensors(step, callee);
  };

/** The larger or smaller of two; a number is a bound. */
const extreme =
  (callee: string, bound: 'min' | 'max'): Translate =>
  (step) => {
    const [a, b] = operands(step);
    if (step.inputs.length === 2) return call(callee, [a, b]);
    return step.has('b')
      ? method(b, 'clamp', [], { [bound]: a })
      : method(a, 'clamp', [], { [bound]: b });
  };

/** The functions of torch that have the name of ours. */
const unary = (...names: readonly string[]): Translations =>
  Object.fromEntries(names.map((name) => [name, functional(`torch.${name}`, ['x'])]));

/** x between bounds, of which an integer has no infinite ones. */
const clamp: Translate = (step) => {
  const bounds = ['min', 'max'].flatMap((name) => {
    const bound = step.attributes[name];
    return typeof bound === 'number' && (isFloat(step.out.dtype) || Number.isFinite(bound))
      ? [[name, bound] as const]
      : [];
  });
  const x = step.in('x');
  return bounds.length === 0 ? x : method(x, 'clamp', [], Object.fromEntries(bounds));
};

const where: Translate = (step) => {
  // Two numbers are floats.
  const isPlain = !step.has('a') && !step.has('b');
  const chosen = isPlain ? ['a', 'b'].map((name) => float(step.number(name))) : operands(step);
  return call('torch.where', [step.in('condition'), ...chosen]);
};

/** Functions of single elements. */
export const ELEMENTWISE: Translations = {
  add: arithmetic('+'),
  sub: arithmetic('-'),
  mul: arithmetic('*'),
  div: arithmetic('/'),
  pow: arithmetic('**'),
  // A number's remainders, and the operator // of floats, have no gradient in PyTorch.
  remainder: (step) =>
    step.has('a') ? arithmetic('%')(step) : ofTensors(step, 'torch.remainder', step.out.dtype),
  floorDivide: (step) =>
    isFloat(step.out.dtype)
      ? call('torch.div', operands(step), { rounding_mode: 'floor' })
      : arithmetic('//')(step),
  eq: arithmetic('=='),
  ne: arithmetic('!='),
  lt: arithmetic('<'),
  le: arithmetic('<='),
  gt: arithmetic('>'),
  ge: arithmetic('>='),
  atan2: (step) => ofTensors(step, 'torch.atan2', step.out.dtype),
  maximum: extreme('torch.maximum', 'min'),
  minimum: extreme('torch.minimum', 'max'),
  logicalAnd: logic('&', 'torch.logical_and'),
  logicalOr: logic('|', 'torch.logical_or'),
  logicalXor: logic('^', 'torch.logical_xor'),
  logicalNot: (step) =>
    step.value('x').dtype === 'bool'
      ? prefix('~', step.in('x'))
      : call('torch.logical_not', [step.in('x')]),
  isNaN: functional('torch.isnan', ['x']),
  isInf: functional('torch.isinf', ['x']),
  isFinite: functional('torch.isfinite', ['x']),
  where,
  maskedFill: methodical('masked_fill', ['mask', 'value']),
  cast: (step) => cast(step.in('x'), step.out.dtype),
  clone: methodical('clone'),
  neg: (step) => prefix('-', step.in('x')),
  ...unary('abs', 'exp', 'expm1', 'log', 'log1p', 'log2', 'log10', 'sqrt', 'rsqrt', 'square'),
  ...unary('reciprocal', 'floor', 'ceil', 'round', 'trunc', 'sign', 'erf', 'sigmoid', 'tanh'),
  ...unary('sin', 'cos', 'tan', 'asin', 'acos', 'atan', 'sinh', 'cosh'),
  clamp,
  relu: functional('F.relu', ['x']),
  relu6: functional('F.relu6', ['x']),
  leakyRelu: functional('F.leaky_relu', ['x'], { slope: 0.01 }),
  prelu: functional('F.prelu', ['x', 'weight']),
  silu: functional('F.silu', ['x']),
  gelu: functional('F.gelu', ['x'], { approximate: 'none' }),
  elu: functional('F.elu', ['x'], { alpha: 1 }),
  selu: functional('F.selu', ['x']),
  mish: functional('F.mish', ['x']),
  softplus: functional('F.softplus', ['x'], { beta: 1, threshold: 20 }),
  hardsigmoid: functional('F.hardsigmoid', ['x']),
  hardswish: functional('F.hardswish', ['x']),
  dropout: functional('F.dropout', ['x'], { p: 0.5, training: true }),
  dropout2d: functional('F.dropout2d', ['x'], { p: 0.5, training: true }),
};
