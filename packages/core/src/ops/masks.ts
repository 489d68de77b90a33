import { arange } from '../creation.js';
import { floatCounting, type DType } from '../dtype.js';
import { DTypeError, ShapeError } from '../errors.js';
import { tracer } from '../graph/tracer.js';
import { checkValue, integerBetween } from '../options.js';
import { broadcastShapes } from '../shape.js';
import { requireTensor, type Tensor } from '../tensor.js';
import { gt, lt } from './compare.js';
import { reshape } from './movement.js';
import { requireOperand, scalar } from './promotion.js';
import { composed, sameDType, type Operand } from './support.js';
import { where } from './where.js';

/** Which diagonal it is: those of any matrix, and some beyond. */
const diagonalRule = integerBetween(-(2 ** 31), 2 ** 31);

/** x, or 0 where `leaves` holds of a column and of the one in which the diagonal meets its row. */
function triangle(
  name: string,
  x: Tensor,
  diagonal: number,
  leaves: (column: Tensor, onDiagonal: Tensor) => Tensor,
): Tensor {
  requireTensor(name, 'x', x);
  if (x.ndim < 2) {
    throw new ShapeError(`${name}: expected a matrix or a batch of them, got ${x.describe()}`);
  }
  checkValue(`${name}: the diagonal`, diagonalRule, diagonal);
  const [rows, columns] = x.shape.slice(-2);
  const dtype = floatCounting(Math.max(rows + Math.abs(diagonal), columns));
  return composed(() => {
    const column = arange(0, columns, 1, { dtype });
    const onDiagonal = reshape(arange(diagonal, diagonal + rows, 1, { dtype }), [rows, 1]);
    return where(leaves(column, onDiagonal), scalar(name, 0, x.dtype), x);
  });
}

/**
 * The lower triangle of each matrix `[…, rows, columns]`: elements above the diagonal are 0, whatever
 * they were. `diagonal` is how far that one lies above the main diagonal, below it if negative. A copy.
 * @throws ShapeError for fewer than two dimensions, ConfigError for a diagonal that is no integer.
 */
export function tril<D extends DType>(x: Tensor<D>, diagonal?: number): Tensor<D>;
export function tril(x: Tensor, diagonal = 0): Tensor {
  if (tracer) return tracer.operation('tril', tril, { x, diagonal });
  return triangle('tril', x, diagonal, gt);
}

/**
 * The upper triangle of each matrix `[…, rows, columns]`: elements below the diagonal are 0, whatever
 * they were; `diagonal` as of `tril`. A copy.
 * @throws ShapeError for fewer than two dimensions, ConfigError for a diagonal that is no integer.
 */
export function triu<D extends DType>(x: Tensor<D>, diagonal?: number): Tensor<D>;
export function triu(x: Tensor, diagonal = 0): Tensor {
  if (tracer) return tracer.operation('triu', triu, { x, diagonal });
  return triangle('triu', x, diagonal, lt);
}

/**
 * x with `value` where `mask`, which is bool, holds; both broadcast. What was there has no part in the
 * result, also if it is NaN, and gets the gradient 0. `value` is a number or a tensor without dimensions,
 * which gets the sum of the gradients under the mask.
 * @throws DTypeError for a mask that is not bool, a number that x's dtype cannot hold, or a value of
 * another dtype; ShapeError for shapes that don't broadcast, or a value with dimensions.
 */
export function maskedFill<D extends DType>(x: Tensor<D>, mask: Tensor, value: Operand): Tensor<D>;
export function maskedFill(x: Tensor, mask: Tensor, value: Operand): Tensor {
  if (tracer) return tracer.operation('maskedFill', maskedFill, { x, mask, value });
  requireTensor('maskedFill', 'x', x);
  requireTensor('maskedFill', 'mask', mask);
  requireOperand('maskedFill', 'value', value);
  if (mask.dtype !== 'bool') {
    throw new DTypeError(`maskedFill: expected a bool mask, got ${mask.describe()}`);
  }
  if (typeof value !== 'number') {
    sameDType('maskedFill', value, x);
    if (value.ndim !== 0) {
      throw new ShapeError(
        `maskedFill: expected a number or a tensor of shape [] as the value, got ` +
          `${value.describe()}; where(mask, value, x) takes any`,
      );
    }
  }
  broadcastShapes('maskedFill', mask.shape, x.shape);
  return composed(() => {
    const filling = typeof value === 'number' ? scalar('maskedFill', value, x.dtype) : value;
    return where(mask, filling, x);
  });
}
