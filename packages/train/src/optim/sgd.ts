import { bufferOf, moreKernelsFor } from '@unfold/core';
import type { OptimizerParameters, ParameterGroup } from './groups.js';
import { Optimizer, type OptimizerDefinition, type ParameterUpdate } from './optimizer.js';
import { atLeast0, finite, flag, withOptions } from '@unfold/core/internal';

/** Options of `SGD`, named and defaulted as `torch.optim.SGD`. */
export interface SGDOptions {
  /** The learning rate, at least 0. */
  readonly lr: number;
  /** Share of the last update that is kept, at least 0. Default 0. */
  readonly momentum?: number;
  /** Share of the gradient that does not enter the momentum. Default 0. */
  readonly dampening?: number;
  /** Factor of the parameter that is added to its gradient, at least 0. Default 0. */
  readonly weightDecay?: number;
  /** Look ahead along the momentum. Default false; needs momentum and no dampening. */
  readonly nesterov?: boolean;
}

const DEFINITION: OptimizerDefinition<SGDOptions> = {
  name: 'SGD',
  defaults: { momentum: 0, dampening: 0, weightDecay: 0, nesterov: false },
  rules: {
    lr: atLeast0,
    momentum: atLeast0,
    dampening: finite,
    weightDecay: atLeast0,
    nesterov: flag,
  },
  conflict: ({ nesterov, momentum, dampening }) =>
    nesterov && (momentum === 0 || dampening !== 0)
      ? `nesterov needs a momentum above 0 and no dampening, got momentum ${momentum} and ` +
        `dampening ${dampening}`
      : null,
  buffers: ['momentumBuffer'],
  renewed: ['lr', 'momentum', 'dampening', 'weightDecay', 'nesterov'],
};

/**
 * Stochastic gradient descent, by PyTorch's rule:
 * g = grad + weightDecay·p; v = momentum·v + (1 - dampening)·g, and v = g at first;
 * p -= lr·v, or lr·(g + momentum·v) with Nesterov. One pass over the memory.
 */
export class SGD extends Optimizer<SGDOptions> {
  /**
   * @throws ConfigError for an unknown option, one out of range, no parameters, or a parameter in
   * two groups; DTypeError for what is no Parameter.
   */
  constructor(parameters: OptimizerParameters<SGDOptions>, options: SGDOptions) {
    super(DEFINITION, parameters, options);
  }

  protected override update(
    { parameter, grad, state }: ParameterUpdate,
    options: ParameterGroup<SGDOptions>,
  ): void {
    const firstStep = !state.buffers.has('momentumBuffer');
    // Without momentum the kernel leaves the velocity alone.
    const velocity = options.momentum === 0 ? grad : state.buffer('momentumBuffer');
    const { sgdStep } = moreKernelsFor(parameter.dtype);
    parameter.updateBuffer((own) => {
      withOptions(
        () => ({ ...options, firstStep }),
        (now) => sgdStep(own, bufferOf(velocity), bufferOf(grad), now),
      );
    });
  }
}
