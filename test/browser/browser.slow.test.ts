import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { enableNodeFlags } from '@unfold/core/node';
import type { EngineOptions } from '@unfold/core';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  bundle,
  develop,
  installApp,
  ISOLATION,
  serve,
  type Server,
  writeDocumentedPage,
} from './app.js';
import { DECODED, REFUSALS, TWO_PIXELS } from '../support/files/no-files.js';
import { train, type Report } from './app/src/train.js';
import { findChromium } from './chromium.js';
import { BROWSERS, type Driver } from './drivers.js';

// Before the first tensor here, so that Node runs the same arithmetic as Chromium.
enableNodeFlags();

const folder = mkdtempSync(join(tmpdir(), 'unfold-browser-'));
beforeAll(() => installApp(folder));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** How the text of a binary begins: what follows may be quoted otherwise. */
const beginning = (file: string): string =>
  readFileSync(`packages/core/assembly/build/${file}`, 'utf8').split("'")[1]?.slice(0, 160) ?? '';
const BINARY = beginning('kernels.js');
const MORE_BINARY = beginning('more-kernels.js');

describe('a bundle by Vite', () => {
  /** Bundles a page. @returns Its scripts' text, and their size when they are compressed. */
  async function scriptsOf(page: string): Promise<{ text: string; bytes: number }> {
    expect(await bundle(folder, [`${page}.html`], page)).toEqual([]);
    const assets = join(folder, page, 'assets');
    expect(readdirSync(assets).filter((name) => !name.endsWith('.js'))).toEqual([]);
    const files = readdirSync(assets).map((name) => readFileSync(join(assets, name)));
    const text = files.map((file) => file.toString()).join('\n');
    return { text, bytes: files.reduce((sum, file) => sum + gzipSync(file).length, 0) };
  }

  it('of a convolution, a linear layer and a tape is below 75 KB, with nothing of the second binary', async () => {
    const { text, bytes } = await scriptsOf('small');
    expect(BINARY).toMatch(/^[0-9a-f]{160}$/);
    expect(MORE_BINARY).toMatch(/^[0-9a-f]{160}$/);
    expect(text.split(BINARY)).toHaveLength(2);
    expect(text).not.toContain(MORE_BINARY);
    expect(text).not.toContain('layerNormBackward');
    expect(bytes).toBeLessThan(75_000);
    // Much less would mean that the kernels are not in it.
    expect(bytes).toBeGreaterThan(40_000);
  });

  it('of the same and tanh has the second binary, once', async () => {
    const { text } = await scriptsOf('more');
    expect(text.split(BINARY)).toHaveLength(2);
    expect(text.split(MORE_BINARY)).toHaveLength(2);
    expect(text).toContain('layerNormBackward');
  });
});

for (const { name, missing } of BROWSERS) {
  if (missing === null) continue;
  it(`in ${name}: skipped, ${missing}`, (context) => {
    // No report but the longest tells why a test was skipped.
    // oxlint-disable-next-line eslint/no-console
    console.warn(`The tests in ${name} are skipped: ${missing}`);
    context.skip(missing);
  });
}

const servers: Server[] = [];
const address = { isolated: '', open: '' };
let node: Report;
let strict: Report;

beforeAll(async () => {
  node = await train({ threads: 1, simd: '128' });
  strict = await train({ threads: 1, strict: true });
  expect(await bundle(folder, ['index.html'], 'dist')).toEqual([]);
  servers.push(await serve(folder, 'dist', ISOLATION), await serve(folder, 'dist', {}));
  [address.isolated = '', address.open = ''] = servers.map(({ url }) => url);
});
afterAll(() => Promise.all(servers.map((server) => server.close())));

const OPEN = 'memory cannot be shared with threads here; a page has to be cross-origin isolated';

