import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installPackages, ISOLATION, serve, writeDocumentedFiles, type Server } from './app.js';
import { BROWSERS, type Driver } from './drivers.js';

const ROOT = resolve(import.meta.dirname, '../..');

/** Too much to be installed with the repository: kept between runs, in a folder of its own. */
const TOOLS = join(ROOT, 'node_modules/.cache/bundlers');
const VERSIONS = {
  '@rollup/plugin-commonjs': '29',
  '@rollup/plugin-node-resolve': '16',
  bun: '1.4',
  deno: '2.9',
  parcel: '2.16',
  rollup: '4',
  webpack: '5',
  'webpack-cli': '6',
};

const folder = mkdtempSync(join(tmpdir(), 'unfold-bundlers-'));
const page = writeDocumentedFiles('docs/bundlers.md', folder);

/** The rows of the table under a heading: what with, and by which command. */
function rowsUnder(heading: string): { name: string; command: string }[] {
  const [, section = ''] = page.split(`\n## ${heading}\n`);
  const [table = ''] = section.split('\n## ');
  return [...table.matchAll(/^\| (.*?) +\| `(.*)` +\|$/gm)].map(([, name = '', command = '']) => ({
    name,
    command,
  }));
}

const [, SAYS = ''] = /It says\n\n```\n(.*)\n```/.exec(page) ?? [];
const [, PARCEL = '{}'] = /```json\n *(\{ "@parcel.*)\n/.exec(page) ?? [];

/** Runs a command of the page's in a shell, in the project. @returns What it printed. */
function run(command: string): string {
  const path = [
    join(TOOLS, 'node_modules/.bin'),
    join(ROOT, 'node_modules/.bin'),
    dirname(process.execPath),
    process.env['PATH'],
  ];
  const { status, stdout, stderr } = spawnSync(command, {
    shell: true,
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1', PATH: path.join(delimiter) },
  });
  if (status !== 0) throw new Error(`${command}: exit code ${status}\n${stdout}${stderr}`);
  return stdout;
}

beforeAll(() => {
  mkdirSync(TOOLS, { recursive: true });
  writeFileSync(
    join(TOOLS, 'package.json'),
    JSON.stringify({ private: true, dependencies: VERSIONS }),
  );
  execFileSync('npm', ['install', '--no-audit', '--no-fund'], { cwd: TOOLS, stdio: 'pipe' });
  installPackages(folder, JSON.parse(PARCEL) as object);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('docs/bundlers.md', () => {
  it('says what the program says', () => {
    expect(SAYS).toBe('wasm simd 128-bit · 2 threads · loss 0.000 · 4 of 4');
    expect(rowsUnder('Pages')).toHaveLength(6);
    expect(rowsUnder('Node, Bun and Deno')).toHaveLength(6);
  });

  it('the file for a page without a bundler is below 146 KB with gzip', () => {
    const file = join(folder, 'node_modules/@unfold/core/dist/standalone.js');
    expect(gzipSync(readFileSync(file)).length).toBeLessThan(146_000);
  });

  it.each(rowsUnder('Node, Bun and Deno'))('$name: $command', ({ command }) => {
    rmSync(join(folder, 'dist'), { recursive: true, force: true });
    const printed = run(command).trimEnd().split('\n');
    expect(printed.at(-1)).toBe(SAYS);
  });
});

/** What the page's title becomes. */
const TITLE = `(async () => {
  // A page that can't load its program never says anything.
  for (let tries = 0; document.title === '' && tries < 6000; tries++) {
    await new Promise((done) => setTimeout(done, 20));
  }
  return document.title;
})()`;

const rows = [
  ...rowsUnder('Pages'),
  {
    name: 'no bundler',
    command:
      'mkdir -p dist && cp plain.html dist/index.html && cp plain.js dist && cp -r node_modules dist',
  },
];

/** Bundles, and serves what came of it. */
function bundleAndServe(
  command: string,
  headers: Readonly<Record<string, string>> = ISOLATION,
): Promise<Server> {
  const dist = join(folder, 'dist');
  // What Parcel keeps of another program's build is not for this one.
  for (const made of [dist, join(folder, '.parcel-cache')]) {
    rmSync(made, { recursive: true, force: true });
  }
  run(command);
  // Not every bundler takes the page as well as the program.
  if (!existsSync(join(dist, 'index.html'))) {
    copyFileSync(join(folder, 'index.html'), join(dist, 'index.html'));
  }
  return serve(folder, 'dist', headers);
}

const AVAILABLE = BROWSERS.filter(({ missing }) => missing === null);

if (AVAILABLE.length === 0) {
  it('pages: skipped, there is no browser', (context) => {
    // No report but the longest tells why a test was skipped.
    // oxlint-disable-next-line eslint/no-console
    console.warn('The tests of bundles for pages are skipped: there is no browser');
    context.skip();
  });
}

const browsers: [name: string, driver: Driver][] = [];
const servers: Server[] = [];
beforeAll(async () => {
  for (const { name, launch } of AVAILABLE) browsers.push([name, await launch()]);
});
afterAll(async () => {
  await Promise.all(browsers.map(([, driver]) => driver.close()));
  await Promise.all(servers.map((server) => server.close()));
});

/** @returns The page's address. */
async function open(command: string, headers?: Readonly<Record<string, string>>): Promise<string> {
  const server = await bundleAndServe(command, headers);
  servers.push(server);
  return server.url;
}

describe.runIf(AVAILABLE.length > 0)('pages', () => {
  it.each(rows)('$name: $command', async ({ command }) => {
    const url = await open(command);
    for (const [name, driver] of browsers) {
      expect([name, await driver.evaluate(url, TITLE)]).toEqual([name, SAYS]);
    }
  });

  it('a page that may start no thread from text works on one, and says so', async () => {
    const policy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";
    const url = await open('esbuild program.js --bundle --outfile=dist/program.js', {
      ...ISOLATION,
      'Content-Security-Policy': policy,
    });
    for (const [name, driver] of browsers) {
      expect([name, await driver.evaluate(url, TITLE)]).toEqual([
        name,
        expect.stringMatching(
          /^wasm simd 128-bit · 1 thread · loss 0.000 · 4 of 4 · engine: 2 threads do not start: /,
        ),
      ]);
    }
  });
});

describe('a bundle for Node without the condition `module`', () => {
  it.each(['cjs', 'esm'])('is told what to do, as %s', (format) => {
    const out = format === 'cjs' ? 'dist/other.cjs' : 'dist/other.mjs';
    const command = `esbuild program.js --bundle --platform=node --conditions=other --format=${format} --outfile=${out}`;
    run(command);
    expect(() => run(`node ${out}`)).toThrow(
      /EngineError: engine: cannot read the kernels .*; in a bundle, let the bundler use the condition 'module'/,
    );
  });

  it('may leave the packages out', () => {
    run(
      'esbuild program.js --bundle --platform=node --packages=external --format=esm --outfile=out.mjs',
    );
    expect(run('node out.mjs').trimEnd()).toBe(SAYS);
  });
});

/** What a program with `prefetch` says, whose augmentation is another one in the worker. */
const AHEAD = 'a worker makes batches';
const NOT_AHEAD = 'no worker makes batches';

/** @param module The address of the module that makes the worker's. */
const aheadProgram = (module: string): string => `
  import { DataLoader, Dataset } from '@unfold/train';
  async function main() {
    const images = new Uint8Array(400);
    const dataset = Dataset.fromArrays({ images, shape: [1, 2, 2], labels: new Int32Array(100) });
    const augment = { apply: ({ data }) => data.fill(0), worker: { module: ${JSON.stringify(module)} } };
    const loader = new DataLoader(dataset, { batchSize: 10, augment, prefetch: 2 });
    let made = 0;
    for (let tries = 0; made === 0 && tries < 200; tries++) {
      for await (const { images } of loader) made += images.data[0];
      await new Promise((done) => setTimeout(done, 10));
    }
    loader.dispose();
    const text = made > 0 ? '${AHEAD}' : '${NOT_AHEAD}';
    if (typeof document === 'undefined') console.log(text);
    else document.title = text;
  }
  main();
