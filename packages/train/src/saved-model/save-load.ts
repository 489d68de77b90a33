import { ConfigError, type OptionRules, Scope } from '@unfold/core';
import { checkedInUse, checkOptions, flag, text } from '@unfold/core/internal';
import {
  decodeSafetensors,
  type DecodeSafetensorsOptions,
  encodeSafetensors,
  type LoadCheckpointOptions,
  type VerifyOptions,
} from '@unfold/io';
import {
  assignWeights,
  extensionOf,
  filesFor,
  refuseOtherKind,
  replaceFile,
  requireFile,
  requireModule,
  WEIGHTS,
  withSafetensors,
} from '@unfold/io/internal';
import type { Module } from '@unfold/nn';
import {
  factsOf,
  type LoadedModel,
  metadataOf,
  ownWeights,
  type SaveModelOptions,
} from './metadata.js';

/** Options of `loadModel`. */
export interface LoadModelOptions extends LoadCheckpointOptions, VerifyOptions {}

const LOAD_OPTIONS: OptionRules<LoadModelOptions> = { limits: checkedInUse, verify: flag };

const DECODE_OPTIONS: OptionRules<DecodeSafetensorsOptions> = { ...LOAD_OPTIONS, name: text };

const INSTEAD = 'fetch the bytes and give them to decodeModel';

/**
 * Writes a model's parameters and buffers to a safetensors file, and beside them what is needed to use it:
 * what its input was normalised by, the names of its classes, and more texts. It is read by `loadModel`, by
 * `loadWeights` and by others' readers of safetensors. The values are taken at the call; an older file of
 * weights stays whole until the new one is.
 *
 * ```ts
 * await saveModel(model, 'pets.safetensors', { normalization, classes: ['cat', 'dog'] });
 * ```
 *
 * @param file Its name ends in .safetensors.
 * @throws ConfigError for a bad option, or if the file cannot be written, with the system's reason, or holds
 * something else than weights, a run's checkpoint too; or in a browser.
 */
export async function saveModel(
  model: Module,
  file: string,
  options: SaveModelOptions = {},
): Promise<void> {
  filesFor('saveModel', 'offer the bytes as a download: encodeModel makes them');
  requireModule('saveModel', model);
  requireFile('saveModel', file);
  if (extensionOf(file) !== '.safetensors') {
    throw new ConfigError(
      `saveModel: expected a name that ends in .safetensors, got ${file}; saveWeights writes .npz, which ` +
        'has no place for more than weights',
    );
  }
  const bytes = encoded('saveModel', model, options);
  await refuseOtherKind(file, WEIGHTS.safetensors);
  await replaceFile(file, bytes);
}

/** The bytes of the file that `saveModel` writes. @throws ConfigError for a bad option. */
export function encodeModel(
  model: Module,
  options: SaveModelOptions = {},
): Uint8Array<ArrayBuffer> {
  requireModule('encodeModel', model);
  return encoded('encodeModel', model, options);
}

function encoded(
  operation: string,
  model: Module,
  options: SaveModelOptions,
): Uint8Array<ArrayBuffer> {
  const metadata = metadataOf(operation, options);
  return encodeSafetensors(model.stateDict(), metadata);
}

/**
 * Reads weights into a model of the same layers, all or nothing, and gives what stands beside them. The file
 * is one of `saveModel`; a run's checkpoint, of which the weights are taken that predict best, the average
 * where there is one; or any other safetensors file with the model's names. Names, shapes and dtypes are
 * checked by the header; of other tensors in it nothing is read. The model's mode stays.
 * @throws ShapeError that lists missing and unexpected names and wrong shapes; DTypeError; FileFormatError if
 * the file is damaged or beyond the limits; ConfigError if it cannot be read, or is `.npz`, or for an unknown
 * option or limit, or in a browser.
 */
export async function loadModel(
  model: Module,
  file: string,
  options: LoadModelOptions = {},
): Promise<LoadedModel> {
  requireModule('loadModel', model);
  requireFile('loadModel', file);
  checkOptions('loadModel', options, LOAD_OPTIONS);
  filesFor('loadModel', INSTEAD);
  if (extensionOf(file) === '.npz') {
    throw new ConfigError(
      `loadModel: expected a safetensors file, got ${file}; loadWeights reads .npz`,
    );
  }
  const { limits, verify } = options;
  return withSafetensors(
    file,
    { operation: 'loadModel', instead: INSTEAD, limits, verify },
    async ({ tensors, metadata }) => {
      // Before the model changes.
      const facts = factsOf(metadata, file);
      const own = ownWeights(tensors, metadata);
      await assignWeights(model, own, { operation: `loadModel: ${file}`, strict: true });
      return facts;
    },
  );
}

/**
 * Reads the bytes of a model's file as `loadModel` reads the file, also in a browser.
 * @throws As `loadModel`, for bytes.
 */
export function decodeModel(
  model: Module,
  bytes: Uint8Array,
  options: DecodeSafetensorsOptions = {},
): LoadedModel {
  requireModule('decodeModel', model);
  checkOptions('decodeModel', options, DECODE_OPTIONS);
  return Scope.run(() => {
    const { state, metadata } = decodeSafetensors(bytes, options);
    const facts = factsOf(metadata, options.name ?? 'safetensors');
    const stored = Array.from(state, ([name, tensor]) => ({ name, tensor }));
    const own = ownWeights(stored, metadata).map(({ name, tensor }) => [name, tensor] as const);
    model.loadStateDict(new Map(own));
    return facts;
  });
}
