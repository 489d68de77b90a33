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

/** Runs a call of `forward` with these arguments. */
export type Around = <T>(inputs: readonly unknown[], call: () => T) => T;

/**
 * Runs `run`, and meanwhile each call of the modules' forward through `around`, but for frozen objects,
 * whose calls can't be seen.
 */
export function aroundForwards<T>(
  modules: Iterable<readonly [path: string, module: object]>,
  around: <R>(path: string, inputs: readonly unknown[], call: () => R) => R,
  run: () => T,
): T {
  const handles: RemovableHandle[] = [];
  try {
    for (const [path, module] of modules) {
      if (!hasForward(module) || !Object.isExtensible(module)) continue;
      const shadow = shadows.get(module) ?? new Shadow(module);
      handles.push(shadow.add(shadow.around, (...call) => around(path, ...call)));
    }
    return run();
  } finally {
    for (const handle of handles) handle.remove();
  }
}

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
  const shadow = shadows.get(module) ?? new Shadow(module);
  return shadow.add(shadow.hooks, (...call) => hook(module, ...call));
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
  readonly hooks = new Set<{ readonly hook: Look }>();
  /** The functions that run the calls, hooks included, outermost last. */
  readonly around = new Set<{ readonly hook: Around }>();
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
    const call = (receiver: unknown, inputs: readonly unknown[]): unknown => {
      const run = (): unknown => this.#after(inputs, Reflect.apply(this.#hidden, receiver, inputs));
      const outermost = [...this.around].reduce(
        (inner, { hook }) =>
          () =>
            hook(inputs, inner),
        run,
      );
      return outermost();
    };
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

  /** Adds a hook to one of the two lists. With the last one, the property goes. */
  add<H>(list: Set<{ readonly hook: H }>, hook: H): RemovableHandle {
    // An object of its own, as the same hook may be there twice.
    const entry = { hook };
    list.add(entry);
    return {
      remove: () => {
        const isLast = list.delete(entry) && this.hooks.size + this.around.size === 0;
        if (isLast) this.#withdraw();
      },
    };
  }

  /** Leaves the module as it was. */
  #withdraw(): void {
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
      (current, { hook }) => outputAfter(this.#module, current, hook(inputs, current)),
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
