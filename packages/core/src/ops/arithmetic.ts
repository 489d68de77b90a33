import { defineFunction, type Context } from '../autograd/function.js';
import { kernelsFor } from '../engine/engine.js';
import { tracer } from '../graph/tracer.js';
import type { Tensor } from '../tensor.js';
import { onTensors } from './promotion.js';
import { binary, requireFloat, requireNumber, type Operand, unary, type Unary } from './support.js';

/**
 * -x.
 * @function
 */
export const neg = defineFunction('neg', {
  forward(_ctx: Context<object>, x: Tensor) {
    requireNumber('neg', x);
    return unary(kernelsFor, 'neg', x, (k, out, data) => k.neg(out, data));
  },
  backward: (_ctx, dOut) => unary(kernelsFor, 'neg', dOut, (k, dX, d) => k.neg(dX, d)),
  recordedBackward: (_ctx, dOut): Tensor => neg(dOut),
}) as Unary;

const addFunction = defineFunction('add', {
  forward(_ctx: Context<object>, a: Tensor, b: Tensor) {
    return binary(kernelsFor, 'add', a, b, (k, out, x, y, geometry) => k.add(out, x, y, geometry));
  },
  backward: (_ctx, dOut) => [dOut, dOut],
});

/** a + b, broadcast. Sums of integers wrap: int32 modulo 2³², uint8 modulo 256. */
export function add<D extends 'float32' | 'float64' | 'int32'>(
  a: Tensor<D> | number,
  b: Tensor<D> | number,
): Tensor<D>;
export function add(a: Operand, b: Operand): Tensor;
export function add(a: Operand, b: Operand): Tensor {
  if (tracer) return tracer.operation('add', add, { a, b });
  return onTensors('add', a, b, addFunction);
}

const subFunction = defineFunction('sub', {
  forward(_ctx: Context<object>, a: Tensor, b: Tensor) {
    return binary(kernelsFor, 'sub', a, b, (k, out, x, y, geometry) => k.sub(out, x, y, geometry));
  },
  backward: (ctx, dOut) => [dOut, ctx.needsInputGrad[1] ? neg(dOut) : null],
});

/** a - b, broadcast. Differences of integers wrap as sums do: 0 - 1 is 255 in uint8. */
export function sub<D extends 'float32' | 'float64' | 'int32'>(
  a: Tensor<D> | number,
  b: Tensor<D> | number,
): Tensor<D>;
export function sub(a: Operand, b: Operand): Tensor;
export function sub(a: Operand, b: Operand): Tensor {
  if (tracer) return tracer.operation('sub', sub, { a, b });
  return onTensors('sub', a, b, subFunction);
}

const mulFunction = defineFunction('mul', {
  forward(ctx: Context<{ a: Tensor; b: Tensor }>, a: Tensor, b: Tensor) {
    ctx.save({ a, b });
    return binary(kernelsFor, 'mul', a, b, (k, out, x, y, geometry) => k.mul(out, x, y, geometry));
  },
  backward(ctx, dOut) {
    const { a, b } = ctx.saved;
    return [
      ctx.needsInputGrad[0] ? mul(dOut, b) : null,
      ctx.needsInputGrad[1] ? mul(dOut, a) : null,
    ];
  },
});

/** a · b element by element, broadcast. Products of integers wrap as sums do. */
export function mul<D extends 'float32' | 'float64' | 'int32'>(
  a: Tensor<D> | number,
  b: Tensor<D> | number,
): Tensor<D>;
export function mul(a: Operand, b: Operand): Tensor;
export function mul(a: Operand, b: Operand): Tensor {
  if (tracer) return tracer.operation('mul', mul, { a, b });
  return onTensors('mul', a, b, mulFunction);
}

const divFunction = defineFunction('div', {
  forward(ctx: Context<{ b: Tensor; out: Tensor }>, a: Tensor, b: Tensor) {
    requireFloat('div', a);
    const out = binary(kernelsFor, 'div', a, b, (k, y, dividend, divisor, geometry) =>
      k.div(y, dividend, divisor, geometry),
    );
    ctx.save({ b, out });
    return out;
  },
  backward(ctx, dOut) {
    const { b, out } = ctx.saved;
    // The quotient first: dOut / b may overflow where a, and with it the gradient by b, is 0.
    const dB = (): Tensor => neg(mul(dOut, div(out, b)));
    return [ctx.needsInputGrad[0] ? div(dOut, b) : null, ctx.needsInputGrad[1] ? dB() : null];
  },
});

/**
 * a / b, broadcast. Integers are float32 here, as in PyTorch: bool, uint8, and int32 without
 * dimensions; `floorDivide` is the quotient of integers.
 * @throws DTypeError for int32 with dimensions, whose quotients float32 might round.
 */
export function div<D extends 'float32' | 'float64'>(
  a: Tensor<D> | number,
  b: Tensor<D> | number,
): Tensor<D>;
export function div(a: Operand, b: Operand): Tensor;
export function div(a: Operand, b: Operand): Tensor {
  if (tracer) return tracer.operation('div', div, { a, b });
  return onTensors('div', a, b, divFunction, 'float');
}
