import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '@unfold/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runsPage } from '../../packages/cli/src/runs/page.js';
import { readRuns } from '../../packages/cli/src/runs/read-runs.js';
import { start } from '../support/runs/cli.js';
import { metricsOf } from '../support/runs/metrics.js';
import { unfoldCommand } from '../support/runs/unfold.js';

let folder = '';
const file = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unfold-runs-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Writes the figures of runs. @returns Their files. */
async function write(runs: Readonly<Record<string, object>>): Promise<string[]> {
  for (const [name, figures] of Object.entries(runs)) {
    await mkdir(join(file(name), '..'), { recursive: true });
    await writeFile(file(name), JSON.stringify(figures));
  }
  return Object.keys(runs).map(file);
}

const words = (html: string): string =>
  html
    .replaceAll(/<(script|style)[^>]*>[\s\S]*?<\/\1>/g, '')
    .replaceAll(/<[^>]+>/g, ' ')
    .replaceAll(/\s+/g, ' ');

const pageOf = async (runs: Readonly<Record<string, object>>): Promise<string> =>
  runsPage(await readRuns(await write(runs)));

/** The charts of a page: titles, and what is drawn. */
const chartsOf = (page: string): { title: string; series: unknown }[] =>
  Array.from(
    page.matchAll(
      /<figcaption>([^<]*)<\/figcaption>[\s\S]*?<script type="application\/json">(.*?)<\/script>/g,
    ),
    ([, title = '', json = '']) => ({ title, series: JSON.parse(json).series }),
  );