`;
const ONES = 'export default () => ({ apply: ({ data }) => void data.fill(1) });';

describe('batches made ahead', () => {
  /** The documented command that bundles the worker. */
  const workerFor = (what: string): string =>
    rowsUnder('Batches made ahead').find(({ name }) => name === what)?.command ?? '';
  /** Whether a bundler leaves the script out, and whether it can be found where it is put beside. */
  const isLeftOut = (command: string): boolean => /^(esbuild|rollup|bun build) /.test(command);
  const canFind = (command: string): boolean => !/^esbuild (?!.*--format=esm)/.test(command);

  describe('in Node, Bun and Deno', () => {
    beforeAll(() => {
      writeFileSync(join(folder, 'ones.js'), ONES);
      const module = pathToFileURL(join(folder, 'ones.js')).href;
      writeFileSync(join(folder, 'program.js'), aheadProgram(module));
    });

    it.each(rowsUnder('Node, Bun and Deno'))('$name: $command', ({ command }) => {
      rmSync(join(folder, 'dist'), { recursive: true, force: true });
      const last = (): string | undefined => run(command).trimEnd().split('\n').at(-1);
      if (isLeftOut(command)) {
        expect(last()).toBe(NOT_AHEAD);
        run(workerFor('Node'));
      }
      expect(last()).toBe(canFind(command) ? AHEAD : NOT_AHEAD);
    });
  });

  describe.runIf(AVAILABLE.length > 0)('in pages', () => {
    beforeAll(() => {
      const module = `data:text/javascript,${encodeURIComponent(ONES)}`;
      writeFileSync(join(folder, 'program.js'), aheadProgram(module));
    });

    it.each(rowsUnder('Pages'))('$name: $command', async ({ command }) => {
      const extra = isLeftOut(command) ? ` && ${workerFor('a page')}` : '';
      const url = await open(`${command}${extra}`);
      for (const [name, driver] of browsers) {
        const title = await driver.evaluate(url, TITLE);
        expect([name, title]).toEqual([name, canFind(command) ? AHEAD : NOT_AHEAD]);
      }
    });
  });
});
