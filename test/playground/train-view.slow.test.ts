import { rm } from 'node:fs/promises';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TRAINING_DIGITS } from '../../playground/src/spec/digits.js';
import { DEFAULT_EXPERIMENT } from '../../playground/src/spec/experiment.js';
import { hostStatically, type StaticHost } from '../../playground/scripts/static-host.js';
import { TRAIN_TEXTS } from '../../playground/src/texts/train.js';
import { findChromium } from '../browser/chromium.js';
import { buildPage } from './page.js';

let folder: string;
let host: StaticHost;
let browser: Browser;
let page: Page;
const faults: string[] = [];

beforeAll(async () => {
  folder = buildPage();
  host = await hostStatically(folder);
  const program = findChromium();
  browser = await chromium.launch({ ...(program && { executablePath: program }) });
});
afterAll(async () => {
  await browser?.close();
  await host?.close();
  await rm(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  const context = await browser.newContext({
    serviceWorkers: 'block',
    viewport: { width: 1280, height: 900 },
  });
  page = await context.newPage();
  faults.length = 0;
  page.on('pageerror', (error) => faults.push(String(error)));
  await page.goto(`${host.url}#/train`);
});
afterEach(async () => {
  await page.context().close();
  expect(faults).toEqual([]);
});

const button = (name: string | RegExp) => page.getByRole('button', { name, exact: true });
const card = (name: string) => page.getByRole('listitem', { name });
const stepOf = (run = 'A') => page.locator(`.run-${run} .run-step dd`).textContent();
const whenStep = (step: string, run = 'A') =>
  expect.poll(() => stepOf(run), { timeout: 120_000 }).toBe(step);
const status = () => page.locator('.run-status').innerText();
/** What a screen reader was told last. */
const told = () => page.locator('[role="status"]').textContent();
/** The name of what has the focus. */
const focused = () =>
  page.evaluate(() => {
    const { activeElement } = document;
    return activeElement?.getAttribute('aria-label') ?? activeElement?.textContent ?? '';
  });

describe('the network’s cards', () => {
  it('follow each edit with shapes, parameters and multiplications', async () => {
    const conv = card('Convolution conv1');
    expect(await conv.textContent()).toContain('1×28×28 → 8×24×24');
    await conv.getByLabel('Channels').fill('12');
    expect(await conv.textContent()).toContain('1×28×28 → 12×24×24');
    expect(await conv.textContent()).toContain('312 parameters');
    expect(await conv.textContent()).toContain('172,800 multiplications');
    expect(await card('Convolution conv2').textContent()).toContain('12×12×12 → 16×8×8');
  });

  it('say why a shape is impossible, at the card and at the buttons, which do nothing then', async () => {
    const conv = card('Convolution conv2');
    await conv.getByLabel('Kernel').fill('13');
    const reason = 'A 13×13 kernel doesn’t fit the 12×12 that comes in.';
    expect(await conv.getByRole('alert').textContent()).toBe(reason);
    expect(await card('Linear fc').textContent()).toContain('?');
    for (const name of ['Start', 'One step', 'One epoch', 'Reset']) {
      expect(await button(name).getAttribute('aria-disabled')).toBe('true');
      expect(await button(name).getAttribute('title')).toContain(reason);
    }
    await expect.poll(status).toMatch(/^Can’t start/);
    await button('Start').press('Enter');
    await conv.getByLabel('Kernel').fill('7');
    expect(await button('Start').getAttribute('aria-disabled')).toBe('false');
    expect(await page.getByText(reason).count()).toBe(0);
    expect(await stepOf()).toBe('0');
    await expect.poll(status).toBe('Ready');
  });

  it('that can’t be built leave the run with the network that it has, and say so', async () => {
    await button('One step').click();
    await whenStep('1');
    await card('Convolution conv2').getByLabel('Kernel').fill('13');
    const editor = page.getByRole('region', { name: 'Network' });
    expect(await editor.textContent()).toContain('The run goes on with the one it has.');
    await expect.poll(status).toBe('Paused');
    await button('One step').click();
    await whenStep('2');
  });

  it('that can’t be built are told of in other views, too', async () => {
    await card('Convolution conv2').getByLabel('Kernel').fill('13');
    await page.getByRole('link', { name: 'Draw', exact: true }).click();
    await expect
      .poll(status)
      .toBe('Can’t start: Layer 4: A 13×13 kernel doesn’t fit the 12×12 that comes in.');
  });

  it('say what a field expects, keep the network meanwhile, and show its number again', async () => {
    const channels = card('Convolution conv1').getByLabel('Channels');
    await channels.fill('0');
    expect(await card('Convolution conv1').getByRole('alert').textContent()).toBe(
      'a whole number from 1 to 512',
    );
    expect(await card('Convolution conv1').textContent()).toContain('1×28×28 → 8×24×24');
    await channels.blur();
    expect(await channels.inputValue()).toBe('8');
  });

  it('are added where they belong, moved, and removed, by keyboard alone, with the focus on them', async () => {
    await page.getByLabel('Another layer').selectOption('Dropout');
    await page.getByRole('button', { name: 'Add', exact: true }).press('Enter');
    await expect.poll(told).toBe('dropout added, in place 8.');
    await page.keyboard.press('Alt+ArrowUp');
    await expect.poll(told).toBe('dropout is in place 7 now.');
    const names = () => page.locator('.layer h4 .soft').allTextContents();
    expect((await names()).slice(5)).toEqual(['pool2', 'dropout', 'flatten', 'fc']);
    await page.getByRole('button', { name: 'Move dropout up' }).press('Enter');
    expect((await names()).slice(5)).toEqual(['dropout', 'pool2', 'flatten', 'fc']);
    await expect.poll(focused).toBe('Move dropout up');
    await page.getByRole('button', { name: 'Remove dropout' }).press('Enter');
    expect((await names()).slice(5)).toEqual(['pool2', 'flatten', 'fc']);
    await expect.poll(focused).toContain('pool2');
  });
});

/** The steps of an epoch of what the page begins with. */
const EPOCH = String(Math.ceil(TRAINING_DIGITS / DEFAULT_EXPERIMENT.batchSize));

describe('training', () => {
  it('says before the first step, also after a reset, what its panels are for, and then draws the curves in their place', async () => {
    await page.locator('.curve-empty').first().waitFor();
    expect(await page.locator('.curve-empty').allInnerTexts()).toEqual([
      TRAIN_TEXTS.curves.emptyLoss,
      TRAIN_TEXTS.curves.emptyAccuracy,
    ]);
    const note = await page.locator('.curve-note').boundingBox();
    expect(note?.height).toBeLessThan(30);
    await button('One step').click();
    await page.locator('.curve-plot canvas').first().waitFor();
    expect(await page.locator('.curve-empty').count()).toBe(0);
    await button('Reset').click();
    await expect.poll(() => page.locator('.curve-empty').count()).toBe(2);
    await expect.poll(() => page.locator('.curve-plot canvas').count()).toBe(0);
  });

  it('goes a step, an epoch and on until it is paused, by single keys', async () => {
    await page.keyboard.press('n');
    await whenStep('1');
    await expect.poll(told).toMatch(/^Step 1 done, loss \d\.\d+\.$/);
    await page.keyboard.press('e');
    await whenStep(EPOCH);
    expect(await page.locator('.run-A .run-epoch dd').textContent()).toBe('1.00');
    await expect
      .poll(() => page.locator('.run-A .run-validation dd').textContent())
      .toMatch(/^\d\d\.\d\d %$/);
    await page.keyboard.press('s');
    await expect.poll(() => button('Pause').count()).toBe(1);
    await page.keyboard.press('s');
    await expect.poll(told).toMatch(/^Paused after step/);
    await page.keyboard.press('Shift+R');
    await whenStep('0');
  });

  it('is not begun by a letter that is typed into a field, nor by any where single keys are off', async () => {
    await page.getByLabel('Seed').press('n');
    await page.getByLabel('Start from').press('n');
    await page.getByText('Keys', { exact: true }).click();
    await page.getByLabel('Single keys act').uncheck();
    await page.locator('body').press('n');
    await page.getByLabel('Single keys act').check();
    await page.getByText('Keys', { exact: true }).press('Escape');
    await page.locator('h1').click();
    await page.keyboard.press('n');
    await whenStep('1');
  });

  it('takes an edit with the start, even while another network is being built, and later on reset only', async () => {
    await page.getByLabel('Start from').selectOption('One convolution');
    expect(await page.getByText('Changes take effect with the start.').count()).toBe(1);
    await button('One step').click();
    await whenStep('1');
    expect(await page.getByText('This is what trains.').count()).toBe(1);
    await page.getByLabel('Batch', { exact: true }).fill('50');
    expect(await page.getByText('Changes take effect on reset.').count()).toBe(1);
    await button('One epoch').click();
    await whenStep(EPOCH);
    await button('Reset').click();
    await whenStep('0');
    expect(await page.getByText('This is what trains.').count()).toBe(1);
    await button('One epoch').click();
    await whenStep('100');
  });

  it('shows filters and gradients, and the digits behind a cell, of which one is put at hand', async () => {
    await button('One epoch').click();
    await whenStep(EPOCH);
    const filters = page.getByRole('img', {
      name: /^(Weights|Gradients of the last step); values/,
    });
    await expect.poll(() => filters.count()).toBe(2);
    const first = page.locator('.matrix [tabindex="0"]');
    await first.focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    await expect.poll(focused).toMatch(/^\d+ of digit 1 taken for what they are$/);
    await page.keyboard.press('Enter');
    const digits = page.locator('.digits button');
    await expect.poll(() => digits.count()).toBe(40);
    await digits.first().press('ArrowRight');
    await page.keyboard.press('Enter');
    await expect.poll(told).toMatch(/^Test digit \d+, a 1, is at hand now/);
    await page.locator('.confused').getByRole('link', { name: 'Draw' }).click();
    expect(page.url()).toContain('#/draw');
  });

  it('goes on in two runs side by side, together or one by one, told apart by more than colour', async () => {
    await button('Add run B').click();
    expect(await page.getByLabel('Seed').inputValue()).toBe('2');
    await button('One step').click();
    await whenStep('1', 'A');
    await whenStep('1', 'B');
    await page.getByLabel('Control').selectOption('only B');
    await button('One step').click();
    await whenStep('2', 'B');
    expect(await stepOf('A')).toBe('1');
    const labels = await page.locator('.curve-legend').first().locator('dt').allTextContents();
    expect(labels.map((label) => label.trim())).toEqual([
      'A: batches',
      'A: mean',
      'A: validation',
      'B: batches',
      'B: mean',
      'B: validation',
    ]);
    const dashes = await page
      .locator('.curve-legend')
      .first()
      .locator('path[stroke-width="3"]')
      .evaluateAll((paths) => paths.map((path) => path.getAttribute('stroke-dasharray')));
    expect(dashes).toEqual(['', '8 5']);
    await button('Remove run B').click();
    await expect.poll(() => page.locator('.run-B').count()).toBe(0);
  });

  it('draws its curves, for thousands of steps too', async () => {
    await page.getByLabel('Start from').selectOption('Perceptron, no convolution');
    await page.getByLabel('Batch', { exact: true }).fill('8');
    await button('Start').click();
    await expect
      .poll(async () => Number((await stepOf())?.replace(',', '')), { timeout: 120_000 })
      .toBeGreaterThan(1300);
    await button('Pause').click();
    await expect.poll(told).toMatch(/^Paused after step/);
    const [, mean] = await page.locator('.curve-legend').first().locator('dd').allTextContents();
    expect(mean).toMatch(/^\d\.\d+$/);
    const isBlank = await page
      .locator('.curve-plot canvas')
      .first()
      .evaluate((canvas) => {
        const { width, height } = canvas as HTMLCanvasElement;
        const context = (canvas as HTMLCanvasElement).getContext('2d');
        return context?.getImageData(0, 0, width, height).data.every((value) => value === 0);
      });
    expect(isBlank).toBe(false);
  });
});
