import type { AdamStepOptions } from './contract.js';

/** The factors that all elements of an update of Adam share. */
interface AdamFactors {
  /** lr / (1 - beta1ˢᵗᵉᵖ): what the first moment over the root is multiplied by. */
  readonly stepSize: number;
  /** 1 / √(1 - beta2ˢᵗᵉᵖ): what the root of the second moment is multiplied by. */
  readonly rootScale: number;
  /** The factor of the parameter that is added to the gradient. */
  readonly decay: number;
  /** The share of the parameter that is taken from it. */
  readonly shrinkage: number;
}

/** The constants of one update, from its options. */
export function adamFactors(options: AdamStepOptions): AdamFactors {
  const { lr, beta1, beta2, weightDecay, decoupled, step } = options;
  return {
    stepSize: lr / (1 - power(beta1, step)),
    rootScale: 1 / Math.sqrt(1 - power(beta2, step)),
    decay: decoupled ? 0 : weightDecay,
    shrinkage: decoupled ? lr * weightDecay : 0,
  };
}

/** base to a whole power from 0, by squaring: `Math.pow` differs between engines. */
function power(base: number, exponent: number): number {
  let result = 1;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result *= base;
    base *= base;
  }
  return result;
}
