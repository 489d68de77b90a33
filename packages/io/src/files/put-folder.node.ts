import { mkdir, readdir, rename, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from './code-of.js';
import { withTemporary, writeNew } from './replace.node.js';
import { targetOf } from './target.node.js';

/** See `Files`. */
export async function putFolder(
  folder: string,
  contents: ReadonlyMap<string, Uint8Array | string>,
): Promise<void> {
  const { target, exists } = await inspectFolder(folder);
  await withTemporary(target, async (temporary) => {
    await mkdir(temporary);
    for (const [name, content] of contents) await writeNew(join(temporary, name), content);
    // Not every system renames over an empty folder.
    if (exists) await rmdir(target);
    await rename(temporary, target);
  });
}

/** See `Files`. */
export async function checkFolder(folder: string): Promise<void> {
  const { target } = await inspectFolder(folder);
  await withTemporary(target, (temporary) => mkdir(temporary));
}

/** @throws An error for what is no empty folder. */
async function inspectFolder(folder: string): Promise<{ target: string; exists: boolean }> {
  if (folder === '') throw new Error('the path is empty');
  const target = await targetOf(folder);
  try {
    const inside = await readdir(target);
    if (inside.length > 0) throw new Error('it exists and is not empty');
    return { target, exists: true };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return { target, exists: false };
    if (codeOf(error) === 'ENOTDIR')
      throw new Error('it exists and is not a folder', { cause: error });
    throw error;
  }
}
