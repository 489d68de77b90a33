import { filesFor, type PackageRequire } from '@unfold/io/internal';

/**
 * One `require` for each folder from which optional packages are looked up: those given, or
 * Unfold's own and then the working one, so that a package beside the user's program is found
 * however Unfold was installed. Not `import`: that offers no way to look from another folder.
 */
export function requiresFrom(roots: readonly string[] | undefined): PackageRequire[] {
  const files = filesFor('requiresFrom', 'import the package');
  return files.requiresFrom(roots, import.meta.url);
}
