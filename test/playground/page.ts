import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

/** Builds the page by the command that people use. @returns The folder that it is in, to be removed. */
export function buildPage(): string {
  const folder = mkdtempSync(join(tmpdir(), 'unfold-page-'));
  const args = ['run', 'build', '--workspace', 'playground', '--', '--outDir', folder];
  // Vitest says that this is a test, of which Vite would make another page.
  const env = { ...process.env, NODE_ENV: 'production' };
  execFileSync('npm', args, { cwd: ROOT, env, stdio: 'pipe' });
  return folder;
}
