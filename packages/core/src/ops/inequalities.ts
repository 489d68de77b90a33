import { moreKernelsFor } from '../engine/more.js';
import { tracer } from '../graph/tracer.js';
import type { Tensor } from '../tensor.js';
import { onTensors } from './promotion.js';
import { broadcastBy, bytesOf, type Operand } from './support.js';

/* The comparisons whose kernels are of the second table; compare.ts has the others. */

const compared = (name: string, kernel: 'ne' | 'ge', a: Tensor, b: Tensor): Tensor =>
  broadcastBy(moreKernelsFor, name, a, b, 'bool', bytesOf.bind(null, name), (k, out, ...rest) =>
    k[kernel](out, ...rest),
  );

/** a ≠ b element by element, broadcast: a bool tensor. NaN differs from everything. No gradient. */
export function ne(a: Operand, b: Operand): Tensor {
  if (tracer) return tracer.operation('ne', ne, { a, b });
  return onTensors('ne', a, b, (x, y) => compared('ne', 'ne', x, y));
}

/** a ≤ b element by element, broadcast: a bool tensor, false beside NaN. No gradient. */
export function le(a: Operand, b: Operand): Tensor {
  if (tracer) return tracer.operation('le', le, { a, b });
  // ge is its mirror, also beside NaN.
  return onTensors('le', a, b, (x, y) => compared('le', 'ge', y, x));
}

/** a ≥ b element by element, broadcast: a bool tensor, false beside NaN. No gradient. */
export function ge(a: Operand, b: Operand): Tensor {
  if (tracer) return tracer.operation('ge', ge, { a, b });
  return onTensors('ge', a, b, (x, y) => compared('ge', 'ge', x, y));
}
