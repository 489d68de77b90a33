#!/usr/bin/env node
import { configureEngine, ConfigError, manualSeed, profile, type Profile } from '@unfold/core';
import { enableNodeFlags } from '@unfold/core/node';
import { saveCheckpoint } from '../checkpoint.js';
import {
  DataLoader,
  mnist,
  normalizationOf,
  type BatchLoader,
  type Dataset,
  type LoaderOptions,
} from '../data/index.js';
import { evaluate } from '../evaluate.js';
import { replaceFile } from '../files.js';
import { Cnn, LeNet } from '../models.js';
import { linearDecay } from '../optim/schedule.js';
import { SGD } from '../optim/sgd.js';
import { trainClassifier, type TrainResult } from '../trainer.js';
import { weightsSha256 } from '../weights-sha256.js';
import { saveWeights, weightsFormat } from '../weights/save-load.js';
import { parseOptions, type TrainMnistOptions } from './options.js';
import {
  checkOutputs,
  INTERRUPTED,
  listenForInterruption,
  packageVersion,
  runProgram,
} from './program.js';
import { createProgress, percent } from './progress.js';

/** The last images of the training part are for validation. */
const VALIDATION_IMAGES = 5000;
/** Batches that are only evaluated need no particular size. */
const EVALUATION_BATCH = 250;

async function main(args: readonly string[]): Promise<number> {
  const begin = performance.now();
  const options = parseOptions(args, packageVersion());
  const say = (line: string): void => {
    if (!options.quiet) console.log(line);
  };
  const { checkpoint, weights, metrics } = options;
  const format = weights === undefined ? undefined : weightsFormat('--weights', weights);
  await checkOutputs({
    '--checkpoint': checkpoint,
    '--weights': weights,
    '--metrics': metrics,
  });

  enableNodeFlags();
  const { kernels, threads, simd, strict } = options;
  const engine = await configureEngine({ kernels, threads, simd, strict });
  say(`engine: ${engine.description}`);
  for (const warning of engine.warnings) say(`engine: ${warning}`);
  const digits = await mnist(options.dataDir === undefined ? {} : { dataDir: options.dataDir });
  say(`data: ${digits.source}`);
  const split = splitTraining(digits.train, options.limit);
  manualSeed(options.seed);
  const model = options.model === 'lenet' ? new LeNet() : new Cnn();
  const { lr, momentum, weightDecay, batchSize } = options;
  const optimizer = new SGD(model.parameters(), { lr, momentum, weightDecay });
  const normalization = normalizationOf(split.train);
  const makeLoader = await loaderOf(options.loader);
  const train = await makeLoader(split.train, { batchSize, shuffle: true, normalization });
  const evaluation = { batchSize: EVALUATION_BATCH, normalization };
  const validation = await makeLoader(split.validation, evaluation);
  say(`images: ${split.train.length} to train on, ${split.validation.length} to validate with`);
  say(`model: ${options.model}, ${model.parameterCount()} parameters; seed ${options.seed}`);

  const about = { model: options.model, normalization: JSON.stringify(normalization) };
  const save = async (progress: string): Promise<void> => {
    if (checkpoint === undefined) return;
    const metadata = { format: 'unfold-checkpoint-1', ...about, progress };
    await saveCheckpoint(checkpoint, { state: model.stateDict(), metadata });
  };
  const progress = createProgress({
    epochs: options.epochs,
    stepsPerEpoch: train.length,
    out: process.stdout,
    quiet: options.quiet === true,
  });
  const interruption = listenForInterruption();
  const stepMs: number[] = [];
  const run = () =>
    trainClassifier({
      model,
      optimizer,
      train,
      validation,
      epochs: options.epochs,
      learningRate: (step, steps) => lr * linearDecay(step, steps),
      signal: interruption.signal,
      onStep(report) {
        stepMs.push(report.milliseconds);
        progress.step(report);
      },
      async onEpoch(report) {
        progress.epoch(report);
        await save(`epoch ${report.epoch} of ${options.epochs}`);
      },
    });
  let result: TrainResult | undefined;
  let taken: Profile | undefined;
  try {
    if (options.profile) {
      taken = await profile(async () => {
        result = await run();
      });
    }
    result ??= await run();
  } finally {
    progress.stop();
    interruption.stop();
  }
  if (taken) console.log(String(taken));
  if (!result.finished) {
    const done = `step ${result.steps} of ${options.epochs * train.length}`;
    await save(done);
    const kept =
      checkpoint === undefined
        ? 'nothing was saved (--checkpoint FILE would)'
        : `weights in ${checkpoint}`;
    console.error(`interrupted after ${done}; ${kept}`);
    return INTERRUPTED;
  }

  if (weights !== undefined) {
    await saveWeights(model, weights, format === 'npz' ? {} : { metadata: about });
  }
  const test = await evaluate(model, await makeLoader(digits.test, evaluation));
  console.log(
    `test accuracy ${percent(test)} (${test.correct} of ${test.total}) after ` +
      `${((performance.now() - begin) / 1000).toFixed(1)} s`,
  );
  if (metrics !== undefined) {
    const figures = {
      model: options.model,
      seed: options.seed,
      kernels: engine.kernels,
      loader: options.loader,
      batchSize,
      parameters: model.parameterCount(),
      epochs: result.epochs.map(
        ({ epoch, trainLoss, validation: { loss, correct, total }, seconds }) => ({
          epoch,
          trainLoss,
          valLoss: loss,
          valAccuracy: correct / total,
          seconds,
        }),
      ),
      testAccuracy: test.correct / test.total,
      testCorrect: test.correct,
      testTotal: test.total,
      stepMsMedian: median(stepMs),
      seconds: (performance.now() - begin) / 1000,
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
      weightsSha256: weightsSha256(model.stateDict()),
    };
    await replaceFile(metrics, `${JSON.stringify(figures, null, 2)}\n`);
  }
  if (checkpoint !== undefined) say(`checkpoint: ${checkpoint}`);
  if (weights !== undefined) say(`weights: ${weights}`);
  if (metrics !== undefined) say(`metrics: ${metrics}`);
  return 0;
}

/** @throws ConfigError if nothing would be left to train on. */
function splitTraining(all: Dataset, limit = Infinity): { train: Dataset; validation: Dataset } {
  const trainLength = all.length - VALIDATION_IMAGES;
  if (trainLength < 1) {
    throw new ConfigError(
      `the training part has ${all.length} images, of which the last ${VALIDATION_IMAGES} are for ` +
        'validation; nothing is left to train on',
    );
  }
  return {
    train: all.slice(0, Math.min(trainLength, limit)),
    validation: all.slice(trainLength, all.length),
  };
}

type MakeLoader = (dataset: Dataset, options: LoaderOptions) => Promise<BatchLoader>;

async function loaderOf(kind: TrainMnistOptions['loader']): Promise<MakeLoader> {
  if (kind === 'own')
    return (dataset, options) => Promise.resolve(new DataLoader(dataset, options));
  const { tfjsLoader } = await import('../data/tfjs.js');
  return tfjsLoader;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

await runProgram(main);
