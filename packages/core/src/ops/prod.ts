import { defineFunction, type Context } from '../autograd/function.js';
import { isFloat } from '../dtype.js';
import { moreKernelsFor } from '../engine/more.js';
import { tracer } from '../graph/tracer.js';
import type { ReduceGeometry } from '../kernels/contract.js';
import { reducedShape, type Shape } from '../shape.js';
import { empty, type Tensor } from '../tensor.js';
import { mul } from './arithmetic.js';
import { asGiven, gatherAxes, reduction, type ReduceAxes, type ReduceOptions } from './axes.js';
import { concat, reshape, sliceAlong } from './movement.js';
import { composed, zerosOf } from './support.js';

interface Product {
  readonly geometry: ReduceGeometry;
  readonly shape: Shape;
}

/**
 * The gradient of the product along the middle axis of x `[outer, n, inner]`; dOut is `[outer, 1,
 * inner]`. Each element's is the product of all others, which a division would not give at 0. So it is
 * that of a tree of products: halves are multiplied until one row is left, and on the way back each
 * half's gradient is multiplied with the other half. The steps are recorded, and have gradients.
 */
function productGradient(dOut: Tensor, x: Tensor): Tensor {
  const n = x.shape[1];
  if (n === 0) return zerosOf('prod', x.shape, x.dtype);
  if (n === 1) return dOut;
  const half = Math.floor(n / 2);
  const [left, right] = [sliceAlong(x, 1, [0, half]), sliceAlong(x, 1, [half, 2 * half])];
  const joined = mul(left, right);
  if (n % 2 === 0) {
    const dJoined = productGradient(dOut, joined);
    return concat([mul(dJoined, right), mul(dJoined, left)], 1);
  }
  const dNext = productGradient(dOut, concat([joined, sliceAlong(x, 1, [n - 1, n])], 1));
  const dJoined = sliceAlong(dNext, 1, [0, half]);
  return concat(
    [mul(dJoined, right), mul(dJoined, left), sliceAlong(dNext, 1, [half, half + 1])],
    1,
  );
}

const prodFunction = defineFunction('prod', {
  forward(
    ctx: Context<{ x: Tensor; geometry: ReduceGeometry }>,
    x: Tensor,
    { geometry, shape }: Product,
  ) {
    ctx.save({ x, geometry });
    const out = empty(shape, isFloat(x.dtype) ? x.dtype : 'int32', 'prod');
    moreKernelsFor(out.dtype).prod(out.buffer, x.buffer, geometry);
    return out;
  },
  backward(ctx, dOut) {
    const { x, geometry } = ctx.saved;
    const { outer, n, inner } = geometry;
    const d = productGradient(reshape(dOut, [outer, 1, inner]), reshape(x, [outer, n, inner]));
    return reshape(d, x.shape);
  },
});

/**
 * The product over any axes, given as those of `sum`; 1 over no element. float32 multiplies in double
 * precision. Of bool, uint8 and int32 it is int32, and wraps modulo 2³² (PyTorch's is int64). The
 * gradient is right beside zeros, too.
 */
export function prod<D extends 'float32' | 'float64' | 'int32'>(
  x: Tensor<D>,
  axis?: ReduceAxes,
  options?: Pick<ReduceOptions, 'keepdim'>,
): Tensor<D>;
export function prod(
  x: Tensor,
  axis?: ReduceAxes,
  options?: Pick<ReduceOptions, 'keepdim'>,
): Tensor;
export function prod(
  x: Tensor,
  axis?: ReduceAxes,
  options?: Pick<ReduceOptions, 'keepdim'>,
): Tensor {
  const given = reduction('prod', x, axis, options);
  if (tracer) return tracer.operation('prod', prod, asGiven(x, axis, given));
  const { axes, keepdim } = given;
  const shape = reducedShape(x.shape, axes, keepdim);
  return composed(() => {
    const gathered = gatherAxes(x, axes);
    return prodFunction(gathered.x, { geometry: gathered.geometry, shape });
  });
}
