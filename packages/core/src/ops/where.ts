import { defineFunction, defineGradient, type Context } from '../autograd/function.js';
import { full } from '../creation.js';
import { kernelsFor } from '../engine/engine.js';
import { DTypeError } from '../errors.js';
import { tracer } from '../graph/tracer.js';
import { broadcastShapes, broadcastStrides, mergeAxes } from '../shape.js';
import { empty, requireTensor, type Tensor } from '../tensor.js';
import { onTensors } from './promotion.js';
import { bytesOf, sameDType, type Operand } from './support.js';

/** The operation itself, after its operands were made tensors. */
function select(condition: Tensor, a: Tensor, b: Tensor): Tensor {
  if (condition.dtype !== 'bool') {
    throw new DTypeError(`where: expected a bool condition, got ${condition.describe()}`);
  }
  sameDType('where', a, b);
  const operandShape = broadcastShapes('where', a.shape, b.shape);
  const outShape = broadcastShapes('where', condition.shape, operandShape);
  const { shape, strides } = mergeAxes(
    outShape,
    [condition, a, b].map((x) => broadcastStrides(x.shape, outShape)),
  );
  const [conditionStrides, aStrides, bStrides] = strides;
  const out = empty(outShape, a.dtype, 'where');
  kernelsFor(a.dtype).where(out.buffer, bytesOf('where', condition.buffer), a.buffer, b.buffer, {
    shape,
    conditionStrides,
    aStrides,
    bStrides,
  });
  return out;
}

const definition = {
  forward(ctx: Context<{ condition: Tensor }>, condition: Tensor, a: Tensor, b: Tensor) {
    ctx.save({ condition });
    return select(condition, a, b);
  },
  backward(ctx: Context<{ condition: Tensor }>, dOut: Tensor): (Tensor | null)[] {
    const { condition } = ctx.saved;
    const zero = full([], 0, { dtype: dOut.dtype });
    return [
      null,
      ctx.needsInputGrad[1] ? chosen(condition, dOut, zero) : null,
      ctx.needsInputGrad[2] ? chosen(condition, zero, dOut) : null,
    ];
  },
};

const whereFunction = defineFunction('where', definition);
const chosen = defineGradient('where', definition);

/** a where the condition holds, else b; all three broadcast. `condition` is bool. */
export function where<D extends 'float32' | 'float64' | 'int32'>(
  condition: Tensor,
  a: Tensor<D> | number,
  b: Tensor<D> | number,
): Tensor<D>;
export function where(condition: Tensor, a: Operand, b: Operand): Tensor;
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  if (tracer) return tracer.operation('where', where, { condition, a, b });
  requireTensor('where', 'condition', condition);
  return onTensors('where', a, b, (x, y) => whereFunction(condition, x, y));
}
