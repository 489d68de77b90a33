import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Chromium's program: $CHROMIUM, or what is found on the path; undefined if there is none. */
export function findChromium(): string | undefined {
  const given = process.env['CHROMIUM'];
  if (given) return given;
  const names = ['chromium', 'chromium-browser', 'google-chrome'];
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(existsSync);
}
