import type { EngineOptions } from '@unfold/core';
import { type PairedRun, runPair, type TrainingPlan } from './compare/compare.js';
import { type Comparison, type Runs, summarise, toJson } from './compare/comparison.js';
import { BATCH_SIZE, chooseSizes } from './compare/defaults.js';
import { resultLines } from './compare/lines.js';
import { comparisonPage } from './compare/page.js';
import { provenanceOf, type Sides } from './compare/provenance.js';
import { loadTensorFlow } from './compare/tensorflow.js';
import { measureYardstick } from './compare/yardstick.js';
import { grouped } from '@unfold/monitor/internal';
import { mnist, normalizationOf } from '@unfold/train';
import { jsonWith, PAGE, replaceFile } from '@unfold/io/internal';
import { type CompareOptions, parseCompareOptions } from './compare-options.js';
import { createCompareProgress } from './compare-progress.js';
import {
  checkOutputs,
  complainOfInterruption,
  packageVersion,
  statusOfInterruption,
  untilInterrupted,
} from './program.js';
import { startEngine } from './start-engine.js';
import { draw, say } from './print.js';

/** The same bits on every machine, so that our side of a report can be repeated anywhere. */
const ENGINE = { strict: true } satisfies EngineOptions;

const COMPARISON = jsonWith('a JSON file of this command', 'tfjsBackend', 'runs');

/** `unfold compare tfjs`. @returns The exit status. */
export async function compareTfjs(args: readonly string[]): Promise<number> {
  const options = parseCompareOptions(args, packageVersion());
  await checkOutputs(
    { '--json': options.json, '--html': options.html },
    { '--json': COMPARISON, '--html': PAGE },
  );

  const engine = await startEngine(ENGINE, say, 'Unfold');
  const loaded = await loadTensorFlow({ backend: options.backend, folder: options.tfjsDir });
  say(`TensorFlow.js: ${loaded.version}, ${loaded.backend}`);
  for (const failure of loaded.failures) say(`TensorFlow.js: ${failure}`);
  const sizes = chooseSizes(options, loaded);
  if (sizes.note) say(`sizes: ${sizes.note}`);
  const plan = await makePlan(options, sizes);
  const { seeds } = sizes;
  say(
    `model: ${plan.model}; seed${seeds.length === 1 ? '' : 's'} ${seeds.join(', ')}; ` +
      `epochs ${plan.epochs}, batches of ${plan.batchSize}, learning rate ${plan.lr}, ` +
      `momentum ${plan.momentum}`,
  );
  return compare(options, plan, { seeds, engine, loaded, dataDir: options.dataDir });
}

async function makePlan(
  { model, epochs, lr, momentum, dataDir }: CompareOptions,
  { limit, testLimit }: { limit: number; testLimit: number },
): Promise<TrainingPlan> {
  const digits = await mnist(dataDir === undefined ? {} : { dataDir });
  const train = digits.train.slice(0, Math.min(limit, digits.train.length));
  const test = digits.test.slice(0, Math.min(testLimit, digits.test.length));
  say(`data: ${digits.source}`);
  say(`images: ${grouped(train.length)} to train on, ${grouped(test.length)} to test on`);
  const normalization = normalizationOf(train);
  return { model, epochs, batchSize: BATCH_SIZE, lr, momentum, train, test, normalization };
}

/** Runs all seeds and writes the results. */
async function compare(
  { json, html }: CompareOptions,
  plan: TrainingPlan,
  sides: Sides,
): Promise<number> {
  const { seeds, loaded } = sides;
  const stepsPerRun = plan.epochs * Math.ceil(plan.train.length / plan.batchSize);
  const progress = createCompareProgress({ seeds, stepsPerRun, out: process.stdout });
  let steps = 0;
  const runSeed = async (seed: number, signal: AbortSignal): Promise<PairedRun> => {
    const run = await runPair({
      plan,
      seed,
      tf: loaded.tf,
      signal,
      onStep(step) {
        steps++;
        progress.step(seed, step);
      },
    });
    progress.run(run);
    return run;
  };
  const run = async (signal: AbortSignal): Promise<Comparison> => {
    const [firstSeed, ...otherSeeds] = seeds;
    const first = await runSeed(firstSeed, signal);
    const others: PairedRun[] = [];
    for (const seed of otherSeeds) others.push(await runSeed(seed, signal));
    const runs: Runs = [first, ...others];
    say(`yardstick: our run of seed ${firstSeed} again, with sums rounded otherwise`);
    const yardstick = await measureYardstick(plan, first, { options: ENGINE, signal });
    return summarise({ model: plan.model, backend: loaded.backend, runs, yardstick });
  };
  try {
    const comparison = await untilInterrupted(run);
    if (comparison === null) {
      progress.stop();
      const total = seeds.length * stepsPerRun;
      complainOfInterruption(
        `interrupted after step ${grouped(steps)} of ${grouped(total)}; nothing was written`,
      );
      return statusOfInterruption();
    }
    draw(resultLines(comparison));
    if (json !== undefined) {
      await replaceFile(json, `${JSON.stringify(toJson(comparison), null, 2)}\n`);
      say(`json: ${json}`);
    }
    if (html !== undefined) {
      const provenance = provenanceOf(plan, sides);
      await replaceFile(html, comparisonPage(comparison, provenance));
      say(`html: ${html}`);
    }
    return 0;
  } finally {
    progress.stop();
  }
}
