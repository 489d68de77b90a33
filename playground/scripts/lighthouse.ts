import { join } from 'node:path';
import { launch } from 'chrome-launcher';
import lighthouse from 'lighthouse';
import { hostStatically } from './static-host.js';

/*
 * Runs Lighthouse on the built page, served compressed and without isolation headers, as its phone profile: slow 4G
 * and a processor at a quarter of its speed. Prints the medians, and fails where a score is below the bar or the first paint comes late.
 * $CHROME_PATH says which Chromium; by itself it finds one that is installed.
 */

const RUNS = 5;
const CATEGORIES = ['performance', 'accessibility', 'best-practices'] as const;
/** Of 100. */
const LEAST = 95;
const FIRST_PAINT_MS = 1000;

const host = await hostStatically(join(import.meta.dirname, '../dist'));
const runs: Readonly<Record<string, number>>[] = [];
try {
  for (let run = 0; run < RUNS; run++) runs.push(await measure(host.url));
} finally {
  await host.close();
}
const median = (name: string): number => {
  const values = runs.map((figures) => figures[name] ?? NaN).sort((a, b) => a - b);
  return values[(RUNS - 1) / 2] ?? NaN;
};
console.log(`Lighthouse, phone, median of ${RUNS} runs`);
for (const name of CATEGORIES) console.log(`${name.padEnd(26)} ${median(name)}`);
for (const name of ['first-contentful-paint', 'largest-contentful-paint', 'total-blocking-time']) {
  console.log(`${name.padEnd(26)} ${Math.round(median(name))} ms`);
}
console.log(
  `${'cumulative-layout-shift'.padEnd(26)} ${median('cumulative-layout-shift').toFixed(3)}`,
);
const isLow = CATEGORIES.some((name) => !(median(name) >= LEAST));
if (isLow || !(median('first-contentful-paint') < FIRST_PAINT_MS)) {
  console.error(`expected ${LEAST} or more each, and a first paint below ${FIRST_PAINT_MS} ms`);
  process.exitCode = 1;
}

/** One run in a browser of its own: scores of 100, times in milliseconds. */
async function measure(url: string): Promise<Readonly<Record<string, number>>> {
  const chrome = await launch({
    // Chromium has no sandbox for root.
    chromeFlags: ['--headless=new', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
  });
  try {
    const result = await lighthouse(url, {
      port: chrome.port,
      logLevel: 'error',
      onlyCategories: [...CATEGORIES],
    });
    if (!result) throw new Error('Lighthouse gave no result');
    const { categories, audits, runtimeError } = result.lhr;
    if (runtimeError) throw new Error(runtimeError.message);
    for (const { id, score, title } of Object.values(audits)) {
      const isCounted = Object.values(categories).some(({ auditRefs }) =>
        auditRefs.some((one) => one.id === id && one.weight > 0),
      );
      if (isCounted && score !== null && score < 0.9) console.log(`  ${id}: ${title}`);
    }
    return {
      ...Object.fromEntries(
        Object.entries(categories).map(([id, { score }]) => [id, Math.round(100 * (score ?? NaN))]),
      ),
      ...Object.fromEntries(
        Object.entries(audits).map(([id, { numericValue }]) => [id, numericValue ?? NaN]),
      ),
    };
  } finally {
    chrome.kill();
  }
}
