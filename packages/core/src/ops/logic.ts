import { moreKernelsFor } from '../engine/more.js';
import { tracer } from '../graph/tracer.js';
import { isFloat } from '../dtype.js';
import { tensor } from '../creation.js';
import { requireTensor, type Tensor } from '../tensor.js';
import { eq, lt, ne } from './compare.js';
import { abs } from './pointwise.js';
import { requireOperand } from './promotion.js';
import { broadcast, bytesOf, composed, zerosOf, type Operand } from './support.js';

type Logic = 'logicalAnd' | 'logicalOr' | 'logicalXor';

/** Where an operand is not 0; NaN is not. */
export function truthOf(x: Operand): Tensor {
  if (typeof x === 'number') return tensor(x !== 0);
  return x.dtype === 'bool' ? x : ne(x, 0);
}

function logic(name: string, kernel: Logic, a: Operand, b: Operand): Tensor<'bool'> {
  requireOperand(name, 'a', a);
  requireOperand(name, 'b', b);
  return composed(() => {
    const bytes = bytesOf.bind(null, name);
    // The kernel is one of bytes, and the engine's fast kernels are those of float32.
    const kernelsOf = () => moreKernelsFor('float32');
    return broadcast(
      kernelsOf,
      name,
      truthOf(a),
      truthOf(b),
      'bool',
      bytes,
      (k, out, x, y, geometry) => k[kernel](out, bytes(x), bytes(y), geometry),
    );
  });
}

/**
 * Whether a and b are both not 0, element by element, broadcast: a bool tensor. NaN counts as true.
 * Operands of any dtypes, each taken for itself. No gradient.
 */
export function logicalAnd(a: Operand, b: Operand): Tensor<'bool'> {
  if (tracer) return tracer.operation('logicalAnd', logicalAnd, { a, b });
  return logic('logicalAnd', 'logicalAnd', a, b);
}

/** Whether a or b, or both, are not 0; otherwise as `logicalAnd`. */
export function logicalOr(a: Operand, b: Operand): Tensor<'bool'> {
  if (tracer) return tracer.operation('logicalOr', logicalOr, { a, b });
  return logic('logicalOr', 'logicalOr', a, b);
}

/** Whether one of a and b is 0 and the other is not; otherwise as `logicalAnd`. */
export function logicalXor(a: Operand, b: Operand): Tensor<'bool'> {
  if (tracer) return tracer.operation('logicalXor', logicalXor, { a, b });
  return logic('logicalXor', 'logicalXor', a, b);
}

/** Whether x is 0, element by element: a bool tensor. NaN counts as true, so it gives false. No gradient. */
export function logicalNot(x: Tensor): Tensor<'bool'> {
  if (tracer) return tracer.operation('logicalNot', logicalNot, { x });
  requireTensor('logicalNot', 'x', x);
  return x.dtype === 'bool' ? logic('logicalNot', 'logicalXor', x, 1) : eq(x, 0);
}

/** A bool tensor of x's shape; integers have neither NaN nor infinities, and get `ofIntegers`. */
function kindOf(
  name: string,
  x: Tensor,
  ofIntegers: boolean,
  fn: () => Tensor<'bool'>,
): Tensor<'bool'> {
  requireTensor(name, 'x', x);
  if (isFloat(x.dtype)) return composed(fn);
  x.assertAlive();
  const none = zerosOf(name, x.shape, 'bool');
  return ofIntegers ? composed(() => logicalNot(none)) : none;
}

/** Whether x is NaN, element by element: a bool tensor, of any dtype. No gradient. */
export function isNaN(x: Tensor): Tensor<'bool'> {
  if (tracer) return tracer.operation('isNaN', isNaN, { x });
  return kindOf('isNaN', x, false, () => ne(x, x));
}

/** Whether x is ∞ or -∞, element by element: a bool tensor, of any dtype. No gradient. */
export function isInf(x: Tensor): Tensor<'bool'> {
  if (tracer) return tracer.operation('isInf', isInf, { x });
  return kindOf('isInf', x, false, () => eq(abs(x.detach()), Infinity));
}

/** Whether x is neither NaN nor infinite, element by element: a bool tensor, of any dtype. No gradient. */
export function isFinite(x: Tensor): Tensor<'bool'> {
  if (tracer) return tracer.operation('isFinite', isFinite, { x });
  return kindOf('isFinite', x, true, () => lt(abs(x.detach()), Infinity));
}
