import type { Engine } from '@unfold/core';
import {
  type Batch,
  DataLoader,
  evaluate,
  type Evaluation,
  loadTrainedModel,
  mnist,
  type TrainedModel,
} from '@unfold/train';
import { jsonWith, replaceFile } from '@unfold/io/internal';
import { EVALUATION_BATCH } from '@unfold/train/internal';
import {
  Bar,
  counted,
  evaluationLines,
  grouped,
  lineOptions,
  percent,
} from '@unfold/monitor/internal';
import { type EvaluateCliOptions, parseEvaluateOptions } from './evaluate-options.js';
import {
  checkOutputs,
  complainOfInterruption,
  packageVersion,
  statusOfInterruption,
  untilInterrupted,
} from './program.js';
import { startEngine } from './start-engine.js';
import { draw, say } from './print.js';

const SCORES = jsonWith('a JSON file of this command', 'checkpoint', 'accuracy');

/** `unfold evaluate`. @returns The exit status. */
export async function evaluateModel(args: readonly string[]): Promise<number> {
  const options = parseEvaluateOptions(args, packageVersion());
  await checkOutputs({ '--json': options.json }, { '--json': SCORES });
  const engine = await startEngine(options, say);
  const trained = await loadTrainedModel(options.checkpoint);
  const { name, model, normalization } = trained;
  say(
    `model: ${name}, ${counted(model.parameterCount(), 'parameter')}, from ${options.checkpoint}`,
  );
  const { test, source } = await mnist(
    options.dataDir === undefined ? {} : { dataDir: options.dataDir },
  );
  const bar = new Bar(process.stdout);
  const loader = new DataLoader(test, { batchSize: EVALUATION_BATCH, normalization });
  try {
    const begin = performance.now();
    const evaluation = await untilInterrupted((signal) => {
      say(`data: ${source}`);
      const batches = process.stdout.isTTY ? shown(loader, bar) : loader;
      return evaluate(model, batches, {
        signal,
        mistakes: options.mistakes,
        compile: options.compile,
      });
    });
    const seconds = (performance.now() - begin) / 1000;
    bar.stop();
    if (evaluation === null) {
      complainOfInterruption('interrupted; nothing was written');
      return statusOfInterruption();
    }
    say(
      `test accuracy ${percent(evaluation.accuracy)} (${grouped(evaluation.correct)} of ${grouped(evaluation.total)})`,
    );
    draw(evaluationLines(evaluation, test, lineOptions(process.stdout)));
    await writeJson(options, { trained, engine, evaluation, seconds });
    return 0;
  } finally {
    loader.dispose();
    bar.stop();
  }
}

/** The loader's batches, with a bar for those that were given. */
async function* shown(loader: DataLoader, bar: Bar): AsyncIterable<Batch> {
  let done = 0;
  for await (const batch of loader) {
    yield batch;
    done++;
    const images = ` ${grouped(Math.min(done * EVALUATION_BATCH, loader.dataset.length))} images`;
    bar.show({ head: 'testing ', done: done / loader.length, tails: [images, ''] });
  }
}

async function writeJson(
  { json, checkpoint }: EvaluateCliOptions,
  {
    trained: { name, normalization },
    engine,
    evaluation,
    seconds,
  }: {
    readonly trained: TrainedModel;
    readonly engine: Engine;
    readonly evaluation: Evaluation;
    readonly seconds: number;
  },
): Promise<void> {
  if (json === undefined) return;
  const figures = {
    model: name,
    checkpoint,
    normalization,
    kernels: engine.kernels,
    seconds,
    ...evaluation,
  };
  await replaceFile(json, `${JSON.stringify(figures, null, 2)}\n`);
  say(`json: ${json}`);
}
