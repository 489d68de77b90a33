import type { Engine } from '@unfold/core';
import type { Layer } from '@unfold/nn';
import type { Evaluation, FitResult } from '@unfold/train';
import { weightsSha256 } from '@unfold/io';
import type { RunWarning } from './at-chance.js';
import type { LoaderKind } from './digits.js';
import type { Plan } from './plan.js';

/** A run that came to its end. */
export interface FinishedRun {
  readonly plan: Plan;
  /** The warnings that the run has given. */
  readonly warnings: readonly RunWarning[];
  readonly loader: LoaderKind;
  readonly engine: Engine;
  readonly model: Layer;
  readonly result: FitResult<'accuracy'>;
  readonly test: Evaluation;
  /** The time of each step that this process made. */
  readonly stepMs: readonly number[];
  /** From the start of the process to the end of the test. */
  readonly seconds: number;
}

/** Gathers the figures that `--metrics` writes; README.md describes them. */
export function figuresOf(run: FinishedRun): object {
  const { plan, loader, engine, model, result, test, stepMs, seconds } = run;
  return {
    model: plan.recipe.model,
    preset: plan.preset,
    recipe: plan.recipe,
    seed: plan.seed,
    kernels: engine.kernels,
    loader,
    batchSize: plan.recipe.batchSize,
    parameters: model.parameterCount(),
    epochs: result.history.map(({ epoch, train, validation, seconds: ofEpoch }) => ({
      epoch,
      trainLoss: train.loss,
      valLoss: validation?.loss ?? null,
      valAccuracy: validation?.accuracy ?? null,
      seconds: ofEpoch,
    })),
    stopped: result.stopped,
    warnings: run.warnings,
    testAccuracy: test.accuracy,
    testCorrect: test.correct,
    testTotal: test.total,
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
