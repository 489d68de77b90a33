import { ConfigError } from '@unfold/core';
import { reasonOf } from '../messages.js';
import type { FileInfo, Files, OpenFile } from './files.js';

/**
 * Finds out about a path; null if there is nothing of that name.
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

/**
 * All bytes of a file, whose size is looked at before memory is taken.
 * @param options.tooLarge Makes the error for one of more than `maxBytes`.
 * @throws ConfigError, with the system's reason, if it cannot be read.
 */
export async function readWhole(
  files: Files,
  file: string,
  { maxBytes, tooLarge }: { readonly maxBytes: number; tooLarge(size: number): Error },
): Promise<Uint8Array<ArrayBuffer>> {
  const handle = await openFile(files, file);
  try {
    const { size } = await reading(file, () => handle.stat());
    if (size > maxBytes) throw tooLarge(size);
    return await readExactly(handle, file, { position: 0, length: size });
  } finally {
    await handle.close();
  }
}

/** Bytes of an open file that are there. @throws ConfigError if they no longer are, or can't be read. */
export async function readExactly(
  handle: OpenFile,
  file: string,
  { position, length }: { readonly position: number; readonly length: number },
): Promise<Uint8Array<ArrayBuffer>> {
  return reading(file, async () => {
    const bytes = await handle.read(position, length);
    if (bytes.length < length) throw new Error('it became shorter while it was read');
    return bytes;
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
