import { DTypeError, type Tensor } from '@unfold/core';

/** @throws DTypeError unless `x` holds floats. */
export function requireFloat(operation: string, x: Tensor): void {
  if (x.dtype !== 'float32' && x.dtype !== 'float64') {
    throw new DTypeError(
      `${operation}: expected a float tensor, got ${x.describe()}; cast it first`,
    );
  }
}

/** @throws DTypeError unless x, weight and bias are floats of one dtype. */
export function requireOneFloat(
  operation: string,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
): void {
  for (const operand of bias ? [x, weight, bias] : [x, weight]) {
    if ((operand.dtype !== 'float32' && operand.dtype !== 'float64') || operand.dtype !== x.dtype) {
      throw new DTypeError(
        `${operation}: expected x, weight and bias of one float dtype, got ${x.describe()}, ` +
          `${weight.describe()}${bias ? ` and ${bias.describe()}` : ''}; cast(x, 'float32') converts`,
      );
    }
  }
}
