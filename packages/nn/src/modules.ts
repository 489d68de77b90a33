import { requireFunction } from '@unfold/core/internal';
import { requireModule } from './checks.js';
import { hasForward, type RemovableHandle } from './hooks.js';
import type { Module } from './module.js';

/**
 * Switches a model to evaluation. What it returns gives every module its own mode back.
 */
export function evaluationMode(model: Module): () => void {
  requireModule('evaluationMode', model);
  const modes = [...model.namedModules()].map(([, module]) => ({ module, mode: module.training }));
  const { training } = model;
  model.eval();
  return () => {
    // By `train` first, as a class may do more there than set the mode.
    model.train(training);
    for (const { module, mode } of modes) module.training = mode;
  };
}

/** A call of a module's `forward`. */
export interface ForwardCall {
  readonly module: Module;
  /** As in the names of its parameters, `features.0`; empty for the model itself. */
  readonly path: string;
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
  requireModule('watchForward', model);
  requireFunction('watchForward', report);
  requireFunction('watchForward', run);
  const handles: RemovableHandle[] = [];
  try {
    for (const [path, module] of model.namedModules()) {
      if (!hasForward(module)) continue;
      const hook = (_: Module, inputs: readonly unknown[], output: unknown): void =>
        report({ module, path, inputs, output });
      handles.push(module.registerForwardHook(hook));
    }
    run();
  } finally {
    for (const handle of handles) handle.remove();
  }
}
