import {
  abs,
  acos,
  add,
  asin,
  atan,
  cast,
  ceil,
  clamp,
  cos,
  cosh,
  div,
  eq,
  erf,
  exp,
  expm1,
  floor,
  ge,
  gelu,
  gt,
  isInf,
  isNaN,
  le,
  leakyRelu,
  log,
  log1p,
  logicalAnd,
  logicalNot,
  logicalOr,
  logicalXor,
  lt,
  maximum,
  minimum,
  mul,
  neg,
  pow,
  reciprocal,
  relu,
  remainder,
  round,
  sigmoid,
  sign,
  sin,
  sinh,
  sqrt,
  sub,
  tan,
  tanh,
  trunc,
  where,
  type DType,
  type Tensor,
} from '@unfold/core';
import { isFloat } from '@unfold/core/internal';
import { dropout, elu, hardswish, mish, softplus } from '@unfold/nn';
import { Known, type Call, type Operator, type Operators } from './call.js';

const unary =
  (compute: (x: Tensor) => Tensor): Operator =>
  (call) =>
    compute(call.x);

const binary =
  (compute: (a: Tensor, b: Tensor) => Tensor): Operator =>
  (call) =>
    compute(call.x, call.tensor(1));

/** Of any number of tensors. */
const several =
  (compute: (a: Tensor, b: Tensor) => Tensor): Operator =>
  (call) => {
    const [first, ...rest] = call.tensors();
    if (!first) throw call.fault('an input', 'none');
    return rest.reduce((a, b) => compute(a, b), first);
  };

/** x in another dtype, if it isn't in it. */
const as = (x: Tensor, dtype: DType): Tensor => (x.dtype === dtype ? x : cast(x, dtype));

/** What is computed in floats, in the dtype of a. */
function inFloats(a: Tensor, b: Tensor, compute: (a: Tensor, b: Tensor) => Tensor): Tensor {
  const dtype = isFloat(a.dtype) ? a.dtype : 'float64';
  return as(compute(as(a, dtype), as(b, dtype)), a.dtype);
}

/** Whole numbers are divided towards 0. */
const divided = (a: Tensor, b: Tensor): Tensor =>
  isFloat(a.dtype) ? div(a, b) : inFloats(a, b, (x, y) => trunc(div(x, y)));

/** A bound of Clip: an attribute once, an input since, and perhaps an empty one. */
function bound(call: Call, name: 'min' | 'max', position: number): number | undefined {
  if (call.opset < 11) return call.attribute(name, 'float');
  return call.number(position);
}

function clip(call: Call): Tensor {
  const { x } = call;
  const min = bound(call, 'min', 1);
  const max = bound(call, 'max', 2);
  if (min === undefined && max === undefined) return x;
  // Where they cross, the upper one holds.
  const low = min === undefined ? x : maximum(x, min);
  return isFloat(x.dtype) && !(min !== undefined && max !== undefined && min > max)
    ? clamp(x, { ...(min !== undefined && { min }), ...(max !== undefined && { max }) })
    : max === undefined
      ? low
      : minimum(low, max);
}

/** From here on ln(1 + eˣ) is x in float64 too: ONNX has no threshold before. */
const EXACTLY_LINEAR = 80;

const hardSigmoid = (x: Tensor, alpha: number, beta: number): Tensor =>
  clamp(add(mul(x, alpha), beta), { min: 0, max: 1 });

/** Numbers of another type. int64 stays what is known of it. */
const castTo: Operator = (call) => {
  const given = call.given(0);
  const dtype = call.dtype(call.int('to', 0));
  if (given instanceof Known && !isFloat(dtype) && dtype !== 'bool' && !isFloat(given.dtype)) {
    return new Known(dtype, given.shape, given.numbers);
  }
  const { x } = call;
  return isFloat(x.dtype) && dtype === 'bool' ? logicalNot(eq(x, 0)) : as(x, dtype);
};

