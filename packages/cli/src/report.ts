import type { Dataset, Normalization } from '@unfold/train';
import { type RunLog, type Setting, trainingPage, trainingRecord } from '@unfold/monitor';
import type { FinishedRun } from './figures.js';
import type { TrainMnistOptions } from './options.js';
import { optionsOf, type Plan } from './plan.js';
import { settingText, words } from './settings.js';

/** A run that is reported, with all that a report needs beside the run itself. */
export interface ReportedRun extends FinishedRun {
  readonly log: RunLog;
  readonly normalization: Normalization;
  /** The run's settings, by their names in options. */
  readonly configuration: Readonly<Record<string, unknown>>;
  /** The test images. */
  readonly dataset: Dataset;
  readonly options: TrainMnistOptions;
}

/** The page that `--report` writes. */
export function reportPage(run: ReportedRun): string {
  const { plan, model, log, test, failure, dataset, normalization, result, options } = run;
  const ofEpochs = result.history.reduce((sum, { seconds }) => sum + seconds, 0);
  return trainingPage(
    trainingRecord({
      title: `Unfold: ${plan.recipe.model}${plan.preset === null ? '' : `, preset ${plan.preset}`}`,
      model,
      log,
      evaluation: test,
      failure: failure?.message,
      dataset,
      normalization,
      // A run that was resumed took longer than this process.
      seconds: Math.max(run.seconds, ofEpochs),
      configuration: Object.entries(run.configuration).map(([name, value]): Setting => [
        words(name),
        settingText(name, value),
      ]),
      command: commandOf(plan, options),
    }),
  );
}

/** Writes the command that repeats the run: all that its bits follow from. */
function commandOf(plan: Plan, { dataDir, kernels, strict }: TrainMnistOptions): string {
  const options = [
    ...optionsOf(plan),
    ...(kernels === undefined ? [] : [['--kernels', kernels] as const]),
    ...(dataDir === undefined ? [] : [['--data-dir', dataDir] as const]),
  ].map(([name, value]) => `${name} ${quoted(value)}`);
  return ['npm run train:mnist --', ...options, ...(strict ? ['--strict'] : [])].join(' ');
}

/** For a shell. */
function quoted(text: string): string {
  return /^[\w./,:-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
