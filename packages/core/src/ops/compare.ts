import { tracer } from '../graph/tracer.js';
import type { Tensor } from '../tensor.js';
import { onTensors } from './promotion.js';
import { broadcast, bytesOf, type Operand } from './support.js';

/** The kernels that compare. */
type Comparison = 'eq' | 'lt' | 'gt';

const compare = (name: Comparison, a: Operand, b: Operand): Tensor =>
  onTensors(name, a, b, (x, y) =>
    broadcast(name, x, y, 'bool', bytesOf.bind(null, name), (k, out, ...rest) =>
      k[name](out, ...rest),
    ),
  );

/** a = b element by element, broadcast: a bool tensor. NaN equals nothing. No gradient. */
export function eq(a: Operand, b: Operand): Tensor {
  if (tracer) return tracer.operation('eq', eq, { a, b });
  return compare('eq', a, b);
}

/** a < b element by element, broadcast: a bool tensor, false beside NaN. No gradient. */
export function lt(a: Operand, b: Operand): Tensor {
  if (tracer) return tracer.operation('lt', lt, { a, b });
  return compare('lt', a, b);
}

/** a > b element by element, broadcast: a bool tensor, false beside NaN. No gradient. */
export function gt(a: Operand, b: Operand): Tensor {
  if (tracer) return tracer.operation('gt', gt, { a, b });
  return compare('gt', a, b);
}
