import {
  bufferOf,
  ConfigError,
  DTypeError,
  elementsOf,
  formatShape,
  type OptionRules,
  ShapeError,
  Tensor,
  type Parameter,
} from '@unfold/core';
import {
  checkOption,
  checkOptions,
  flag,
  type Guard,
  guardsOf,
  isOptions,
  noTensor,
  propertyGuards,
  requireTensor,
  text,
  traceParts,
  type TraceParts,
  valueText,
} from '@unfold/core/internal';
import { contentsOf } from './contents.js';
import { addForwardHook, aroundForwards, hasHooks, type RemovableHandle } from './hooks.js';
import { formatOptions, treeOf } from './tree.js';

/** Tensors by name, as `stateDict` gives and `loadStateDict` takes them. */
export type StateDict = ReadonlyMap<string, Tensor>;

/** A tensor of a module's state. */
interface StateEntry {
  readonly name: string;
  readonly tensor: Tensor;
  readonly isBuffer: boolean;
}

/**
 * Is called when a module's `forward` returns.
 * @param inputs The arguments of `forward`.
 * @returns Nothing; or what is to take the output's place, a tensor where that is one.
 */
export type ForwardHook = (module: Module, inputs: readonly unknown[], output: unknown) => unknown;

/** Which parameters `namedParameters` and `parameters` list. */
export interface ParametersOptions {
  /** Whether those of modules inside it, too. Default true. */
  readonly recurse?: boolean;
}

const PARAMETERS_OPTIONS: OptionRules<ParametersOptions> = { recurse: flag };

/** Options of `loadStateDict`. */
export interface LoadStateDictOptions {
  /** Whether missing and unexpected names are errors. Default true. */
  readonly strict?: boolean;
}

const LOAD_OPTIONS: OptionRules<LoadStateDictOptions> = { strict: flag };

/* Arguments of their own, not options. */
const ARGUMENTS = { mode: flag, training: flag, prefix: text, name: text };

/**
 * Base class of layers and models. Whatever a subclass assigns to its properties is found by
 * itself, under the property's name: modules, `Parameter`s, and other tensors with `requiresGrad`.
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
 * They are also found in arrays, Maps, Sets and plain objects, at any depth, under the names that
 * PyTorch's ModuleList and ModuleDict give: `layers = [new Linear(2, 2)]` has `layers.0.weight`. A Map
 * names by its keys, a Set by position. A container whose first 1,000 entries hold nothing of that kind
 * is taken for data and not searched further; objects of other classes never are.
 *
 * **What is in a `#private` field can't be found**: it is not trained, not saved, and stays as it is
 * in `eval()`. Make the field `readonly`, or TypeScript's `private`; or, as `Sequential` does, say by
 * a `namedChildren` of your own what is inside. A tensor that isn't a `Parameter` belongs to the scope
 * that it is made in; `Parameter`s outlive every scope.
 *
 * Names and order are PyTorch's: a module's own parameters, its buffers, then its children's.
 */
export abstract class Module {
  #training = true;
  #isSwitching = false;
  readonly #buffers = new Map<string, Tensor>();

  /**
   * Whether layers that behave differently in training do so. Setting it changes this module only;
   * `train` and `eval` also change those inside.
   * @throws ConfigError when set to what is neither true nor false.
   */
  get training(): boolean {
    return this.#training;
  }

  set training(mode: boolean) {
    checkOption(this.constructor.name, ARGUMENTS, 'training', mode);
    this.#training = mode;
  }

  /**
   * Switches this module and all inside it to training, or with false to evaluation.
   * @throws ConfigError for what is neither true nor false.
   */
  train(mode = true): this {
    checkOption('train', ARGUMENTS, 'mode', mode);
    // It may be inside itself, by way of a child that knows its parent.
    if (this.#isSwitching) return this;
    this.#isSwitching = true;
    try {
      this.#training = mode;
      for (const [, child] of this.namedChildren()) child.train(mode);
    } finally {
      this.#isSwitching = false;
    }
    return this;
  }

  /** Switches this module and all inside it to evaluation. */
  eval(): this {
    return this.train(false);
  }

  /**
   * The modules directly inside this one, with their names; `layers.0` for one in a container. One
   * that is there twice is listed under both names.
   */
  *namedChildren(): Iterable<[string, Module]> {
    for (const [name, part] of contentsOf(this, isModule).inside) {
      if (isModule(part)) yield [name, part];
    }
  }

  /**
   * This module, under the name `prefix`, and all inside it, each before those inside it. One that is
   * in several places is listed once, under the first name.
   */
  *namedModules(prefix = ''): Iterable<[string, Module]> {
    checkOption('namedModules', ARGUMENTS, 'prefix', prefix);
    yield* this.#namedModules(prefix, new Set());
  }

  *#namedModules(name: string, seen: Set<Module>): Iterable<[string, Module]> {
    if (seen.has(this)) return;
    seen.add(this);
    yield [name, this];
    for (const [place, child] of this.namedChildren()) {
      yield* child.#namedModules(name ? `${name}.${place}` : place, seen);
    }
  }

