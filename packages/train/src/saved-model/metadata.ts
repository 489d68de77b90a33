import { ConfigError, FileFormatError, type OptionRules } from '@unfold/core';
import { checkOptions, isOptions, plainObject, text } from '@unfold/core/internal';
import type { WeightsMetadata } from '@unfold/io';
import {
  brief,
  type Fail,
  failIn,
  isObject,
  parseStrictJson,
  RUN_FORMAT,
  textList,
} from '@unfold/io/internal';
import { checkNormalization, type Normalization } from '../data/normalize.js';

/** What is kept beside a model's weights, so that they are of use later. */
export interface SaveModelOptions {
  /**
   * What the model is called. One with a name of `MODELS` is read by `loadTrainedModel` too, and by the
   * commands `unfold predict` and `unfold evaluate`, if there is a normalization.
   */
  readonly name?: string;
  /** What its input was normalised by, and has to be. */
  readonly normalization?: Normalization;
  /** The names of its classes, in the order of its logits. */
  readonly classes?: readonly string[];
  /** More texts by name. */
  readonly metadata?: WeightsMetadata;
}

/** What stood beside a model's weights. */
export interface LoadedModel {
  /** What the model is called; null if the file doesn't say. */
  readonly name: string | null;
  /** What its input has to be normalised by; null if the file doesn't say. */
  readonly normalization: Normalization | null;
  /** The names of its classes, in the order of its logits; null if the file doesn't say. */
  readonly classes: readonly string[] | null;
  /** All other texts by name, but for what a run needs to go on. */
  readonly metadata: WeightsMetadata;
}

const classNames = {
  expected: 'a list of names, such as ["cat", "dog"]',
  accepts: (value: unknown): value is readonly string[] =>
    Array.isArray(value) && value.length > 0 && textList.accepts(value),
};

const OPTIONS: OptionRules<SaveModelOptions> = {
  name: text,
  normalization: plainObject,
  classes: classNames,
  metadata: {
    expected: 'an object of texts by name',
    accepts: (value) => isOptions(value) && Object.values(value).every(text.accepts),
  },
};

/** The keys that have a meaning here. */
const KEYS = ['model', 'normalization', 'classes', 'weightsPrefix'];
/** Those that a run's checkpoint has besides. */
const RUN_KEYS = ['format', 'engine', 'state'];

/** The options of `saveModel` as the texts that a file keeps. @throws ConfigError for a bad option. */
export function metadataOf(operation: string, options: SaveModelOptions): WeightsMetadata {
  checkOptions(operation, options, OPTIONS);
  const { name, normalization, classes, metadata = {} } = options;
  const taken = Object.keys(metadata).find((key) => KEYS.includes(key));
  if (taken !== undefined) {
    throw new ConfigError(
      `${operation}: metadata: expected other names than ${KEYS.join(', ')}, got ${taken}; name, ` +
        'normalization and classes are options of their own',
    );
  }
  if (normalization) checkNormalization(operation, normalization, channelsOf(normalization));
  return {
    ...metadata,
    ...(name === undefined ? {} : { model: name }),
    ...(normalization && { normalization: JSON.stringify(normalization) }),
    ...(classes && { classes: JSON.stringify(classes) }),
  };
}

/** What a file's texts say of its model. @throws FileFormatError for what isn't written as it should be. */
export function factsOf(metadata: WeightsMetadata, file: string): LoadedModel {
  const isOfRun = textOf(metadata, 'format') === RUN_FORMAT;
  const known = new Set(isOfRun ? [...KEYS, ...RUN_KEYS] : KEYS);
  return {
    name: textOf(metadata, 'model') ?? null,
    normalization: readNormalization(metadata, file, 'save the model again by saveModel'),
    classes: readClasses(metadata, file),
    metadata: Object.fromEntries(Object.entries(metadata).filter(([key]) => !known.has(key))),
  };
}

/** The weights in a file that predict best, under their names in the model. */
export function ownWeights<Stored extends { readonly name: string }>(
  stored: readonly Stored[],
  metadata: WeightsMetadata,
): Stored[] {
  const prefix = textOf(metadata, 'weightsPrefix') ?? '';
  return stored
    .filter(({ name }) => name.startsWith(prefix))
    .map((one) => ({ ...one, name: one.name.slice(prefix.length) }));
}

/** Only own properties count: a file may hold anything under "__proto__". */
export function textOf(metadata: WeightsMetadata, key: string): string | undefined {
  return Object.hasOwn(metadata, key) ? metadata[key] : undefined;
}

/** The bounds of the JSON of a normalization, which has two lists. */
const NORMALIZATION_BOUNDS = { maxDepth: 8, maxNodes: 100, maxKeys: 100 };

/**
 * What a file's model had its input normalised by; null if it doesn't say.
 * @param mend How such a file is written.
 */
export function readNormalization(
  metadata: WeightsMetadata,
  file: string,
  mend: string,
): Normalization | null {
  const written = textOf(metadata, 'normalization');
  if (written === undefined) return null;
  const value = parsed(written, NORMALIZATION_BOUNDS) ?? written;
  if (!isNormalization(value)) {
    throw failIn(file)(
      `normalization: expected the JSON of { mean, std }, lists of numbers, got ${brief(value)}; ${mend}`,
    );
  }
  checkNormalization(file, value, channelsOf(value));
  return value;
}

function readClasses(metadata: WeightsMetadata, file: string): readonly string[] | null {
  const written = textOf(metadata, 'classes');
  if (written === undefined) return null;
  // Within an object, which is what is parsed strictly; a second key would be one too many.
  const bounds = { maxDepth: 2, maxNodes: 3, maxKeys: 1 };
  const value = parsed(`{"classes":${written}}`, bounds)?.['classes'];
  if (classNames.accepts(value)) return value;
  throw failIn(file)(
    `classes: expected the JSON of a list of names, got ${brief(written)}; save the model again by ` +
      'saveModel',
  );
}

/** The object of a text that is JSON; undefined for another text, or one beyond the bounds. */
function parsed(
  json: string,
  bounds: Parameters<typeof parseStrictJson>[1],
): Readonly<Record<string, unknown>> | undefined {
  const fail: Fail = failIn('JSON');
  try {
    return parseStrictJson(json, bounds, { fail, tooMany: () => fail('too many') }).value;
  } catch (error) {
    if (error instanceof FileFormatError) return undefined;
    throw error;
  }
}

/** At least 1, so that empty lists are none. */
function channelsOf({ mean }: Normalization): number {
  return Array.isArray(mean) ? Math.max(1, mean.length) : 1;
}

function isNormalization(value: unknown): value is Normalization {
  return isObject(value) && areNumbers(value['mean']) && areNumbers(value['std']);
}

function areNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((number) => typeof number === 'number');
}
