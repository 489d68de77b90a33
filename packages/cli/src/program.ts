import { readFileSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { inspect } from 'node:util';
import { ConfigError, UnfoldError } from '@unfold/core';
import { checkWritable } from '@unfold/io';
import { type FileKind, refuseOtherKind } from '@unfold/io/internal';
import { complain, drawError, printableLines } from './print.js';

/** The exit status that shells expect of a program ended by Ctrl-C: 128 + SIGINT. */
export const INTERRUPTED = 130;
/** And of one whose output nobody reads any more, as behind `| head`: 128 + SIGPIPE. */
const UNREAD = 141;

/** Runs a command to its end; what it returns is the exit status. */
export async function runProgram(
  main: (args: readonly string[]) => Promise<number>,
): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(UNREAD);
    complain(`error: cannot write to standard output: ${error.message}`);
    process.exit(1);
  });
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    // What the user can mend is told in a line; anything else is a bug and keeps its stack.
    if (error instanceof UnfoldError) complain(`error: ${error.message}`);
    else drawError([printableLines(inspect(error))]);
    process.exitCode = 1;
  }
}

/**
 * Tries the files that are to be written at the end, by the options that name them.
 * @param kinds What they are to hold, by the same names, so that nothing else is replaced.
 * @throws ConfigError if one can't be written, or two are the same, or one holds something else.
 */
export async function checkOutputs(
  outputs: Readonly<Record<string, string | undefined>>,
  kinds: Readonly<Record<string, FileKind>>,
): Promise<void> {
  const options = new Map<string, string>();
  for (const [option, file] of Object.entries(outputs)) {
    if (file === undefined) continue;
    await checkWritable(file);
    const place = await placeOf(file);
    const other = options.get(place);
    if (other !== undefined) {
      throw new ConfigError(`${other} and ${option} are both ${file}; name two files`);
    }
    options.set(place, option);
  }
  for (const [option, kind] of Object.entries(kinds)) {
    const file = outputs[option];
    if (file !== undefined) await refuseOtherKind(file, kind);
  }
}

/** Where a file is, or will be, whatever links lead there. */
async function placeOf(file: string): Promise<string> {
  return realpath(file).catch(async () => join(await realpath(dirname(file)), basename(file)));
}

/**
 * Tries the folder that an option names.
 * @throws ConfigError if it is none.
 */
export async function checkFolder(option: string, folder: string | undefined): Promise<void> {
  if (folder === undefined) return;
  if (folder === '') throw new ConfigError(`${option}: expected a folder, got nothing`);
  const found = await stat(folder).catch(() => null);
  if (found && !found.isDirectory()) {
    throw new ConfigError(`${option}: expected a folder, ${folder} is a file; name another`);
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

/** What `work` gives; null where Ctrl-C ended it, and it threw the signal's reason. */
export async function untilInterrupted<T>(
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T | null> {
  const { signal, stop } = listenForInterruption();
  try {
    return await work(signal);
  } catch (error) {
    if (signal.aborted && error === signal.reason) return null;
    throw error;
  } finally {
    stop();
  }
}

/** The version of this package. */
export function packageVersion(): string {
  const file = new URL('../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return version;
}
