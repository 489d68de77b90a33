import { formatShape, reshape, ShapeError, type Tensor } from '@unfold/core';
import { requireTensor } from '@unfold/core/internal';

/*
 * Sequences `[N, C, L]` are images of height 1, `[N, C, 1, L]`. What runs on images runs on them so, with
 * a height of 1 for a kernel and no other size along that axis; kernels walk along a row.
 */

/** `[N, C, L]`, or a weight `[OC, C, K]`, as `[N, C, 1, L]`. The memory is shared. */
export function toImages(sequences: Tensor): Tensor {
  const [N, C, L] = sequences.shape;
  return reshape(sequences, [N, C, 1, L]);
}

/** `[N, C, 1, L]` as `[N, C, L]`. The memory is shared. */
export function toSequences(images: Tensor): Tensor {
  const [N, C, , L] = images.shape;
  return reshape(images, [N, C, L]);
}

/** @throws ShapeError unless x is `[N, C, L]`, DTypeError for what is no tensor. */
export function requireSequences(operation: string, x: Tensor): void {
  requireTensor(operation, 'x', x);
  if (x.ndim === 3) return;
  throw new ShapeError(`${operation}: expected x [N,C,L], got ${formatShape(x.shape)}`);
}
