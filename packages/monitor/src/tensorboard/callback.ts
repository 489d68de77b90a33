import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, elementsOf, type OptionRules, UnfoldError } from '@unfold/core';
import {
  checkOptions,
  functionRule,
  plainObject,
  positiveCount,
  valueText,
} from '@unfold/core/internal';
import { Conv2d, type Module } from '@unfold/nn';
import type { Callback, Scores, TrainingRun } from '@unfold/train';
import { filterGrid } from './filters.js';
import { SummaryWriter } from './summary-writer.js';
import { markdownTable } from './table.js';

/** Options of `tensorBoard`. */
export interface TensorBoardOptions {
  /**
   * Of how many steps one is shown, a positive integer. Default: as many as make at most 10,000 points
   * over the whole run, of which TensorBoard draws 1,000.
   */
  readonly everySteps?: number;
  /** The settings that the run was started with, shown as a table. Plain JSON. Default: nothing is shown. */
  readonly configuration?: Readonly<Record<string, unknown>>;
  /**
   * Told once if the files cannot be written any more, as on a full disk; the run goes on without.
   * Default: the run ends by the error.
   */
  readonly onFailure?: (error: UnfoldError) => void;
}

const OPTIONS: OptionRules<TensorBoardOptions> = {
  everySteps: positiveCount,
  configuration: plainObject,
  onFailure: functionRule,
};

const MOST_POINTS = 10_000;
/** When so many bytes wait for a slow disk, so does the training. */
const MOST_WAITING = 1024 * 1024;

/** The writers of a run that is under way. */
interface Open {
  readonly run: TrainingRun;
  readonly train: SummaryWriter;
  /** Made when there are scores for it. */
  validation: SummaryWriter | null;
  readonly everySteps: number;
  readonly purgeStep: number;
}

/**
 * Shows a run in TensorBoard. The folder gets two runs in TensorBoard's sense, `train` and `validation`,
 * so that both curves of a score share a chart. The axis is the step, counted over the whole run.
 *
 * - `step/loss`, `step/lr`, and `step/gradNorm` where it is computed;
 * - after each epoch `epoch/loss` and `epoch/…` of each metric, in both runs;
 * - after each epoch, histograms: `weights/…` of every parameter, and `gradients/…` of those that have
 *   one, of the epoch's last step, before clipping;
 * - after each epoch, a picture of the filters of the first `Conv2d`, `filters/…`;
 * - `configuration`, as text.
 *
 * A run that is resumed goes on in files of its own, and what was written for later steps than it
 * starts from disappears. So does all that the folder holds of another run, when one starts at step 0.
 *
 * If the files cannot be written any more, the run ends by a ConfigError that names the file, unless
 * `onFailure` takes it.
 * @throws ConfigError for an option out of range; as the run begins, if the folder cannot be made, or
 * another run that was given this callback goes on.
 */
