import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { ISOLATION } from '../src/offline/isolation.js';
import { launchChromium } from './chromium.js';
import { hostStatically } from './static-host.js';

/*
 * Takes the pictures of the view inside a convolution that docs/convolution.md shows: the built page in Chromium.
 * $CHROME_PATH says which Chromium; by itself it takes Debian's.
 */

const IMAGES = join(import.meta.dirname, '../../docs/images');
/** Pixels around what is in a picture. */
const MARGIN = 8;

interface Picture {
  readonly name: string;
  readonly example: string;
  /** What is done before it is taken. */
  readonly prepare: (page: Page) => Promise<void>;
  /** What is in it: the least rectangle around these. */
  readonly around: readonly string[];
}

const PICTURES: readonly Picture[] = [
  {
    name: 'inside-forwards.png',
    example: '4x4',
    prepare: (page) => page.locator('#panel-out td[data-row="1"][data-column="1"]').click(),
    around: ['#panel-x', '#panel-weight', '#panel-U', '#panel-product', '#panel-out'],
  },
  {
    name: 'inside-fold.png',
    example: '4x4',
    prepare: (page) => page.locator('#panel-dX td[data-row="1"][data-column="1"]').click(),
    around: ['#panel-dU', '#panel-dX'],
  },
];

const host = await hostStatically(join(import.meta.dirname, '../dist'), { headers: ISOLATION });
const browser = await launchChromium();
try {
  for (const picture of PICTURES) await take(browser, host.url, picture);
} finally {
  await browser.close();
  await host.close();
}

async function take(
  browser: Browser,
  url: string,
  { name, example, prepare, around }: Picture,
): Promise<void> {
  // Tall enough that every panel is in sight at once.
  const page = await browser.newPage({
    viewport: { width: 1120, height: 2600 },
    colorScheme: 'light',
    serviceWorkers: 'block',
    // For the styles below, which the page's own policy refuses.
    bypassCSP: true,
  });
  await page.goto(`${url}#/inside/${example}`);
  await page.waitForSelector('.inside td');
  await prepare(page);
  // The document has words of its own.
  await page.addStyleTag({
    content: '.words, .question, .row, #panel-dX button { display: none }',
  });
  const boxes = await Promise.all(
    around.map(async (selector) => {
      const box = await page.locator(selector).first().boundingBox();
      if (!box) throw new Error(`${selector} is not on the page`);
      return box;
    }),
  );
  const left = Math.min(...boxes.map(({ x }) => x)) - MARGIN;
  const top = Math.min(...boxes.map(({ y }) => y)) - MARGIN;
  const right = Math.max(...boxes.map(({ x, width }) => x + width)) + MARGIN;
  const bottom = Math.max(...boxes.map(({ y, height }) => y + height)) + MARGIN;
  await page.screenshot({
    path: join(IMAGES, name),
    clip: { x: left, y: top, width: right - left, height: bottom - top },
  });
  await page.close();
}
