import { ConfigError } from '@unfold/core';
import { reasonOf } from '../messages.js';
import type { FileInfo, Files, OpenFile } from './files.js';

/**
 * What is known of a path; null if there is nothing of that name.
 * @throws ConfigError if it cannot be found out.
 */
export function statOf(files: Files, file: string): Promise<FileInfo | null> {
  return reading(file, () => files.stat(file));
}

/** Opens a file for reading. @throws ConfigError, with the system's reason, if it cannot be. */
export async function openFile(files: Files, file: string): Promise<OpenFile> {
  return reading(file, async () => {
    // Opening a pipe would wait for its other end.
    const found = await files.stat(file);
    if (found && !found.isFile) throw new Error('it is not a file');
    return files.open(file);
  });
}

/** Runs `read` on a file, and turns the system's errors into ours. */
export async function reading<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw new ConfigError(
      `cannot read ${file}: ${reasonOf(error)}; see that the path is right and the file may be read`,
      { cause: error },
    );
  }
}
