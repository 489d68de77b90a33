import { bufferOf, moreKernelsFor } from '@unfold/core';
import type { OptimizerParameters, ParameterGroup } from './groups.js';
import { Optimizer, type OptimizerDefinition, type ParameterUpdate } from './optimizer.js';
import { atLeast0, flag, pairBelow1, withOptions } from '@unfold/core/internal';

/** Options of `Adam`, named and defaulted as `torch.optim.Adam`, and of `AdamW`. */
export interface AdamOptions {
  /** The learning rate, at least 0. Default 0.001. */
  readonly lr?: number;
  /** The shares that are kept of the averages of the gradient and of its square. Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** Added to the root that the update is divided by, at least 0. Default 1e-8. */
  readonly eps?: number;
  /**
   * At least 0. `Adam` (default 0) adds so much of the parameter to its gradient; `AdamW` (default
   * 0.01) shrinks the parameter by lr times so much.
   */
  readonly weightDecay?: number;
  /** Divide by the largest average square so far. Default false. */
  readonly amsgrad?: boolean;
}

const ADAM: OptimizerDefinition<AdamOptions> = {
  name: 'Adam',
  defaults: { lr: 0.001, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, amsgrad: false },
  rules: {
    lr: atLeast0,
    betas: pairBelow1,
    eps: atLeast0,
    weightDecay: atLeast0,
    amsgrad: flag,
  },
  buffers: ['expAvg', 'expAvgSq', 'maxExpAvgSq'],
  renewed: ['lr', 'betas', 'eps', 'weightDecay'],
};

const ADAM_W: OptimizerDefinition<AdamOptions> = {
  ...ADAM,
  name: 'AdamW',
  defaults: { ...ADAM.defaults, weightDecay: 0.01 },
};

/** The update of both. One pass over the memory. */
function update(
  { parameter, grad, state }: ParameterUpdate,
  options: ParameterGroup<AdamOptions>,
  decoupled: boolean,
): void {
  const expAvg = state.buffer('expAvg');
  const expAvgSq = state.buffer('expAvgSq');
  // Without amsgrad the kernel leaves it alone.
  const maxExpAvgSq = options.amsgrad ? state.buffer('maxExpAvgSq') : grad;
  const { adamStep } = moreKernelsFor(parameter.dtype);
  const optionsNow = () => {
    const { betas, ...constants } = options;
    const [beta1, beta2] = betas;
    return { ...constants, beta1, beta2, decoupled, step: state.step };
  };
  parameter.updateBuffer((own) => {
    withOptions(optionsNow, (now) => {
      const averages = [bufferOf(expAvg), bufferOf(expAvgSq), bufferOf(maxExpAvgSq)] as const;
      adamStep(own, ...averages, bufferOf(grad), now);
    });
  });
}

/**
 * Adam (Kingma and Ba, 2015), by PyTorch's rule:
 * g = grad + weightDecay·p; m = β₁·m + (1 - β₁)·g; v = β₂·v + (1 - β₂)·g²;
 * p -= lr·(m / (1 - β₁ᵗ)) / (√(v / (1 - β₂ᵗ)) + eps), t counting the parameter's updates. With
 * amsgrad, v under the root is the largest so far.
 */
export class Adam extends Optimizer<AdamOptions> {
  /**
   * @throws ConfigError for an unknown option, one out of range, no parameters, or a parameter in
   * two groups; DTypeError for what is no Parameter.
   */
  constructor(parameters: OptimizerParameters<AdamOptions>, options: AdamOptions = {}) {
    super(ADAM, parameters, options);
  }

  protected override update(given: ParameterUpdate, options: ParameterGroup<AdamOptions>): void {
    update(given, options, false);
  }
}

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter, 2019), by PyTorch's rule: as `Adam`
 * without weight decay, and p -= lr·weightDecay·p beside it.
 */
export class AdamW extends Optimizer<AdamOptions> {
  /**
   * @throws ConfigError for an unknown option, one out of range, no parameters, or a parameter in
   * two groups; DTypeError for what is no Parameter.
   */
  constructor(parameters: OptimizerParameters<AdamOptions>, options: AdamOptions = {}) {
    super(ADAM_W, parameters, options);
  }

  protected override update(given: ParameterUpdate, options: ParameterGroup<AdamOptions>): void {
    update(given, options, true);
  }
}
