import { manualSeed, profile, UnfoldError } from '@unfold/core';
import {
  type Callback,
  CheckpointFile,
  evaluate,
  fit,
  type FitResult,
  NonFiniteGradientError,
  NonFiniteLossError,
  normalizationOf,
  type RunState,
} from '@unfold/train';
import { type FileLock, saveWeights } from '@unfold/io';
import { jsonWith, PAGE, WEIGHTS, weightsFormat } from '@unfold/io/internal';
import { EVALUATION_BATCH, type PreparedRun, prepareRun } from '@unfold/train/internal';
import { counted, grouped } from '@unfold/monitor/internal';
import { AtChance } from './at-chance.js';
import { jsonLines, RunLog, tensorBoard, terminalProgress } from '@unfold/monitor';
import { feedOf, loadDigits } from './digits.js';
import { figuresOf, type FinishedRun } from './figures.js';
import { parseOptions, type TrainMnistOptions } from './options.js';
import { Output } from './output.js';
import { earlyStoppingOf, type Plan, planFor, planOf } from './plan.js';
import {
  checkFolder,
  complainOfInterruption,
  checkOutputs,
  listenForInterruption,
  packageVersion,
  statusOfInterruption,
  untilInterrupted,
} from './program.js';
import { reportPage } from './report.js';
import { checkSameData, describeRun, lockRun, openRun } from './resume.js';
import { startEngine } from './start-engine.js';
import { complain, jsonOutput } from './print.js';

const METRICS = jsonWith('a JSON file of --metrics', 'testAccuracy', 'weightsSha256');
/** The mistakes among the test images that the report gets; a terminal shows fewer. */
const MISTAKES = 40;

/** `unfold train mnist`. @returns The exit status. */
export async function trainMnist(args: readonly string[]): Promise<number> {
  const begin = performance.now();
  const options = parseOptions(args, packageVersion());
  const { checkpoint, weights, metrics, report } = options;
  const format = weights === undefined ? undefined : weightsFormat('--weights', weights);
  const outputs = {
    '--checkpoint': checkpoint,
    '--weights': weights,
    '--metrics': metrics,
    '--report': report,
  };
  await checkOutputs(outputs, {
    ...(format === undefined ? {} : { '--weights': WEIGHTS[format] }),
    '--metrics': METRICS,
    '--report': PAGE,
  });
  await checkFolder('--tensorboard', options.tensorboard, outputs);
  const lock = await lockRun(options);
  let status: number;
  try {
    status = await trainAndTest(options, { begin, format, lock });
  } catch (error) {
    // The error that ended the run is the one to mend.
    await lock?.release().catch(() => {});
    throw error;
  }
  await lock?.release();
  return status;
}

/** All that is known of a run before the engine starts. */
interface Beginning {
  /** On the clock of `performance`. */
  readonly begin: number;
  /** The format of the file of `--weights`. */
  readonly format: ReturnType<typeof weightsFormat> | undefined;
  readonly lock: FileLock | null;
}

