import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright-core';
import { trainingPage } from '@unfold/monitor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { summarise } from '../../packages/cli/src/compare/comparison.js';
import { comparisonPage } from '../../packages/cli/src/compare/page.js';
import { runsPage } from '../../packages/cli/src/runs/page.js';
import { readRuns } from '../../packages/cli/src/runs/read-runs.js';
import { pairedRun, YARDSTICK } from '../support/runs/comparisons.js';
import { metricsOf } from '../support/runs/metrics.js';
import { EVALUATION, trainingRecordOf } from '../support/runs/training-records.js';
import { findChromium } from './chromium.js';

let folder = '';
let browser: Browser;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unfold-report-'));
  const program = findChromium();
  browser = await chromium.launch({ ...(program && { executablePath: program }) });
});
afterAll(async () => {
  await browser?.close();
  await rm(folder, { recursive: true });
});

/** Writes a page to a file. @returns Its address. */
async function write(name: string, html: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, html);
  return String(pathToFileURL(file));
}

/** What a page complains of, and asks for beside itself. */
function watch(page: Page, address: string): { complaints: string[]; requests: string[] } {
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => complaints.push(message.text()));
  page.on('request', (request) => {
    const url = request.url();
    if (url !== address && !url.startsWith('data:')) requests.push(url);
  });
  return { complaints, requests };
}

const chartsOf = (page: Page) =>
  page.$$eval('figure.chart', (figures) =>
    figures.map((figure) => {
      const canvas = figure.querySelector('canvas');
      const pixels = canvas?.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height);
      const labels = figure.querySelectorAll('.u-legend .u-label');
      return {
        width: canvas?.clientWidth ?? 0,
        isBlank: pixels?.data.every((value) => value === 0) ?? true,
        legend: Array.from(labels, ({ textContent }) => textContent),
      };
    }),
  );

/** Keeps what is written upon canvases, to be run before the page. */
const KEEP_TEXTS = `
  window.texts = [];
  const { fillText } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
    window.texts.push(text);
    fillText.call(this, text, ...place);
  };
`;

/** What axe-core finds on a page, each as its rule and the first place. */
async function accessFaults(page: Page): Promise<string[]> {
  // By the page's policy no program is added to it, so the checker comes from outside of it.
  const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
  await page.evaluate(await readFile(axe, 'utf8'));
  const { violations } = await page.evaluate<{
    violations: { id: string; nodes: { html: string }[] }[];
  }>('axe.run()');
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
}

/** What the legends of the charts tell, line by line. */
const legendsOf = (page: Page): Promise<string[][]> =>
  page.$$eval('.u-legend', (legends) =>
    legends.map((legend) =>
      Array.from(legend.querySelectorAll('.u-value'), ({ textContent }) => textContent ?? ''),
    ),
  );

const pageWidth = (page: Page): Promise<number> => page.$eval('html', (root) => root.scrollWidth);

