import { FileFormatError } from '@unfold/core';

/** Makes the error for a problem of one file: puts the file's name before it. */
export type Fail = (problem: string) => FileFormatError;

/** @param name What the errors call the file. */
export function failIn(name: string): Fail {
  return (problem) => new FileFormatError(`${name}: ${problem}`);
}

/**
 * Gives the text of an error, or of whatever else was thrown. The system's errors end with their call and
 * its path, if it has one, which are left out: whoever asks names the file, and the path may be a temporary
 * one beside it.
 */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, syscall } = error as Error & { readonly syscall?: unknown };
  return typeof syscall === 'string' ? (message.split(`, ${syscall}`, 1)[0] ?? message) : message;
}

const LONGEST_TEXT = 80;
const LONGEST_LIST = 20;

/** A name from a file in quotes, of one line and a bearable length, whatever it holds. */
export function quote(name: string): string {
  return `'${shorten(JSON.stringify(name).slice(1, -1))}'`;
}

/** A value of a JSON header, shortened. */
export function brief(value: unknown): string {
  // JSON has no infinity, yet reads 1e400 as one.
  const text = JSON.stringify(value, (_, part: unknown) =>
    part === Infinity || part === -Infinity ? String(part) : part,
  );
  // Undefined has no JSON, whatever the types say.
  return text === undefined ? 'nothing' : shorten(text);
}

/** Quoted names in a row, at most twenty. */
export function listNames(names: readonly string[]): string {
  const shown = names.slice(0, LONGEST_LIST).map(quote);
  const more = names.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function shorten(text: string): string {
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
}
