import { readFile } from 'node:fs/promises';
import { ConfigError } from '@unfold/core';
import { brief, failIn } from '../messages.js';
import { parseStrictJson } from '../strict-json.js';

/** The two halves of a model.json, unchecked. */
export interface ModelJson {
  readonly topology: unknown;
  readonly manifest: unknown;
}

/** Brackets inside brackets; each model inside a model takes three. */
const MAX_DEPTH = 128;

/**
 * @throws ConfigError if there is no such file, FileFormatError if it is no layers model.
 */
export async function readModelJson(file: string): Promise<ModelJson> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError(
      `loadTfjsLayersModel: cannot read ${file}: ${reason}; give the path of a model.json`,
      { cause: error },
    );
  }
  const fail = failIn(file);
  const { value: model } = parseStrictJson(text, {
    maxDepth: MAX_DEPTH,
    fail: (problem) =>
      fail(`${problem}; expected the model.json of a TensorFlow.js layers model: save it again`),
  });
  const format = model['format'] ?? 'layers-model';
  if (format !== 'layers-model') {
    throw fail(
      `expected a layers model, got format ${brief(format)}; save it with save() of a ` +
        'tf.LayersModel, or convert it with --output_format=tfjs_layers_model',
    );
  }
  return { topology: model['modelTopology'], manifest: model['weightsManifest'] };
}
