import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { build, type Plugin, type Rolldown } from 'vite';

const SOURCE = join(import.meta.dirname, '../src/offline/service-worker.ts');

/** Writes the service worker beside the built page, with the names and digests of all of its files. */
export function offline(): Plugin {
  let folder = '';
  return {
    name: 'offline',
    apply: 'build',
    configResolved({ root, build: { outDir } }) {
      folder = resolve(root, outDir);
    },
    writeBundle: {
      // After the plugins that write files of their own.
      order: 'post',
      sequential: true,
      handler: () => writeServiceWorker(folder),
    },
  };
}

/** Writes the service worker of the page that was built into a folder. */
export async function writeServiceWorker(folder: string): Promise<void> {
  const files = filesOf(folder);
  const version = createHash('sha256').update(JSON.stringify(files)).digest('hex');
  const code = await bundled({ FILES: files, VERSION: version.slice(0, 16) });
  writeFileSync(join(folder, 'service-worker.js'), code);
}

/** Each file of a folder, as the service worker's `FILES` has it. */
function filesOf(folder: string): { readonly path: string; readonly integrity: string }[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'service-worker.js')
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort()
    .map((path) => {
      const digest = createHash('sha256').update(readFileSync(join(folder, path)));
      return { path, integrity: `sha256-${digest.digest('base64')}` };
    });
}

/** The service worker as a classic script: not every browser takes a module there. */
async function bundled(constants: Readonly<Record<string, unknown>>): Promise<string> {
  const define = Object.fromEntries(
    Object.entries(constants).map(([name, value]) => [name, JSON.stringify(value)]),
  );
  const result = await build({
    configFile: false,
    logLevel: 'warn',
    define,
    build: {
      write: false,
      target: 'es2022',
      rolldownOptions: { input: SOURCE, output: { format: 'iife' } },
    },
  });
  const [chunk] = (result as Rolldown.RolldownOutput).output;
  return chunk.code;
}
