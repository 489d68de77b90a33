import {
  DTypeError,
  elementsOf,
  formatShape,
  Parameter,
  ShapeError,
  type Tensor,
} from '@unfold/core';

/** Tensors by name, as `stateDict` gives and `loadStateDict` takes them. */
export type StateDict = ReadonlyMap<string, Tensor>;

/**
 * Base class of layers and models. Whatever a subclass assigns to its properties is found by
 * itself: `Parameter`s, and modules inside it, under the property's name.
 *
 * ```ts
 * class Net extends Module {
 *   conv = new Conv2d(1, 8, 5);
 *   head = new Linear(8 * 24 * 24, 10);
 *   forward(x: Tensor): Tensor {
 *     return this.head.forward(reshape(relu(this.conv.forward(x)), [-1, 8 * 24 * 24]));
 *   }
 * }
 * ```
 *
 * Names and order are PyTorch's: a module's own parameters, its buffers, then its children's.
 */
export abstract class Module {
  #training = true;
  readonly #buffers = new Map<string, Tensor>();

  /** Whether layers that behave differently in training do so. */
  get training(): boolean {
    return this.#training;
  }

  /** Switches this module and all inside it to training, or with false to evaluation. */
  train(mode = true): this {
    this.#training = mode;
    for (const [, child] of this.namedChildren()) child.train(mode);
    return this;
  }

  /** Switches this module and all inside it to evaluation. */
  eval(): this {
    return this.train(false);
  }

  /** The modules directly inside this one, with their names. */
  *namedChildren(): Iterable<[string, Module]> {
    for (const [name, value] of Object.entries(this)) {
      if (value instanceof Module) yield [name, value];
    }
  }

  /** All parameters, each once however often it is shared. */
  *namedParameters(prefix = ''): Iterable<[string, Parameter]> {
    const seen = new Set<Tensor>();
    for (const [name, value] of this.#namedTensors(prefix)) {
      if (value instanceof Parameter && !seen.has(value)) {
        seen.add(value);
        yield [name, value];
      }
    }
  }

  /** The parameters without their names, as an optimiser takes them. */
  *parameters(): Iterable<Parameter> {
    for (const [, parameter] of this.namedParameters()) yield parameter;
  }

  /** Tensors that belong to the state and are not trained, such as running means. */
  *namedBuffers(prefix = ''): Iterable<[string, Tensor]> {
    for (const [name, value] of this.#namedTensors(prefix)) {
      if (!(value instanceof Parameter)) yield [name, value];
    }
  }

  /** Makes `tensor` part of the state under `name`, and takes it out of every scope. */
  protected registerBuffer(name: string, tensor: Tensor): Tensor {
    this.#buffers.set(name, tensor.keep());
    return tensor;
  }

  *#namedTensors(prefix: string): Iterable<[string, Tensor]> {
    for (const [name, value] of Object.entries(this)) {
      if (value instanceof Parameter) yield [prefix + name, value];
    }
    for (const [name, value] of this.#buffers) yield [prefix + name, value];
    for (const [name, child] of this.namedChildren()) {
      yield* child.#namedTensors(`${prefix}${name}.`);
    }
  }

  /** Parameters and buffers by name: the tensors themselves, not copies. */
  stateDict(): Map<string, Tensor> {
    return new Map(this.#namedTensors(''));
  }

  /**
   * Copies `state` into the parameters and buffers of the same names. All is checked before
   * anything is changed.
   * @param state Tensors by name.
   * @param options `strict`: whether missing and unexpected names are errors. Default true.
   * @throws ShapeError that lists missing, unexpected and mis-shaped names; DTypeError for a
   * tensor of another dtype; DisposedError for one that was freed.
   */
  loadStateDict(
    state: StateDict | Readonly<Record<string, Tensor>>,
    { strict = true }: { readonly strict?: boolean } = {},
  ): void {
    const given = state instanceof Map ? state : new Map(Object.entries(state));
    const own = this.stateDict();
    const problems: string[] = [];
    if (strict) {
      const missing = [...own.keys()].filter((name) => !given.has(name));
      const unexpected = [...given.keys()].filter((name) => !own.has(name));
      if (missing.length > 0) problems.push(`missing: ${missing.join(', ')}`);
      if (unexpected.length > 0) problems.push(`unexpected: ${unexpected.join(', ')}`);
    }
    const pairs = [...own].flatMap(([name, target]) => {
      const source = given.get(name);
      return source ? [{ name, target, source }] : [];
    });
    for (const { name, target, source } of pairs) {
      if (formatShape(target.shape) !== formatShape(source.shape)) {
        problems.push(
          `${name}: expected ${formatShape(target.shape)}, got ${formatShape(source.shape)}`,
        );
      }
    }
    if (problems.length > 0) {
      throw new ShapeError(
        `loadStateDict: the state does not fit ${this.constructor.name}: ${problems.join('; ')}`,
      );
    }
    for (const { name, target, source } of pairs) {
      if (target.dtype !== source.dtype) {
        throw new DTypeError(
          `loadStateDict: ${name} is ${target.dtype}, got ${source.dtype}; cast it`,
        );
      }
    }
    // What was freed throws while it is read, still before anything is changed.
    for (const { target } of pairs) void elementsOf(target);
    const copies = pairs.map(({ target, source }) => ({ target, values: elementsOf(source) }));
    for (const { target, values } of copies) target.update((data) => data.set(values));
  }

  /** Drops the gradients of all parameters. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) parameter.zeroGrad();
  }

  /**
   * Keeps the parameters of this module, and of all inside it, as they are. No gradient is computed
   * for them; those that they have are dropped, so an optimiser that holds them passes them by, its
   * momentum and weight decay too. Operations that lead to frozen parameters only are not recorded.
   */
  freeze(): this {
    for (const parameter of this.parameters()) {
      parameter.requiresGrad = false;
      parameter.zeroGrad();
    }
    return this;
  }

  /** Undoes `freeze`. */
  unfreeze(): this {
    for (const parameter of this.parameters()) parameter.requiresGrad = true;
    return this;
  }

  /** The number of values in all parameters. */
  parameterCount(): number {
    let count = 0;
    for (const parameter of this.parameters()) count += parameter.size;
    return count;
  }

  /** Frees the memory of all parameters and buffers. */
  dispose(): void {
    for (const tensor of this.stateDict().values()) tensor.dispose();
  }
}
