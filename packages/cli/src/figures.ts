import type { Engine } from '@unfold/core';
import type { Layer } from '@unfold/nn';
import type { Evaluation, FitResult } from '@unfold/train';
import { weightsSha256 } from '@unfold/io';
import type { RunWarning } from './at-chance.js';
import type { Digits, LoaderKind } from './digits.js';
import type { Plan } from './plan.js';

/** A run that ended: by itself, or because its loss or its gradients were no finite numbers any more. */
export interface FinishedRun {
  readonly plan: Plan;
  /** The warnings that the run has given. */
  readonly warnings: readonly RunWarning[];
  readonly digits: Digits;
  readonly loader: LoaderKind;
  readonly engine: Engine;
  readonly model: Layer;
  readonly result: Pick<FitResult, 'history' | 'stopped'>;
  /** Null where an error ended the run before. */
  readonly test: Evaluation | null;
  /** What ended the run before its time. */
  readonly failure: Error | null;
  /** The time of each step that this process made. */
  readonly stepMs: readonly number[];
  /** From the start of the process to the end of the test. */
  readonly seconds: number;
}

/** Gathers the figures that `--metrics` writes; README.md describes them. */
export function figuresOf(run: FinishedRun): object {
  const { plan, digits, loader, engine, model, result, test, failure, stepMs, seconds } = run;
  return {
    model: plan.recipe.model,
    preset: plan.preset,
    recipe: plan.recipe,
    seed: plan.seed,
    trainingImages: digits.train.length,
    earlyStopping: plan.earlyStopping,
    data: digits.source,
    kernels: engine.kernels,
    engine: engine.description,
    loader,
    batchSize: plan.recipe.batchSize,
    parameters: model.parameterCount(),
    epochs: result.history.map(({ epoch, train, validation, seconds: ofEpoch }) => ({
      epoch,
      trainLoss: train.loss,
      valLoss: validation?.loss ?? null,
      valAccuracy: validation?.['accuracy'] ?? null,
      seconds: ofEpoch,
    })),
    stopped: result.stopped,
    warnings: run.warnings,
    error: failure === null ? null : { name: failure.name, message: failure.message },
    testAccuracy: test?.accuracy ?? null,
    testCorrect: test?.correct ?? null,
    testTotal: test?.total ?? null,
    stepMsMedian: median(stepMs),
    seconds,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
    weightsSha256: weightsSha256(model.stateDict()),
  };
}

/** Null of nothing, as where a run was over already when it was resumed. */
function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  const lower = sorted[middle - 1];
  if (upper === undefined) return null;
  return sorted.length % 2 === 1 || lower === undefined ? upper : (lower + upper) / 2;
}
