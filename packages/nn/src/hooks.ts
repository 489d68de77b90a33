import { ConfigError, Tensor } from '@unfold/core';
import { valueText } from '@unfold/core/internal';

/** Looks at a call, and may give another output. */
type Look = (inputs: readonly unknown[], output: unknown) => unknown;

/** Takes a registered hook off again. */
export interface RemovableHandle {
  /** Harmless when done twice. */
  remove(): void;
}

/** The property that stands before the `forward` of each module that has hooks. */
const shadows = new WeakMap<object, Shadow>();

/** See `Module.registerForwardHook`, which `hook` was given to. */
export function addForwardHook<M extends object>(
  module: M,
  hook: (module: M, inputs: readonly unknown[], output: unknown) => unknown,
): RemovableHandle {
  const expected = 'Module.registerForwardHook: expected';
  if (typeof hook !== 'function') {
    throw new ConfigError(
      `${expected} a function (module, inputs, output), got ${valueText(hook)}`,
    );
  }
  if (!hasForward(module)) {
    throw new ConfigError(
      `${expected} a module with a forward, got ${module.constructor.name}; give the hook to the ` +
        'modules inside it',
    );
  }
  const entry = { look: (...call: Parameters<Look>) => hook(module, ...call) };
  const shadow = shadows.get(module) ?? new Shadow(module);
  shadow.hooks.add(entry);
  return {
    remove(): void {
      if (shadow.hooks.delete(entry) && shadow.hooks.size === 0) shadow.withdraw();
    },
  };
}

/** Whether hooks are called when a module is. */
export function hasHooks(module: object): boolean {
  return shadows.has(module);
}

/** A module that can be called. */
interface WithForward {
  forward(...inputs: readonly unknown[]): unknown;
}

/** Whether a module can be called; one that only holds others can't. */
export function hasForward(module: object): module is WithForward {
  return 'forward' in module && typeof module.forward === 'function';
}

/** @throws ConfigError for the result of a hook that can't take the output's place. */
function outputAfter(module: object, output: unknown, result: unknown): unknown {
  if (result === undefined) return output;
  const fits = output instanceof Tensor ? result instanceof Tensor : isPlainResult(result);
  if (fits) return result;
  const expected = output instanceof Tensor ? 'a tensor' : 'an object';
  throw new ConfigError(
    `forward hook of ${module.constructor.name}: expected nothing or ${expected} in place of the ` +
      `output, got ${result instanceof Promise ? 'a promise' : valueText(result)}; write { braces } ` +
      'around a hook that only looks',
  );
}

function isPlainResult(result: unknown): boolean {
  return typeof result === 'object' && result !== null && !(result instanceof Promise);
}

/**
 * A property of a module that stands before its class's `forward`, so that whoever calls
 * `module.forward` calls the hooks, and no other object notices. It can't be enumerated.
 */
class Shadow {
  /** In the order of their registration. */
  readonly hooks = new Set<{ readonly look: Look }>();
  /** Calls the module's forward, then the hooks. */
  readonly forward: WithForward['forward'];
  readonly #module: WithForward;
  /** The property that the module had of its own. */
  #own: PropertyDescriptor | undefined;
  #hidden: WithForward['forward'];

  /** @throws ConfigError for an object that can't be changed. */
  constructor(module: WithForward) {
    this.#module = module;
    this.#own = Object.getOwnPropertyDescriptor(module, 'forward');
    this.#hidden = module.forward;
    const call = (receiver: unknown, inputs: readonly unknown[]): unknown =>
      this.#after(inputs, Reflect.apply(this.#hidden, receiver, inputs));
    this.forward = function (this: unknown, ...inputs) {
      return call(this, inputs);
    };
    if (this.#own ? this.#own.configurable === false : !Object.isExtensible(module)) {
      throw new ConfigError(
        `Module.registerForwardHook: expected a module that can be changed, got a frozen or sealed ` +
          `${module.constructor.name}; register the hook before it is frozen`,
      );
    }
    const enumerable = this.#own?.enumerable ?? false;
    Object.defineProperty(module, 'forward', { ...SHADOWING, enumerable });
    shadows.set(module, this);
  }

  /** Leaves the module as it was. */
  withdraw(): void {
    shadows.delete(this.#module);
    Reflect.deleteProperty(this.#module, 'forward');
    if (this.#own) Object.defineProperty(this.#module, 'forward', this.#own);
  }

  /** A forward that is assigned meanwhile is the one that the hooks look at, and stays. */
  assign(value: WithForward['forward']): void {
    this.#hidden = value;
    this.#own = { value, configurable: true, enumerable: true, writable: true };
  }

  #after(inputs: readonly unknown[], output: unknown): unknown {
    // A copy, as a hook may take itself off.
    return [...this.hooks].reduce(
      (current, { look }) => outputAfter(this.#module, current, look(inputs, current)),
      output,
    );
  }
}

/**
 * The same two functions for all modules: with others each time, V8 would keep the properties of a
 * module that was hooked twice in a dictionary from then on, where they are slower to find.
 */
const SHADOWING = {
  configurable: true,
  get(this: object): unknown {
    return shadows.get(this)?.forward;
  },
  set(this: object, value: WithForward['forward']): void {
    shadows.get(this)?.assign(value);
  },
};
