import { DTypeError, type Tensor } from '@unfold/core';

/** @throws DTypeError unless `x` holds floats. */
export function requireFloat(operation: string, x: Tensor): void {
  if (x.dtype !== 'float32' && x.dtype !== 'float64') {
    throw new DTypeError(
      `${operation}: expected a float tensor, got ${x.describe()}; cast it first`,
    );
  }
}
