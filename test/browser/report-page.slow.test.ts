import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium, type Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { summarise } from '../../packages/train/src/compare/comparison.js';
import { comparisonPage } from '../../packages/train/src/compare/page.js';
import { pairedRun, YARDSTICK } from '../support/comparisons.js';
import { findChromium } from './chromium.js';

let folder = '';
let address = '';
let browser: Browser;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unfold-report-'));
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
  const file = join(folder, 'page.html');
  await writeFile(file, comparisonPage(comparison, provenance));
  address = String(pathToFileURL(file));
  const program = findChromium();
  browser = await chromium.launch({ ...(program && { executablePath: program }) });
});
afterAll(async () => {
  await browser?.close();
  await rm(folder, { recursive: true });
});

describe.each(['light', 'dark'] as const)('the page of a comparison, %s', (colorScheme) => {
  it.each([1200, 390])('draws its charts and fits, %d pixels wide', async (width) => {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    const complaints: string[] = [];
    const requests: string[] = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => complaints.push(message.text()));
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(address);
    const charts = await page.$$eval('figure.chart', (figures) =>
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
    expect(await page.$eval('html', (root) => root.scrollWidth)).toBeLessThanOrEqual(width);
    expect(complaints).toEqual([]);
    expect(requests.filter((url) => url !== address && !url.startsWith('data:'))).toEqual([]);
    await page.close();
  });

  it('tells the values under the pointer', async () => {
    const page = await browser.newPage({ viewport: { width: 1000, height: 900 }, colorScheme });
    await page.goto(address);
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
