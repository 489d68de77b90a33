import { ConfigError, engine, type OptionRules } from '@unfold/core';
import {
  atLeast0,
  checkedInUse,
  completeOptions,
  isOptions,
  optional,
  text,
} from '@unfold/core/internal';
import { type Layer, Module, type Summary, summary } from '@unfold/nn';
import {
  DataLoader,
  Dataset,
  type EpochReport,
  type Evaluation,
  type Mistake,
  type Normalization,
} from '@unfold/train';
import { pictureOf, type ReportPicture } from './pictures.js';
import { featureMaps, firstLayerFilters, type Planes } from './planes.js';
import { RunLog, type StepSeries } from './run-log.js';

/** A line of a configuration: what was set, and to what. */
export type Setting = readonly [label: string, text: string];

/** All that a page about a run shows. Plain data: it holds no tensor. */
export interface TrainingRecord {
  readonly title: string;
  /** The time of the whole run: training, validation and test. */
  readonly seconds: number;
  /** Values that the model learns. */
  readonly parameters: number;
  /** The engine that computed, in words. */
  readonly engine: string;
  readonly configuration: readonly Setting[];
  /** The command that repeats the run; null if there is none. */
  readonly command: string | null;
  readonly steps: StepSeries;
  readonly epochs: readonly EpochReport[];
  /** On the test images; null if the run was not tested. */
  readonly evaluation: Omit<Evaluation, 'mistakes'> | null;
  /** The message of the error that ended the run, such as a loss that is no number; null if none did. */
  readonly failure: string | null;
  /** The worst mistakes with their pictures, at most 40. */
  readonly mistakes: readonly PicturedMistake[];
  /** Null if the model calls no convolution. */
  readonly filters: Planes | null;
  /** The first layers' feature maps of one image; no layers if none gives any. */
  readonly example: Example;
  readonly summary: Omit<Summary, 'toString' | 'operations'>;
}

/** A mistake with the picture of its image. */
export interface PicturedMistake extends Mistake {
  readonly picture: ReportPicture;
}

/** An image, and the feature maps of the first layers for it. */
export interface Example {
  readonly picture: ReportPicture;
  readonly label: number;
  readonly layers: readonly Planes[];
}

/** The parts that `trainingRecord` gathers from. */
export interface TrainingRecordOptions {
  /** The page's title. */
  readonly title: string;
  /** As it was evaluated. Images `[N, C, H, W]` → logits `[N, classes]`. */
  readonly model: Layer;
  /** Was among the callbacks of the run. */
  readonly log: RunLog;
  /**
   * The model's evaluation on all of `dataset`, not shuffled; with `mistakes: 40` their pictures are
   * shown. Null for a run that was not tested, as where it diverged.
   */
  readonly evaluation: Evaluation | null;
  /** The message of the error that ended the run. Default: none did. */
  readonly failure?: string | undefined;
  /** The test images. */
  readonly dataset: Dataset;
  /** The figures that the model's input is normalised with. Default: it is not at all. */
  readonly normalization?: Normalization | undefined;
  /** The time of the whole run. */
  readonly seconds: number;
  /** The settings, in the order of the page. */
  readonly configuration: readonly Setting[];
  /** The command that repeats the run. */
  readonly command?: string | undefined;
}

const MOST_MISTAKES = 40;

const isSetting = (value: unknown): boolean =>
  Array.isArray(value) && value.length === 2 && value.every((part) => text.accepts(part));

/** Fits `total` and `mistakes`, by which what `evaluate` gives is told from other things. */
const isEvaluation = (value: unknown): boolean =>
  isOptions(value) && 'total' in value && 'mistakes' in value && Array.isArray(value.mistakes);

const OPTIONS: OptionRules<TrainingRecordOptions> = {
  title: text,
  model: {
    expected: 'a model, a Module with forward',
    accepts: (value) => value instanceof Module && 'forward' in value,
  },
  log: {
    expected: 'the RunLog that was among the callbacks of the run',
    accepts: (value) => value instanceof RunLog,
  },
  evaluation: {
    expected: 'what evaluate(model, loader) gives, or null',
    accepts: (value) => value === null || isEvaluation(value),
  },
  failure: optional(text),
  dataset: { expected: 'the Dataset of the test images', accepts: (v) => v instanceof Dataset },
  normalization: checkedInUse,
  seconds: atLeast0,
  configuration: {
    expected: "a list of [label, text], such as [['epochs', '3']]",
    accepts: (value) => Array.isArray(value) && value.every(isSetting),
  },
  command: optional(text),
};

/**
 * Gathers what `trainingPage` shows. The model runs a few times on the first image of `dataset`, and
 * is as before afterwards. What comes back holds no tensor, and nothing that changes later.
 * @throws ConfigError for an option that is unknown, missing or no such thing, if the evaluation is not of as many images as the dataset has, or the
 * normalisation doesn't fit; what the model throws for such images.
 */
export function trainingRecord(options: TrainingRecordOptions): TrainingRecord {
  const { title, model, log, dataset, normalization, seconds, configuration, command, failure } =
    completeOptions<TrainingRecordOptions>('trainingRecord', OPTIONS, {}, options);
  const { mistakes, evaluation } = partsOf(options.evaluation);
  if (evaluation !== null && evaluation.total !== dataset.length) {
    throw new ConfigError(
      `trainingRecord: the evaluation is of ${evaluation.total} images, the dataset has ` +
        `${dataset.length}; give the dataset that was evaluated`,
    );
  }
  const loader = new DataLoader(dataset.subset([0]), normalization ? { normalization } : {});
  try {
    const [batch] = loader;
    if (!batch) throw new ConfigError('trainingRecord: the dataset gave no image');
    return {
      title,
      seconds,
      parameters: model.parameterCount(),
      engine: engine().description,
      configuration,
      command: command ?? null,
      steps: log.steps,
      epochs: log.epochs,
      evaluation,
      failure: failure ?? null,
      mistakes: mistakes.slice(0, MOST_MISTAKES).map((mistake) => ({
        ...mistake,
        picture: pictureOf(dataset, mistake.index),
      })),
      filters: firstLayerFilters(model, batch.images),
      example: {
        picture: pictureOf(dataset, 0),
        label: dataset.label(0),
        layers: featureMaps(model, batch.images),
      },
      summary: summary(model, batch.images.shape),
    };
  } finally {
    loader.dispose();
  }
}

function partsOf(
  given: Evaluation | null,
): Pick<TrainingRecord, 'evaluation'> & Pick<Evaluation, 'mistakes'> {
  if (given === null) return { evaluation: null, mistakes: [] };
  const { mistakes, ...evaluation } = given;
  return { evaluation, mistakes };
}