  /** The modules that `namedModules` lists, without their names. */
  *modules(): Iterable<Module> {
    for (const [, module] of this.namedModules()) yield module;
  }

  /**
   * @hidden What a compiled `forward` depends on besides its inputs: the mode, the forward (which a
   * hook stands before) and the properties of each module.
   */
  *[guardsOf](): Iterable<Guard> {
    for (const module of this.modules()) {
      const { training } = module;
      yield { read: () => module.training, value: training };
      // A program would leave hooks out.
      yield { read: () => hasHooks(module), value: false };
      const forward: unknown = Reflect.get(module, 'forward');
      yield { read: (): unknown => Reflect.get(module, 'forward'), value: forward };
      yield* propertyGuards(module);
    }
  }

  /**
   * All parameters, each once however often it is shared.
   * @throws ConfigError, when the first is asked for, for another prefix than a text or an unknown
   * option.
   */
  *namedParameters(prefix = '', options: ParametersOptions = {}): Iterable<[string, Parameter]> {
    checkOption('namedParameters', ARGUMENTS, 'prefix', prefix);
    checkOptions('namedParameters', options, PARAMETERS_OPTIONS);
    const { recurse = true } = options;
    const seen = new Set<Tensor>();
    for (const { name, tensor, isBuffer } of this.#state(prefix, recurse)) {
      if (isBuffer || seen.has(tensor)) continue;
      seen.add(tensor);
      yield [name, tensor];
    }
  }

  /**
   * The parameters without their names, as an optimiser takes them.
   * @throws ConfigError, when the first is asked for, for an unknown option.
   */
  *parameters(options: ParametersOptions = {}): Iterable<Parameter> {
    checkOptions('parameters', options, PARAMETERS_OPTIONS);
    for (const [, parameter] of this.namedParameters('', options)) yield parameter;
  }

  /** Tensors that belong to the state and are not trained, such as running means. */
  *namedBuffers(prefix = ''): Iterable<[string, Tensor]> {
    checkOption('namedBuffers', ARGUMENTS, 'prefix', prefix);
    for (const { name, tensor, isBuffer } of this.#state(prefix)) {
      if (isBuffer) yield [name, tensor];
    }
  }

  /** Makes `tensor` part of the state under `name`, and takes it out of every scope. */
  protected registerBuffer(name: string, tensor: Tensor): Tensor {
    checkOption('registerBuffer', ARGUMENTS, 'name', name);
    requireTensor('registerBuffer', 'tensor', tensor);
    this.#buffers.set(name, tensor.keep());
    return tensor;
  }

  /** @param around The modules that this one is being listed in. */
  *#state(prefix: string, recurse = true, around = new Set<Module>()): Iterable<StateEntry> {
    const { own, inside } = contentsOf(this, isModule);
    for (const [name, tensor] of own) yield { name: prefix + name, tensor, isBuffer: false };
    for (const [name, tensor] of this.#buffers)
      yield { name: prefix + name, tensor, isBuffer: true };
    around.add(this);
    for (const [name, part] of this.#withOwnChildren(inside)) {
      if (part instanceof Tensor) yield { name: prefix + name, tensor: part, isBuffer: false };
      else if (recurse && !around.has(part)) {
        yield* part.#state(`${prefix}${name}.`, recurse, around);
      }
    }
    around.delete(this);
  }

