import type { CrossEntropyGeometry, NumericArray } from '../contract.js';

export function crossEntropy(
  out: NumericArray,
  logProbs: NumericArray,
  labels: Int32Array,
  { N, C, labelSmoothing }: CrossEntropyGeometry,
): void {
  for (let i = 0; i < N; i++) {
    // What has no part is not multiplied by 0, since 0·(-Infinity) is NaN: the other classes without
    // smoothing, the label with nothing else.
    let loss = 0;
    if (labelSmoothing < 1) {
      loss = -(1 - labelSmoothing) * logProbs[i * C + labels[i]];
    }
    if (labelSmoothing > 0) {
      let total = 0;
      for (let c = 0; c < C; c++) total += logProbs[i * C + c];
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
    if (dOut[i] === 0) {
      dX.fill(0, i * C, (i + 1) * C);
      continue;
    }
    for (let c = 0; c < C; c++) {
      const target = labelSmoothing / C + (c === labels[i] ? 1 - labelSmoothing : 0);
      const probability = Math.exp(logProbs[i * C + c]);
      dX[i * C + c] = dOut[i] * (probability - target);
    }
  }
}
