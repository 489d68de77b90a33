import { readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { argmax, type Tensor, tensor } from '@unfold/core';
import { importOnnx } from '@unfold/onnx';
import { decodeModel, LeNet } from '@unfold/train';
import type axeCore from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostStatically, type StaticHost } from '../../playground/scripts/static-host.js';
import { ISOLATION } from '../../playground/src/offline/isolation.js';
import { VIEWS } from '../../playground/src/spec/route.js';
import { LAB_TEXTS } from '../../playground/src/texts/lab.js';
import { PAGE_TEXTS } from '../../playground/src/texts/page.js';
import { TAKE_TEXTS } from '../../playground/src/texts/take.js';
import { findChromium } from '../browser/chromium.js';
import { BROWSERS, type Driver } from '../browser/drivers.js';
import { type TakenAlong, training, trainingAfterFault } from './in-page.js';
import { firstDigits } from './lab-under-test.js';
import { buildPage } from './page.js';

let folder: string;
let host: StaticHost;

beforeAll(async () => {
  folder = buildPage();
  host = await hostStatically(folder, { headers: ISOLATION });
});
afterAll(async () => {
  await host?.close();
  await rm(folder, { recursive: true, force: true });
});

describe.each(BROWSERS)('in $name', ({ name, missing, launch }) => {
  let driver: Driver;
  beforeAll(async () => {
    if (missing === null) driver = await launch();
  });
  afterAll(() => driver?.close());

  it.skipIf(missing)(
    'the built page trains to 95 % of the test digits, and what it writes opens here',
    async () => {
      const trained = await driver.evaluate<TakenAlong>(host.url, training(95));
      expect(trained.reached).toBeGreaterThanOrEqual(95);
      expect(trained.faults).toEqual([]);
      const { steps, longestGap, files } = trained;
      tell(`${name}: ${steps} steps, longest gap ${Math.round(longestGap)} ms`);
      const { test } = await firstDigits(0, 2000);
      const pixels = Float32Array.from(test.images, (value) => value / 255);
      /** In %, as the page rounds it. */
      const rightOf = (model: { forward(x: Tensor): Tensor }, values: Float32Array): number => {
        const taken = argmax(model.forward(tensor(values, [2000, 1, 28, 28])), { axis: 1 });
        const right = taken.toTypedArray().filter((label, i) => label === test.labels[i]).length;
        return Number((right / 20).toFixed(2));
      };
      const lenet = new LeNet();
      const weights = Uint8Array.from(files['safetensors'] ?? []);
      const { normalization } = decodeModel(lenet, weights, { name: 'weights' });
      const { mean: [mean = NaN] = [], std: [std = NaN] = [] } = normalization ?? {};
      const right = rightOf(
        lenet.eval(),
        pixels.map((value) => (value - mean) / std),
      );
      expect(right).toBe(trained.validation);
      expect(rightOf(importOnnx(Uint8Array.from(files['onnx'] ?? [])), pixels)).toBe(right);
    },
  );

  it.skipIf(missing)(
    'says when a part of the worker is missing, and loads it at the next try',
    async () => {
      let isTold = false;
      const lacking = await hostStatically(folder, {
        lacks(file) {
          isTold ||= file === 'told';
          return !isTold && /^assets.compile-/.test(file);
        },
      });
      const said = await driver.evaluate<string>(lacking.url, trainingAfterFault());
      expect(said).toContain(LAB_TEXTS.noPart);
      await lacking.close();
    },
  );
});