describe('a page about several runs', () => {
  const two = {
    'a.json': metricsOf({ accuracies: [0.9, 0.95], testCorrect: 9800 }),
    'b.json': metricsOf({ accuracies: [0.92, null, 0.97], testCorrect: 9850, seed: 2, lr: 0.1 }),
  };

  it('has their figures, and the difference of each from the first', async () => {
    const text = words(await pageOf(two));
    expect(text).toContain(
      'The best of 2 runs is b, with 98.50 % of 10,000 test images recognised; the lowest is a with 98.00 %.',
    );
    expect(text).toContain('a 98.00 % 200 0.0500 2 5,994 12.5 s');
    expect(text).toContain('b 98.50 % 150 +0.50 0.0300 3 5,994 12.5 s');
    // 1.96 · √(2 · 0.9825 · 0.0175 ÷ 10,000)
    expect(text).toContain('differ by up to 0.36 points in nineteen cases of twenty');
  });

  it('draws their curves together, as far as each goes', async () => {
    const charts = chartsOf(await pageOf(two));
    expect(charts.map(({ title }) => title)).toEqual([
      'Accuracy on the validation images',
      'Loss of the validation images',
      'Loss of the training images',
    ]);
    expect(charts[0]?.series).toEqual([
      { label: 'a', values: [90, 95, null], look: 'dots' },
      { label: 'b', values: [92, null, 97], look: 'dots' },
    ]);
  });

  it('tells in which settings they differ', async () => {
    const text = words(await pageOf(two));
    expect(text).toContain(
      'differs in a b seed 1 2 epochs 2 3 lr 0.05 0.1 The same in all model lenet',
    );
    const alike = { 'c.json': two['a.json'], 'd.json': two['a.json'] };
    expect(words(await pageOf(alike))).toContain('The runs differ in no setting.');
    expect(words(await pageOf(alike))).toContain(
      'The same weights, bit for bit, came out of c and d.',
    );
  });

  it('tells on how many images they were trained, as far as their files do', async () => {
    const few = metricsOf({ accuracies: [0.9, 0.95], testCorrect: 9800, trainingImages: 500 });
    const text = words(await pageOf({ 'few.json': few, 'a.json': two['a.json'] }));
    expect(text).toContain('differs in few a training images 500 55,000 The same in all');
    // What was written before files had it.
    const { trainingImages: _, ...earlier } = few as { trainingImages: number };
    expect(words(await pageOf({ 'earlier.json': earlier, 'few.json': few }))).toContain(
      'differs in earlier few training images – 500 The same in all',
    );
  });

  it('calls runs of one name by their paths', async () => {
    const runs = await readRuns(
      await write({ 'x/m.json': two['a.json'], 'y/m.json': two['b.json'] }),
    );
    expect(runs.map(({ name }) => name)).toEqual([file('x/m.json'), file('y/m.json')]);
  });

  it('of one run and one epoch says what there is not', async () => {
    const text = words(
      await pageOf({ 'e.json': metricsOf({ accuracies: [0.9], testCorrect: 9 }) }),
    );
    expect(text).toContain('There are no curves: no run has more than one epoch.');
    expect(text).toContain('As they were');
  });

  it('shows a run that diverged as it went', async () => {
    const diverged = metricsOf({ accuracies: [0.9, 0.1], testCorrect: 980, losses: [0.1, null] });
    const page = await pageOf({ 'f.json': diverged, 'a.json': two['a.json'] });
    expect(words(page)).toContain('f 9.80 % 9,020 NaN 2');
    const last = { epoch: 2, trainLoss: 0.3, valLoss: null, valAccuracy: 0.1, seconds: 4 };
    const half = { ...diverged, epochs: [last] };
    // A loss that was no number is not made up for by another one.
    expect(words(await pageOf({ 'h.json': half }))).toContain('h 9.80 % 9,020 NaN 1');
    expect(chartsOf(page)[1]?.series).toMatchObject([{ values: [0.1, null] }, {}]);
  });

  it('shows a run that was not tested, and why', async () => {
    const untested = {
      ...two['a.json'],
      error: { name: 'NonFiniteLossError', message: 'step 5 (epoch 1): the loss is NaN' },
      testAccuracy: null,
      testCorrect: null,
      testTotal: null,
    };
    const text = words(await pageOf({ 'u.json': untested, ...two }));
    expect(text).toContain(
      'The best of 2 runs is b, with 98.50 % of 10,000 test images recognised; the lowest is a with 98.00 %. ' +
        'u ended in an error: step 5 (epoch 1): the loss is NaN.',
    );
    // Differences are from the first run that was tested.
    expect(text).toContain('difference from a ');
    expect(text).toContain('u – – – 0.0500 2 5,994 12.5 s');
    expect(text).toContain('b 98.50 % 150 +0.50 0.0300 3 5,994 12.5 s');
    expect(words(await pageOf({ 'u.json': untested }))).toContain(
      'The run was not tested. u ended in an error: step 5 (epoch 1): the loss is NaN.',
    );
    expect(words(await pageOf({ 'u.json': untested, 'a.json': two['a.json'] }))).toContain(
      '98.00 % of 10,000 test images recognised by a. u ended in an error',
    );
    expect(words(await pageOf({ 'u.json': untested, 'v.json': untested }))).toContain(
      'None of the runs was tested. u ended in an error',
    );
    const [odd = ''] = await write({ 'odd.json': { ...untested, error: 'none' } });
    await expect(readRuns([odd])).rejects.toThrow(
      /odd\.json: error: expected null, or \{ name, message \}, got 'none'/,
    );
  });

  it('is not made of other files', async () => {
    const [other = '', wrong = ''] = await write({
      'other.json': { model: 'lenet' },
      'wrong.json': { ...two['a.json'], epochs: [{ epoch: 'one' }] },
    });
    await writeFile(file('text.json'), 'no JSON');
    await expect(readRuns([other])).rejects.toThrow(
      new ConfigError(
        `--metrics: ${other}: epochs: expected a list, got undefined; give what train mnist wrote by --metrics`,
      ),
    );
    await expect(readRuns([wrong])).rejects.toThrow(/epochs\[0\]: epoch: expected a number, got /);
    await expect(readRuns([file('text.json')])).rejects.toThrow(/text\.json is no JSON: /);
    await expect(readRuns([file('none.json')])).rejects.toThrow(/cannot read .*none\.json: ENOENT/);
  });

  it(
    'is written by the command, which replaces nothing but a page',
    { timeout: 60_000 },
    async () => {
      const files = await write(two);
      const run = (...args: string[]) =>
        start(process.execPath, [...unfoldCommand('report'), ...args]).outcome;
      const html = file('runs.html');
      const done = await run('--metrics', ...files, '--html', html);
      expect(done).toMatchObject({ code: 0, stdout: `report: ${html}, of 2 runs\n`, stderr: '' });
      expect(await readFile(html, 'utf8')).toBe(runsPage(await readRuns(files)));
      const refused = await run('--metrics', ...files, '--html', files[0] ?? '');
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain('a page that Unfold wrote');
      const many = await run('--metrics', ...Array.from({ length: 13 }, () => files[0] ?? ''));
      expect(many.stderr).toBe(
        'error: --metrics: expected at most 12 runs, got 13; compare some of them\n',
      );
    },
  );
});
