import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConfigError, UnfoldError } from '@unfold/core';
import { checkWritable } from '../files.js';

/** The exit status that shells expect of a program ended by Ctrl-C: 128 + SIGINT. */
export const INTERRUPTED = 130;
/** And of one whose output nobody reads any more, as behind `| head`: 128 + SIGPIPE. */
const UNREAD = 141;

/** Runs a command to its end; what it returns is the exit status. */
export async function runProgram(
  main: (args: readonly string[]) => Promise<number>,
): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(UNREAD);
  });
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    // What the user can mend is told in a line; anything else is a bug and keeps its stack.
    if (!(error instanceof UnfoldError)) throw error;
    console.error(`error: ${error.message}`);
    process.exitCode = 1;
  }
}

/**
 * Tries the files that are to be written at the end, by the options that name them.
 * @throws ConfigError if one can't be written, or two are the same.
 */
export async function checkOutputs(
  outputs: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const options = new Map<string, string>();
  for (const [option, file] of Object.entries(outputs)) {
    if (file === undefined) continue;
    await checkWritable(file);
    const other = options.get(resolve(file));
    if (other !== undefined) {
      throw new ConfigError(`${other} and ${option} are both ${file}; name two files`);
    }
    options.set(resolve(file), option);
  }
}

/** Aborts its signal at Ctrl-C or a polite kill; a second one ends the process as usual. */
export function listenForInterruption(): { signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const abort = (): void => {
    stop();
    controller.abort();
  };
  const stop = (): void => {
    process.off('SIGINT', abort).off('SIGTERM', abort);
  };
  process.on('SIGINT', abort).on('SIGTERM', abort);
  return { signal: controller.signal, stop };
}

/** The version of this package. */
export function packageVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return version;
}
