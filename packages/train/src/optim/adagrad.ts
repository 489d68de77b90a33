import { add, div, mul, Scope, sqrt } from '@unfold/core';
import type { OptimizerParameters, ParameterGroup } from './groups.js';
import { Optimizer, type OptimizerDefinition, type ParameterUpdate } from './optimizer.js';
import { atLeast0 } from '@unfold/core/internal';
import { descend, withDecay } from './updates.js';

/** Options of `Adagrad`, named and defaulted as `torch.optim.Adagrad`. */
export interface AdagradOptions {
  /** The learning rate, at least 0. Default 0.01. */
  readonly lr?: number;
  /** How fast the learning rate falls with the parameter's updates, at least 0. Default 0. */
  readonly lrDecay?: number;
  /** Factor of the parameter that is added to its gradient, at least 0. Default 0. */
  readonly weightDecay?: number;
  /** The number that the sum of squares starts from, at least 0. Default 0. */
  readonly initialAccumulatorValue?: number;
  /** Added to the root that the gradient is divided by, at least 0. Default 1e-10. */
  readonly eps?: number;
}

const DEFINITION: OptimizerDefinition<AdagradOptions> = {
  name: 'Adagrad',
  defaults: { lr: 0.01, lrDecay: 0, weightDecay: 0, initialAccumulatorValue: 0, eps: 1e-10 },
  rules: {
    lr: atLeast0,
    lrDecay: atLeast0,
    weightDecay: atLeast0,
    initialAccumulatorValue: atLeast0,
    eps: atLeast0,
  },
  buffers: ['sum'],
  renewed: ['lr', 'lrDecay'],
};

/**
 * Adagrad (Duchi, Hazan and Singer, 2011), by PyTorch's rule:
 * g = grad + weightDecay·p; s = s + g²; p -= lr / (1 + (t - 1)·lrDecay)·g / (√s + eps), t counting
 * the parameter's updates.
 */
export class Adagrad extends Optimizer<AdagradOptions> {
  /**
   * @throws ConfigError for an unknown option, one out of range, no parameters, or a parameter in
   * two groups; DTypeError for what is no Parameter.
   */
  constructor(parameters: OptimizerParameters<AdagradOptions>, options: AdagradOptions = {}) {
    super(DEFINITION, parameters, options);
  }

  protected override update(
    { parameter, grad, state }: ParameterUpdate,
    options: ParameterGroup<AdagradOptions>,
  ): void {
    const { weightDecay, initialAccumulatorValue, eps } = options;
    Scope.run(() => {
      const isFirst = !state.buffers.has('sum');
      const sum = state.buffer('sum');
      if (isFirst) sum.update((data) => data.fill(initialAccumulatorValue));
      const g = withDecay(grad, parameter, weightDecay);
      descend(sum, mul(g, g), () => -1);
      const rate = (): number => options.lr / (1 + (state.step - 1) * options.lrDecay);
      descend(parameter, div(g, add(sqrt(sum), eps)), rate);
    });
  }
}