describe.each(['light', 'dark'] as const)('the page of a comparison, %s', (colorScheme) => {
  let address = '';

  beforeAll(async () => {
    const runs = [1, 2].map((seed) => pairedRun({ seed, ours: '1101', tfjs: '1110' }));
    const [first, second] = runs;
    if (!first || !second) throw new Error('two runs');
    const provenance = {
      command: `npm run compare:tfjs -- ${'--many-options '.repeat(20)}`,
      setting: [['machine', 'a long name '.repeat(12)]] as const,
    };
    const comparison = summarise({
      model: 'lenet',
      backend: 'cpu',
      runs: [first, second],
      yardstick: YARDSTICK,
    });
    address = await write('comparison.html', comparisonPage(comparison, provenance));
  });

  it.each([1200, 390])('draws its charts and fits, %d pixels wide', async (width) => {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    const { complaints, requests } = watch(page, address);
    await page.goto(address);
    const charts = await chartsOf(page);
    expect(charts.map(({ legend }) => legend)).toEqual([
      ['step', 'Unfold', 'TensorFlow.js'],
      [
        'step',
        'from TensorFlow.js',
        'from our own run without fused multiply-add',
        '2e-5, the bar for the first 20 steps',
      ],
    ]);
    for (const chart of charts) {
      expect(chart.isBlank).toBe(false);
      expect(chart.width).toBeGreaterThan(0.8 * Math.min(width, 928));
      expect(chart.width).toBeLessThan(width);
    }
    expect(await pageWidth(page)).toBeLessThanOrEqual(width);
    expect(complaints).toEqual([]);
    expect(requests).toEqual([]);
    await page.close();
  });

  it.each([1280, 390])('has nothing that keeps anybody out, %d pixels wide', async (width) => {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    await page.goto(address);
    expect(await accessFaults(page)).toEqual([]);
    await page.close();
  });

  it('shows both of two curves that are the same', async () => {
    const page = await browser.newPage({ viewport: { width: 1000, height: 900 }, colorScheme });
    await page.goto(address);
    const shares = await page.$eval('figure.chart canvas', (canvas) => {
      const style = getComputedStyle(document.documentElement);
      const { width, height } = canvas as HTMLCanvasElement;
      const context = (canvas as HTMLCanvasElement).getContext('2d');
      const pixels = context?.getImageData(0, 0, width, height).data ?? [];
      return ['--series-1', '--series-2'].map((name) => {
        const hex = style.getPropertyValue(name).trim();
        const [r, g, b] = [1, 3, 5].map((i) => Number.parseInt(hex.slice(i, i + 2), 16));
        let count = 0;
        for (let i = 0; i < pixels.length; i += 4) {
          if (pixels[i] === r && pixels[i + 1] === g && pixels[i + 2] === b) count++;
        }
        return count;
      });
    });
    for (const pixels of shares) expect(pixels).toBeGreaterThan(200);
    await page.close();
  });

  it('breaks a command between its options only', async () => {
    const page = await browser.newPage({ viewport: { width: 390, height: 900 }, colorScheme });
    await page.goto(address);
    const lines = await page.$$eval('pre span', (options) =>
      options.map((option) => {
        const { height } = option.getBoundingClientRect();
        return height / Number.parseFloat(getComputedStyle(option).lineHeight);
      }),
    );
    expect(lines).toHaveLength(21);
    for (const count of lines) expect(count).toBeLessThan(1.5);
    expect(await page.$eval('pre', ({ textContent }) => textContent?.trim())).toBe(
      `npm run compare:tfjs -- ${'--many-options '.repeat(20)}`.trim(),
    );
    await page.close();
  });

  it('tells the values under the pointer, and the last where there is none', async () => {
    const page = await browser.newPage({ viewport: { width: 1000, height: 900 }, colorScheme });
    await page.goto(address);
    expect((await legendsOf(page))[0]).toEqual(['60', '0.0333334', '0.0333333']);
    const [losses, differences] = await page.$$('.u-over');
    const values = async (): Promise<string[]> =>
      page.$$eval('.u-legend .u-value', (cells) =>
        cells.map(({ textContent }) => textContent ?? ''),
      );
    await losses?.hover();
    const [step, ours, tfjs] = await values();
    // A loss is 2 / step, plus or minus the drift.
    for (const loss of [ours, tfjs]) expect(Number(loss)).toBeCloseTo(2 / Number(step), 4);
    await differences?.hover();
    expect((await values()).slice(4)).toEqual(['1e-6', expect.stringMatching(/e-7$/), '2e-5']);
    await page.close();
  });
});

it.each(['C', '', 'xx_YY'])(
  'draws its charts where the browser’s language is %j',
  async (language) => {
    const address = await write('language.html', trainingPage(trainingRecordOf({ epochs: 3 })));
    const page = await browser.newPage();
    const { complaints } = watch(page, address);
    await page.addInitScript((value) => {
      Object.defineProperty(navigator, 'language', { value, configurable: true });
    }, language);
    await page.goto(address);
    const charts = await chartsOf(page);
    expect(charts.length).toBeGreaterThan(3);
    expect(charts.filter(({ isBlank }) => isBlank)).toEqual([]);
    expect(complaints).toEqual([]);
    await page.close();
  },
);

