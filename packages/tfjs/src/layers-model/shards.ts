import { FileFormatError, formatShape } from '@unfold/core';
import {
  type Files,
  folderOf,
  listNames,
  openFile,
  quote,
  reading,
  reasonOf,
} from '@unfold/io/internal';
import type { StoredWeight, WeightGroup } from './manifest.js';

/** A weight and its bytes, as they are packed in the files. */
export interface WeightBytes extends StoredWeight {
  readonly content: Uint8Array;
}

/** The files of a group, found to hold exactly its weights. */
interface CheckedGroup {
  readonly group: WeightGroup;
  readonly shards: readonly Shard[];
  readonly bytes: number;
}

interface Shard {
  readonly path: string;
  readonly bytes: number;
}

/**
 * Reads the weights' files, which lie in the folder of `modelFile` and below. Their sizes are
 * compared with what the manifest claims before anything is allocated.
 * @throws FileFormatError that names file and tensor, if a file is missing or has another size.
 */
export async function readShards(
  files: Files,
  groups: readonly WeightGroup[],
  modelFile: string,
): Promise<WeightBytes[]> {
  const place = await placeOf(files, modelFile);
  const checked: CheckedGroup[] = [];
  for (const group of groups) checked.push(await checkGroup(group, place));
  const weights: WeightBytes[] = [];
  for (const group of checked) {
    // Not spread: a call takes only so many arguments.
    for (const weight of await readGroup(files, group)) weights.push(weight);
  }
  return weights;
}

async function checkGroup(group: WeightGroup, place: Place): Promise<CheckedGroup> {
  const held = listNames(group.weights.map(({ name }) => name)) || 'no weights';
  const shards: Shard[] = [];
  for (const path of group.paths) shards.push(await findShard(path, place, held));
  const got = total(shards);
  const expected = total(group.weights);
  const names = shards.map(({ path }) => path).join(', ') || place.modelFile;
  if (got < expected) {
    const { name, shape, bytes, end } = firstBeyond(group.weights, got);
    throw new FileFormatError(
      `${names}: tensor ${quote(name)} ${formatShape(shape)} lies at bytes ${end - bytes} to ${end}, ` +
        `but there are ${got}; truncated, or of another model: save the model again`,
    );
  }
  if (got > expected) {
    throw new FileFormatError(
      `${names}: the manifest's ${group.weights.length} tensors take ${expected} bytes, got ` +
        `${got}; these are the weights of another model, or a tensor has the wrong shape or dtype: ` +
        'save the model again',
    );
  }
  return { group, shards, bytes: expected };
}

/** Where a model's files are. */
interface Place {
  readonly files: Files;
  readonly modelFile: string;
  /** Those in which they may be: that of its model.json, and where that links to, if it does. */
  readonly folders: readonly string[];
}

async function placeOf(files: Files, modelFile: string): Promise<Place> {
  const folders = await reading(modelFile, async () => [
    await files.target(folderOf(modelFile)),
    folderOf(await files.target(modelFile)),
  ]);
  return { files, modelFile, folders };
}

/**
 * @param name Its path from the folder of the model.json.
 * @param held What the file's group holds, for errors.
 * @throws FileFormatError if it is missing, or a link to another folder: a model that was downloaded
 * is not to read its reader's other files.
 */
async function findShard(
  name: string,
  { files, modelFile, folders }: Place,
  held: string,
): Promise<Shard> {
  const path = files.join(folderOf(modelFile), name);
  try {
    const found = await files.stat(path);
    if (!found) throw new Error('there is no such file');
    if (!found.isFile) throw new Error('it is not a file');
    const target = await files.target(path);
    if (!folders.some((folder) => files.isBelow(folder, target))) {
      throw new Error(`it is a link to ${target}, out of the model's folder; copy that file there`);
    }
    return { path, bytes: found.size };
  } catch (error) {
    throw new FileFormatError(
      `${path}: cannot be read: ${reasonOf(error)}; it holds ${held}: put it beside the model.json`,
      { cause: error },
    );
  }
}

/** The first weight that ends behind byte `length`, and where it ends. */
function firstBeyond(
  weights: readonly StoredWeight[],
  length: number,
): StoredWeight & { readonly end: number } {
  let end = 0;
  for (const weight of weights) {
    end += weight.bytes;
    if (end > length) return { ...weight, end };
  }
  throw new RangeError(`no weight lies behind byte ${length}`);
}

async function readGroup(
  files: Files,
  { group, shards, bytes }: CheckedGroup,
): Promise<WeightBytes[]> {
  const content = new Uint8Array(bytes);
  let filled = 0;
  for (const shard of shards) {
    await readShard(files, shard, content.subarray(filled, filled + shard.bytes));
    filled += shard.bytes;
  }
  let start = 0;
  return group.weights.map((weight) => {
    const end = start + weight.bytes;
    const own = content.subarray(start, end);
    start = end;
    return { ...weight, content: own };
  });
}

async function readShard(files: Files, { path }: Shard, target: Uint8Array): Promise<void> {
  const handle = await openFile(files, path);
  try {
    const got = await reading(path, () => handle.readInto(target, 0));
    if (got === target.length) return;
    throw new FileFormatError(`${path}: became shorter while it was read; load it again`);
  } finally {
    await handle.close();
  }
}

function total(parts: readonly { readonly bytes: number }[]): number {
  return parts.reduce((sum, { bytes }) => sum + bytes, 0);
}
