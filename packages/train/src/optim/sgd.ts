import {
  ConfigError,
  DTypeError,
  kernelsFor,
  Parameter,
  unscoped,
  zeros,
  type Tensor,
} from '@unfold/core';

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

const OPTIONS = new Set(['lr', 'momentum', 'dampening', 'weightDecay', 'nesterov']);

/**
 * Stochastic gradient descent, by PyTorch's rule:
 * g = grad + weightDecay·p; v = momentum·v + (1 - dampening)·g, and v = g at first;
 * p -= lr·v, or lr·(g + momentum·v) with Nesterov. A parameter that is given twice counts once.
 */
export class SGD {
  #lr = 0;
  readonly #parameters: readonly Parameter[];
  readonly #options: Required<Omit<SGDOptions, 'lr'>>;
  readonly #velocities = new Map<Parameter, Tensor>();

  /** @throws ConfigError for an unknown option, one out of range, or no parameters. */
  constructor(parameters: Iterable<Parameter>, options: SGDOptions) {
    const { lr, momentum = 0, dampening = 0, weightDecay = 0, nesterov = false } = options;
    for (const key of Object.keys(options)) {
      if (!OPTIONS.has(key)) throw new ConfigError(`SGD: unknown option '${key}'`);
    }
    for (const [name, value] of Object.entries({ lr, momentum, weightDecay })) {
      checkFactor(name, value);
    }
    if (!Number.isFinite(dampening)) {
      throw new ConfigError(`SGD: dampening must be a finite number, got ${dampening}`);
    }
    if (nesterov && (momentum === 0 || dampening !== 0)) {
      throw new ConfigError(
        `SGD: nesterov needs a momentum above 0 and no dampening, got momentum ${momentum} and ` +
          `dampening ${dampening}`,
      );
    }
    this.#parameters = [...new Set(parameters)];
    if (this.#parameters.length === 0) {
      throw new ConfigError('SGD: got no parameters; pass model.parameters()');
    }
    for (const parameter of this.#parameters) {
      if (!(parameter instanceof Parameter)) {
        throw new DTypeError('SGD: expected Parameters; pass model.parameters()');
      }
    }
    this.lr = lr;
    this.#options = { momentum, dampening, weightDecay, nesterov };
  }

  /**
   * The learning rate of the next step; a schedule may change it at any time.
   * @throws ConfigError when set to what is no finite number of at least 0.
   */
  get lr(): number {
    return this.#lr;
  }

  set lr(value: number) {
    checkFactor('lr', value);
    this.#lr = value;
  }

  /** Changes every parameter that has a gradient. */
  step(): void {
    for (const parameter of this.#parameters) {
      const { grad } = parameter;
      if (!grad) continue;
      const firstStep = !this.#velocities.has(parameter);
      const velocity = this.#velocityOf(parameter);
      // Before any data is read: the first call starts the engine, which may move the heap.
      const { sgdStep } = kernelsFor(parameter.dtype);
      parameter.update((data) => {
        // Without momentum the kernel leaves the velocity alone.
        const { data: velocityData } = velocity ?? grad;
        sgdStep(data, velocityData, grad.data, {
          ...this.#options,
          lr: this.#lr,
          firstStep,
        });
      });
    }
  }

  #velocityOf(parameter: Parameter): Tensor | undefined {
    if (this.#options.momentum === 0) return undefined;
    let velocity = this.#velocities.get(parameter);
    if (!velocity) {
      velocity = unscoped(() => zeros(parameter.shape, { dtype: parameter.dtype }));
      this.#velocities.set(parameter, velocity);
    }
    return velocity;
  }

  /** Drops the gradients of all parameters. */
  zeroGrad(): void {
    for (const parameter of this.#parameters) parameter.zeroGrad();
  }

  /** Frees the momentum. */
  dispose(): void {
    for (const velocity of this.#velocities.values()) velocity.dispose();
    this.#velocities.clear();
  }
}

function checkFactor(name: string, value: number): void {
  if (Number.isFinite(value) && value >= 0) return;
  throw new ConfigError(`SGD: ${name} must be a finite number of at least 0, got ${String(value)}`);
}