async function trainAndTest(
  options: TrainMnistOptions,
  { begin, format, lock }: Beginning,
): Promise<number> {
  const output = new Output(options);
  const { checkpoint, weights, metrics, report } = options;
  const [engine, feed] = await Promise.all([
    startEngine(options, (line) => output.say(line)),
    feedOf(options),
  ]);
  const saved = await openRun(options);
  const asked = saved?.plan ?? planOf(options);
  const digits = await loadDigits(options.dataDir, asked.limit);
  output.say(`data: ${digits.source}`);
  const plan = saved ? asked : planFor(asked, options, digits.train.length);
  const normalization = normalizationOf(digits.train);
  const about = { model: plan.recipe.model, normalization: JSON.stringify(normalization) };
  const metadata = checkpoint === undefined ? {} : describeRun(plan, digits);
  if (saved) checkSameData('--resume', saved, metadata);
  manualSeed(plan.seed);
  const { kind: loader, makeLoader, notice } = feed;
  if (notice !== undefined) output.say(`loader: ${notice}`);
  const prepared = await prepareRun(plan.recipe, { ...digits, normalization, makeLoader });
  const { model } = prepared;
  const parameters = model.parameterCount();
  output.say(
    `images: ${grouped(digits.train.length)} to train on, ${grouped(digits.validation.length)} to validate with`,
  );
  output.say(`model: ${plan.recipe.model}, ${counted(parameters, 'parameter')}; seed ${plan.seed}`);
  if (plan.recipe.lr !== asked.recipe.lr) {
    output.say(
      `learning rate: ${plan.recipe.lr} at most, for a short run; --lr ${asked.recipe.lr} insists on the usual one`,
    );
  }
  if (options.resume) {
    output.say(`resume: ${saved ? `the run in ${saved.file}` : 'there is no run yet, it begins'}`);
    if (saved?.difference) output.say(`resume: ${saved.difference}`);
  }

  const log = new RunLog();
  const stepMs: number[] = [];
  const configuration = {
    ...(plan.preset === null ? {} : { preset: plan.preset }),
    ...plan.recipe,
    ...(plan.earlyStopping === null ? {} : { earlyStopping: plan.earlyStopping }),
    parameters,
    seed: plan.seed,
    trainingImages: digits.train.length,
    data: digits.source,
    loader,
    engine: engine.description,
  };
  const chance = new AtChance(digits.validation, (text) => complain(`warning: ${text}`));
  const callbacks: Callback[] = [
    log,
    { onStepEnd: ({ milliseconds }) => void stepMs.push(milliseconds) },
    terminalProgress({ quiet: output.isQuiet }),
    chance,
    ...outputCallbacks(options, plan, configuration),
  ];
  if (checkpoint !== undefined) {
    callbacks.push(
      new CheckpointFile(checkpoint, {
        metadata: { ...about, ...metadata },
        lock: lock ?? undefined,
      }),
    );
  }
  const resume = saved?.state;
  // What can't be written now doesn't keep the rest from being told.
  const failures: UnfoldError[] = [];
  const written: string[] = [];
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof UnfoldError)) throw error;
      failures.push(error);
    }
  };
  const complainOfFailures = (): void => {
    for (const { message } of failures) complain(`error: ${message}`);
  };
  const secondsSoFar = (): number => (performance.now() - begin) / 1000;
  /** Writes the files that tell of the run. */
  const tell = async (ended: Ended): Promise<void> => {
    const { warnings } = chance;
    const run = { plan, warnings, digits, loader, engine, model, stepMs, ...ended };
    await attempt(() =>
      output.write('metrics', metrics, () => `${JSON.stringify(figuresOf(run), null, 2)}\n`),
    );
    await attempt(() =>
      output.write('report', report, () =>
        reportPage({ ...run, log, normalization, configuration, dataset: digits.test, options }),
      ),
    );
  };
  let result: FitResult<'accuracy'>;
  try {
    result = await train(prepared, {
      callbacks,
      resume,
      output,
      profiled: options.profile,
      compile: options.compile ?? true,
    });
  } catch (error) {
    // Of a run that diverged the curves are what one wants to see; its weights are worth no test.
    if (isDivergence(error)) {
      const soFar = { history: log.epochs, stopped: null };
      await tell({ result: soFar, test: null, failure: error, seconds: secondsSoFar() });
      complainOfFailures();
    }
    throw error;
  }
  if (!result.finished) {
    const steps = prepared.options.epochs * prepared.options.train.length;
    const kept =
      checkpoint === undefined
        ? 'nothing was saved (--checkpoint FILE would)'
        : `the run is in ${checkpoint}, and goes on with --resume${atItsEnd({ weights, metrics, report })}`;
    complainOfInterruption(
      `interrupted after step ${grouped(result.steps)} of ${grouped(steps)}; ${kept}`,
    );
    return statusOfInterruption();
  }

  const test = await untilInterrupted(async (signal) => {
    if (weights !== undefined) {
      await attempt(async () => {
        await saveWeights(model, weights, format === 'npz' ? {} : { metadata: about });
        written.push(`weights: ${weights}`);
      });
    }
    const loaderOptions = { batchSize: EVALUATION_BATCH, normalization };
    const testLoader = await makeLoader(digits.test, loaderOptions);
    const { compile = true } = options;
    return evaluate(model, testLoader, { mistakes: MISTAKES, signal, compile });
  });
  if (test === null) {
    for (const line of written) output.say(line);
    complainOfFailures();
    const how = checkpoint === undefined ? 'nothing tells the test accuracy' : '--resume tests it';
    complainOfInterruption(
      `interrupted in the test, after all of the training; ${how}${atItsEnd({ metrics, report })}`,
    );
    return statusOfInterruption();
  }
  const seconds = secondsSoFar();
  await output.result(test, digits.test, seconds);
  await tell({ result, test, failure: null, seconds });
  if (checkpoint !== undefined) output.say(`checkpoint: ${checkpoint}`);
  for (const line of written) output.say(line);
  if (options.tensorboard !== undefined) output.say(`tensorboard: ${options.tensorboard}`);
  complainOfFailures();
  return failures.length === 0 ? 0 : 1;
}

/** Says which of the files of a run that was interrupted are not there; nothing where none was asked for. */
function atItsEnd(files: Readonly<Record<string, string | undefined>>): string {
  const options = Object.keys(files).flatMap((name) =>
    files[name] === undefined ? [] : [`--${name}`],
  );
  return options.length === 0
    ? ''
    : `; ${options.join(' and ')} ${options.length === 1 ? 'is' : 'are'} written at its end only`;
}

/** How a run ended. */
type Ended = Pick<FinishedRun, 'result' | 'test' | 'failure' | 'seconds'>;

/** Whether a loss or a gradient was no finite number any more. */
const isDivergence = (error: unknown): error is UnfoldError =>
  error instanceof NonFiniteLossError || error instanceof NonFiniteGradientError;

/** Makes the callbacks that the options ask for besides progress and checkpoints. */
function outputCallbacks(
  options: TrainMnistOptions,
  plan: Plan,
  configuration: Readonly<Record<string, unknown>>,
): Callback[] {
  const callbacks: Callback[] = earlyStoppingOf(plan);
  if (options.tensorboard !== undefined) {
    callbacks.push(
      tensorBoard(options.tensorboard, {
        configuration,
        onFailure: ({ message }) => complain(`warning: ${message}; the run goes on without`),
      }),
    );
  }
  if (options.jsonLines) callbacks.push(jsonLines(jsonOutput, { configuration }));
  return callbacks;
}

/** How a run is to go. */
interface Running {
  readonly callbacks: readonly Callback[];
  readonly resume: RunState | undefined;
  readonly output: Output;
  /** Whether to say at the end where the time went. */
  readonly profiled: boolean | undefined;
  /** Whether steps run as programs. */
  readonly compile: boolean;
}

/** Trains until the end or Ctrl-C. */
async function train(
  { model, options }: PreparedRun,
  { callbacks, resume, output, profiled, compile }: Running,
): Promise<FitResult<'accuracy'>> {
  const interruption = listenForInterruption();
  const { signal } = interruption;
  const run = () => fit(model, { ...options, gradNorm: true, callbacks, signal, resume, compile });
  try {
    if (!profiled) return await run();
    const results: FitResult<'accuracy'>[] = [];
    const taken = await profile(async () => {
      results.push(await run());
    });
    output.note(String(taken));
    return results[0] as FitResult<'accuracy'>;
  } finally {
    interruption.stop();
  }
}
