import { rm } from 'node:fs/promises';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hostStatically, type StaticHost } from '../../playground/scripts/static-host.js';
import { DRAW_TEXTS } from '../../playground/src/texts/draw.js';
import { PAGE_TEXTS } from '../../playground/src/texts/page.js';
import { TRAIN_TEXTS } from '../../playground/src/texts/train.js';
import { ISOLATION } from '../browser/app.js';
import { findChromium } from '../browser/chromium.js';
import { buildPage } from './page.js';

const { pad, answer, photo, wrong, explain, maps, samples } = DRAW_TEXTS;

let folder: string;
let host: StaticHost;
let browser: Browser;
/** One page for all: what it has learnt serves each test. */
let page: Page;
const errors: string[] = [];

beforeAll(async () => {
  folder = buildPage();
  host = await hostStatically(folder, { headers: ISOLATION });
  const program = findChromium();
  browser = await chromium.launch({ ...(program && { executablePath: program }) });
  page = await browser.newPage({
    viewport: { width: 1280, height: 900 },
    serviceWorkers: 'block',
  });
  page.setDefaultTimeout(120_000);
  page.on('pageerror', (error) => errors.push(String(error)));
  await page.goto(`${host.url}#/draw`);
  await train(500);
});
afterAll(async () => {
  await browser?.close();
  await host?.close();
  await rm(folder, { recursive: true });
});

beforeEach(async () => {
  await area().focus();
  await page.keyboard.press('Delete');
  await page.locator('.draw-verdict', { hasText: answer.none }).waitFor();
});

/** What comes to be, also on a busy machine. */
const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 20_000 });

const area = () => page.getByRole('application', { name: pad.label });
const verdict = () => page.locator('.draw-verdict').innerText();
const runLine = () => page.locator('.draw-says .run-line').innerText();
const announced = () => page.locator('[role="status"][aria-live]').first().textContent();
const panel = (name: string) => page.getByRole('region', { name });

/** Trains from the view's own button, for so many steps, and pauses. */
async function train(steps: number): Promise<void> {
  await page.getByText(answer.untrained).waitFor();
  await panel(answer.title).getByRole('button', { name: answer.start }).click();
  await page.waitForFunction((least) => {
    const text = document.querySelector('.draw-says .run-line')?.textContent ?? '';
    return Number(/step (\d[\d,]*)/.exec(text)?.[1]?.replace(',', '') ?? 0) > least;
  }, steps);
  await page.getByRole('button', { name: TRAIN_TEXTS.bar.pause, exact: true }).click();
  await page.getByText(/^Run A: LeNet, step [\d,]+, validation \d/).waitFor();
}

/** Draws lines with the mouse through places of the area, from 0 to 1. */
async function draw(...lines: readonly (readonly [number, number])[][]): Promise<void> {
  await area().scrollIntoViewIfNeeded();
  const box = await area().boundingBox();
  if (!box) throw new Error('the drawing area is not shown');
  const at = ([x, y]: readonly [number, number]) =>
    [box.x + x * box.width, box.y + y * box.height] as const;
  for (const [first, ...others] of lines) {
    if (!first) continue;
    await page.mouse.move(...at(first));
    await page.mouse.down();
    for (const place of others) await page.mouse.move(...at(place), { steps: 6 });
    await page.mouse.up();
  }
}

const drawOne = () =>
  draw([
    [0.5, 0.2],
    [0.5, 0.8],
  ]);
const drawSeven = () =>
  draw([
    [0.3, 0.25],
    [0.7, 0.25],
    [0.55, 0.5],
    [0.45, 0.85],
  ]);

/** A picture that the browser makes: dark writing on paper, or on nothing. */
async function written(
  text: string,
  { type = 'image/jpeg', width = 600, height = 600, paper = '#d8d0c0' } = {},
): Promise<Buffer> {
  const bytes = await page.evaluate(
    async ({ text, type, width, height, paper }) => {
      const canvas = new OffscreenCanvas(width, height);
      const context = canvas.getContext('2d');
      if (!context) return [];
      context.fillStyle = paper;
      context.fillRect(0, 0, width, height);
      context.fillStyle = '#234';
      context.font = `bold ${0.6 * Math.min(width, height)}px sans-serif`;
      context.textAlign = 'center';
      context.textBaseline = 'middle';
      context.fillText(text, width / 2, height / 2);
      const blob = await canvas.convertToBlob({ type });
      return Array.from(new Uint8Array(await blob.arrayBuffer()));
    },
    { text, type, width, height, paper },
  );
  return Buffer.from(bytes);
}

const choose = (name: string, mimeType: string, buffer: Buffer): Promise<void> =>
  page.getByLabel(photo.choose).setInputFiles({ name, mimeType, buffer });

