import {
  DTypeError,
  formatShape,
  mean,
  ShapeError,
  sum,
  type OptionRules,
  type Tensor,
} from '@unfold/core';
import { oneOf, requireFloat, requireTensor, sameShape } from '@unfold/core/internal';

/** How losses are brought together: their mean (the default), their sum, or each by itself. */
export type Reduction = 'mean' | 'sum' | 'none';

/** Options of every loss. */
export interface LossOptions {
  /** Default `'mean'`. */
  readonly reduction?: Reduction;
}

export const LOSS_OPTIONS: OptionRules<LossOptions> = {
  reduction: oneOf('mean', 'sum', 'none'),
};

/**
 * @param reduction One that was checked.
 * @param meanOf Takes the mean, where it is not that of all the losses.
 * @throws ShapeError for the mean over nothing.
 */
export function reduce(
  losses: Tensor,
  reduction: Reduction,
  meanOf: (losses: Tensor) => Tensor = mean,
): Tensor {
  switch (reduction) {
    case 'mean':
      return meanOf(losses);
    case 'sum':
      return sum(losses);
    case 'none':
      return losses;
  }
}

/** Tensors by the names of a function's parameters. */
type Operands = Readonly<Record<string, Tensor>>;

/** @throws ShapeError unless all have one shape: broadcasting here is nearly always a mistake. */
export function requireOneShape(operation: string, operands: Operands): void {
  const [[firstName, first], ...others] = Object.entries(operands);
  requireTensor(operation, firstName, first);
  for (const [name, other] of others) {
    requireTensor(operation, name, other);
    if (sameShape(first.shape, other.shape)) continue;
    const mend = first.size === other.size ? '; reshape one of them to that of the other' : '';
    throw new ShapeError(
      `${operation}: ${firstName} ${formatShape(first.shape)} and ${name} ` +
        `${formatShape(other.shape)} must have one shape${mend}`,
    );
  }
}

/**
 * @throws DTypeError unless all are floats of one dtype, in the words of the loss rather than of its
 * subtraction.
 */
export function requireFloats(operation: string, operands: Operands): void {
  const [[firstName, first], ...others] = Object.entries(operands);
  requireTensor(operation, firstName, first);
  for (const [name, other] of others) {
    requireTensor(operation, name, other);
    if (other.dtype === first.dtype) continue;
    throw new DTypeError(
      `${operation}: expected ${firstName} and ${name} of one dtype, got ${first.dtype} and ` +
        `${other.dtype}; cast(${name}, '${first.dtype}') converts`,
    );
  }
  requireFloat(operation, first);
}

/** @throws ShapeError unless all have one shape, DTypeError unless they are floats of one dtype. */
export function requireAlike(operation: string, operands: Operands): void {
  requireOneShape(operation, operands);
  requireFloats(operation, operands);
}
