import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { manualSeed } from '@unfold/core';
import { DataLoader, evaluate, type Evaluation, LeNet, mnist } from '@unfold/train';
import { saveWeights } from '@unfold/io';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { start, writePatternFolder } from '../support/runs/cli.js';
import { EVALUATE, evaluateMnist, PREDICT, predict } from '../support/runs/cli-trained.js';
import { darkOnLight, greyPng, strokes } from '../support/files/pictures.js';

/** Processes that start on a busy machine. */
const TIMEOUT = 60_000;
const TEST_IMAGES = 300;

let folder = '';
const file = (name: string): string => join(folder, name);
const normalization = { mean: [0.2], std: [0.25] };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unfold-predict-'));
  manualSeed(4);
  const about = (model: string) => ({
    metadata: { model, normalization: JSON.stringify(normalization) },
  });
  await saveWeights(new LeNet(), file('lenet.safetensors'), about('lenet'));
  const seven = strokes({ width: 60, height: 80, pen: 6 }, [
    [
      [15, 15],
      [45, 15],
      [25, 65],
    ],
  ]);
  await writeFile(file('seven.png'), darkOnLight(seven));
  await writeFile(
    file('blank.png'),
    greyPng(20, 20, () => 1),
  );
  await writePatternFolder(file('digits'), { train: 1, test: TEST_IMAGES });
});
afterAll(() => rm(folder, { recursive: true }));

const checkpoint = (): string[] => ['--checkpoint', file('lenet.safetensors')];

describe.concurrent('predict', { timeout: TIMEOUT }, () => {
  it('tells each file, goes on after an error, and ends with status 1 then', async () => {
    const files = ['seven.png', 'blank.png', 'missing.png', 'seven.png'].map(file);
    const { code, stdout, stderr } = await predict(...checkpoint(), ...files);
    expect(code).toBe(1);
    const [blankError, missingError, end] = stderr.split('\n');
    expect(blankError).toMatch(
      /^error: \S+blank\.png: expected a digit, got a picture of one colour/,
    );
    expect(missingError).toMatch(/^error: cannot read \S+missing\.png: ENOENT/);
    expect(end).toBe('');
    const parts = stdout
      .split('\n\n\n')
      .join('\n')
      .split(/^(?=\S*seven\.png: \d \(\d+\.\d\d %\)$)/m);
    expect(parts).toHaveLength(2);
    expect(stdout).toMatch(/^ {28} {3}0 .* {2}\d+\.\d\d %$/m);
    expect(stdout).toContain('▓');
    expect(stdout).not.toContain('\u001b');
  });

  it('writes a line of JSON for each file', async () => {
    const files = [file('seven.png'), file('blank.png')];
    const { code, stdout, stderr } = await predict('--json', ...checkpoint(), ...files);
    expect([code, stderr]).toEqual([1, '']);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(lines).toEqual([
      {
        file: files[0],
        digit: expect.any(Number),
        probability: expect.any(Number),
        probabilities: Array.from({ length: 10 }, () => expect.any(Number) as number),
      },
      { file: files[1], error: expect.stringContaining('expected a digit') },
    ]);
  });

  it('reads standard input', async () => {
    const running = start(process.execPath, [...PREDICT, '--json', ...checkpoint(), '-']);
    running.child.stdin?.end(await readFile(file('seven.png')));
    const { code, stdout } = await running.outcome;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ file: '-', digit: expect.any(Number) });
  });

  it.each<[string, string[], RegExp]>([
    ['no checkpoint', ['a.png'], /^error: required option '--checkpoint <file>' not specified\n/],
    ['no file', ['--checkpoint', 'x'], /^error: missing required argument 'file'\n/],
    [
      'a missing checkpoint',
      ['--checkpoint', '/nowhere', 'a.png'],
      /^error: cannot read \/nowhere: ENOENT/,
    ],
    ['.npz', ['--checkpoint', 'w.npz', 'a.png'], /^error: loadTrainedModel: .* \.npz has no place/],
  ])('refuses %s', async (_, args, message) => {
    const { code, stdout, stderr } = await predict(...args);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(message);
  });

  it('--help lists every option, in 80 columns', async () => {
    const { code, stdout } = await predict('--help');
    expect(code).toBe(0);
    const listed = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, name]) => name);
    expect(listed).toEqual(['--version', '--checkpoint', '--json', '--help']);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });
});

