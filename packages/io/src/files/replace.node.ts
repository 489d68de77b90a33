import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { targetOf } from './target.node.js';

/** See `Files`. */
export async function replace(file: string, content: Uint8Array | string): Promise<void> {
  const { target, old } = await inspectTarget(file);
  const temporary = `${target}.${randomUUID()}.tmp`;
  const handle = await open(temporary, 'wx');
  try {
    try {
      // A single write() may stop short on a full disk; this goes on until all is written.
      await handle.writeFile(content);
      if (old) await handle.chmod(old.mode);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** See `Files`. */
export async function checkWritable(file: string): Promise<void> {
  const { target, old } = await inspectTarget(file);
  if (old) await access(target, constants.W_OK);
  const probe = `${target}.${randomUUID()}.tmp`;
  await (await open(probe, 'wx')).close();
  await rm(probe);
}

/** Not while another process may be writing the same file. */
export async function removeLeftovers(file: string): Promise<void> {
  const target = await targetOf(file).catch(() => file);
  const folder = dirname(target);
  const start = `${basename(target)}.`;
  for (const name of await readdir(folder).catch(() => [])) {
    if (name.startsWith(start) && LEFTOVER.test(name.slice(start.length))) {
      await rm(join(folder, name), { force: true });
    }
  }
}

/** What `replace` adds to a name: a UUID and an ending. */
const LEFTOVER = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}\.tmp$/;

/** The file itself where `file` is a link, and what is known of it if it exists. */
async function inspectTarget(
  file: string,
): Promise<{ target: string; old: { mode: number } | undefined }> {
  if (file === '') throw new Error('the path is empty');
  const target = await targetOf(file);
  const old = await stat(target).catch(() => undefined);
  if (old && !old.isFile()) throw new Error('it exists and is not a file');
  return { target, old };
}
