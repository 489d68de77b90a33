import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { inject } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');

/**
 * The page as people build it from the built packages, once for all files of tests that run together.
 * @returns The folder of a copy, which may be changed and is to be removed.
 */
export function buildPage(): string {
  const built = join(inject('pageFolder'), 'built');
  if (!existsSync(built)) {
    // A build that fails leaves nothing that looks like a page.
    const unfinished = mkdtempSync(join(inject('pageFolder'), 'unfinished-'));
    const args = [
      'exec',
      '--workspace',
      'playground',
      '--',
      'vite',
      'build',
      '--outDir',
      unfinished,
    ];
    // Vitest says that this is a test, of which Vite would make another page.
    const env = { ...process.env, NODE_ENV: 'production' };
    execFileSync('npm', args, { cwd: ROOT, env, stdio: 'pipe' });
    try {
      renameSync(unfinished, built);
    } catch (error) {
      // Another file of tests that ran beside this one was there first.
      if (!existsSync(built)) throw error;
    }
  }
  const folder = mkdtempSync(join(tmpdir(), 'unfold-page-'));
  cpSync(built, folder, { recursive: true });
  return folder;
}
