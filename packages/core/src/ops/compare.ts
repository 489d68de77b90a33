import { tracer } from '../graph/tracer.js';
import type { Tensor } from '../tensor.js';
import { broadcast, bytesOf, onTensors, type Operand } from './support.js';

/** a = b element by element, broadcast: a bool tensor. NaN equals nothing. No gradient. */
export function eq(a: Operand, b: Operand): Tensor {
  if (tracer) return tracer.operation('eq', eq, { a, b });
  const bytes = bytesOf.bind(null, 'eq');
  return onTensors('eq', a, b, (x, y) =>
    broadcast('eq', x, y, 'bool', bytes, (k, out, ...rest) => k.eq(out, ...rest)),
  );
}

/** a < b element by element, broadcast: a bool tensor. No gradient. */
export function lt(a: Operand, b: Operand): Tensor {
  if (tracer) return tracer.operation('lt', lt, { a, b });
  const bytes = bytesOf.bind(null, 'lt');
  return onTensors('lt', a, b, (x, y) =>
    broadcast('lt', x, y, 'bool', bytes, (k, out, ...rest) => k.lt(out, ...rest)),
  );
}

/** a > b element by element, broadcast: a bool tensor. No gradient. */
export function gt(a: Operand, b: Operand): Tensor {
  if (tracer) return tracer.operation('gt', gt, { a, b });
  const bytes = bytesOf.bind(null, 'gt');
  return onTensors('gt', a, b, (x, y) =>
    broadcast('gt', x, y, 'bool', bytes, (k, out, ...rest) => k.gt(out, ...rest)),
  );
}