describe('the page in Chromium', () => {
  let browser: Browser;
  const program = findChromium();
  const launch = (args: string[] = []) =>
    chromium.launch({ ...(program && { executablePath: program }), args });
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  /** Opens a page, with what goes wrong in it. */
  async function open(
    address: string,
    options: Parameters<Browser['newContext']>[0] = {},
  ): Promise<{ page: Page; faults: string[] }> {
    const context = await browser.newContext({ serviceWorkers: 'block', ...options });
    const page = await context.newPage();
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(String(error)));
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    await page.goto(`${host.url}${address}`);
    return { page, faults };
  }
  const oneStep = async (page: Page): Promise<void> => {
    await page.getByRole('button', { name: 'One step' }).click();
    await page.locator('.run-step dd').filter({ hasText: /^1$/ }).waitFor();
  };
  const notice = (page: Page) => page.locator('.notice');

  it('loads less than 120 KB of JavaScript by brotli besides the kernels, until it is idle', async () => {
    const context = await browser.newContext({ serviceWorkers: 'block' });
    const page = await context.newPage();
    const scripts: string[] = [];
    context.on('response', (response) => {
      const { pathname } = new URL(response.url());
      if (pathname.endsWith('.js')) scripts.push(pathname);
    });
    await page.goto(host.url, { waitUntil: 'networkidle' });
    // The worker and its network come when the page is idle.
    await page
      .locator('.run-status')
      .filter({ hasText: /^Ready$/ })
      .waitFor();
    const texts = scripts.map((path) => readFileSync(join(folder, path), 'utf8'));
    // Both binaries, in the worker alone.
    expect(texts.flatMap((text) => text.match(KERNELS) ?? [])).toHaveLength(2);
    const sizes = texts.map((text) => brotliCompressSync(text.replaceAll(KERNELS, '')).length);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    tell(`JavaScript of the first load: ${total} bytes in ${scripts.length} files`);
    expect(total).toBeLessThan(120_000);
    await context.close();
  });

  it('asks before it is left while steps would be lost, and only then', async () => {
    const { page } = await open('');
    let asked = 0;
    page.on('dialog', (dialog) => {
      if (dialog.type() === 'beforeunload') asked++;
      void dialog.accept();
    });
    // A click, so that the browser would let the page ask.
    await page.getByRole('link', { name: PAGE_TEXTS.views.train }).click();
    await page.reload();
    expect(asked).toBe(0);
    await oneStep(page);
    await page.reload();
    expect(asked).toBe(1);
    await oneStep(page);
    await page.getByRole('link', { name: PAGE_TEXTS.views.take }).click();
    await page.getByRole('button', { name: TAKE_TEXTS.files.weights }).click();
    await page
      .getByText(/ saved, /)
      .first()
      .waitFor();
    await page.reload();
    expect(asked).toBe(1);
    await page.context().close();
  });

  it('doesn’t ask when its own button loads it again, which says what is lost', async () => {
    const { page } = await open('');
    let asked = 0;
    page.on('dialog', (dialog) => {
      asked++;
      void dialog.accept();
    });
    await oneStep(page);
    // As where a part of the page can't be had.
    await page.evaluate(() => dispatchEvent(new Event('vite:preloadError')));
    const lacking = notice(page).filter({ hasText: PAGE_TEXTS.notices.part });
    expect(await lacking.innerText()).toContain(PAGE_TEXTS.notices.loses);
    await Promise.all([
      page.waitForEvent('load'),
      lacking.getByRole('button', { name: PAGE_TEXTS.notices.reload }).click(),
    ]);
    expect(asked).toBe(0);
    await page.context().close();
  });

  it('has no script of threads that it never starts', () => {
    const files = readdirSync(join(folder, 'assets'));
    expect(files.filter((name) => name.includes('prefetch'))).toEqual([]);
  });

  it.each([390, 360])('leaves two thirds of a phone to the view, %i px wide', async (width) => {
    const { page } = await open('', { viewport: { width, height: 740 } });
    await oneStep(page);
    const top = await page.locator('main').evaluate((main) => main.getBoundingClientRect().top);
    expect(top).toBeLessThan(740 / 3);
    await page.context().close();
  });

  it.each([
    ['its Worker', 'delete globalThis.Worker', 'can’t train'],
    ['its WebAssembly', 'delete globalThis.WebAssembly', 'can’t train'],
  ])('says what it lacks in a browser without %s', async (_, script, words) => {
    const context = await browser.newContext({ serviceWorkers: 'block' });
    await context.addInitScript(script);
    const page = await context.newPage();
    await page.goto(host.url);
    await notice(page).filter({ hasText: words }).waitFor();
    await context.close();
  });

  it('trains with plain loops where WebAssembly has no SIMD, and says so', async () => {
    const plain = await launch(['--js-flags=--no-enable-sse4-1 --no-enable-ssse3 --no-enable-avx']);
    const page = await plain.newPage();
    await page.goto(host.url);
    await notice(page).filter({ hasText: 'SIMD' }).waitFor();
    await oneStep(page);
    await plain.close();
  });

  it.each([
    ['are not there', { status: 404, body: 'Not found' }, 'HTTP 404'],
    [
      'are a page instead',
      { status: 200, contentType: 'text/html', body: '<h1>Welcome</h1>' },
      'got something else',
    ],
  ])('says when the digits %s, and loads them at a second try', async (_, answer, words) => {
    const context = await browser.newContext({ serviceWorkers: 'block' });
    await context.route('**/digits/*', (route) => route.fulfill(answer));
    const page = await context.newPage();
    await page.goto(host.url);
    const fault = notice(page).filter({ hasText: words });
    await fault.waitFor();
    await context.unroute('**/digits/*');
    await fault.getByRole('button', { name: 'Try again' }).click();
    await oneStep(page);
    expect(await fault.count()).toBe(0);
    await context.close();
  });

  describe.each(['light', 'dark'] as const)('%s', (colorScheme) => {
    it.each(VIEWS)('view %s: nothing serious for axe, nothing wider than a phone', async (view) => {
      const viewport = { width: 360, height: 740 };
      const { page, faults } = await open(`#/${view}`, { viewport, colorScheme, bypassCSP: true });
      await oneStep(page);
      await page.addScriptTag({ path: AXE });
      const found = await page.evaluate(async () => {
        const { violations } = await axe.run();
        return violations
          .filter(({ impact }) => impact === 'serious' || impact === 'critical')
          .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => String(target)).join(', ')}`);
      });
      expect(found).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
      expect(faults).toEqual([]);
      await page.context().close();
    });
  });
});

/** What axe-core's script puts into the page. */
declare const axe: typeof axeCore;

/** Says a figure that is no promise. */
const tell = (text: string): boolean => process.stdout.write(`${text}\n`);

const ROOT = resolve(import.meta.dirname, '../..');
const AXE = join(ROOT, 'node_modules/axe-core/axe.min.js');

/** The text of a binary of kernels, as a bundle has it. */
const KERNELS = /(['"`])0001020304(?:\\[^]|(?!\1)[^\\]){50000,}\1/g;
