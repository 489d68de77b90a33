import { open, realpath, stat } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { FileFormatError, formatShape } from '@unfold/core';
import { listNames, quote } from '@unfold/io/internal';
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
  groups: readonly WeightGroup[],
  modelFile: string,
): Promise<WeightBytes[]> {
  const checked: CheckedGroup[] = [];
  const folders = await foldersOf(modelFile);
  for (const group of groups) checked.push(await checkGroup(group, folders, modelFile));
  const weights: WeightBytes[] = [];
  for (const group of checked) {
    // Not spread: a call takes only so many arguments.
    for (const weight of await readGroup(group)) weights.push(weight);
  }
  return weights;
}

async function checkGroup(
  group: WeightGroup,
  folders: Folders,
  modelFile: string,
): Promise<CheckedGroup> {
  const held = listNames(group.weights.map(({ name }) => name)) || 'no weights';
  const shards: Shard[] = [];
  for (const path of group.paths)
    shards.push(await findShard(join(dirname(modelFile), path), folders, held));
  const got = total(shards);
  const expected = total(group.weights);
  const files = shards.map(({ path }) => path).join(', ') || modelFile;
  if (got < expected) {
    const { name, shape, bytes, end } = firstBeyond(group.weights, got);
    throw new FileFormatError(
      `${files}: tensor ${quote(name)} ${formatShape(shape)} lies at bytes ${end - bytes} to ${end}, ` +
        `but there are ${got}; truncated, or of another model: save the model again`,
    );
  }
  if (got > expected) {
    throw new FileFormatError(
      `${files}: the manifest's ${group.weights.length} tensors take ${expected} bytes, got ` +
        `${got}; these are the weights of another model, or a tensor has the wrong shape or dtype: ` +
        'save the model again',
    );
  }
  return { group, shards, bytes: expected };
}

/** In which a model's files may be: that of its model.json, and where that links to, if it does. */
type Folders = readonly string[];

async function foldersOf(modelFile: string): Promise<Folders> {
  return [await realpath(dirname(modelFile)), dirname(await realpath(modelFile))];
}

/**
 * @param held What the file's group holds, for errors.
 * @throws FileFormatError if it is missing, or a link to another folder: a model that was downloaded
 * is not to read its reader's other files.
 */
async function findShard(path: string, folders: Folders, held: string): Promise<Shard> {
  try {
    const place = await realpath(path);
    if (!folders.some((folder) => place.startsWith(folder.endsWith(sep) ? folder : folder + sep))) {
      throw new Error(`it is a link to ${place}, out of the model's folder; copy that file there`);
    }
    const found = await stat(path);
    if (!found.isFile()) throw new Error('it is not a file');
    return { path, bytes: found.size };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FileFormatError(
      `${path}: cannot be read: ${reason}; it holds ${held}: put it beside the model.json`,
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

async function readGroup({ group, shards, bytes }: CheckedGroup): Promise<WeightBytes[]> {
  const content = new Uint8Array(bytes);
  let filled = 0;
  for (const shard of shards) {
    await readInto(content.subarray(filled, filled + shard.bytes), shard.path);
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

async function readInto(target: Uint8Array, path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    let filled = 0;
    while (filled < target.length) {
      const { bytesRead } = await handle.read(target, filled, target.length - filled, filled);
      if (bytesRead === 0) {
        throw new FileFormatError(`${path}: became shorter while it was read; load it again`);
      }
      filled += bytesRead;
    }
  } finally {
    await handle.close();
  }
}

function total(parts: readonly { readonly bytes: number }[]): number {
  return parts.reduce((sum, { bytes }) => sum + bytes, 0);
}
