import { permute, reshape, unbind, type Tensor } from '@unfold/core';

/** How sequences of vectors lie, and into how many heads a vector is cut. */
export interface HeadLayout {
  readonly heads: number;
  /** Whether sequences are `[N, L, …]`, else `[L, N, …]`. */
  readonly batchFirst: boolean;
}

/**
 * Cuts the vectors of sequences into heads.
 * @param x `[N, L, parts·heads·D]`, or `[L, N, parts·heads·D]` without `batchFirst`: of several tensors,
 * as one product with their weights below each other gives them.
 * @returns The heads of each, `[N, heads, L, D]`.
 */
export function splitHeads(x: Tensor, parts: number, layout: HeadLayout): readonly Tensor[] {
  const { heads, batchFirst } = layout;
  const [first, second, width] = x.shape;
  const cut = reshape(x, [first, second, parts, heads, width / parts / heads]);
  return unbind(permute(cut, batchFirst ? [2, 0, 3, 1, 4] : [2, 1, 3, 0, 4]));
}

/** Joins heads `[N, heads, L, D]` to sequences, `[N, L, heads·D]` or `[L, N, heads·D]`. */
export function joinHeads(x: Tensor, { batchFirst }: HeadLayout): Tensor {
  const [N, heads, L, D] = x.shape;
  const joined = permute(x, batchFirst ? [0, 2, 1, 3] : [2, 0, 1, 3]);
  return reshape(joined, [...(batchFirst ? [N, L] : [L, N]), heads * D]);
}
