import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ProgressStream } from '../../packages/monitor/src/terminal/bar.js';
import { parseCompareOptions } from '../../packages/cli/src/compare-options.js';
import { createCompareProgress } from '../../packages/cli/src/compare-progress.js';
import { writePatternFolder } from '../support/runs/cli.js';
import { compareTfjs } from '../support/runs/unfold.js';

/** Processes that start and load TensorFlow.js: seconds each on a busy machine. */
const TIMEOUT = 60_000;
const ESCAPE = String.fromCharCode(27);

let root = '';
let folder = '';

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'unfold-compare-cli-'));
  await writePatternFolder(join(root, 'digits'), { train: 200, test: 50 });
});
afterAll(() => rm(root, { recursive: true }));
beforeEach(async () => {
  folder = await mkdtemp(join(root, 'run-'));
});

describe('the options', () => {
  it('have the defaults of the comparison', () => {
    expect(parseCompareOptions([], '0')).toEqual({
      model: 'lenet',
      epochs: 3,
      lr: 0.01,
      momentum: 0.9,
      backend: 'auto',
    });
  });

  it('are read', () => {
    const args = '--model cnn --epochs 2 --seeds 3,1,20 --limit 640 --test-limit 9 --lr 0.1';
    const more = '--momentum 0 --backend cpu --tfjs-dir d --data-dir e --json a --html b';
    expect(parseCompareOptions(`${args} ${more}`.split(' '), '0')).toEqual({
      model: 'cnn',
      epochs: 2,
      seeds: [3, 1, 20],
      limit: 640,
      testLimit: 9,
      lr: 0.1,
      momentum: 0,
      backend: 'cpu',
      tfjsDir: 'd',
      dataDir: 'e',
      json: 'a',
      html: 'b',
    });
  });

  it.each([
    [['--seeds', '1,1'], /each once, such as 1,2,3/],
    [['--seeds', '1,,2'], /each once, such as 1,2,3/],
    [['--seeds', ''], /each once, such as 1,2,3/],
    [['--seeds', '-1'], /each once, such as 1,2,3/],
    [['--seeds', '1.5'], /each once, such as 1,2,3/],
    [
      ['--epochs', '0'],
      /'--epochs <n>' argument '0' is invalid. Expected a whole number of at least 1/,
    ],
    [['--limit', 'all'], /Expected a whole number of at least 1/],
    [['--lr', '-1'], /Expected a number of at least 0/],
    [['--momentum', '1'], /Expected a number of at least 0 and below 1/],
    [['--model', 'resnet'], /Allowed choices are lenet, cnn/],
    [['--backend', 'webgl'], /Allowed choices are auto, tfjs-node, cpu/],
    [['--colour'], /unknown option '--colour'/],
    [['more'], /'more' belongs to no option/],
  ])('%j are refused', (args, message) => {
    const exit = vi.spyOn(process, 'exit').mockImplementation((code) => {
      throw new Error(`exit ${code}`);
    });
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      expect(() => parseCompareOptions(args, '0')).toThrow('exit 1');
      expect(write.mock.calls.join('')).toMatch(message);
    } finally {
      exit.mockRestore();
      write.mockRestore();
    }
  });
});

describe('progress', () => {
  function show(isTTY: boolean, columns: number): string {
    let text = '';
    const out = Object.assign(
      new Writable({
        write(chunk, _, done) {
          text += String(chunk);
          done();
        },
      }),
      { isTTY, columns },
    ) as ProgressStream;
    const progress = createCompareProgress({ seeds: [4, 5], stepsPerRun: 30, out });
    for (const seed of [4, 5]) {
      for (let step = 1; step <= 30; step++) {
        progress.step(seed, { step, ours: 1.0000001, tfjs: 1 });
      }
    }
    const side = { hits: Uint8Array.of(1, 0), testAccuracy: 0.5, imagesPerSecond: 1234.5 };
    const slow = { ...side, imagesPerSecond: 17.23 };
    progress.run({ seed: 5, steps: [], ours: side, tfjs: slow });
    progress.stop();
    return text;
  }

  it('without a terminal is a line for each of the first 20 steps, and for each run', () => {
    const lines = show(false, 0).trimEnd().split('\n');
    expect(lines).toHaveLength(21);
    expect(lines[0]).toBe(
      'seed 4 · step 1/30 · Unfold 1.0000001, TensorFlow.js 1.0000000 · difference 1e-7',
    );
    expect(lines[19]).toMatch(/^seed 4 · step 20\/30 /);
    expect(lines[20]).toBe(
      'seed 5 · Unfold 50.00 %, 1,235 images/s · TensorFlow.js 50.00 %, 17.2 images/s',
    );
  });

  it.each([100, 60, 40])('on a terminal of %d columns fits, and leaves the cursor', (columns) => {
    const text = show(true, columns);
    const bars = text
      .split(ESCAPE)
      .flatMap((part) => /seed \d · step \d+\/30 [━─].*/.exec(part) ?? []);
    expect(bars.length).toBeGreaterThan(0);
    for (const bar of bars) expect(bar.length).toBeLessThan(columns);
    expect(text.lastIndexOf('[?25h')).toBeGreaterThan(text.lastIndexOf('[?25l'));
  });
});

describe('the command', () => {
  it('refuses cnn on the cpu backend, and says why', { timeout: TIMEOUT }, async () => {
    const { code, stderr } = await compareTfjs('--model=cnn', '--backend=cpu');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: compare: model cnn needs tfjs-node: .*\n$/);
  });

  it('tries its files before anything else', { timeout: TIMEOUT }, async () => {
    const missing = join(folder, 'no', 'a.json');
    const { code, stdout, stderr } = await compareTfjs('--json', missing);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^error: .*a\.json.*\n$/);
    const file = join(folder, 'a');
    const same = await compareTfjs('--json', file, '--html', join(folder, '.', 'a'));
    expect(same.stderr).toBe(`error: --json and --html are both ${file}; name two files\n`);
    expect(await readdir(folder)).toEqual([]);
  });
});
