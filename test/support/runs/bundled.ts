import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { afterAll } from 'vitest';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** Below node_modules, where the bundles find the packages that they leave out. */
const CACHE = join(ROOT, 'node_modules/.cache/unfold-tests');

/** Takes the sources of this repository in, each of which still knows where it lies, and nothing else. */
const OWN_SOURCES: Plugin = {
  name: 'own-sources',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^[^./#]/ }, ({ path, kind }) =>
      kind === 'entry-point' || path.startsWith('@unfold/') ? null : { path, external: true },
    );
    onLoad({ filter: /\.[tj]s$/ }, async ({ path }) => {
      const own = JSON.stringify(pathToFileURL(path));
      const contents = (await readFile(path, 'utf8')).replaceAll('import.meta.url', own);
      return { contents, loader: path.endsWith('.ts') ? 'ts' : 'js' };
    });
  },
};

/**
 * The sources of a program in a few files of JavaScript, for a test that starts it often: a process
 * that has to transform and load each source by itself takes a second longer to begin. They are
 * deleted after the test file.
 */
export async function bundled(program: string): Promise<string> {
  await mkdir(CACHE, { recursive: true });
  const outdir = await mkdtemp(join(CACHE, 'bundle-'));
  afterAll(() => rm(outdir, { recursive: true }));
  await build({
    absWorkingDir: ROOT,
    entryPoints: [program],
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    platform: 'node',
    target: 'node20',
    conditions: ['unfold-source'],
    plugins: [OWN_SOURCES],
  });
  return join(outdir, `${basename(program, '.ts')}.mjs`);
}
