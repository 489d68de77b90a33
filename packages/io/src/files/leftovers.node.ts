import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Deletes what processes left beside a file that were killed: files of its name, a dot and an ending.
 * One that cannot be deleted, as of another user, is in nobody's way and stays.
 * @param isLeft Whether nobody works with a file of such an ending any more.
 */
export async function removeBeside(
  path: string,
  ending: RegExp,
  isLeft: (file: string) => boolean | Promise<boolean>,
): Promise<void> {
  const folder = dirname(path);
  const start = `${basename(path)}.`;
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.startsWith(start) || !ending.test(name.slice(start.length))) continue;
    const file = join(folder, name);
    if (await isLeft(file)) await rm(file, { force: true }).catch(() => {});
  }
}
