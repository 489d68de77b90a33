import { filesFor, type PackageRequire } from '@unfold/io/internal';

/**
 * One `require` for each folder from which optional packages are looked up: those given, or
 * Unfold's own and then the working one, so that a package beside the user's program is found
 * however Unfold was installed. Not `import`: that offers no way to look from another folder.
 * @param operation Who looks for a package, for the error.
 * @throws ConfigError in a browser.
 */
export function requiresFrom(
  operation: string,
  roots: readonly string[] | undefined,
): PackageRequire[] {
  const files = filesFor(operation, 'import the package');
  return files.requiresFrom(roots, import.meta.url);
}
