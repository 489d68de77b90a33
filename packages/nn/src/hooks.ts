import { ConfigError, Tensor } from '@unfold/core';
import { valueText } from '@unfold/core/internal';

/** What looks at a call, and may give another output. */
type Look = (inputs: readonly unknown[], output: unknown) => unknown;

/** What a registered hook is taken off by. */
export interface RemovableHandle {
  /** Harmless when done twice. */
  remove(): void;
}

/** The hooks of a module, in the order of their registration, and what ends their being called. */
interface Hooked {
  readonly hooks: Set<{ readonly look: Look }>;
  restoreForward(): void;
}

/** Of each module that has any. */
const hooked = new WeakMap<object, Hooked>();

/** See `Module.registerForwardHook`, which `hook` was given to. */
export function addForwardHook<M extends object>(
  module: M,
  hook: (module: M, inputs: readonly unknown[], output: unknown) => unknown,
): RemovableHandle {
  const expected = 'Module.registerForwardHook: expected';
  if (typeof hook !== 'function') {
    throw new ConfigError(`${expected} a function (module, inputs, output), got ${valueText(hook)}`);
  }
  if (!hasForward(module)) {
    throw new ConfigError(
      `${expected} a module with a forward, got ${module.constructor.name}; give the hook to the ` +
        'modules inside it',
    );
  }
  const entry = { look: (...call: Parameters<Look>) => hook(module, ...call) };
  const all = hooked.get(module) ?? hookUp(module);
  all.hooks.add(entry);
  return {
    remove(): void {
      if (!all.hooks.delete(entry) || all.hooks.size > 0) return;
      hooked.delete(module);
      all.restoreForward();
    },
  };
}

function hookUp(module: WithForward): Hooked {
  const hooks: Hooked['hooks'] = new Set();
  const restoreForward = shadowForward(module, (inputs, output) =>
    // A copy, as a hook may take itself off.
    [...hooks].reduce(
      (current, { look }) => outputAfter(module, current, look(inputs, current)),
      output,
    ),
  );
  const all = { hooks, restoreForward };
  hooked.set(module, all);
  return all;
}

/** A module that can be called. */
export interface WithForward {
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
 * Lets a property of the module stand before its class's `forward`, so that whoever calls
 * `module.forward` calls the hooks, and no other object notices. The property can't be enumerated.
 * @returns What takes it away again, and leaves what was there.
 */
function shadowForward(
  module: WithForward,
  after: (inputs: readonly unknown[], output: unknown) => unknown,
): () => void {
  let own = Object.getOwnPropertyDescriptor(module, 'forward');
  if (own ? own.configurable === false : !Object.isExtensible(module)) {
    throw new ConfigError(
      `Module.registerForwardHook: expected a module that can be changed, got a frozen or sealed ` +
        `${module.constructor.name}; register the hook before it is frozen`,
    );
  }
  let { forward } = module;
  function forwardWithHooks(this: unknown, ...inputs: readonly unknown[]): unknown {
    return after(inputs, Reflect.apply(forward, this, inputs));
  }
  Object.defineProperty(module, 'forward', {
    configurable: true,
    enumerable: own?.enumerable ?? false,
    get: () => forwardWithHooks,
    // A forward that is assigned meanwhile is the one that the hooks look at, and stays.
    set(value: WithForward['forward']) {
      forward = value;
      own = { value, configurable: true, enumerable: true, writable: true };
    },
  });
  return () => {
    Reflect.deleteProperty(module, 'forward');
    if (own) Object.defineProperty(module, 'forward', own);
  };
}
