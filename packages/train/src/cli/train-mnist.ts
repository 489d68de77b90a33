#!/usr/bin/env node
import { configureEngine, manualSeed, profile, type Engine, type Profile } from '@unfold/core';
import { enableNodeFlags } from '@unfold/core/node';
import { normalizationOf } from '../data/index.js';
import { evaluate } from '../evaluate.js';
import { replaceFile } from '../files.js';
import type { Callback, FitResult, RunState } from '../fit/callback.js';
import { CheckpointFile } from '../fit/checkpoint-file.js';
import { EarlyStopping } from '../fit/early-stopping.js';
import { fit } from '../fit/fit.js';
import { EVALUATION_BATCH, prepareRun, type PreparedRun } from '../recipe/prepare.js';
import { saveWeights, weightsFormat } from '../weights/save-load.js';
import { loadDigits, loaderOf } from './digits.js';
import { figuresOf } from './figures.js';
import { parseOptions, type TrainMnistOptions } from './options.js';
import { planOf } from './plan.js';
import {
  checkOutputs,
  INTERRUPTED,
  listenForInterruption,
  packageVersion,
  runProgram,
} from './program.js';
import { percent, terminalProgress } from './progress.js';
import { checkSameData, describeRun, openRun } from './resume.js';

async function main(args: readonly string[]): Promise<number> {
  const begin = performance.now();
  const options = parseOptions(args, packageVersion());
  const say = (line: string): void => {
    if (!options.quiet) console.log(line);
  };
  const { checkpoint, weights, metrics } = options;
  const format = weights === undefined ? undefined : weightsFormat('--weights', weights);
  await checkOutputs({ '--checkpoint': checkpoint, '--weights': weights, '--metrics': metrics });

  enableNodeFlags();
  const engine = await startEngine(options);
  say(`engine: ${engine.description}`);
  for (const warning of engine.warnings) say(`engine: ${warning}`);
  const saved = await openRun(options);
  const plan = saved?.plan ?? planOf(options);
  const digits = await loadDigits(options.dataDir, plan.limit);
  say(`data: ${digits.source}`);
  const normalization = normalizationOf(digits.train);
  const about = { model: plan.recipe.model, normalization: JSON.stringify(normalization) };
  const metadata = checkpoint === undefined ? {} : describeRun(plan, digits);
  if (saved) checkSameData(saved, metadata);
  manualSeed(plan.seed);
  const makeLoader = await loaderOf(options.loader);
  const prepared = await prepareRun(plan.recipe, { ...digits, normalization, makeLoader });
  const { model } = prepared;
  say(`images: ${digits.train.length} to train on, ${digits.validation.length} to validate with`);
  say(`model: ${plan.recipe.model}, ${model.parameterCount()} parameters; seed ${plan.seed}`);
  if (options.resume)
    say(`resume: ${saved ? `the run in ${saved.file}` : 'no run yet, it begins'}`);
  if (saved?.difference) say(`resume: ${saved.difference}`);

  const stepMs: number[] = [];
  const callbacks: Callback[] = [
    { onStepEnd: (report) => void stepMs.push(report.milliseconds) },
    terminalProgress({ quiet: options.quiet === true }),
  ];
  if (plan.earlyStopping !== null) {
    callbacks.push(
      new EarlyStopping({ monitor: 'accuracy', mode: 'max', patience: plan.earlyStopping }),
    );
  }
  if (checkpoint !== undefined) {
    callbacks.push(new CheckpointFile(checkpoint, { metadata: { ...about, ...metadata } }));
  }
  const { result, profile: taken } = await train(prepared, {
    callbacks,
    resume: saved?.state,
    options,
  });
  if (taken) console.log(String(taken));
  if (!result.finished) {
    const steps = prepared.options.epochs * prepared.options.train.length;
    const kept =
      checkpoint === undefined
        ? 'nothing was saved (--checkpoint FILE would)'
        : `the run is in ${checkpoint}, and goes on with --resume`;
    console.error(`interrupted after step ${result.steps} of ${steps}; ${kept}`);
    return INTERRUPTED;
  }
  if (result.stopped !== null) say(`stopped early: ${result.stopped}`);

  if (weights !== undefined) {
    await saveWeights(model, weights, format === 'npz' ? {} : { metadata: about });
  }
  const test = await evaluate(
    model,
    await makeLoader(digits.test, { batchSize: EVALUATION_BATCH, normalization }),
  );
  const seconds = (performance.now() - begin) / 1000;
  console.log(
    `test accuracy ${percent(test)} (${test.correct} of ${test.total}) after ${seconds.toFixed(1)} s`,
  );
  if (metrics !== undefined) {
    const { loader } = options;
    const figures = figuresOf({ plan, loader, engine, model, result, test, stepMs, seconds });
    await replaceFile(metrics, `${JSON.stringify(figures, null, 2)}\n`);
  }
  if (checkpoint !== undefined) say(`checkpoint: ${checkpoint}`);
  if (weights !== undefined) say(`weights: ${weights}`);
  if (metrics !== undefined) say(`metrics: ${metrics}`);
  return 0;
}

/** How a run is to go. */
interface Running {
  readonly callbacks: readonly Callback[];
  readonly resume: RunState | undefined;
  readonly options: TrainMnistOptions;
}

/** Trains until the end or Ctrl-C, with a look at the progress, and at the time if asked for. */
async function train(
  { model, options: prepared }: PreparedRun,
  { callbacks, resume, options }: Running,
): Promise<{ result: FitResult<'accuracy'>; profile: Profile | undefined }> {
  const interruption = listenForInterruption();
  const run = (): Promise<FitResult<'accuracy'>> =>
    fit(model, {
      ...prepared,
      callbacks,
      signal: interruption.signal,
      resume,
    });
  try {
    if (!options.profile) return { result: await run(), profile: undefined };
    let result: FitResult<'accuracy'> | undefined;
    const taken = await profile(async () => {
      result = await run();
    });
    return { result: result ?? (await run()), profile: taken };
  } finally {
    interruption.stop();
  }
}

async function startEngine(options: TrainMnistOptions): Promise<Engine> {
  const { kernels, threads, simd, strict } = options;
  return configureEngine({ kernels, threads, simd, strict });
}

await runProgram(main);
