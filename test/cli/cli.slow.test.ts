import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadTrainedModel } from '@unfold/train';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { start, writePatternFolder, type Running } from '../support/runs/cli.js';
import { trainMnist } from '../support/runs/unfold.js';

const ESCAPE = String.fromCharCode(27);
const CTRL_C = String.fromCharCode(3);

let root = '';
let folder = '';

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'unfold-terminal-'));
  await writePatternFolder(join(root, 'digits'), { train: 8000, test: 300 });
});
afterAll(() => rm(root, { recursive: true }));
beforeEach(async () => {
  folder = await mkdtemp(join(root, 'run-'));
});

/** Runs `npm run train:mnist` on a terminal of its own; what is written to stdin is typed there. */
function startOnTerminal(columns: number, ...args: readonly string[]): Running {
  const train = ['npm', 'run', '--silent', 'train:mnist', '--', '--data-dir', join(root, 'digits')];
  const command = `stty cols ${columns} rows 24; NO_COLOR=1 exec ${[...train, ...args].join(' ')}`;
  return start('script', ['--quiet', '--return', '--command', command, '/dev/null']);
}

describe.each([80, 50])('on a terminal of %d columns', (columns) => {
  it('a bar fits, and Ctrl-C leaves the terminal as it was', async () => {
    const running = startOnTerminal(columns, '--model=lenet', '--loader=own', '--epochs=500');
    await running.seen(/epoch 2\/500 ━/);
    running.child.stdin?.write(CTRL_C);
    const { code, stdout } = await running.outcome;
    expect(code).toBe(130);
    // The terminal echoes what is typed, which may fall behind a bar.
    const shown = stdout.replace('^C', '');
    const bars = shown.split(ESCAPE).flatMap((text) => /epoch \d+\/500 [━─]+ .*/.exec(text) ?? []);
    expect(bars.length).toBeGreaterThan(3);
    for (const bar of bars) expect(bar.length).toBeLessThan(columns);
    for (const [on, off] of [
      ['[?25h', '[?25l'],
      ['[?7h', '[?7l'],
    ]) {
      expect(stdout).toContain(ESCAPE + String(off));
      expect(stdout.lastIndexOf(ESCAPE + String(on))).toBeGreaterThan(
        stdout.lastIndexOf(ESCAPE + String(off)),
      );
    }
    expect(stdout).toMatch(/interrupted after step \d+ of 23,500; nothing was saved/);
  });
});

it('Ctrl-C is waited for when a step takes long', async () => {
  const file = join(folder, 'cnn.safetensors');
  const running = startOnTerminal(80, '--model=cnn', '--batch-size=500', `--checkpoint=${file}`);
  await running.seen(/epoch 1\/4 /);
  running.child.stdin?.write(CTRL_C);
  const { code, stdout } = await running.outcome;
  expect(stdout).toMatch(/interrupted after step \d of 24; the run is in /);
  expect(code).toBe(130);
  const { name, model } = await loadTrainedModel(file);
  expect([name, model.parameterCount()]).toEqual(['cnn', 1_199_882]);
  expect(await readdir(folder)).toEqual(['cnn.safetensors']);
});

it.each([
  // 640 images are 10 steps of 64; the 5,000 to validate with are 20 batches of 250.
  [
    'operation by operation',
    ['--no-compile'],
    [
      ['conv2d', '[64,1,28,28] [8,1,5,5] [8]', 10],
      ['conv2d backward', '[64,8,12,12] [16,8,5,5] [16]', 10],
      ['conv2d', '[250,1,28,28] [8,1,5,5] [8]', 20],
      ['sgdStep', '[8] [8] [8]', 10],
      ['elsewhere', '', 1],
    ],
  ],
  // Two steps, and two batches of validation, are recorded, to compare them.
  [
    'by the launches of programs',
    [],
    [
      ['conv2d', '[64,1,28,28] [8,1,5,5] [8]', 2],
      // Two layers, whose weights are packed in each step, and once for the validation.
      ['program: conv2d + relu + maxPool2d', '', 2 * (8 + 18) + 2 * (8 + 1)],
      ['program: conv2d backward', '', expect.any(Number)],
      ['elsewhere', '', 1],
    ],
  ],
] as const)(
  '--profile tells at the end where the time of training went, %s',
  async (_about, more, expected) => {
    const few = ['--model=lenet', '--loader=own', '--limit=640', '--epochs=1', ...more];
    const { code, stdout, stderr } = await trainMnist(
      '--data-dir',
      join(root, 'digits'),
      ...few,
      '--profile',
    );
    expect([code, stderr]).toEqual([0, '']);
    const lines = stdout.split('\n');
    const head = lines.findIndex((line) =>
      /^op +shape +calls +ms +share +GFLOP\/s +memory$/.test(line),
    );
    const end = lines.findIndex((line) => line.startsWith('in all '));
    expect(head).toBeGreaterThan(0);
    expect(lines[end + 1]).toMatch(/^test accuracy /);

    const column = lines[head]?.indexOf('calls') ?? 0;
    const rows = lines.slice(head + 1, end).map((line) => {
      const [op = '', shape = ''] = line.slice(0, column).trim().split(/ {2,}/);
      const [calls, milliseconds] = line.slice(column).trim().split(/ +/).map(Number);
      return { op, shape, calls: calls ?? NaN, milliseconds: milliseconds ?? NaN };
    });
    for (const [op, shape, calls] of expected) {
      expect(rows).toContainEqual(expect.objectContaining({ op, shape, calls }));
    }
    const total = Number(lines[end]?.slice('in all '.length));
    const sum = rows.reduce((all, { milliseconds }) => all + milliseconds, 0);
    expect(total).toBeGreaterThan(1);
    // Each is rounded to a hundredth.
    expect(Math.abs(sum - total)).toBeLessThan(0.005 * (rows.length + 1));
  },
);
