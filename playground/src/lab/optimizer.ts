import type { Parameter } from '@unfold/core';
import { Adam, AdamW, type Optimizer, RMSprop, SGD } from '@unfold/train';
import type { OptimizerSpec } from '../spec/experiment.js';

/** The optimiser of an experiment, for a network's parameters. @throws ConfigError for a number out of range. */
export function optimizerOf(spec: OptimizerSpec, parameters: Iterable<Parameter>): Optimizer {
  const { lr, weightDecay } = spec;
  switch (spec.kind) {
    case 'sgd': {
      const { momentum, nesterov } = spec;
      return new SGD(parameters, { lr, weightDecay, momentum, nesterov });
    }
    case 'adam':
      return new Adam(parameters, { lr, weightDecay });
    case 'adamW':
      return new AdamW(parameters, { lr, weightDecay });
    case 'rmsprop':
      return new RMSprop(parameters, { lr, weightDecay });
  }
}