describe('what is drawn with the mouse', () => {
  it('is centred, and told from other digits, with a time', async () => {
    await drawSeven();
    await eventually(verdict).toMatch(/\ba 7\b/);
    await eventually(announced).toMatch(/\ba 7\b/);
    const figures = await panel(answer.title).locator('tbody tr').allInnerTexts();
    expect(figures).toHaveLength(10);
    for (const text of figures) expect(text).toMatch(/\d\s+([<>]\s)?\d+\s%/);
    await eventually(() => panel(answer.title).innerText()).toMatch(/Forward pass: \d+\.\d\d ms/);
  });

  it('goes back and forth by the buttons', async () => {
    await drawOne();
    await eventually(verdict).toMatch(/\ba 1\b/);
    await page.getByRole('button', { name: pad.undo }).click();
    await eventually(verdict).toBe(answer.none);
    await page.getByRole('button', { name: pad.redo }).click();
    await eventually(verdict).toMatch(/\ba 1\b/);
  });

  it('is there after a change of view', async () => {
    await drawOne();
    await eventually(verdict).toMatch(/\ba 1\b/);
    await page.getByRole('link', { name: PAGE_TEXTS.views.take }).click();
    await area().waitFor({ state: 'detached' });
    await page.getByRole('link', { name: PAGE_TEXTS.views.draw }).click();
    await eventually(verdict).toMatch(/\ba 1\b/);
    await page.getByRole('button', { name: pad.undo }).click();
    await eventually(verdict).toBe(answer.none);
  });
});

describe('the keyboard alone', () => {
  it('draws a digit, tells where the brush is, and takes it back', async () => {
    await area().focus();
    for (let i = 0; i < 28; i++) await page.keyboard.press('ArrowUp');
    for (let i = 0; i < 7; i++) await page.keyboard.press('ArrowDown');
    await eventually(announced).toMatch(/^row 8, column \d+$/);
    await page.keyboard.press('Space');
    for (let i = 0; i < 14; i++) await page.keyboard.press('ArrowDown');
    await eventually(announced).toMatch(/^row 22, column \d+, drawing$/);
    await page.keyboard.press('Space');
    await eventually(verdict).toMatch(/\ba 1\b/);
    await page.keyboard.press('Control+z');
    await eventually(verdict).toBe(answer.none);
  });

  it('chooses a test digit by the arrow keys, which stays out of the training set', async () => {
    const strip = page.getByRole('group', { name: samples.strip });
    const name = await strip.getByRole('button').nth(2).getAttribute('aria-label');
    await strip.getByRole('button').first().focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    const [, label, index] = /an? (\d), test digit (\d+)/.exec(name ?? '') ?? [];
    await eventually(announced).toContain(`Test digit ${index}: a`);
    await eventually(() => panel(wrong.title).innerText()).toContain(wrong.isTest(Number(index)));
    expect(label).toMatch(/\d/);
  });
});

describe('a picture', () => {
  it('of a photo’s size becomes the digit that is on it', async () => {
    await choose('three.jpg', 'image/jpeg', await written('3', { width: 4032, height: 3024 }));
    await eventually(verdict).toMatch(/\ba 3\b/);
  });

  it('without a ground is as good as one on paper', async () => {
    const clear = await written('3', { type: 'image/png', paper: 'transparent' });
    await choose('three.png', 'image/png', clear);
    await eventually(verdict).toMatch(/\ba 3\b/);
  });

  it('is turned as the camera was', async () => {
    const upright = await written('1', { width: 800, height: 600 });
    const seen = async (buffer: Buffer) => {
      await choose('one.jpg', 'image/jpeg', buffer);
      await page.getByText(photo.reading).waitFor({ state: 'detached' });
      await page.getByText(photo.read).first().waitFor();
      return page.getByRole('img', { name: DRAW_TEXTS.seen.label }).evaluate((canvas) => {
        const { data } = (canvas as HTMLCanvasElement)
          .getContext('2d')
          ?.getImageData(0, 0, 28, 28) ?? { data: [] };
        const lit = Array.from(data, (level, i) => (i % 4 === 0 && level > 128 ? i / 4 : -1));
        const places = lit.filter((place) => place >= 0);
        const extent = (values: number[]) => Math.max(...values) - Math.min(...values);
        const rows = extent(places.map((place) => Math.floor(place / 28)));
        const columns = extent(places.map((place) => place % 28));
        return rows > columns;
      });
    };
    expect(await seen(upright)).toBe(true);
    expect(await seen(turned(upright))).toBe(false);
  });

  it.each([
    ['a.heic', 'image/heic', 'ftypheic', photo.heic('a.heic')],
    ['a.txt', 'text/plain', 'three', photo.noPicture('a.txt')],
    ['a.png', 'image/png', '\x89PNG\r\n', photo.unreadable('a.png')],
    ['none.png', 'image/png', '', photo.empty('none.png')],
  ])('that can’t be read says why, and changes nothing: %s', async (name, type, text, sentence) => {
    await drawOne();
    await eventually(verdict).toMatch(/\ba 1\b/);
    await choose(name, type, Buffer.from(text, 'latin1'));
    await eventually(() => panel(photo.title).innerText()).toContain(sentence);
    await eventually(announced).toBe(sentence);
    expect(await verdict()).toMatch(/\ba 1\b/);
  });

  it('of nothing says so', async () => {
    await choose('empty.png', 'image/png', await written(''));
    await eventually(() => panel(photo.title).innerText()).toContain(photo.noDigit);
  });
});

