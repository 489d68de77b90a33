import { compile, type Tensor } from '@unfold/core';
import { evaluationMode, type Layer } from '@unfold/nn';
import { type Batch, requireBatch } from './data/batches.js';
import { emptyError } from './data/dataset.js';
import type { StopSignal } from './stop-signal.js';
import { callInTurns, type Callable } from './turns.js';

/** Which batches a model is shown, and how errors name that. */
interface Showing {
  /** Begins the error of something that is no batch. */
  readonly operation: string;
  /** Begins the error of no batch at all. */
  readonly where: string;
  readonly model: Layer;
  readonly data: AsyncIterable<Batch> | Iterable<Batch>;
  readonly signal: StopSignal | undefined;
  /** Whether the model runs as a program. */
  readonly isCompiled: boolean;
}

/**
 * Calls `look` with what a model in evaluation mode makes of each batch, in a scope that ends with the call;
 * all modules' modes are as before afterwards. It holds one batch at a time.
 * @param look `before` is the number of images in earlier batches.
 * @returns The number of images, at least 1.
 * @throws ConfigError if there is none, over which no mean is defined; the reason of `signal` when that
 * aborts.
 */
export async function forEachOutput(
  { operation, where, model, data, signal, isCompiled }: Showing,
  look: (output: Tensor, batch: Batch, before: number) => void,
): Promise<number> {
  const restoreModes = evaluationMode(model);
  const program = isCompiled ? compile(model, { fallback: true, compare: true }) : null;
  const forward: Callable<[Tensor], Tensor> = program ?? ((x: Tensor) => model.forward(x));
  try {
    let images = 0;
    for await (const batch of data) {
      signal?.throwIfAborted();
      requireBatch(operation, batch);
      const before = images;
      await callInTurns(forward, [batch.images], (output) => look(output, batch, before));
      images += batch.size;
    }
    if (images === 0) throw emptyError(where);
    return images;
  } finally {
    program?.dispose();
    restoreModes();
  }
}