describe.each(['light', 'dark'] as const)('the page of several runs, %s', (colorScheme) => {
  it.each([1280, 390])('draws twelve of them and fits, %d pixels wide', async (width) => {
    const files: string[] = [];
    for (let seed = 1; seed <= 12; seed++) {
      const accuracies = Array.from({ length: 3 + (seed % 3) }, (_, i) => 0.99 - 0.1 / (i + seed));
      const figures = metricsOf({ accuracies, testCorrect: 9800 + seed, seed });
      files.push(join(folder, `a-rather-long-name-${seed}.json`));
      await writeFile(files.at(-1) ?? '', JSON.stringify(figures));
    }
    const address = await write('runs.html', runsPage(await readRuns(files)));
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    const { complaints, requests } = watch(page, address);
    await page.goto(address);
    const charts = await chartsOf(page);
    expect(charts.map(({ isBlank, legend }) => [isBlank, legend.length])).toEqual([
      [false, 13],
      [false, 13],
      [false, 13],
    ]);
    expect(await pageWidth(page)).toBe(width);
    expect(await accessFaults(page)).toEqual([]);
    expect([...complaints, ...requests]).toEqual([]);
    await page.close();
  });

  it('has all of twelve runs on paper, and each name on a line', async () => {
    const files: string[] = [];
    for (let seed = 1; seed <= 12; seed++) {
      const figures = metricsOf({ accuracies: [0.9, 0.95], testCorrect: 9800 + seed, seed });
      files.push(join(folder, `run-seed-${seed}.json`));
      await writeFile(files.at(-1) ?? '', JSON.stringify(figures));
    }
    const address = await write('paper.html', runsPage(await readRuns(files)));
    // The width of A4 within margins of a centimetre.
    const page = await browser.newPage({ viewport: { width: 718, height: 900 }, colorScheme });
    await page.goto(address);
    await page.emulateMedia({ media: 'print' });
    const ends = await page.$$eval('.wide table', (tables) =>
      tables.map((table) => table.getBoundingClientRect().right),
    );
    expect(ends).toHaveLength(3);
    expect(Math.max(...ends)).toBeLessThanOrEqual(718);
    await page.emulateMedia({ media: 'screen' });
    for (const width of [718, 390]) {
      await page.setViewportSize({ width, height: 900 });
      const heights = await page.$$eval('.name', (names) =>
        names.map((name) => {
          const { height } = name.getBoundingClientRect();
          return height / Number.parseFloat(getComputedStyle(name).lineHeight);
        }),
      );
      expect(heights).toHaveLength(12);
      expect(Math.max(...heights)).toBeLessThan(1.5);
    }
    await page.close();
  });

  it('has room for the marks of a loss that grew without end, and tells how each line ended', async () => {
    const losses = [2.3, 4e4, 3e7, 5e8];
    const grown = metricsOf({ accuracies: [0.1, 0.1, 0.1, 0.1], testCorrect: 980, losses });
    const short = metricsOf({ accuracies: [0.9, 0.95], testCorrect: 9800, seed: 2 });
    const files = ['grown.json', 'short.json'].map((name) => join(folder, name));
    await writeFile(files[0] ?? '', JSON.stringify(grown));
    await writeFile(files[1] ?? '', JSON.stringify(short));
    const page = await browser.newPage({ viewport: { width: 768, height: 900 }, colorScheme });
    await page.goto(await write('grown.html', runsPage(await readRuns(files))));
    expect((await legendsOf(page))[1]).toEqual(['4', '500,000,000', '0.05 (epoch 2)']);
    // The plane begins right of marks such as 400,000,000 and of the axis' name.
    const left = await page.$$eval('figure.chart .u-over', (planes) =>
      planes.map((plane) => (plane as HTMLElement).offsetLeft),
    );
    expect((left[1] ?? 0) - (left[0] ?? 0)).toBeGreaterThan(20);
    await page.close();
  });

  it('shows a run that diverged, with nothing that keeps anybody out', async () => {
    const record = trainingRecordOf({ steps: 21, epochs: 0 });
    // The last is beyond 1e30: uPlot by itself marks nothing from 1e17 on.
    const loss = record.steps.loss.map((value, i) => value * 10 ** (2 * Math.max(0, i - 2)));
    const diverged = {
      ...record,
      steps: { ...record.steps, loss },
      evaluation: null,
      mistakes: [],
      failure: 'step 22 (epoch 1): the loss is NaN',
    };
    const address = await write('diverged.html', trainingPage(diverged));
    for (const width of [390, 768, 1280, 1920]) {
      const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
      const { complaints } = watch(page, address);
      await page.addInitScript(KEEP_TEXTS);
      await page.goto(address);
      const charts = await chartsOf(page);
      expect(charts.map(({ isBlank }) => isBlank)).toEqual([false, false, false]);
      const texts = await page.evaluate<string[]>('window.texts');
      expect(texts).toEqual(expect.arrayContaining(['1e10', '1e20', '1e30']));
      expect(await page.locator('.lead').textContent()).toContain('the loss is NaN.');
      expect(await pageWidth(page)).toBe(width);
      expect(await accessFaults(page)).toEqual([]);
      expect(complaints).toEqual([]);
      await page.close();
    }
  });
});

