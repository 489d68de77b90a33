import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { inject } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');

/**
 * The page as it is built by the command that people use, once for all files of tests that run together.
 * @returns The folder of a copy, which may be changed and is to be removed.
 */
export function buildPage(): string {
  const built = join(inject('pageFolder'), 'built');
  if (!existsSync(built)) {
    // A build that fails leaves nothing that looks like a page.
    const unfinished = mkdtempSync(join(inject('pageFolder'), 'unfinished-'));
    const args = ['run', 'build', '--workspace', 'playground', '--', '--outDir', unfinished];
    // Vitest says that this is a test, of which Vite would make another page.
    const env = { ...process.env, NODE_ENV: 'production' };
    execFileSync('npm', args, { cwd: ROOT, env, stdio: 'pipe' });
    renameSync(unfinished, built);
  }
  const folder = mkdtempSync(join(tmpdir(), 'unfold-page-'));
  cpSync(built, folder, { recursive: true });
  return folder;
}
