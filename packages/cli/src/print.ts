import { Command } from 'commander';
import type { LineOutput } from '@unfold/monitor';
import { printable } from '@unfold/monitor/internal';

/*
 * The doors to the terminal. Nothing else in this package prints, so that what came from a file can't
 * reach the terminal as it is.
 */

/** A line for people, on standard output. */
export function say(line: string): void {
  console.log(printable(line));
}

/** Says what went wrong, on standard error; a list in it keeps its lines, which are indented. */
export function complain(text: string): void {
  console.error(printableList(text));
}

/** An object as a line of JSON, on standard output. */
export function sayJson(value: unknown): void {
  console.log(printable(JSON.stringify(value)));
}

/**
 * Standard output for lines of JSON. That it can't be written is heard of by its `error` event, which
 * ends the work in order: here it is no error.
 */
export const jsonOutput: LineOutput = {
  write: (text, written) => process.stdout.write(text, () => written()),
};

/** Lines that were drawn: they may hold colours, and what came from files was made printable there. */
export function draw(lines: readonly string[]): void {
  for (const line of lines) console.log(line);
}

/** The same on standard error. */
export function drawError(lines: readonly string[]): void {
  for (const line of lines) console.error(line);
}

/** Makes a parser of a command's options; it prints by itself. */
export function newCommand(name: string): Command {
  return new Command(name).configureOutput({
    outputError: (text, write) => write(printableLines(text)),
  });
}

/**
 * Has a command parse its arguments; says what is wrong with them, and ends the process then. Of a word too
 * many it says which option it stands behind, as with `--resume FILE`: that one takes none.
 */
export function parseArguments(program: Command, args: readonly string[]): Command {
  program
    .allowExcessArguments(true)
    .showHelpAfterError('(--help lists the options)')
    .parse(args, { from: 'user' });
  const { registeredArguments } = program;
  const most = registeredArguments.some(({ variadic }) => variadic)
    ? Infinity
    : registeredArguments.length;
  const excess = program.args[most];
  if (excess !== undefined) {
    const before = args[args.lastIndexOf(excess) - 1] ?? 'nothing';
    const switched = program.options.find(({ long }) => long === before);
    const reason = switched ? `; ${before} takes no value: ${switched.description}` : '';
    program.error(`error: '${excess}' belongs to no option${reason}`);
  }
  return program;
}

/** Text of several lines, each of which is made printable. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

function printableList(text: string): string {
  return text
    .split(/\n(?= {2})/)
    .map(printable)
    .join('\n');
}
