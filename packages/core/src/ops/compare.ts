import { moreKernelsFor } from '../engine/more.js';
import { tracer } from '../graph/tracer.js';
import type { Tensor } from '../tensor.js';
import { onTensors } from './promotion.js';
import { broadcast, bytesOf, type Operand } from './support.js';

/** The kernels that compare. */
type Comparison = 'eq' | 'ne' | 'lt' | 'gt' | 'ge';

const compared = (name: string, kernel: Comparison, a: Tensor, b: Tensor): Tensor<'bool'> =>
  broadcast(moreKernelsFor, name, a, b, 'bool', bytesOf.bind(null, name), (k, out, ...rest) =>
    k[kernel](out, ...rest),
  );

const compare = (name: Comparison, a: Operand, b: Operand): Tensor<'bool'> =>
  onTensors(name, a, b, (x, y) => compared(name, name, x, y));

/** a = b element by element, broadcast: a bool tensor. NaN equals nothing. No gradient. */
export function eq(a: Operand, b: Operand): Tensor<'bool'> {
  if (tracer) return tracer.operation('eq', eq, { a, b });
  return compare('eq', a, b);
}

/** a ≠ b element by element, broadcast: a bool tensor. NaN differs from everything. No gradient. */
export function ne(a: Operand, b: Operand): Tensor<'bool'> {
  if (tracer) return tracer.operation('ne', ne, { a, b });
  return compare('ne', a, b);
}

/** a < b element by element, broadcast: a bool tensor, false beside NaN. No gradient. */
export function lt(a: Operand, b: Operand): Tensor<'bool'> {
  if (tracer) return tracer.operation('lt', lt, { a, b });
  return compare('lt', a, b);
}

/** a ≤ b element by element, broadcast: a bool tensor, false beside NaN. No gradient. */
export function le(a: Operand, b: Operand): Tensor<'bool'> {
  if (tracer) return tracer.operation('le', le, { a, b });
  // ge is its mirror, also beside NaN.
  return onTensors('le', a, b, (x, y) => compared('le', 'ge', y, x));
}

/** a > b element by element, broadcast: a bool tensor, false beside NaN. No gradient. */
export function gt(a: Operand, b: Operand): Tensor<'bool'> {
  if (tracer) return tracer.operation('gt', gt, { a, b });
  return compare('gt', a, b);
}

/** a ≥ b element by element, broadcast: a bool tensor, false beside NaN. No gradient. */
export function ge(a: Operand, b: Operand): Tensor<'bool'> {
  if (tracer) return tracer.operation('ge', ge, { a, b });
  return compare('ge', a, b);
}