/** Functions of single elements. */
export const ELEMENTWISE: Operators = {
  Abs: unary(abs),
  Neg: unary(neg),
  Exp: unary(exp),
  Log: unary(log),
  Sqrt: unary(sqrt),
  Sin: unary(sin),
  Cos: unary(cos),
  Tan: unary(tan),
  Asin: unary(asin),
  Acos: unary(acos),
  Atan: unary(atan),
  Sinh: unary(sinh),
  Cosh: unary(cosh),
  Tanh: unary(tanh),
  Asinh: unary((x) => {
    const positive = abs(x);
    return mul(sign(x), log(add(positive, sqrt(add(mul(positive, positive), 1)))));
  }),
  Acosh: unary((x) => log(add(x, sqrt(sub(mul(x, x), 1))))),
  Atanh: unary((x) => mul(sub(log1p(x), log1p(neg(x))), 0.5)),
  Erf: unary(erf),
  Floor: unary(floor),
  Ceil: unary(ceil),
  Round: unary(round),
  Sign: unary(sign),
  Reciprocal: unary(reciprocal),
  Not: unary(logicalNot),
  IsNaN: unary(isNaN),
  IsInf: (call) => {
    const { x } = call;
    const asked = call.int('detect_positive', 1) + 2 * call.int('detect_negative', 1);
    if (asked === 0) return logicalAnd(isInf(x), logicalNot(isInf(x)));
    if (asked === 3) return isInf(x);
    return eq(x, asked === 1 ? Infinity : -Infinity);
  },
  Relu: unary(relu),
  Sigmoid: unary(sigmoid),
  Softplus: unary((x) => softplus(x, { threshold: EXACTLY_LINEAR })),
  Softsign: unary((x) => div(x, add(abs(x), 1))),
  Mish: unary(mish),
  HardSwish: unary(hardswish),
  HardSigmoid: (call) => hardSigmoid(call.x, call.float('alpha', 0.2), call.float('beta', 0.5)),
  LeakyRelu: (call) => leakyRelu(call.x, { slope: call.float('alpha', 0.01) }),
  Elu: (call) => elu(call.x, { alpha: call.float('alpha', 1) }),
  Selu: (call) => {
    const alpha = call.float('alpha', 1.6732632423543772);
    return mul(elu(call.x, { alpha }), call.float('gamma', 1.0507009873554805));
  },
  Celu: (call) => {
    const { x } = call;
    const alpha = call.float('alpha', 1);
    return add(relu(x), minimum(mul(expm1(div(x, alpha)), alpha), 0));
  },
  ThresholdedRelu: (call) => {
    const { x } = call;
    return where(gt(x, call.float('alpha', 1)), x, 0);
  },
  Shrink: (call) => {
    const { x } = call;
    const limit = call.float('lambd', 0.5);
    const bias = call.float('bias', 0);
    return where(lt(x, -limit), add(x, bias), where(gt(x, limit), sub(x, bias), 0));
  },
  Gelu: (call) => {
    const approximate = call.text('approximate', 'none');
    if (approximate !== 'none' && approximate !== 'tanh') {
      throw call.fault('none or tanh for approximate', approximate);
    }
    return gelu(call.x, { approximate });
  },
  Swish: (call) => {
    const { x } = call;
    return mul(x, sigmoid(mul(x, call.float('alpha', 1))));
  },
  PRelu: (call) => {
    const { x } = call;
    return where(lt(x, 0), mul(x, call.tensor(1)), x);
  },
  Clip: clip,
  Dropout: (call) => {
    const { x } = call;
    const p = call.opset >= 12 ? (call.number(1) ?? 0.5) : call.float('ratio', 0.5);
    const isAsked = call.opset < 12 || !call.has(2) || call.number(2) !== 0;
    if (call.training && isAsked) {
      if (call.gives(1)) throw call.lacking('the mask of a dropout in training');
      return dropout(x, { p });
    }
    return call.gives(1) ? [x, eq(x, x)] : x;
  },
  Identity: (call) => call.given(0),

  Add: binary(add),
  Sub: binary(sub),
  Mul: binary(mul),
  Div: binary(divided),
  Pow: binary((a, b) => inFloats(a, b, pow)),
  Mod: (call) => {
    const a = call.x;
    const b = call.tensor(1);
    if (call.int('fmod', 0) === 0) return remainder(a, b);
    return inFloats(a, b, (x, y) => sub(x, mul(trunc(div(x, y)), y)));
  },
  Max: several(maximum),
  Min: several(minimum),
  Sum: several(add),
  Mean: (call) => div(several(add)(call) as Tensor, call.inputCount),
  Equal: binary(eq),
  Less: binary(lt),
  Greater: binary(gt),
  LessOrEqual: binary(le),
  GreaterOrEqual: binary(ge),
  And: binary(logicalAnd),
  Or: binary(logicalOr),
  Xor: binary(logicalXor),
  Where: (call) => where(call.x, call.tensor(1), call.tensor(2)),
  Cast: castTo,
  CastLike: (call) => cast(call.x, call.given(1).dtype),
};
