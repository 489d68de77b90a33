import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** A folder for the page, which is the same for all files of tests that run together. */
    readonly pageFolder: string;
  }
}

/** Makes room for the built page, which the first file of tests that wants it puts there. */
export default function ({ provide }: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'unfold-built-page-'));
  provide('pageFolder', folder);
  return () => rmSync(folder, { recursive: true, force: true });
}
