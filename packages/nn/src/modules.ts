import type { Module } from './module.js';

/** A module somewhere in a model. */
export interface PlacedModule {
  readonly module: Module;
  /** As in the names of its parameters, `features.0`; empty for the model itself. */
  readonly path: string;
}

/** The model and all modules inside it, each before those inside it. */
export function* modulesOf(module: Module, path = ''): Iterable<PlacedModule> {
  yield { module, path };
  for (const [name, child] of module.namedChildren()) {
    yield* modulesOf(child, path ? `${path}.${name}` : name);
  }
}

/**
 * Switches a model to evaluation. What it returns gives every module its own mode back.
 */
export function evaluationMode(model: Module): () => void {
  const modes = [...modulesOf(model)].map(({ module }) => ({ module, mode: module.training }));
  model.eval();
  return () => {
    // A module's mode becomes that of all inside it too, so those come later.
    for (const { module, mode } of modes) module.train(mode);
  };
}

/** A call of a module's `forward`. */
export interface ForwardCall extends PlacedModule {
  readonly inputs: readonly unknown[];
  readonly output: unknown;
}

/**
 * Runs `run`, and meanwhile reports every call of a module's `forward`, when it returns. A module that
 * stands in several places is reported under the first path.
 */
export function watchForward(
  model: Module,
  report: (call: ForwardCall) => void,
  run: () => void,
): void {
  const restore: (() => void)[] = [];
  const watched = new Set<Module>();
  try {
    for (const { module, path } of modulesOf(model)) {
      if (watched.has(module) || !hasForward(module)) continue;
      watched.add(module);
      const own = Object.getOwnPropertyDescriptor(module, 'forward');
      const forward = module.forward.bind(module);
      module.forward = (...inputs) => {
        const output = forward(...inputs);
        report({ module, path, inputs, output });
        return output;
      };
      restore.push(() => {
        // Without an own property, the class's method is back.
        if (own) Object.defineProperty(module, 'forward', own);
        else Reflect.deleteProperty(module, 'forward');
      });
    }
    run();
  } finally {
    for (const undo of restore) undo();
  }
}

interface WithForward extends Module {
  forward(...inputs: readonly unknown[]): unknown;
}

function hasForward(module: Module): module is WithForward {
  return 'forward' in module && typeof module.forward === 'function';
}
