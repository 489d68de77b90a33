import { readlink, realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { codeOf } from './code-of.js';

/** So many links lead one to the other at most, as on Linux. */
const MOST_LINKS = 40;

/**
 * Where a file is, or would be made, whatever links lead there: one whose target is missing too is
 * followed, as the system does when it makes a file, so that it is not replaced itself.
 * @throws The system's error, if links go round or a folder can't be read.
 */
export async function targetOf(file: string): Promise<string> {
  let target = file;
  for (let links = 0; links < MOST_LINKS; links++) {
    const found = await realpath(target).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return null;
      throw error;
    });
    if (found !== null) return found;
    const link = await readlink(target).catch(() => null);
    if (link === null) {
      const folder = await realpath(dirname(target)).catch(() => null);
      return folder === null ? target : join(folder, basename(target));
    }
    target = resolve(dirname(target), link);
  }
  throw new Error('too many links lead one to the other');
}
