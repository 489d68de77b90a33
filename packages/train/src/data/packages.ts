import { createRequire } from 'node:module';
import { resolve } from 'node:path';

/**
 * One `require` for each folder from which optional packages are looked up: those given, or
 * Unfold's own and then the working one, so that a package beside the user's program is found
 * however Unfold was installed. Not `import`: that offers no way to look from another folder.
 */
export function requiresFrom(roots: readonly string[] | undefined): NodeJS.Require[] {
  const parents = roots?.map(fileIn) ?? [import.meta.url, fileIn(process.cwd())];
  return parents.map((parent) => createRequire(parent));
}

/** A file in `folder`, which need not exist: packages are looked up from a file. */
function fileIn(folder: string): string {
  return resolve(folder, 'noop.js');
}
