import {
  DTypeError,
  formatShape,
  mean,
  ShapeError,
  sum,
  type OptionRules,
  type Tensor,
} from '@unfold/core';
import { oneOf, requireTensor, sameShape } from '@unfold/core/internal';

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

/** @throws ShapeError unless both have one shape: broadcasting here is nearly always a mistake. */
export function requireOneShape(operation: string, x: Tensor, target: Tensor): void {
  requireTensor(operation, 'x', x);
  requireTensor(operation, 'target', target);
  if (!sameShape(x.shape, target.shape)) {
    const mend = x.size === target.size ? '; reshape one of them to that of the other' : '';
    throw new ShapeError(
      `${operation}: x ${formatShape(x.shape)} and target ${formatShape(target.shape)} must have one ` +
        `shape${mend}`,
    );
  }
}

/** @throws DTypeError unless both have one dtype, in the words of the loss rather than of its subtraction. */
export function requireOneDType(operation: string, x: Tensor, target: Tensor): void {
  if (x.dtype !== target.dtype) {
    throw new DTypeError(
      `${operation}: expected x and target of one dtype, got ${x.dtype} and ${target.dtype}; ` +
        `cast(target, '${x.dtype}') converts`,
    );
  }
}
