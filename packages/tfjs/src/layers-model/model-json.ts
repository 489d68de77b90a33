import {
  brief,
  type Fail,
  failIn,
  type Files,
  parseStrictJson,
  raise,
  readWhole,
} from '@unfold/io/internal';
import type { TfjsLimits } from './limits.js';

/** The two halves of a model.json, unchecked. */
export interface ModelJson {
  readonly topology: unknown;
  readonly manifest: unknown;
}

/** Brackets inside brackets; each model inside a model takes three. */
const MAX_DEPTH = 128;
/** Fields of the whole; written files have six. */
const MAX_KEYS = 1000;
/** Bytes of text that an object, list or key has at least, on the average; written files have ten and more. */
const BYTES_PER_NODE = 8;

/**
 * @throws ConfigError if it cannot be read, FileFormatError if it is no layers model, or too large.
 */
export async function readModelJson(
  files: Files,
  file: string,
  { maxHeaderBytes }: TfjsLimits,
): Promise<ModelJson> {
  const fail = failIn(file);
  const bytes = await readWhole(files, file, {
    maxBytes: maxHeaderBytes,
    tooLarge: (size) =>
      fail(
        `it has ${size} bytes, expected at most ${maxHeaderBytes} of a model.json; is it one? Then, ` +
          raise('maxHeaderBytes', size),
      ),
  });
  const text = new TextDecoder().decode(bytes);
  const failJson: Fail = (problem) =>
    fail(`${problem}; expected the model.json of a TensorFlow.js layers model: save it again`);
  const maxNodes = Math.ceil(maxHeaderBytes / BYTES_PER_NODE);
  const { value: model } = parseStrictJson(
    text,
    { maxDepth: MAX_DEPTH, maxNodes, maxKeys: MAX_KEYS },
    { fail: failJson, tooMany: () => failJson(`it has more than ${MAX_KEYS} fields`) },
  );
  const format = model['format'] ?? 'layers-model';
  if (format !== 'layers-model') {
    throw fail(
      `expected a layers model, got format ${brief(format)}; save it with save() of a ` +
        'tf.LayersModel, or convert it with --output_format=tfjs_layers_model',
    );
  }
  return { topology: model['modelTopology'], manifest: model['weightsManifest'] };
}
