import type { CrossEntropyGeometry, NumericArray } from '../contract.js';

export function crossEntropy(
  out: NumericArray,
  logProbs: NumericArray,
  labels: Int32Array,
  { N, C, labelSmoothing }: CrossEntropyGeometry,
): void {
  for (let i = 0; i < N; i++) {
    let loss = -(1 - labelSmoothing) * (logProbs[i * C + (labels[i] as number)] as number);
    // Without smoothing the other classes have no part: 0·(-Infinity) must not make a NaN.
    if (labelSmoothing > 0) {
      let total = 0;
      for (let c = 0; c < C; c++) total += logProbs[i * C + c] as number;
      loss -= (labelSmoothing / C) * total;
    }
    out[i] = loss;
  }
}

export function crossEntropyBackward(
  dX: NumericArray,
  dOut: NumericArray,
  logProbs: NumericArray,
  labels: Int32Array,
  { N, C, labelSmoothing }: CrossEntropyGeometry,
): void {
  for (let i = 0; i < N; i++) {
    for (let c = 0; c < C; c++) {
      const target = labelSmoothing / C + (c === labels[i] ? 1 - labelSmoothing : 0);
      const probability = Math.exp(logProbs[i * C + c] as number);
      dX[i * C + c] = (dOut[i] as number) * (probability - target);
    }
  }
}