describe.each(BROWSERS.filter(({ missing }) => missing === null))(
  'strict, in $name',
  ({ launch }) => {
    let browser: Driver;
    beforeAll(async () => {
      browser = await launch();
    });
    afterAll(() => browser?.close());

    const run = (url: string, options: EngineOptions, where = 'train') =>
      browser.evaluate<Report>(url, `window.${where}(${JSON.stringify(options)})`);

    it.each([1, 2])('an isolated page with %i threads: everything as in Node', async (threads) => {
      const report = await run(address.isolated, { threads, strict: true });
      const description = `wasm simd 128-bit · ${threads} thread${threads === 1 ? '' : 's'}`;
      expect(report).toEqual({ ...strict, description });
    });

    it('a worker of an isolated page, with threads of its own', async () => {
      const report = await run(address.isolated, { threads: 2, strict: true }, 'trainInWorker');
      expect(report).toEqual({ ...strict, description: 'wasm simd 128-bit · 2 threads' });
    });

    it('an open page, on its one thread', async () => {
      const report = await run(address.open, { threads: 2, strict: true });
      expect(report).toEqual({ ...strict, warnings: [OPEN] });
    });

    it('an engine that says fma gives the weights of fma, one that says nothing those of strict', async () => {
      const report = await run(address.isolated, { threads: 1 });
      const same = report.description.includes(' fma ') ? node : strict;
      expect(report).toEqual({ ...same, description: report.description });
      expect(report.description).toMatch(/^wasm simd 128-bit( fma)? · 1 thread$/);
    });
  },
);

const webkit = BROWSERS.find(({ name, missing }) => name === 'WebKit' && missing === null);

describe.runIf(webkit)('in WebKit', () => {
  it('an isolated page without SharedArrayBuffer has one thread, and says why', async () => {
    const browser = await webkit?.launch({});
    const report = await browser?.evaluate<Report>(
      address.isolated,
      'window.train({ threads: 2, strict: true })',
    );
    await browser?.close();
    const warnings = [
      'memory cannot be shared with threads here; this browser has no SharedArrayBuffer',
    ];
    expect(report).toEqual({ ...strict, warnings });
  });

  it('relaxed SIMD that rounds twice is not called fma', async () => {
    const browser = await webkit?.launch({ JSC_useWasmRelaxedSIMD: '1' });
    const [accepts, report] = (await browser?.evaluate<[boolean, Report]>(
      address.open,
      `window.train({ threads: 1 }).then((report) => [WebAssembly.validate(${RELAXED}), report])`,
    )) ?? [false];
    await browser?.close();
    expect(accepts).toBe(true);
    // On ARM it does round once.
    const isFused = report?.description.includes(' fma ');
    expect(report).toEqual(isFused ? node : strict);
    if (process.arch === 'x64') expect(isFused).toBe(false);
  });
});

/** (v128, v128, v128) → v128 by f32x4.relaxed_madd. */
const RELAXED = `Uint8Array.from(
  '0061736d0100000001080160037b7b7b017b030201000a0d010b00200020012002fd85020b'.match(/../g),
  (byte) => parseInt(byte, 16),
)`;

const program = findChromium();

