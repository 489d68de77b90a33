import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The first of these programs that is found on the path. */
export function findProgram(...names: string[]): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(existsSync);
}

/** Chromium's program: $CHROMIUM, or what is found on the path; undefined if there is none. */
export function findChromium(): string | undefined {
  return process.env['CHROMIUM'] || findProgram('chromium', 'chromium-browser', 'google-chrome');
}
