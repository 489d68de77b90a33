import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, open, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ConfigError } from '@unfold/core';

/**
 * Writes `file`: to a temporary name beside it first, flushed and renamed, so that an older file
 * stays whole whatever happens, a full disk included. Links are followed.
 * @throws ConfigError, with the system's reason, if it cannot be written.
 */
export async function replaceFile(file: string, content: Uint8Array | string): Promise<void> {
  try {
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
  } catch (error) {
    throw cannotWrite(file, error);
  }
}

/**
 * Finds out whether `replaceFile(file)` could work, before hours are spent on what it is to write.
 * Leaves nothing behind.
 * @throws ConfigError, with the system's reason, if it could not.
 */
export async function checkWritable(file: string): Promise<void> {
  try {
    const { target, old } = await inspectTarget(file);
    if (old) await access(target, constants.W_OK);
    const probe = `${target}.${randomUUID()}.tmp`;
    await (await open(probe, 'wx')).close();
    await rm(probe);
  } catch (error) {
    throw cannotWrite(file, error);
  }
}

/**
 * Deletes what a `replaceFile(file)` left that was killed before its end. Not while another process
 * may be writing the same file.
 */
export async function removeLeftovers(file: string): Promise<void> {
  const target = await realpath(file).catch(() => file);
  const folder = dirname(target);
  const start = `${basename(target)}.`;
  for (const name of await readdir(folder).catch(() => [])) {
    if (name.startsWith(start) && LEFTOVER.test(name.slice(start.length))) {
      await rm(join(folder, name), { force: true });
    }
  }
}

/** What `replaceFile` adds to a name: a UUID and an ending. */
const LEFTOVER = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}\.tmp$/;

/** The file itself where `file` is a link, and what is known of it if it exists. */
async function inspectTarget(
  file: string,
): Promise<{ target: string; old: { mode: number } | undefined }> {
  if (file === '') throw new Error('the path is empty');
  const target = await realpath(file).catch(() => file);
  const old = await stat(target).catch(() => undefined);
  if (old && !old.isFile()) throw new Error('it exists and is not a file');
  return { target, old };
}

/** @returns What is thrown where `file` cannot be written, with the reason and what may help. */
export function cannotWrite(file: string, error: unknown): ConfigError {
  const reason = error instanceof Error ? error.message : String(error);
  return new ConfigError(
    `cannot write ${file}: ${reason}; choose another path, or see that the folder ` +
      `${dirname(file)} exists and has room and can be written to`,
    { cause: error },
  );
}