describe.runIf(program)('in Chromium', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await chromium.launch({ ...(program && { executablePath: program }) });
  });

  afterAll(() => browser?.close());

  /** Opens the app in a page of its own, runs `use`, and fails if the page reports an error. */
  async function inPage<T>(url: string, use: (page: Page) => Promise<T>, script = ''): Promise<T> {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.addInitScript(script);
    await page.goto(url);
    const result = await use(page);
    await page.close();
    expect(errors).toEqual([]);
    return result;
  }

  const run = (page: Page, options: EngineOptions | null, where = 'train') =>
    page.evaluate<Report>(`window.${where}(${JSON.stringify(options)})`);

  it('Node learns what the others are compared with', () => {
    expect(node.description).toBe('wasm simd 128-bit fma · 1 thread');
    expect(node.convolution).toEqual([65, 85, 105, 205, 225, 245, 345, 365, 385]);
    expect(node.view).toEqual([1, 2, 3]);
    expect(node.losses[0]).toBeGreaterThan(1);
    expect(node.losses.at(-1)).toBeLessThan(0.3);
    expect(node.accuracy).toBeGreaterThan(0.9);
    expect(node.compiledWeights).toBe(node.weights);
    expect(node.launches).toBeGreaterThan(10);
    expect(strict.weights).not.toBe(node.weights);
  });

  it.each(['open', 'isolated'] as const)(
    'the first operation starts the engine, %s: the bits of Node',
    async (kind) => {
      expect(await inPage(address[kind], (page) => run(page, null))).toEqual(node);
    },
  );

  it('an open page has one thread, and says why', async () => {
    const report = await inPage(address.open, (page) => run(page, { threads: 2 }));
    expect(report).toEqual({ ...node, warnings: [OPEN] });
  });

  it.each([2, 4])('an isolated page has %i threads: the bits of Node', async (threads) => {
    const report = await inPage(address.isolated, (page) => run(page, { threads }));
    const description = `wasm simd 128-bit fma · ${threads} threads`;
    expect(report).toEqual({ ...node, description });
  });

  it('strict: the bits of Node', async () => {
    const options = { threads: 2, strict: true };
    const open = await inPage(address.open, (page) => run(page, options));
    expect(open.weights).toBe(strict.weights);
    const report = await inPage(address.isolated, (page) => run(page, options));
    expect(report).toEqual({ ...strict, description: 'wasm simd 128-bit · 2 threads' });
  });

  it('where there is no relaxed SIMD: the bits of strict', async () => {
    const report = await inPage(
      address.isolated,
      (page) => run(page, { threads: 2 }),
      'WebAssembly.validate = () => false;',
    );
    expect(report).toEqual({ ...strict, description: 'wasm simd 128-bit · 2 threads' });
  });

  it("Vite's development server serves the same, threads included", async () => {
    const server = await develop(folder);
    servers.push(server);
    const report = await inPage(server.url, (page) => run(page, { threads: 2 }));
    expect(report).toEqual({ ...node, description: 'wasm simd 128-bit fma · 2 threads' });
  });

  it('the page of docs/browser.md is what it says, under the policy that is named there', async () => {
    const root = join(folder, 'documented');
    const { text, policy, headers } = await writeDocumentedPage(root);
    expect(await bundle(root, ['index.html'], 'dist')).toEqual([]);
    const server = await serve(root, 'dist', { ...headers, 'Content-Security-Policy': policy });
    servers.push(server);
    await inPage(server.url, async (page) => {
      const shown = await page.locator('#result', { hasText: 'loss' }).textContent();
      expect(shown?.replace(/\d+ threads?/, '2 threads')).toBe(text);
    });
  });

  it('a page with a function of the second binary loads it, on threads, too', async () => {
    const server = await serve(folder, 'more', ISOLATION);
    servers.push(server);
    await inPage(new URL('more.html', server.url).href, async (page) => {
      await page.waitForFunction("document.title !== ''");
      expect(await page.title()).toBe('64,1,3,3');
    });
  });

  it('files are decoded from bytes, and what needs a file system says what to use instead', async () => {
    await inPage(address.open, async (page) => {
      const bytes = JSON.stringify(TWO_PIXELS);
      expect(await page.evaluate(`window.decoded(${bytes})`)).toEqual(DECODED);
      expect(await page.evaluate('window.refusals()')).toEqual(REFUSALS);
    });
  });

  it('a worker of the page trains on threads of its own', async () => {
    const options = { threads: 3 };
    const report = await inPage(address.isolated, (page) => run(page, options, 'trainInWorker'));
    expect(report).toEqual({ ...node, description: 'wasm simd 128-bit fma · 3 threads' });
  });

  it('takes threads again and again', async () => {
    const descriptions = await inPage(address.isolated, async (page) => {
      const seen: string[] = [];
      for (const threads of [2, 1, 3, 2]) seen.push((await run(page, { threads })).description);
      return seen;
    });
    expect(descriptions.map((text) => text.replace(/.* · /, ''))).toEqual([
      '2 threads',
      '1 thread',
      '3 threads',
      '2 threads',
    ]);
  });

  it('a thread that cannot start leaves one, and a word', async () => {
    const report = await inPage(
      address.isolated,
      (page) => run(page, { threads: 2 }),
      otherWorkers('throw new Error("not today");'),
    );
    const warnings = [
      expect.stringContaining('engine: 2 threads do not start: Error: Uncaught Error: not today'),
    ];
    expect(report).toEqual({ ...node, warnings });
  });

  it('a thread that dies with a part in its hands is an error, not a hang', async () => {
    // Word 16 of the control block counts the parts that are left: see assembly/parallel.ts.
    const script = otherWorkers(`
      addEventListener('message', ({ data: { memory, control } }) => {
        const words = new Int32Array(memory.buffer, control, 64);
        postMessage('ready');
        while (Atomics.load(words, 16) <= 0 || Atomics.sub(words, 16, 1) <= 0);
        close();
      });
    `);
    await inPage(
      address.isolated,
      async (page) => {
        await expect(run(page, { threads: 2 })).rejects.toThrow(
          'engine: a thread broke down: no sign of life for 10000 ms',
        );
        expect((await run(page, null)).warnings).toEqual(['a thread broke down']);
      },
      script,
    );
  });
});

/** A script for a page, after which every worker runs `content`. */
function otherWorkers(content: string): string {
  return `
    const address = URL.createObjectURL(
      new Blob([${JSON.stringify(content)}], { type: 'text/javascript' }),
    );
    window.Worker = class extends Worker {
      constructor(url, options) {
        super(address, options);
      }
    };
  `;
}
