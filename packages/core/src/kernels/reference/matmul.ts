import type { MatmulGeometry, MatmulJoinedGeometry, NumericArray } from '../contract.js';
import { activate } from './activate.js';

/**
 * One row of `out` at a time, its sums held as doubles. Each sum runs over k ascending, whichever
 * operand is transposed.
 */
export function matmul(
  out: NumericArray,
  a: NumericArray,
  b: NumericArray,
  geometry: MatmulGeometry,
): void {
  const { M, N, K, transposeA, transposeB, accumulate } = geometry;
  // a[i, k] is at aStart + i·aRow + k·aColumn; b[k, j] at bStart + k·N + j or bStart + j·K + k.
  const aRow = transposeA ? 1 : K;
  const aColumn = transposeA ? M : 1;
  const sums = new Float64Array(N);

  for (let batch = 0; batch < geometry.batch; batch++) {
    const aStart = batch * geometry.aBatchStride;
    const bStart = batch * geometry.bBatchStride;
    for (let i = 0; i < M; i++) {
      const outStart = (batch * M + i) * N;
      const aRowStart = aStart + i * aRow;
      sums.fill(0);

      if (transposeB) {
        for (let j = 0; j < N; j++) {
          const bRowStart = bStart + j * K;
          let total = 0;
          for (let k = 0; k < K; k++) {
            total += a[aRowStart + k * aColumn] * b[bRowStart + k];
          }
          sums[j] = total;
        }
      } else {
        for (let k = 0; k < K; k++) {
          const bRowStart = bStart + k * N;
          const aValue = a[aRowStart + k * aColumn];
          for (let j = 0; j < N; j++) {
            sums[j] = sums[j] + aValue * b[bRowStart + j];
          }
        }
      }

      for (let j = 0; j < N; j++) {
        const before = accumulate ? out[outStart + j] : 0;
        out[outStart + j] = sums[j] + before;
      }
    }
  }
}

/** The three kernels one after another, with a rounding after each. */
export function matmulJoined(
  out: NumericArray,
  a: NumericArray,
  b: NumericArray,
  bias: NumericArray | null,
  geometry: MatmulJoinedGeometry,
): void {
  matmul(out, a, b, geometry);
  if (bias) {
    for (let i = 0; i < out.length; i++) out[i] = out[i] + bias[i % geometry.N];
  }
  activate(out, geometry);
}
