import { ConfigError, type OptionRules } from '@unfold/core';
import type { Module } from '@unfold/nn';
import { checkedInUse, checkOptions, flag, valueText } from '@unfold/core/internal';
import { requireModule, texts } from '../arguments.js';
import { DOWNLOAD, filesFor } from '../files/files-for.js';
import { extensionOf } from '../files/paths.js';
import { readWhole } from '../files/read.js';
import { replaceFile } from '../files/write.js';
import { completeLimits, NPZ_LIMITS, raise, type WeightsLimits } from '../limits.js';
import { refuseOtherKind, WEIGHTS } from '../files/overwrite.js';
import { assignWeights, type LoadReport } from './assign.js';
import type { VerifyOptions } from './checksums.js';
import { failIn } from '../messages.js';
import { encodeNpz, storedInNpz } from './npz.js';
import { encodeSafetensors } from './safetensors.js';
import { withSafetensors } from './safetensors-file.js';
import type { WeightsMetadata } from './safetensors-header.js';

/** Options of `saveWeights`. */
export interface SaveWeightsOptions {
  /** Texts by name, kept beside the weights; in .safetensors only. */
  readonly metadata?: WeightsMetadata;
}

/** Options of `loadWeights`. */
export interface LoadWeightsOptions extends VerifyOptions {
  /** Whether missing and unexpected names are errors. Default true. */
  readonly strict?: boolean;
  /** How much a file may take. docs/weights.md lists the defaults. */
  readonly limits?: Partial<WeightsLimits>;
}

const SAVE_OPTIONS: OptionRules<SaveWeightsOptions> = { metadata: texts };

const LOAD_OPTIONS: OptionRules<LoadWeightsOptions> = {
  strict: flag,
  verify: flag,
  limits: checkedInUse,
};

const INSTEAD =
  'fetch the bytes, give them to decodeSafetensors or decodeNpz, and the tensors to loadStateDict';

type Format = 'safetensors' | 'npz';

/** The format that a file's name asks for. @throws ConfigError for any other name. */
export function weightsFormat(operation: string, file: string): Format {
  if (typeof file !== 'string') {
    throw new ConfigError(
      `${operation}: expected the name of a file, got ${valueText(file)}; ${operation}(model, file)`,
    );
  }
  const extension = extensionOf(file);
  if (extension === '.safetensors') return 'safetensors';
  if (extension === '.npz') return 'npz';
  throw new ConfigError(
    `${operation}: expected a name that ends in .safetensors or .npz, got ${file}; weights in ` +
      'other forms are saved as one of these by Python: safetensors.torch.save_file, numpy.savez',
  );
}

/**
 * Writes a model's parameters and buffers to a file that PyTorch or NumPy reads: `.safetensors` or
 * `.npz`, by its name. The values are taken at the call. An older file stays whole until the new
 * one is.
 * @throws ConfigError if the file cannot be written, with the system's reason, or holds something else
 * than weights of that format, a run's checkpoint too, or its name has another ending; or in a browser.
 */
export async function saveWeights(
  model: Module,
  file: string,
  options: SaveWeightsOptions = {},
): Promise<void> {
  filesFor('saveWeights', `${DOWNLOAD}: encodeSafetensors or encodeNpz makes them`);
  const format = weightsFormat('saveWeights', file);
  requireModule('saveWeights', model);
  checkOptions('saveWeights', options, SAVE_OPTIONS);
  const { metadata = {} } = options;
  if (format === 'npz' && Object.keys(metadata).length > 0) {
    throw new ConfigError(
      `saveWeights: ${file} cannot hold metadata, .npz has no place for it; use .safetensors`,
    );
  }
  const state = model.stateDict();
  const bytes = format === 'npz' ? encodeNpz(state) : encodeSafetensors(state, metadata);
  await refuseOtherKind(file, WEIGHTS[format]);
  await replaceFile(file, bytes);
}

/**
 * Reads weights into a model: a `.safetensors` or `.npz` file that `saveWeights`, PyTorch or NumPy
 * wrote. All or nothing: names, shapes and dtypes are checked by the file's header, and the model
 * stays as it was if anything is wrong. What Unfold wrote is held against its checksums; a .npz file
 * always is, which has such whoever wrote it. float16 and bfloat16 become float32, int64 becomes int32;
 * nothing else is converted.
 * @returns What `strict: false` let pass.
 * @throws ShapeError that lists missing and unexpected names and wrong shapes; DTypeError;
 * FileFormatError if the file is damaged or beyond the limits; ConfigError if it cannot be read, or for
 * an unknown option or limit, or in a browser.
 */
export async function loadWeights(
  model: Module,
  file: string,
  given: LoadWeightsOptions = {},
): Promise<LoadReport> {
  checkOptions('loadWeights', given, LOAD_OPTIONS);
  const { strict = true, limits, verify } = given;
  const files = filesFor('loadWeights', INSTEAD);
  const format = weightsFormat('loadWeights', file);
  requireModule('loadWeights', model);
  const options = { operation: `loadWeights: ${file}`, strict };
  if (format === 'safetensors') {
    return withSafetensors(
      file,
      { operation: 'loadWeights', instead: INSTEAD, limits, verify },
      ({ tensors }) => assignWeights(model, tensors, options),
    );
  }
  const npzLimits = completeLimits('loadWeights', NPZ_LIMITS, limits);
  const { maxBytes } = npzLimits;
  const fail = failIn(file);
  // An archive's directory is at its end, so all of it is read.
  const bytes = await readWhole(files, file, {
    maxBytes,
    tooLarge: (size) =>
      fail(
        `it has ${size} bytes, expected at most ${maxBytes}; use .safetensors, or, ` +
          raise('maxBytes', size),
      ),
  });
  const tensors = storedInNpz(bytes, npzLimits, fail);
  return assignWeights(model, tensors, options);
}
