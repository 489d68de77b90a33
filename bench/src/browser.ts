import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { chromium } from 'playwright-core';
import { build, preview } from 'vite';
import { findChromium } from '../../test/browser/chromium.js';
import { milliseconds, ratio } from './numbers.js';
import { buildPackages } from './prepare.js';
import { median } from './statistics.js';
import { alignColumns } from './table.js';

/*
 * A training step of LeNet, 64 images, in Chromium: ours beside TensorFlow.js, each in a worker, in turns. The same
 * weights and images; each loss is read, as a page does that shows it. TensorFlow.js's WebAssembly is not among them, as
 * it has no gradient of a convolution.
 */

const ROUNDS = 9;
/** Losses of one network and one batch differ by rounding alone. */
const TOLERANCE = 1e-4;

interface Result {
  readonly system: string;
  readonly description: string;
  readonly firstLoss: number;
  /** Milliseconds of a step, round by round; empty where it doesn't run. */
  readonly times: readonly number[];
}

buildPackages();
const root = resolve(import.meta.dirname, '../browser');
const outDir = mkdtempSync(join(tmpdir(), 'unfold-bench-'));
try {
  const results = await measure();
  const ours = results.find(({ system }) => system === 'unfold');
  const best = Math.min(...results.filter(isOurs).map(({ times }) => median(times)));
  for (const { system, description } of results) console.log(`${system}: ${description}`);
  const rows = results.map(({ system, firstLoss, times }) => {
    if (times.length === 0) return [system];
    const isWrong = !(Math.abs(firstLoss - (ours?.firstLoss ?? NaN)) < TOLERANCE * firstLoss);
    const time = median(times);
    const against = isWrong ? `WRONG: loss ${firstLoss}` : ratio(time / best);
    return [system, milliseconds(time), milliseconds(Math.min(...times)), against];
  });
  console.log(alignColumns([['', 'median ms', 'min', '÷ best of ours'], ...rows]));
} finally {
  rmSync(outDir, { recursive: true });
}

function isOurs({ system }: Result): boolean {
  return system.startsWith('unfold');
}

async function measure(): Promise<readonly Result[]> {
  const headers = {
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
  };
  await build({
    root,
    base: './',
    configFile: false,
    logLevel: 'error',
    worker: { format: 'es' },
    build: { outDir, target: 'es2022' },
  });
  const server = await preview({
    root,
    configFile: false,
    logLevel: 'error',
    build: { outDir },
    preview: { port: 0, headers },
  });
  const executablePath = findChromium();
  const browser = await chromium.launch({
    ...(executablePath && { executablePath }),
    // Where there is no GPU, WebGL by software is better than none.
    args: ['--enable-unsafe-swiftshader'],
  });
  try {
    const page = await browser.newPage();
    const [url = ''] = server.resolvedUrls?.local ?? [];
    await page.goto(url);
    return await page.evaluate<readonly Result[]>(`race(${ROUNDS})`);
  } finally {
    await browser.close();
    await server.close();
  }
}
