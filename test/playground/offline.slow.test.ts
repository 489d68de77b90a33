import { appendFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { writeServiceWorker } from '../../playground/scripts/offline.js';
import { hostStatically, type StaticHost } from '../../playground/scripts/static-host.js';
import { ISOLATION } from '../../playground/src/offline/isolation.js';
import { findChromium } from '../browser/chromium.js';
import { buildPage } from './page.js';

let folder: string;
let browser: Browser;
let host: StaticHost;
let context: BrowserContext;

beforeAll(async () => {
  folder = buildPage();
  const program = findChromium();
  browser = await chromium.launch({ ...(program && { executablePath: program }) });
});
afterAll(async () => {
  await browser?.close();
  await rm(folder, { recursive: true });
});

beforeEach(async () => {
  host = await hostStatically(folder, { path: '/some/where/' });
  context = await browser.newContext();
});
afterEach(async () => {
  await context.close();
  await host.close();
});

const isolated = (page: Page): Promise<boolean> => page.evaluate(() => crossOriginIsolated);
/** What the page as a whole has to say. */
const notices = (page: Page) => page.locator('.notice');
const isKept = (page: Page): Promise<void> => page.getByText('opens without a network').waitFor();

/** Opens the page, waits until it is kept, and opens it again. */
async function visit(): Promise<Page> {
  const page = await context.newPage();
  await page.goto(host.url);
  await isKept(page);
  await page.reload();
  await isKept(page);
  return page;
}

/** Puts another version of the page on the host. */
async function publish(): Promise<void> {
  await appendFile(join(folder, 'licences.html'), '<!-- another version -->\n');
  await writeServiceWorker(folder);
}

describe('the page on a host without isolation headers, below a path', () => {
  it('is isolated from its second visit on', async () => {
    const page = await context.newPage();
    await page.goto(host.url);
    expect(await isolated(page)).toBe(false);
    await isKept(page);
    await page.reload();
    expect(await isolated(page)).toBe(true);
    expect(await notices(page).count()).toBe(0);
  });

  it('offers to load itself again, and doesn’t by itself', async () => {
    const page = await context.newPage();
    let loads = 0;
    page.on('load', () => loads++);
    await page.goto(host.url);
    await page.getByRole('link', { name: 'Draw' }).click();
    const offer = page.locator('.foot').getByText('can train on more than one core');
    await offer.waitFor();
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
    expect([await isolated(page), loads]).toEqual([false, 1]);
    await page.getByRole('button', { name: 'Reload' }).click();
    await expect.poll(() => isolated(page).catch(() => false)).toBe(true);
    expect(page.url()).toMatch(/#\/draw$/);
    expect(await offer.count()).toBe(0);
  });

  it('opens without a network after the first visit, all of its files included', async () => {
    const page = await visit();
    await host.close();
    await page.reload();
    await page.getByRole('link', { name: 'Inside', exact: true }).click();
    const answers = await page.evaluate(async () => {
      const [name = ''] = await caches.keys();
      const cache = await caches.open(name);
      const kept = await cache.keys();
      const responses = await Promise.all(kept.map(({ url }) => fetch(url)));
      return responses.map(({ ok, url }) => (ok ? new URL(url).pathname : `missing: ${url}`));
    });
    expect(answers).toContain('/some/where/digits/train-images.bin');
    expect(answers).toContain('/some/where/licences.html');
    expect(answers.filter((path) => !path.startsWith('/some/where/'))).toEqual([]);
    host = await hostStatically(folder);
  });

  it('tells of a new version, takes it by a button, and drops the older one', async () => {
    const page = await visit();
    const [older] = await page.evaluate(() => caches.keys());
    await publish();
    await page.reload();
    await notices(page).filter({ hasText: 'A new version is there.' }).waitFor();
    const licences = () =>
      page.evaluate(
        async () => (await (await fetch('licences.html')).text()).split('another').length,
      );
    const before = await licences();
    await Promise.all([
      page.waitForEvent('load'),
      page.getByRole('button', { name: 'Reload' }).click(),
    ]);
    expect(await licences()).toBe(before + 1);
    expect(await notices(page).filter({ hasText: 'A new version is there.' }).count()).toBe(0);
    const names = await page.evaluate(() => caches.keys());
    expect(names).toHaveLength(1);
    expect(names).not.toContain(older);
  });

  it('keeps nothing of a host whose files are not those of the build', async () => {
    await publish();
    await appendFile(join(folder, 'licences.html'), '<!-- from elsewhere -->\n');
    const page = await context.newPage();
    const refused = context.waitForEvent('response', (one) => one.url().endsWith('licences.html'));
    await page.goto(host.url);
    await refused;
    await page.waitForFunction(async () => !(await navigator.serviceWorker.getRegistration()));
    await page.getByRole('heading', { name: 'Train', exact: true }).waitFor();
    expect(await isolated(page)).toBe(false);
    expect(await page.getByText('opens without a network').count()).toBe(0);
    await writeServiceWorker(folder);
  });
});

describe('the page on a host that sends isolation headers', () => {
  it('is kept without loading itself again, and opens what it has not shown yet without a network', async () => {
    const isolating = await hostStatically(folder, { headers: ISOLATION });
    const page = await context.newPage();
    let loads = 0;
    page.on('load', () => loads++);
    await page.goto(isolating.url);
    await isKept(page);
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
    await isolating.close();
    await page.getByRole('link', { name: 'Inside', exact: true }).click();
    await page.getByRole('heading', { name: 'Inside a convolution' }).waitFor();
    expect(loads).toBe(1);
  });
});

describe('where a service worker is refused', () => {
  it.each([
    [
      'there is none',
      'Object.defineProperty(Navigator.prototype, "serviceWorker", {}); delete Navigator.prototype.serviceWorker',
    ],
    [
      'registering fails',
      'ServiceWorkerContainer.prototype.register = () => Promise.reject(new DOMException("no", "SecurityError"))',
    ],
  ])('the page works: %s', async (_, script) => {
    await context.addInitScript(script);
    const page = await context.newPage();
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(String(error)));
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    await page.goto(host.url, { waitUntil: 'networkidle' });
    await page.getByRole('link', { name: 'Draw' }).click();
    await page.getByRole('heading', { name: 'Draw' }).waitFor();
    expect(await page.getByText('opens without a network').count()).toBe(0);
    expect(faults).toEqual([]);
  });
});
