import { FileFormatError, type Tensor } from '@unfold/core';
import {
  failIn,
  filesFor,
  folderOf,
  reading,
  readWhole,
  refuseOtherKind,
  replaceFile,
  requireFile,
  type FileKind,
  type Files,
} from '@unfold/io/internal';
import { exportOnnx, type Exportable, type ExportOnnxOptions } from './export/export-onnx.js';
import { ImportedModel } from './import/import-onnx.js';
import { externalFilesOf, readModel } from './model/read-model.js';

/** A message of protobuf has at most so many bytes; larger weights lie in files beside it. */
const MOST_BYTES = 2 ** 31;
/** And those, so many. */
const MOST_EXTERNAL = 2 ** 33;

const INSTEAD = 'fetch the bytes and give them to importOnnx';

/** An older ONNX model may be replaced. */
export const ONNX_FILE: FileKind = {
  what: 'an ONNX model',
  async holds(file) {
    try {
      readModel(await readBytes(filesFor('saveOnnx', INSTEAD), file, MOST_BYTES), file);
      return true;
    } catch (error) {
      if (error instanceof FileFormatError) return false;
      throw error;
    }
  },
};

/**
 * Writes the file that `exportOnnx` makes. An older ONNX model in its place stays whole until the new one
 * is.
 * @throws As `exportOnnx`; ConfigError if the file cannot be written, with the system's reason, or holds
 * something else; or in a browser.
 */
export async function saveOnnx(
  model: Exportable,
  file: string,
  example: Tensor | readonly Tensor[],
  options: ExportOnnxOptions = {},
): Promise<void> {
  filesFor('saveOnnx', 'offer the bytes as a download: exportOnnx makes them');
  requireFile('saveOnnx', file);
  const bytes = exportOnnx(model, example, options);
  await refuseOtherKind(file, ONNX_FILE);
  await replaceFile(file, bytes);
}

/**
 * Reads an ONNX file, and the files of weights that it names in its own folder, as `importOnnx` reads the
 * bytes.
 * @throws As `importOnnx`; FileFormatError for weights in a file outside of the model's folder;
 * ConfigError if a file cannot be read, with the system's reason; or in a browser.
 */
export async function loadOnnx(file: string): Promise<ImportedModel> {
  requireFile('loadOnnx', file);
  const files = filesFor('loadOnnx', INSTEAD);
  const model = readModel(await readBytes(files, file, MOST_BYTES), file);
  const external: [string, Uint8Array][] = [];
  for (const location of externalFilesOf(model)) {
    const path = await beside(files, file, location);
    external.push([location, await readBytes(files, path, MOST_EXTERNAL)]);
  }
  return new ImportedModel(model, file, Object.fromEntries(external));
}

/** Where a file of weights lies. @throws FileFormatError unless it is in the model's folder. */
async function beside(files: Files, file: string, location: string): Promise<string> {
  const target = (path: string): Promise<string> => reading(path, () => files.target(path));
  const folder = await target(folderOf(file));
  const path = await target(files.join(folderOf(file), location));
  if (location !== '' && files.isBelow(folder, path)) return path;
  throw new FileFormatError(
    `${file}: expected weights in its own folder, got the file ${location || 'without a name'}`,
  );
}

function readBytes(files: Files, file: string, maxBytes: number): Promise<Uint8Array> {
  const fail = failIn(file);
  return readWhole(files, file, {
    maxBytes,
    tooLarge: (size) => fail(`it has ${size} bytes, expected at most ${maxBytes}`),
  });
}
