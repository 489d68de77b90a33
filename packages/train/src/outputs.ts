import { compile, ConfigError, Scope } from '@unfold/core';
import { evaluationMode } from '@unfold/nn';
import { type AnyBatch, inputsOf, type WholeBatch, wholeBatch } from './data/batch.js';
import { type AnyModel, outputOf } from './model.js';
import type { StopSignal } from './stop-signal.js';

/** Which batches a model is shown, and how errors name that. */
export interface Showing {
  /** Begins the error of something that is no batch. */
  readonly operation: string;
  /** Begins the error of no batch at all. */
  readonly where: string;
  readonly model: AnyModel;
  readonly data: AsyncIterable<AnyBatch> | Iterable<AnyBatch>;
  readonly signal: StopSignal | undefined;
  /** Whether the model runs as a program. */
  readonly isCompiled: boolean;
}

/**
 * Calls `look` with what a model in evaluation mode makes of each batch, in a scope that ends with the call;
 * all modules' modes are as before afterwards. It holds one batch at a time.
 * @param look `before` is the number of examples in earlier batches.
 * @returns The number of examples, at least 1.
 * @throws ConfigError if there is none, over which no mean is defined; the reason of `signal` when that
 * aborts.
 */
export async function forEachOutput(
  { operation, where, model, data, signal, isCompiled }: Showing,
  look: (output: unknown, batch: WholeBatch<AnyBatch>, before: number) => void,
): Promise<number> {
  const restoreModes = evaluationMode(model);
  const run = (inputs: unknown): unknown => outputOf(operation, model, inputs);
  const program = isCompiled
    ? compile(run, { modules: [model], fallback: true, compare: true })
    : null;
  const forward = program ?? run;
  try {
    let examples = 0;
    for await (const given of data) {
      signal?.throwIfAborted();
      const batch = wholeBatch(operation, given);
      Scope.run(() => look(forward(inputsOf(batch)), batch, examples));
      examples += batch.size;
    }
    if (examples === 0) {
      throw new ConfigError(
        `${where}: expected at least one batch, got none; nothing can be measured on them`,
      );
    }
    return examples;
  } finally {
    program?.dispose();
    restoreModes();
  }
}
