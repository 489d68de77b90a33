import { adamFactors } from '../adam-factors.js';
import type { AdamStepOptions, NumericArray } from '../contract.js';

/** The rule of `torch.optim.Adam`, and decoupled that of `torch.optim.AdamW`. */
export function adamStep(
  param: NumericArray,
  expAvg: NumericArray,
  expAvgSq: NumericArray,
  maxExpAvgSq: NumericArray,
  grad: NumericArray,
  options: AdamStepOptions,
): void {
  const { beta1, beta2, eps, amsgrad } = options;
  const { stepSize, rootScale, decay, shrinkage } = adamFactors(options);
  for (let i = 0; i < param.length; i++) {
    const old = param[i];
    const g = grad[i] + decay * old;
    const first = beta1 * expAvg[i] + (1 - beta1) * g;
    let second = beta2 * expAvgSq[i] + (1 - beta2) * g * g;
    expAvg[i] = first;
    expAvgSq[i] = second;
    if (amsgrad) {
      second = Math.max(maxExpAvgSq[i], second);
      maxExpAvgSq[i] = second;
    }
    const root = Math.sqrt(second) * rootScale + eps;
    param[i] = old - shrinkage * old - stepSize * (first / root);
  }
}