/** Contrast of text with what lies behind it, from 1 to 21, by the rule of WCAG 2. */
function contrast(text: readonly number[], back: readonly number[]): number {
  const luminance = (colour: readonly number[]): number => {
    const [r = 0, g = 0, b = 0] = colour.map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [dark = 0, light = 0] = [luminance(text), luminance(back)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

describe.each(['light', 'dark'] as const)('the page of a training run, %s', (colorScheme) => {
  const confusion = Array.from({ length: 10 }, (_, label) =>
    Array.from({ length: 10 }, (_, p) => (label === p ? 1234 : (label * p) % 7)),
  );
  const small = trainingRecordOf({ steps: 5000 });
  const { mistakes: _, ...evaluation } = EVALUATION;
  const record = {
    ...small,
    evaluation: { ...evaluation, confusion },
    mistakes: Array.from({ length: 40 }, () => small.mistakes).flat(),
    configuration: [['folder', '/a/very/long/path'.repeat(12)]] as const,
    command: `npm run train:mnist -- ${'--many-options '.repeat(20)}`,
  };
  const legends = [
    ['step', 'batch', 'mean of 101 steps'],
    ['epoch', 'train', 'validation'],
    ['epoch', 'train', 'validation'],
    ['step', 'learning rate'],
    ['step', 'norm'],
  ];
  let address = '';

  beforeAll(async () => {
    address = await write('training.html', trainingPage(record));
  });

  it.each([1200, 390, 360])('draws its charts and fits, %d pixels wide', async (width) => {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    const { complaints, requests } = watch(page, address);
    await page.goto(address);
    const charts = await chartsOf(page);
    expect(charts.map(({ legend }) => legend)).toEqual(legends);
    for (const chart of charts) {
      expect(chart.isBlank).toBe(false);
      expect(chart.width).toBeGreaterThan(300);
      expect(chart.width).toBeLessThan(width);
    }
    expect(await pageWidth(page)).toBeLessThanOrEqual(width);
    expect(complaints).toEqual([]);
    expect(requests).toEqual([]);
    await page.close();
  });

  it('fits when the window becomes narrow, too', async () => {
    const page = await browser.newPage({ viewport: { width: 1200, height: 900 }, colorScheme });
    await page.goto(address);
    await page.setViewportSize({ width: 360, height: 900 });
    await expect.poll(() => pageWidth(page)).toBe(360);
    await page.close();
  });

  it('has pictures that can be read', async () => {
    const page = await browser.newPage({ colorScheme });
    await page.goto(address);
    const sizes = await page.$$eval('img', async (images) => {
      await Promise.all(images.map((image) => image.decode()));
      return images.map(({ naturalWidth, naturalHeight, width, height }) => ({
        natural: [naturalWidth, naturalHeight],
        times: [width / naturalWidth, height / naturalHeight],
      }));
    });
    // The mistakes, two filters, the image, and two maps of each of two layers.
    expect(sizes).toHaveLength(40 + 2 + 1 + 4);
    expect(sizes[0]).toEqual({ natural: [5, 4], times: [21, 21] });
    expect(sizes[40]).toEqual({ natural: [3, 2], times: [30, 30] });
    expect(sizes[43]).toEqual({ natural: [3, 3], times: [24, 24] });
    await page.close();
  });

  it.each([1280, 390])('has nothing that keeps anybody out, %d pixels wide', async (width) => {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    await page.goto(address);
    expect(await accessFaults(page)).toEqual([]);
    await page.close();
  });

  it('has all of the matrix of ten classes on a phone, and its mistakes in two columns', async () => {
    const page = await browser.newPage({ viewport: { width: 390, height: 800 }, colorScheme });
    await page.goto(address);
    const box = page.getByRole('region', { name: 'Confusion matrix' });
    expect(await box.evaluate((own) => own.scrollWidth - own.clientWidth)).toBe(0);
    // What has nothing to scroll is no stop for the keyboard.
    expect(await box.getAttribute('tabindex')).toBeNull();
    const cards = await page.$$eval('.mistakes > li', (items) =>
      items.map((item) => item.getBoundingClientRect().left),
    );
    expect(new Set(cards).size).toBe(2);
    await page.close();
  });

  it('shows where a table has more, and scrolls it by keys', async () => {
    const page = await browser.newPage({ viewport: { width: 390, height: 800 }, colorScheme });
    await page.goto(address);
    const box = page.getByRole('region', { name: 'The epochs' });
    await expect.poll(() => box.getAttribute('class')).toBe('wide rows more-after');
    expect(await box.evaluate((own) => getComputedStyle(own).maskImage)).toContain('gradient');
    await box.focus();
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => box.getAttribute('class')).toBe('wide rows more-after more-before');
    await page.keyboard.press('End');
    await box.evaluate((own) => own.scrollTo({ left: own.scrollWidth }));
    await expect.poll(() => box.getAttribute('class')).toBe('wide rows more-before');
    // What the rows are of stays in sight, and nothing lies upon it.
    const first = box.locator('tbody th').first();
    const [within, own] = [await box.boundingBox(), await first.boundingBox()];
    expect(own?.x).toBe(within?.x);
    expect(await box.evaluate((element) => getComputedStyle(element).maskImage)).toBe('none');
    expect(
      await first.evaluate((th) => {
        th.scrollIntoView({ block: 'center' });
        const { left, top } = th.getBoundingClientRect();
        return document.elementFromPoint(left + 4, top + 4) === th;
      }),
    ).toBe(true);
    await page.close();
  });

  it('has rows of pictures that are as long as each other', async () => {
    const planes = { ...record.example.layers[0], total: 16, shape: [16, 1, 24, 24] as const };
    const values = Float32Array.from({ length: 16 * 24 * 24 }, (_, i) => Math.sin(i));
    const layers = [{ path: 'conv1', layer: 'Conv2d', ...planes, values }];
    const changed = { ...record, example: { ...record.example, layers } };
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme });
    await page.goto(await write('planes.html', trainingPage(changed)));
    for (const width of [1280, 768, 390]) {
      await page.setViewportSize({ width, height: 900 });
      const tops = await page.$$eval('[aria-label^="16 maps"] img', (images) =>
        images.map((image) => image.getBoundingClientRect().top),
      );
      const rows = [...new Set(tops)].map((top) => tops.filter((other) => other === top).length);
      expect(new Set(rows).size).toBe(1);
    }
    expect(await pageWidth(page)).toBe(390);
    await page.close();
  });

  it('has columns of one width', async () => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme });
    await page.goto(address);
    for (const label of ['Confusion matrix', 'Figures of each class', 'The epochs']) {
      const widths = await page
        .getByRole('region', { name: label })
        .locator('tbody tr:first-child > *')
        .evaluateAll((cells) =>
          cells.map((cell) => Math.round(cell.getBoundingClientRect().width)),
        );
      expect(widths.length).toBeGreaterThan(3);
      expect(Math.max(...widths) - Math.min(...widths)).toBeLessThanOrEqual(1);
    }
    await page.close();
  });

  it('is printed in the colours of paper, with what was folded up', async () => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme });
    await page.goto(await write('many.html', trainingPage(trainingRecordOf({ epochs: 15 }))));
    await page.evaluate(() => {
      window.matchMedia('print').addEventListener('change', ({ matches }) => {
        if (!matches) return;
        const canvas = document.querySelector('canvas');
        const pixels = canvas?.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height);
        // The marks of the axes are the darkest on paper, and the lightest on a dark screen.
        const inked = pixels?.data.filter(
          (_, i) => i % 4 === 0 && (pixels.data[i + 3] ?? 0) === 255,
        );
        document.body.dataset['darkest'] = String(inked?.reduce((a, b) => Math.min(a, b), 255));
        document.body.dataset['back'] = getComputedStyle(document.body).backgroundColor;
      });
    });
    const pdf = await page.pdf({ format: 'A4' });
    expect(pdf.length).toBeGreaterThan(20_000);
    const seen = await page.$eval('body', ({ dataset }) => ({ ...dataset }));
    expect(seen['back']).toBe('rgb(255, 255, 255)');
    expect(Number(seen['darkest'])).toBeLessThan(60);
    expect(await page.$eval('details', ({ open }) => open)).toBe(true);
    await page.close();
  });

  it('has a matrix that can be read', async () => {
    const page = await browser.newPage({ viewport: { width: 360, height: 800 }, colorScheme });
    await page.goto(address);
    const box = page.getByRole('region', { name: 'Confusion matrix' });
    const colours = await box.locator('tbody td').evaluateAll((cells) => {
      const channels = (css: string): number[] => css.match(/[\d.]+/g)?.map(Number) ?? [];
      const page = channels(getComputedStyle(document.body).backgroundColor);
      return cells.map((cell) => {
        const { color, backgroundColor } = getComputedStyle(cell);
        const [r = 0, g = 0, b = 0, alpha = 1] = channels(backgroundColor);
        const back = [r, g, b].map((value, i) => alpha * value + (1 - alpha) * (page[i] ?? 0));
        return { text: channels(color), back };
      });
    });
    expect(colours.length).toBeGreaterThan(50);
    expect(new Set(colours.map(({ back }) => String(back))).size).toBeGreaterThan(5);
    const contrasts = colours.map(({ text, back }) => contrast(text, back));
    expect(Math.min(...contrasts)).toBeGreaterThan(4.5);
    await page.close();
  });
});
