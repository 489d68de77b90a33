import { ConfigError, Generator, manualSeed, randn, type Tensor } from '@unfold/core';
import { checkFolder } from '@unfold/io/internal';
import { RunLog } from '@unfold/monitor';
import { counted, grouped } from '@unfold/monitor/internal';
import { CrossEntropyLoss } from '@unfold/nn';
import { saveProject } from '@unfold/torch';
import {
  DataLoader,
  fit,
  type FitResult,
  loadTrainedModel,
  normalizationOf,
  type StepReport,
} from '@unfold/train';
import { occupantOf, type PreparedRun, prepareRun, SIDE } from '@unfold/train/internal';
import { CLASSES, loadDigits } from './digits.js';
import { type EjectCliOptions, parseEjectOptions } from './eject-options.js';
import { earlyStoppingOf } from './plan.js';
import { say } from './print.js';
import {
  complainOfInterruption,
  packageVersion,
  statusOfInterruption,
  untilInterrupted,
} from './program.js';
import { checkSameData, describeRun, openRun, type OpenedRun } from './resume.js';
import { startEngine } from './start-engine.js';

/** So many steps of training are compared with PyTorch's. */
const COMPARED_STEPS = 20;
/** So many images are compared. */
const COMPARED_IMAGES = 64;

/** `unfold eject`. @returns The exit status. */
export async function ejectProject(args: readonly string[]): Promise<number> {
  const options = parseEjectOptions(args, packageVersion());
  const { checkpoint, folder } = options;
  await checkFolder(folder);
  const isRun = (await occupantOf(checkpoint)).kind === 'run';
  const done = await untilInterrupted((signal) =>
    isRun ? ejectRun(options, signal) : ejectModel(options),
  );
  if (done === null) {
    complainOfInterruption('interrupted; nothing was written');
    return statusOfInterruption();
  }
  say(done);
  say(`project: ${folder}, whose README.md has the commands`);
  return 0;
}

/** A model without the run that trained it. */
async function ejectModel({ checkpoint, folder }: EjectCliOptions): Promise<string> {
  const { name, model, normalization } = await loadTrainedModel(checkpoint);
  const example = randn([COMPARED_IMAGES, 1, SIDE, SIDE], { generator: new Generator(1) });
  await saveProject(model, folder, example, { name, normalization, classes: CLASSES });
  return `model: ${name}, ${counted(model.parameterCount(), 'parameter')}, from ${checkpoint}; there is no run in it`;
}

async function ejectRun(
  { checkpoint, folder, dataDir }: EjectCliOptions,
  signal: AbortSignal,
): Promise<string> {
  await startEngine({}, say);
  const saved = await openRun({ checkpoint, resume: true });
  if (!saved)
    throw new ConfigError(`--checkpoint: expected ${checkpoint}, which is not there any more`);
  const { plan, state } = saved;
  const digits = await loadDigits(dataDir, plan.limit);
  checkSameData('--checkpoint', saved, describeRun(plan, digits));
  say(`data: ${digits.source}`);
  manualSeed(plan.seed);
  const normalization = normalizationOf(digits.train);
  const prepared = await prepareRun(plan.recipe, {
    ...digits,
    normalization,
    makeLoader: (dataset, given) => new DataLoader(dataset, given),
  });
  const { model, options } = prepared;
  const losses = await nextLosses(prepared, saved, signal);
  signal.throwIfAborted();
  // Where it stands, all parts are.
  const { steps } = await goOn(prepared, saved, { signal: AbortSignal.abort() });
  const [example] = new DataLoader(digits.validation, {
    batchSize: COMPARED_IMAGES,
    normalization,
  }).batches();
  const { ema, epochs, optimizer, scheduler, train, validation } = options;
  await saveProject(model, folder, example?.images as Tensor, {
    name: plan.recipe.model,
    normalization,
    classes: CLASSES,
    training: {
      optimizer,
      epochs,
      loss: new CrossEntropyLoss({ labelSmoothing: plan.recipe.labelSmoothing }),
      train,
      validation,
      test: digits.test,
      state,
      losses,
      ...(scheduler && { scheduler }),
      ...(ema && { ema }),
    },
  });
  return `run: ${plan.recipe.model}, from ${checkpoint}, after step ${grouped(steps)} of ${grouped(epochs * train.length)}`;
}

/** The losses of the steps that would come next; the run is another one then. */
async function nextLosses(
  prepared: PreparedRun,
  saved: OpenedRun,
  signal: AbortSignal,
): Promise<number[]> {
  const losses: number[] = [];
  const enough = new AbortController();
  await goOn(prepared, saved, {
    signal: AbortSignal.any([signal, enough.signal]),
    onStepEnd: ({ loss }) => {
      losses.push(loss);
      if (losses.length === COMPARED_STEPS) enough.abort();
    },
  });
  const { ema } = prepared.options;
  if (ema?.isApplied) ema.restore();
  return losses;
}

/** Goes on with a run from where it was saved. */
function goOn(
  { model, options }: PreparedRun,
  { plan, state }: OpenedRun,
  {
    signal,
    onStepEnd = () => {},
  }: {
    readonly signal: AbortSignal;
    readonly onStepEnd?: (report: StepReport) => void;
  },
): Promise<FitResult<'accuracy'>> {
  // Those whose state the run keeps.
  const callbacks = [new RunLog(), ...earlyStoppingOf(plan), { onStepEnd }];
  return fit(model, { ...options, callbacks, resume: state, signal });
}
