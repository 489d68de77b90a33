import type { Conv2dGeometry, MatmulGeometry, WindowGeometry } from './contract.js';

/** Multiplications and additions of a batch of products `[M, K]` times `[K, N]`: two for each of a sum's terms. */
export function matmulFlops({
  M,
  N,
  K,
  batch,
}: Pick<MatmulGeometry, 'M' | 'N' | 'K' | 'batch'>): number {
  return 2 * batch * M * N * K;
}

/** The sizes of a convolution that `conv2dFlops` needs. */
interface Convolution extends Pick<Conv2dGeometry, 'N' | 'OC'> {
  readonly window: Pick<WindowGeometry, 'C' | 'KH' | 'KW' | 'OH' | 'OW'>;
}

/**
 * The same of a convolution, those with padding too: each image is a product of the weights and its unfold. Each
 * gradient takes as many.
 */
export function conv2dFlops({ N, OC, window: { C, KH, KW, OH, OW } }: Convolution): number {
  return matmulFlops({ M: OC, N: OH * OW, K: C * KH * KW, batch: N });
}
