import { readdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { cannotWrite, filesFor } from '@unfold/io/internal';

/** Files that this process has named. */
let named = 0;

/**
 * Makes the folder if it is missing, and finds a name for a new event file in it. TensorBoard reads a
 * folder's files in the order of their names, which start with the second of their making. A clock that
 * was set back may not put a file before those that are there, so it may get a later second.
 * @param seconds Since 1970.
 * @throws ConfigError if the folder cannot be made or read.
 */
export function eventFileIn(folder: string, seconds: number): string {
  let names: string[];
  try {
    filesFor('tensorBoard', 'use another callback').makeFolder(folder);
    names = readdirSync(folder);
  } catch (error) {
    throw cannotWrite(folder, error);
  }
  const taken = names.map((name) =>
    Number(/^events\.out\.tfevents\.(\d{10})\./.exec(name)?.[1] ?? 0),
  );
  const second = taken.reduce((latest, other) => Math.max(latest, other + 1), Math.floor(seconds));
  const parts = [String(second).padStart(10, '0'), hostname(), process.pid, named++];
  return join(folder, `events.out.tfevents.${parts.join('.')}`);
}
