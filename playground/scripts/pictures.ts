import { statSync } from 'node:fs';
import { join } from 'node:path';
import { ISOLATION } from '../src/offline/isolation.js';
import { launchChromium } from './chromium.js';
import { hostStatically } from './static-host.js';

/*
 * Takes the picture of the page that the README shows: the built page in Chromium, after it has trained for some
 * epochs. $CHROME_PATH says which Chromium; by itself it takes Debian's.
 */

const PICTURE = join(import.meta.dirname, '../../docs/images/playground.png');
const EPOCHS = 3;
/** What a README can bear. */
const MOST_BYTES = 250_000;

const host = await hostStatically(join(import.meta.dirname, '../dist'), { headers: ISOLATION });
const browser = await launchChromium();
try {
  const page = await browser.newPage({
    viewport: { width: 1280, height: 800 },
    colorScheme: 'light',
    serviceWorkers: 'block',
  });
  await page.goto(host.url);
  await page.locator('.run-toggle[aria-disabled="false"]').click();
  await page
    .locator('.run-epoch dd')
    .filter({ hasText: new RegExp(`^${EPOCHS}\\.`) })
    .waitFor({ timeout: 300_000 });
  // The chart draws a few times a second.
  await page.waitForTimeout(1000);
  await page.screenshot({ path: PICTURE });
} finally {
  await browser.close();
  await host.close();
}
const { size } = statSync(PICTURE);
console.log(`${PICTURE}: ${size} bytes`);
if (size > MOST_BYTES) {
  console.error(`expected at most ${MOST_BYTES} bytes`);
  process.exitCode = 1;
}
