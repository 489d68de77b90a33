import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ComparisonJson } from '../../packages/cli/src/compare/comparison.js';
import { start, type Outcome } from '../support/runs/cli.js';
import { COMPARE_TFJS, compareTfjs } from '../support/runs/unfold.js';

let root = '';

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'unfold-compare-slow-'));
});
afterAll(() => rm(root, { recursive: true }));

/** Steps of 4 s each on the plain JavaScript backend. */
const SMALL = ['--backend=cpu', '--epochs=1', '--limit=1280', '--test-limit=500'];

describe('twenty steps of LeNet beside TensorFlow.js', () => {
  let outcome: Outcome;
  let json: ComparisonJson;

  beforeAll(async () => {
    const files = ['--json', join(root, 'a.json'), '--html', join(root, 'a.html')];
    outcome = await compareTfjs(...SMALL, ...files);
    json = JSON.parse(await readFile(join(root, 'a.json'), 'utf8')) as ComparisonJson;
  });

  it('end well, without a word on stderr', async () => {
    expect([outcome.code, outcome.stderr]).toEqual([0, '']);
    expect(outcome.stdout).toContain(json.conclusion);
    expect(await readFile(join(root, 'a.html'), 'utf8')).toContain('--limit 1280');
  });

  it('have losses within 2e-5, which fall', () => {
    expect(json.steps.map(({ step }) => step)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    for (const { step, ours, tfjs, absDiff } of json.steps) {
      expect(absDiff).toBe(Math.abs(ours - tfjs));
      expect(absDiff / tfjs, `step ${step}`).toBeLessThanOrEqual(2e-5);
    }
    const [first, last] = [json.steps[0], json.steps.at(-1)];
    expect(Number(last?.ours)).toBeLessThan(0.95 * Number(first?.ours));
  });

  it('end in networks that agree', () => {
    const side = { testAccuracy: expect.any(Number), imagesPerSecond: expect.any(Number) };
    expect(json).toEqual({
      model: 'lenet',
      tfjsBackend: 'cpu',
      steps: expect.any(Array),
      runs: [{ seed: 1, ours: side, tfjs: side }],
      mcnemarP: expect.any(Number),
      conclusion: expect.stringMatching(/^From the same weights .*\.$/),
    });
    expect(json.mcnemarP).toBeGreaterThan(0.05);
    const [run] = json.runs;
    expect(run?.ours.testAccuracy).toBeGreaterThan(0.3);
    expect(run?.ours.imagesPerSecond).toBeGreaterThan(Number(run?.tfjs.imagesPerSecond));
  });
});

it('Ctrl-C during a long step ends after that step, and writes nothing', async () => {
  const folder = await mkdtemp(join(root, 'interrupted-'));
  const args = [...SMALL, '--json', join(folder, 'a.json'), '--html', join(folder, 'a.html')];
  const running = start(process.execPath, [...COMPARE_TFJS, ...args]);
  await running.seen(/step 1\/20 /);
  const begin = performance.now();
  running.child.kill('SIGINT');
  const { code, stderr } = await running.outcome;
  expect([code, stderr]).toEqual([
    130,
    expect.stringMatching(/^interrupted after step [12] of 20; nothing was written\n$/),
  ]);
  expect(performance.now() - begin).toBeLessThan(30_000);
  expect(await readdir(folder)).toEqual([]);
});
