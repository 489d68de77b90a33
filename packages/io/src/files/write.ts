import { ConfigError } from '@unfold/core';
import { requireFile } from '../arguments.js';
import { reasonOf } from '../messages.js';
import { DOWNLOAD, filesFor } from './files-for.js';
import { folderOf } from './paths.js';

/**
 * Writes `file`: to a temporary name beside it first, flushed and renamed, so that an older file
 * stays whole whatever happens, a full disk included. Links are followed.
 * @throws ConfigError, with the system's reason, if it cannot be written; or in a browser.
 */
export async function replaceFile(file: string, content: Uint8Array | string): Promise<void> {
  const files = filesFor('replaceFile', DOWNLOAD);
  try {
    await files.replace(file, content);
  } catch (error) {
    throw cannotWrite(file, error);
  }
}

/**
 * Finds out whether `file` could be written, before hours are spent on what it is to hold. Leaves
 * nothing behind.
 * @throws ConfigError, with the system's reason, if it could not; or in a browser.
 */
export async function checkWritable(file: string): Promise<void> {
  requireFile('checkWritable', file);
  const files = filesFor('checkWritable', DOWNLOAD);
  try {
    await files.checkWritable(file);
  } catch (error) {
    throw cannotWrite(file, error);
  }
}

/**
 * Makes `folder` of files by their names, all or nothing: an interrupted or failed call leaves nothing. It
 * must not be there yet, or be empty; the folder that it lies in has to be there.
 * @throws ConfigError, with the system's reason, if it cannot be made; or in a browser.
 */
export async function putFolder(
  folder: string,
  contents: ReadonlyMap<string, Uint8Array | string>,
): Promise<void> {
  const files = filesFor('putFolder', DOWNLOAD);
  try {
    await files.putFolder(folder, contents);
  } catch (error) {
    throw cannotWrite(folder, error);
  }
}

/**
 * Finds out whether `putFolder` could make `folder`. Leaves nothing behind.
 * @throws As `putFolder`.
 */
export async function checkFolder(folder: string): Promise<void> {
  const files = filesFor('checkFolder', DOWNLOAD);
  try {
    await files.checkFolder(folder);
  } catch (error) {
    throw cannotWrite(folder, error);
  }
}

/** @returns What is thrown where `file` cannot be written, with the reason and what may help. */
export function cannotWrite(file: string, error: unknown): ConfigError {
  return new ConfigError(
    `cannot write ${file}: ${reasonOf(error)}; choose another path, or see that the folder ` +
      `${folderOf(file)} exists and has room and can be written to`,
    { cause: error },
  );
}
