import { add, clamp, div, mul, Scope, sqrt, sub } from '@unfold/core';
import type { OptimizerParameters, ParameterGroup } from './groups.js';
import { Optimizer, type OptimizerDefinition, type ParameterUpdate } from './optimizer.js';
import { atLeast0, flag, share } from '@unfold/core/internal';
import { descend, descendWithMomentum, moveTowards, withDecay } from './updates.js';

/** Options of `RMSprop`, named and defaulted as `torch.optim.RMSprop`. */
export interface RMSpropOptions {
  /** The learning rate, at least 0. Default 0.01. */
  readonly lr?: number;
  /** The share that is kept of the average of the squared gradient, from 0 to 1. Default 0.99. */
  readonly alpha?: number;
  /** Added to the root that the gradient is divided by, at least 0. Default 1e-8. */
  readonly eps?: number;
  /** Factor of the parameter that is added to its gradient, at least 0. Default 0. */
  readonly weightDecay?: number;
  /** Share of the last update that is kept, at least 0. Default 0. */
  readonly momentum?: number;
  /** Divide by the deviation of the gradient, not by its root mean square. Default false. */
  readonly centered?: boolean;
}

const DEFINITION: OptimizerDefinition<RMSpropOptions> = {
  name: 'RMSprop',
  defaults: { lr: 0.01, alpha: 0.99, eps: 1e-8, weightDecay: 0, momentum: 0, centered: false },
  rules: {
    lr: atLeast0,
    alpha: share,
    eps: atLeast0,
    weightDecay: atLeast0,
    momentum: atLeast0,
    centered: flag,
  },
  buffers: ['squareAvg', 'gradAvg', 'momentumBuffer'],
  renewed: ['lr', 'momentum'],
};

/**
 * RMSprop (Hinton, 2012), by PyTorch's rule:
 * g = grad + weightDecay·p; s = α·s + (1 - α)·g²; d = g / (√s + eps); p -= lr·d, or with momentum
 * b = momentum·b + d and p -= lr·b. Centered, a = α·a + (1 - α)·g and √(s - a²) takes the place of
 * √s; where rounding makes s - a² negative it counts as 0.
 */
export class RMSprop extends Optimizer<RMSpropOptions> {
  /**
   * @throws ConfigError for an unknown option, one out of range, no parameters, or a parameter in
   * two groups; DTypeError for what is no Parameter.
   */
  constructor(parameters: OptimizerParameters<RMSpropOptions>, options: RMSpropOptions = {}) {
    super(DEFINITION, parameters, options);
  }

  protected override update(
    { parameter, grad, state }: ParameterUpdate,
    options: ParameterGroup<RMSpropOptions>,
  ): void {
    Scope.run(() => {
      const { alpha } = options;
      const g = withDecay(grad, parameter, options.weightDecay);
      const squareAvg = state.buffer('squareAvg');
      moveTowards(squareAvg, mul(g, g), 1 - alpha);
      let variance = squareAvg;
      if (options.centered) {
        const gradAvg = state.buffer('gradAvg');
        moveTowards(gradAvg, g, 1 - alpha);
        variance = clamp(sub(squareAvg, mul(gradAvg, gradAvg)), { min: 0 });
      }
      const direction = div(g, add(sqrt(variance), options.eps));
      if (options.momentum === 0) descend(parameter, direction, () => options.lr);
      else {
        const buffer = state.buffer('momentumBuffer');
        descendWithMomentum(parameter, buffer, direction, () => options);
      }
    });
  }
}
