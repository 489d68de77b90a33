import { ConfigError, type FileFormatError, type OptionRules } from '@unfold/core';
import type { Layer } from '@unfold/nn';
import { checkedInUse, checkOptions } from '@unfold/core/internal';
import type { LoadCheckpointOptions, WeightsMetadata } from '@unfold/io';
import { checkNormalization, type Normalization } from './data/normalize.js';
import { isModelName, type ModelName, MODELS } from './models.js';
import {
  assignWeights,
  extensionOf,
  type Fail,
  failIn,
  filesFor,
  quote,
  requireFile,
  type WeightsFile,
  withSafetensors,
} from '@unfold/io/internal';
import { ownWeights, readNormalization, textOf } from './saved-model/metadata.js';

/** A model with the weights that training gave it, and what its input must be like. */
export interface TrainedModel {
  /** Its name in `MODELS`. */
  readonly name: ModelName;
  /** In evaluation mode. Images `[N, 1, 28, 28]` → logits `[N, 10]`. Yours to dispose of. */
  readonly model: Layer;
  /** The figures that its training images were normalised with, and its input has to be. */
  readonly normalization: Normalization;
}

const OPTIONS: OptionRules<LoadCheckpointOptions> = { limits: checkedInUse };

const OPERATION = 'loadTrainedModel';
const INSTEAD =
  'fetch the bytes, give them to decodeSafetensors, and the tensors to loadStateDict of one of MODELS';

/** Channels of the images that all of `MODELS` take. */
const CHANNELS = 1;

const MEND =
  'such files are written by: npm run train:mnist -- --checkpoint FILE, or --weights FILE.safetensors';

/**
 * Reads a model that was trained by the training command: a checkpoint, also one of an unfinished
 * run, or a `.safetensors` file of `--weights`. Of the tensors in the file, only the model's are
 * read: the average of the weights where the file has one, and nothing of the optimiser's.
 * @throws FileFormatError if the file is damaged, or doesn't say which model it holds and how its
 * input was normalised, or names a model that is unknown here; ShapeError or DTypeError if its tensors
 * don't fit that model; ConfigError if it cannot be read, or is `.npz`, which has no place for such, or
 * for an unknown option or limit, or in a browser.
 */
export async function loadTrainedModel(
  file: string,
  options: LoadCheckpointOptions = {},
): Promise<TrainedModel> {
  requireFile(OPERATION, file);
  checkOptions(OPERATION, options, OPTIONS);
  filesFor(OPERATION, INSTEAD);
  if (extensionOf(file) === '.npz') {
    throw new ConfigError(
      `loadTrainedModel: expected a safetensors file, got ${file}: .npz has no place for the model's ` +
        `name and its normalization; ${MEND}`,
    );
  }
  const { limits } = options;
  return withSafetensors(file, { operation: OPERATION, instead: INSTEAD, limits }, (opened) =>
    build(opened, file),
  );
}

async function build({ tensors, metadata }: WeightsFile, file: string): Promise<TrainedModel> {
  const fail = failIn(file);
  const name = modelName(metadata, fail);
  const normalization = readNormalization(metadata, file, MEND);
  if (!normalization) throw missing('normalization', 'how its input was normalised', fail);
  checkNormalization(file, normalization, CHANNELS);
  const own = ownWeights(tensors, metadata);
  const model: Layer = MODELS[name]();
  try {
    await assignWeights(model, own, { operation: `loadTrainedModel: ${file}`, strict: true });
  } catch (error) {
    model.dispose();
    throw error;
  }
  model.eval();
  return { name, model, normalization };
}

function modelName(metadata: WeightsMetadata, fail: Fail): ModelName {
  const name = textOf(metadata, 'model');
  if (name === undefined) throw missing('model', 'which model its weights are of', fail);
  if (isModelName(name)) return name;
  throw fail(
    `expected a model of ${Object.keys(MODELS).join(', ')}, got ${quote(name)}; it may come from a ` +
      'newer version of Unfold. loadWeights reads it into a model of your own',
  );
}

function missing(key: string, purpose: string, fail: Fail): FileFormatError {
  return fail(
    `expected ${quote(key)} in its metadata, which has none: the file doesn't say ${purpose}; ${MEND}`,
  );
}