  /** The parts inside, by a class's own `namedChildren` where it has one. */
  #withOwnChildren(
    inside: readonly [string, Tensor | Module][],
  ): readonly [string, Tensor | Module][] {
    if (this.namedChildren === Module.prototype.namedChildren) return inside;
    return [...inside.filter(([, part]) => part instanceof Tensor), ...this.namedChildren()];
  }

  /**
   * Parameters and buffers by name: the tensors themselves, not copies.
   * @throws ConfigError if two have the same name, as by a key with a dot in it.
   */
  stateDict(): Map<string, Tensor> {
    const state = new Map<string, Tensor>();
    for (const { name, tensor } of this.#state('')) {
      const other = state.get(name);
      if (other && other !== tensor) {
        throw new ConfigError(
          `${this.constructor.name}.stateDict: expected names of their own for all tensors, got ` +
            `${name} for ${other.describe()} and for ${tensor.describe()}; rename a property, a key ` +
            'or a buffer',
        );
      }
      state.set(name, tensor);
    }
    return state;
  }

  /**
   * Copies `state` into the parameters and buffers of the same names. All is checked before
   * anything is changed.
   * @param state Tensors by name.
   * @throws ShapeError that lists missing, unexpected and mis-shaped names; DTypeError for a
   * tensor of another dtype, or what is no tensor; ConfigError for what is no state or an unknown
   * option; DisposedError for a tensor that was freed.
   */
  loadStateDict(
    state: StateDict | Readonly<Record<string, Tensor>>,
    options: LoadStateDictOptions = {},
  ): void {
    checkOptions('loadStateDict', options, LOAD_OPTIONS);
    const { strict = true } = options;
    const given = tensorsByName(state);
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
    for (const { target } of pairs) void bufferOf(target);
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
    for (const { tensor } of this.#state('')) tensor.dispose();
  }

  /**
   * Calls `hook` with this module, the arguments and the output whenever `forward` returns, as
   * PyTorch's `register_forward_hook`. What the hook returns takes the output's place, unless it
   * returns nothing. Hooks are called in the order of their registration; not when `forward` throws.
   *
   * ```ts
   * const handle = model.conv.registerForwardHook((module, inputs, output) => {
   *   if (output instanceof Tensor) console.log(output.shape);
   * });
   * model.forward(images);
   * handle.remove();
   * ```
   *
   * Where PyTorch calls modules (`model(x)`), Unfold calls `model.forward(x)` itself, also in classes
   * of your own. So as long as a module has hooks, a property of that one object, which can't be
   * enumerated, stands before its class's `forward`. Without hooks there is none, and no call costs
   * anything. `super.forward(…)` calls no hooks.
   * @throws ConfigError for a module without `forward`, or a frozen object; from `forward`, for a hook
   * that returns what can't take the output's place.
   */
  registerForwardHook(hook: ForwardHook): RemovableHandle {
    return addForwardHook(this, hook);
  }

  /** @internal */
  [traceParts](): TraceParts {
    return {
      parameters: this.namedParameters(),
      buffers: this.namedBuffers(),
      watch: (around, run) => aroundForwards(this.namedModules(), around, run),
    };
  }

  /**
   * @hidden The arguments of its constructor by their names, and those of its options that are not at
   * their defaults, at least.
   */
  constructedWith(): object {
    return {};
  }

  /** The text that `toString` shows of this module between the brackets, such as its options. */
  extraRepr(): string {
    return formatOptions(this.constructedWith());
  }

  /** The tree of modules: each with its name, its class and its options, as PyTorch prints it. */
  toString(): string {
    return treeOf(this);
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}

/** @throws ConfigError for what holds no tensors by name, DTypeError for what is no tensor in it. */
function tensorsByName(state: unknown): StateDict {
  if (!(state instanceof Map) && !isOptions(state)) {
    throw new ConfigError(
      `loadStateDict: expected tensors by name, as stateDict() gives them, got ${valueText(state)}` +
        (state instanceof Module ? '; pass its stateDict()' : ''),
    );
  }
  const tensors = new Map<string, Tensor>();
  for (const [name, tensor] of state instanceof Map ? state : Object.entries(state)) {
    if (typeof name === 'string' && tensor instanceof Tensor) tensors.set(name, tensor);
    else if (tensor instanceof Map) {
      // What loadCheckpoint gives, or the state of an average.
      throw new ConfigError(
        `loadStateDict: expected a tensor for ${name}, got a Map; pass what is in ${name}`,
      );
    } else throw noTensor('loadStateDict', `a tensor for ${valueText(name)}`, tensor);
  }
  return tensors;
}

function isModule(value: object): value is Module {
  return value instanceof Module;
}