export function tensorBoard(dir: string, options: TensorBoardOptions = {}): Callback {
  if (typeof dir !== 'string' || dir === '') {
    throw new ConfigError(`tensorBoard: expected a folder's path, got ${valueText(dir)}`);
  }
  checkOptions('tensorBoard', options, OPTIONS);
  const { everySteps, configuration, onFailure } = options;
  const folders = { train: join(dir, 'train'), validation: join(dir, 'validation') };
  const table = configuration && markdownTable(configuration);
  let open: Open | null = null;

  function opened(): Open {
    if (!open) throw new ConfigError('tensorBoard: the run has not begun, or has ended');
    return open;
  }

  async function close(): Promise<void> {
    const writers = open ? [open.train, open.validation] : [];
    open = null;
    const closed = await Promise.allSettled(writers.map((writer) => writer?.close()));
    const failed = closed.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** Whether the files are given up. */
  let hasFailed = false;

  /** Does `work`; an error of it is for `onFailure`. */
  async function unlessFailed(work: () => Promise<void> | void): Promise<void> {
    if (hasFailed) return;
    try {
      await work();
    } catch (error) {
      if (!(error instanceof UnfoldError)) throw error;
      hasFailed = true;
      await close().catch(() => {});
      onFailure?.(error);
    }
  }

  const callback = {
    onTrainBegin(run) {
      if (open) {
        throw new ConfigError(
          `tensorBoard: ${dir} is written by another run of this callback; wait for its end, or give ` +
            'each run a folder of its own',
        );
      }
      const { step, epochs, stepsPerEpoch } = run;
      // Step 0 is that of the configuration: a run from the start replaces an older one whole.
      const purgeStep = step === 0 ? 0 : step + 1;
      const train = new SummaryWriter(folders.train, { purgeStep });
      open = {
        run,
        train,
        // What it shows of steps that are to be done again is to disappear at once.
        validation: existsSync(folders.validation)
          ? new SummaryWriter(folders.validation, { purgeStep })
          : null,
        everySteps:
          everySteps ?? Math.max(1, Math.ceil((epochs * (stepsPerEpoch ?? 0)) / MOST_POINTS)),
        purgeStep,
      };
      if (table !== undefined) train.addText('configuration', table, purgeStep);
    },

    onGradients({ model, step, stepsPerEpoch }) {
      const { train } = opened();
      // The step in hand is not done yet. Which one is the last is not always known.
      if (stepsPerEpoch === null || (step + 1) % stepsPerEpoch !== 0) return;
      for (const [name, { grad }] of model.namedParameters()) {
        if (grad && grad.size > 0)
          train.addHistogram(`gradients/${name}`, elementsOf(grad), step + 1);
      }
    },

    onStepEnd({ step, loss, lr, gradNorm }) {
      const { train, everySteps } = opened();
      if (step % everySteps !== 0) return;
      train.addScalar('step/loss', loss, step);
      train.addScalar('step/lr', lr, step);
      if (gradNorm !== null) train.addScalar('step/gradNorm', gradNorm, step);
      return train.waiting > MOST_WAITING ? train.flush() : undefined;
    },

    async onEpochEnd({ train: trained, validation: validated }, { model, step }) {
      const writers = opened();
      addScores(writers.train, trained, step);
      addWeights(writers.train, model, step);
      if (validated) {
        const { purgeStep } = writers;
        writers.validation ??= new SummaryWriter(folders.validation, { purgeStep });
        addScores(writers.validation, validated, step);
      }
      await Promise.all([writers.train.flush(), writers.validation?.flush()]);
    },

    onTrainEnd: close,

    async onError(_error, run) {
      // Of a run that was refused, the files are another's.
      if (open?.run !== run) return;
      // The run's own error is the one to be heard of. It may be that the files could not be written.
      await close().catch(() => {});
    },
  } satisfies Callback;
  if (!onFailure) return callback;
  const { onTrainBegin, onGradients, onStepEnd, onEpochEnd, onTrainEnd, onError } = callback;
  return {
    onTrainBegin(run) {
      onTrainBegin(run);
      hasFailed = false;
    },
    onGradients: (run) => unlessFailed(() => onGradients(run)),
    onStepEnd: (report) => unlessFailed(() => onStepEnd(report)),
    onEpochEnd: (report, run) => unlessFailed(() => onEpochEnd(report, run)),
    onTrainEnd: () => unlessFailed(onTrainEnd),
    onError,
  };
}

function addScores(writer: SummaryWriter, scores: Scores, step: number): void {
  for (const [name, value] of Object.entries(scores)) {
    writer.addScalar(`epoch/${name}`, value, step);
  }
}

function addWeights(writer: SummaryWriter, model: TrainingRun['model'], step: number): void {
  for (const [name, parameter] of model.namedParameters()) {
    if (parameter.size > 0) writer.addHistogram(`weights/${name}`, elementsOf(parameter), step);
  }
  const first = firstConvolution(model);
  if (!first) return;
  const [o = 0, c = 0, kh = 0, kw = 0] = first.layer.weight.shape;
  const { pixels, shape } = filterGrid(elementsOf(first.layer.weight), [o, c, kh, kw]);
  writer.addImage(`filters/${first.path}`, pixels, shape, step);
}

/** The first one among the model's modules, in the order of its properties. */
function firstConvolution(model: Module): { layer: Conv2d; path: string } | null {
  for (const [path, module] of model.namedModules()) {
    if (module instanceof Conv2d) return { layer: module, path: path || 'weight' };
  }
  return null;
}
