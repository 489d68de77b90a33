import { ConfigError } from '@unfold/core';
import { files } from '#files';
import type { Files } from './files.js';

/**
 * The door to files.
 * @param operation Who asks for it.
 * @param instead What does the same where there are no files: the end of the error.
 * @throws ConfigError in a browser.
 */
export function filesFor(operation: string, instead: string): Files {
  if (files) return files;
  throw new ConfigError(
    `${operation}: expected a system with files, such as Node, got a browser; ${instead}`,
  );
}

/** The mend that a page is told instead of writing a file. */
export const DOWNLOAD = 'offer the bytes as a download';
