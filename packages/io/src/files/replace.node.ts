import { randomUUID } from 'node:crypto';
import { constants, rmSync } from 'node:fs';
import { access, open, rename, rm, stat } from 'node:fs/promises';
import { atEnd } from './at-end.node.js';
import { removeBeside } from './leftovers.node.js';
import { targetOf } from './target.node.js';

/** See `Files`. */
export async function replace(file: string, content: Uint8Array | string): Promise<void> {
  const { target, old } = await inspectTarget(file);
  await withTemporary(target, async (temporary) => {
    await writeNew(temporary, content, old);
    await rename(temporary, target);
  });
}

/** Writes a file that is not there yet, and flushes it. */
export async function writeNew(
  file: string,
  content: Uint8Array | string,
  { mode }: { readonly mode?: number } = {},
): Promise<void> {
  const handle = await open(file, 'wx');
  try {
    // A single write() may stop short on a full disk; this goes on until all is written.
    await handle.writeFile(content);
    if (mode !== undefined) await handle.chmod(mode);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** See `Files`. */
export async function checkWritable(file: string): Promise<void> {
  const { target, old } = await inspectTarget(file);
  if (old) await access(target, constants.W_OK);
  await withTemporary(target, async (probe) => (await open(probe, 'wx')).close());
}

/** Gives `work` a name beside `target`, and leaves nothing of that name, where the process ends neither. */
export async function withTemporary(
  target: string,
  work: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = `${target}.${randomUUID()}.tmp`;
  const forget = atEnd(() => rmSync(temporary, { force: true, recursive: true }));
  try {
    await work(temporary);
  } finally {
    await rm(temporary, { force: true, recursive: true }).catch(() => {});
    forget();
  }
}

/** Not while another process may be writing the same file. */
export async function removeLeftovers(file: string): Promise<void> {
  await removeBeside(await targetOf(file).catch(() => file), LEFTOVER, () => true);
}

/** The ending that `replace` adds to a name: a UUID and `.tmp`. */
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
