import {
  add,
  arange,
  DTypeError,
  formatShape,
  le,
  logicalAnd,
  logicalNot,
  reshape,
  ShapeError,
  where,
  zeros,
  type Shape,
  type Tensor,
} from '@unfold/core';
import { requireTensor, sameShape } from '@unfold/core/internal';

/**
 * Which keys each query takes into account: a tensor that broadcasts to `[…, L, S]`, bool, true for a key
 * that takes part, or floats that are added to the scores; keys 0 … i for query i; or all.
 */
export type Mask = Tensor | 'causal' | null;

/** The keys that the queries of a causal attention take: `[queries, keys]`. */
export function causalMask(queries: number, keys: number): Tensor<'bool'> {
  return le(arange(0, keys), reshape(arange(0, queries), [queries, 1]));
}

/** @throws DTypeError for what is no mask of scores of that dtype. */
export function checkMask(operation: string, name: string, mask: unknown, { dtype }: Tensor): void {
  requireTensor(operation, name, mask);
  if (mask.dtype === 'bool' || mask.dtype === dtype) return;
  throw new DTypeError(
    `${operation}: expected ${name} to be bool or ${dtype}, got ${mask.describe()}; ` +
      `cast(${name}, 'bool') converts`,
  );
}

/** The masks of a call of `MultiheadAttention`, in which true is for a key that is left out. */
export interface MultiheadAttentionMasks {
  /** Keys of each sequence that are left out, such as padding: `[N, S]`. Default: none. */
  readonly keyPaddingMask?: Tensor | null;
  /** What is left out for each query, `[L, S]`, or of each head too, `[N·numHeads, L, S]`. Default: nothing. */
  readonly attnMask?: Tensor | null;
  /** Whether query i takes keys 0 … i alone; needs no mask. Default false. */
  readonly isCausal?: boolean;
}

/** @throws DTypeError for what is no tensor, ShapeError unless it is the mask of one sequence's keys. */
export function requireKeyMask(mask: unknown, keys: number): void {
  requireTensor('MultiheadAttention', 'keyPaddingMask', mask);
  if (mask.ndim === 1 && mask.size === keys) return;
  throw new ShapeError(
    `MultiheadAttention: expected keyPaddingMask [${keys}] for one sequence, got ` +
      formatShape(mask.shape),
  );
}

/** A mask in another shape. @throws DTypeError for what is no mask, ShapeError unless it has the first. */
function fitted(name: string, mask: Tensor, scores: Tensor, shape: Shape, view: Shape): Tensor {
  checkMask('MultiheadAttention', name, mask, scores);
  if (sameShape(mask.shape, shape)) return reshape(mask, view);
  throw new ShapeError(
    `MultiheadAttention: expected ${name} ${formatShape(shape)}, got ${formatShape(mask.shape)}`,
  );
}

/**
 * The one mask that those of a call make together.
 * @param q `[N, heads, L, D]`
 * @param k `[N, heads, S, D]`
 * @throws DTypeError or ShapeError for a mask that does not fit.
 */
export function joinedMask(q: Tensor, k: Tensor, masks: MultiheadAttentionMasks): Mask {
  const { keyPaddingMask, attnMask, isCausal = false } = masks;
  if (!keyPaddingMask && !attnMask) return isCausal ? 'causal' : null;
  const [N, heads, L] = q.shape;
  const S = k.shape[2];
  const given: Tensor[] = [];
  if (keyPaddingMask) {
    given.push(fitted('keyPaddingMask', keyPaddingMask, q, [N, S], [N, 1, 1, S]));
  }
  if (attnMask) {
    const ofHeads = attnMask.ndim === 3;
    const shape = ofHeads ? [N * heads, L, S] : [L, S];
    const view = ofHeads ? [N, heads, L, S] : shape;
    given.push(fitted('attnMask', attnMask, q, shape, view));
  }
  const all = given.map((mask) => (mask.dtype === 'bool' ? logicalNot(mask) : mask));
  if (isCausal) all.push(causalMask(L, S));
  if (all.every(({ dtype }) => dtype === 'bool')) return all.reduce((a, b) => logicalAnd(a, b));
  const zero = zeros([], { dtype: q.dtype });
  const added = all.map((mask) => (mask.dtype === 'bool' ? where(mask, zero, -Infinity) : mask));
  return added.reduce((a, b) => add(a, b));
}