describe.concurrent('evaluate', { timeout: TIMEOUT }, () => {
  const data = (): string[] => [...checkpoint(), '--data-dir', file('digits')];

  it('tells and writes the figures that the library has', async () => {
    const json = file('figures.json');
    const { code, stdout, stderr } = await evaluateMnist(
      ...data(),
      '--mistakes',
      '2',
      '--json',
      json,
    );
    expect([code, stderr]).toEqual([0, '']);
    const figures = JSON.parse(await readFile(json, 'utf8')) as Evaluation &
      Record<string, unknown>;
    manualSeed(4);
    const { test } = await mnist({ dataDir: file('digits') });
    const loader = new DataLoader(test, { batchSize: 250, normalization });
    const expected = await evaluate(new LeNet(), loader, { mistakes: 2 });
    expect(figures).toMatchObject({
      model: 'lenet',
      checkpoint: file('lenet.safetensors'),
      normalization,
      kernels: 'wasm',
      seconds: expect.any(Number),
      correct: expected.correct,
      total: TEST_IMAGES,
      confusion: expected.confusion,
      classes: expected.classes,
      macro: expected.macro,
    });
    expect(figures.loss).toBeCloseTo(expected.loss, 4);
    expect(figures.mistakes.map(({ index }) => index)).toEqual(
      expected.mistakes.map(({ index }) => index),
    );
    const lines = stdout.split('\n');
    expect(lines.slice(1, 5)).toEqual([
      `model: lenet, 5,994 parameters, from ${file('lenet.safetensors')}`,
      `data: folder ${file('digits')}`,
      `test accuracy ${((100 * expected.correct) / TEST_IMAGES).toFixed(2)} % (${expected.correct} of 300)`,
      `test loss ${expected.loss.toFixed(4)}`,
    ]);
    expect(stdout.match(/ → \d \(\d+ %\)/g)).toHaveLength(2);
    expect(lines.at(-2)).toBe(`json: ${json}`);
  });

  it('takes the options of the engine', async () => {
    const args = ['--kernels', 'reference', '--mistakes', '0'];
    const { code, stdout } = await evaluateMnist(...data(), ...args);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^engine: reference/);
    expect(stdout).not.toContain('worst mistakes');
    const strict = await evaluateMnist(
      ...data(),
      '--strict',
      '--threads',
      '1',
      '--simd',
      '128',
      '--mistakes',
      '0',
    );
    expect(strict.stdout).toMatch(/^engine: wasm simd 128-bit · 1 thread\n/);
  });

  it('ends at Ctrl-C with status 130, and has written nothing', async () => {
    // All of MNIST by the slow kernels takes a while, and each batch little enough for a busy machine.
    const args = [...checkpoint(), '--kernels', 'reference'];
    const json = file('stopped.json');
    const running = start(process.execPath, [...EVALUATE, ...args, '--json', json]);
    await running.seen(/^data: /m);
    running.child.kill('SIGINT');
    const { code, stderr } = await running.outcome;
    expect([code, stderr]).toEqual([130, 'interrupted; nothing was written\n']);
    await expect(readFile(json)).rejects.toThrow('ENOENT');
  });

  it('finds out early that it could not write', async () => {
    const { code, stdout, stderr } = await evaluateMnist(...data(), '--json', file('no/f.json'));
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^error: cannot write \S+no\/f\.json: ENOENT/);
  });

  it('--help lists every option, in 80 columns', async () => {
    const { stdout } = await evaluateMnist('--help');
    const listed = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, name]) => name);
    expect(listed).toEqual([
      '--version',
      '--checkpoint',
      '--data-dir',
      '--mistakes',
      '--json',
      '--no-compile',
      '--kernels',
      '--threads',
      '--simd',
      '--strict',
      '--help',
    ]);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });
});
