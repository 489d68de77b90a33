import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { constants } from 'node:os';
import { resolve, sep } from 'node:path';
import { inspect } from 'node:util';
import { ConfigError, UnfoldError } from '@unfold/core';
import { checkWritable } from '@unfold/io';
import { type FileKind, filesFor, refuseOtherKind, SIGNALS } from '@unfold/io/internal';
import { complain, drawError, printableLines } from './print.js';

/** Where a file is, or would be made, whatever links lead there. */
const targetOf = (path: string): Promise<string> =>
  filesFor('unfold', 'run it in Node').target(path);

/** The signal that ended the work in hand, Ctrl-C's if none did. */
let interruption: NodeJS.Signals = 'SIGINT';

/** The exit status that shells expect of a program that a signal ended: 128 and its number, 130 of Ctrl-C. */
export const statusOfInterruption = (): number => 128 + constants.signals[interruption];

/** And of one whose output nobody reads any more, as behind `| head`: 128 + SIGPIPE. */
const UNREAD = 141;

/** The exit status of a program whose standard output can't be written any more; null while it can. */
let lostOutput: number | null = null;
/** Functions that end the work in hand as Ctrl-C does. */
const interruptions = new Set<() => void>();

/** Says how far the work came that was interrupted, unless there is nobody to be told. */
export function complainOfInterruption(text: string): void {
  if (lostOutput === null) complain(text);
}

/** Runs a command to its end; what it returns is the exit status. */
export async function runProgram(
  main: (args: readonly string[]) => Promise<number>,
): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (lostOutput !== null) return;
    lostOutput = error.code === 'EPIPE' ? UNREAD : 1;
    if (lostOutput === 1) complain(`error: cannot write to standard output: ${error.message}`);
    // A run that can be interrupted is, so that it is saved.
    if (interruptions.size === 0) process.exit(lostOutput);
    for (const abort of interruptions) abort();
  });
  // A terminal that was closed takes what is written to neither of the two.
  process.stderr.on('error', () => {});
  try {
    const status = await main(process.argv.slice(2));
    process.exitCode = lostOutput ?? status;
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
    const place = await targetOf(file);
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

/**
 * Tries the folder that an option names.
 * @param outputs Files that are to be written, by their options.
 * @throws ConfigError if it is none, or would have to be one of the files.
 */
export async function checkFolder(
  option: string,
  folder: string | undefined,
  outputs: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  if (folder === undefined) return;
  if (folder === '') throw new ConfigError(`${option}: expected a folder, got nothing`);
  const found = await stat(folder).catch(() => null);
  if (found && !found.isDirectory()) {
    throw new ConfigError(`${option}: expected a folder, ${folder} is a file; name another`);
  }
  const place = resolve(await targetOf(folder));
  for (const [other, file] of Object.entries(outputs)) {
    if (file === undefined) continue;
    const target = resolve(await targetOf(file));
    if (place === target || place.startsWith(target + sep)) {
      throw new ConfigError(
        `${option} and ${other}: ${file} can't be a file and a folder; name another`,
      );
    }
  }
}

/**
 * Milliseconds in which further signals are the echo of the first: npm passes on a Ctrl-C that the
 * terminal had sent already, and a terminal that is closed says so by way of its shell too.
 */
const ECHO = 1000;

/**
 * Aborts its signal at Ctrl-C, at a polite kill, where the terminal is closed, and where nobody reads the
 * output any more; a signal that comes a second later or more ends the process as usual.
 */
export function listenForInterruption(): { signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  let heard: number | null = null;
  const onSignal = (name: NodeJS.Signals): void => {
    if (heard === null) interruption = name;
    heard ??= performance.now();
    abort();
    if (performance.now() - heard < ECHO) return;
    stopListening();
    process.kill(process.pid, name);
  };
  const stopListening = (): void => {
    for (const name of SIGNALS) process.off(name, onSignal);
  };
  const stop = (): void => {
    interruptions.delete(abort);
    // Of what was heard, an echo may come while the process ends in order.
    if (heard === null) stopListening();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  interruptions.add(abort);
  return { signal: controller.signal, stop };
}

/** Gives what `work` gives; null where Ctrl-C ended it, and it threw the signal's reason. */
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