/** A JPEG with the EXIF entry by which a camera says that it was held upright, so that the picture lies. */
function turned(jpeg: Buffer): Buffer {
  const tiff = Buffer.from('49492a0008000000010012010300010000000600000000000000', 'hex');
  const body = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiff]);
  const head = Buffer.from([0xff, 0xe1, 0, body.length + 2]);
  return Buffer.concat([jpeg.subarray(0, 2), head, body, jpeg.subarray(2)]);
}

describe('what the network makes of a digit', () => {
  beforeEach(async () => {
    await drawSeven();
    // Told after a pause, so all of it is drawn.
    await eventually(announced).toMatch(/\ba 7\b/);
  });

  it('is shown layer by layer, with a way into each convolution', async () => {
    await panel(maps.title).scrollIntoViewIfNeeded();
    const inside = panel(maps.title).getByRole('link', { name: maps.inside });
    await eventually(() => inside.count()).toBeGreaterThan(0);
    expect(await inside.first().getAttribute('href')).toBe('#/inside/conv1');
    const map = panel(maps.title).getByRole('button', { name: maps.map('conv1', 1), exact: true });
    await map.focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: maps.map('conv1', 1) });
    await dialog.getByRole('application').focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await eventually(() => dialog.innerText()).toMatch(/Row 1, column 0: -?[\d.]+/);
    await dialog.getByRole('button', { name: maps.next }).click();
    await page.getByRole('dialog', { name: maps.map('conv1', 2) }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await eventually(() => map.evaluate((button) => button === document.activeElement)).toBe(true);
  });

  it.each(['gradient', 'occlusion'] as const)('is explained by its %s, in words', async (kind) => {
    const region = panel(explain.title);
    await region.getByRole('radio', { name: explain[kind] }).check();
    await eventually(() => region.innerText()).toContain(explain.read[kind](7));
    await region.getByRole('application', { name: explain.label[kind](7) }).waitFor();
    expect(await region.innerText()).toContain(explain.beware[kind]);
    await region.getByRole('radio', { name: explain.none }).check();
  });

  it('is put right: the digit joins the training set, once', async () => {
    const region = panel(wrong.title);
    await region.getByRole('radio', { name: '2', exact: true }).check();
    await region.getByRole('button', { name: wrong.add(2) }).click();
    await eventually(() => region.innerText()).toContain(wrong.count(1));
    expect(await region.innerText()).toContain(wrong.already(2));
    await region.getByRole('button', { name: wrong.add(2) }).click({ force: true });
    expect(await region.innerText()).toContain(wrong.count(1));
    await region.getByRole('button', { name: wrong.goOn }).click();
    await page.locator('.run-status', { hasText: TRAIN_TEXTS.bar.states.running }).waitFor();
    await page.getByRole('button', { name: TRAIN_TEXTS.bar.pause, exact: true }).click();
  });
});

describe('the view', () => {
  it.each([
    [1280, 800],
    [390, 844],
  ])(
    'says its verdict, and whose it is, in sight of the drawing, at %d × %d',
    async (width, height) => {
      await page.setViewportSize({ width, height });
      await drawSeven();
      await eventually(verdict).toMatch(/\ba 7\b.*\s%/);
      await page.evaluate(() => scrollTo(0, 0));
      for (const place of ['.draw-pad', '.draw-verdict', '.draw-says .run-line']) {
        const box = await page.locator(place).boundingBox();
        expect(box && box.y + box.height, place).toBeLessThanOrEqual(height);
      }
      expect(await runLine()).toMatch(/^Run A: LeNet, step [\d,]+, validation [\d.]+ %\.$/);
      await page.setViewportSize({ width: 1280, height: 900 });
    },
  );

  it.each([360, 768, 1280, 2560])('fits a window of %d pixels', async (width) => {
    await page.setViewportSize({ width, height: 800 });
    expect(await page.$eval('html', (root) => root.scrollWidth)).toBeLessThanOrEqual(width);
    const box = await area().boundingBox();
    expect(box?.width).toBeCloseTo(box?.height ?? 0, 0);
    await page.setViewportSize({ width: 1280, height: 900 });
  });

  it('had no errors', () => {
    expect(errors).toEqual([]);
  });
});
