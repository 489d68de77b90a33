import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, ones } from '@unfold/core';
import { jsonLines, SummaryWriter, tensorBoard, terminalProgress } from '@unfold/monitor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, make, refuseMisuses, send, strangeErrors } from '../support/misuse.js';

/* What a plain JavaScript program may call: nothing that it says is passed over. */

let folder = '';
let writer: SummaryWriter;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'misuse-'));
  writer = new SummaryWriter(folder);
});
afterAll(async () => {
  await writer.close();
  rmSync(folder, { recursive: true });
});

describe('a call that is wrong is an error that names the right one', () => {
  refuseMisuses([
    [
      "addScalar('a', 1n, 1)",
      () => send(writer, 'addScalar', 'a', 1n, 1),
      ConfigError,
      'addScalar: expected a number for value, got 1n',
    ],
    [
      "addScalar('a', undefined, 1)",
      () => send(writer, 'addScalar', 'a', undefined, 1),
      ConfigError,
      'addScalar: expected a number for value, got undefined',
    ],
    [
      "addScalar('a', loss, 1)",
      () => send(writer, 'addScalar', 'a', ones([]), 1),
      ConfigError,
      'addScalar: expected a number for value, got a float32 tensor []; its item() is one',
    ],
    [
      "addHistogram('a', weights, 1)",
      () => send(writer, 'addHistogram', 'a', ones([2]), 1),
      ConfigError,
      'addHistogram: expected a list of numbers, got a float32 tensor [2]; its toTypedArray() is one',
    ],
    [
      "new SummaryWriter('runs', { flush_seconds: 1 })",
      () => make(SummaryWriter, folder, { flush_seconds: 1 }),
      ConfigError,
      "SummaryWriter: unknown option 'flush_seconds'; did you mean flushSeconds? The options are purgeStep, flushSeconds, now",
    ],
    [
      "tensorBoard('runs', 10)",
      () => call(tensorBoard, folder, 10),
      ConfigError,
      'tensorBoard: expected options as an object, such as { everySteps: … }, got 10; the options are everySteps, configuration, onFailure',
    ],
    [
      'jsonLines(file)',
      () => call(jsonLines, 'run.jsonl'),
      ConfigError,
      "jsonLines: expected what can be written to, such as process.stdout, got 'run.jsonl'",
    ],
    [
      'terminalProgress({ color: true })',
      () => call(terminalProgress, { color: true }),
      ConfigError,
      "terminalProgress: unknown option 'color'; did you mean colour? The options are out, quiet, colour, best, charts, now",
    ],
  ]);
});

describe('whatever the arguments are, errors are ours', () => {
  it.each(['addScalar', 'addHistogram', 'addText'])('%s', (method) => {
    expect(strangeErrors((...args) => send(writer, method, ...args), 3)).toEqual([]);
  });

  it('addImage', () => {
    expect(strangeErrors((...args) => send(writer, 'addImage', 'a', ...args, 1), 2)).toEqual([]);
  });

  it.each([
    ['tensorBoard', tensorBoard],
    ['jsonLines', jsonLines],
    ['terminalProgress', terminalProgress],
  ])('%s', (_name, fn) => {
    expect(strangeErrors((...args) => call(fn, ...args), 2)).toEqual([]);
  });

  it('new SummaryWriter', () => {
    expect(strangeErrors((options) => make(SummaryWriter, '', options), 1)).toEqual([]);
    expect(
      strangeErrors((dir) => (typeof dir === 'string' ? null : make(SummaryWriter, dir)), 1),
    ).toEqual([]);
  });
});
