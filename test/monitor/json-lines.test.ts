import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { ConfigError, TapeError } from '@unfold/core';
import { type JsonLine, jsonLines, type LineOutput, writeJsonLine } from '@unfold/monitor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Callback } from '../../packages/train/src/fit/callback.js';
import { endEpoch, endStep, epochReport, fakeRun } from '../support/runs/training-run.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unfold-json-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Keeps each piece that is written, and says at once that it is out. */
function memory(): LineOutput & { readonly pieces: string[] } {
  const pieces: string[] = [];
  return {
    pieces,
    write(text, written) {
      pieces.push(text);
      written();
    },
  };
}

function parse(pieces: readonly string[]): JsonLine[] {
  return pieces.map((piece) => {
    // A piece is a line, and a line is a piece: what was written before a kill is complete.
    expect(piece).toMatch(/^\{[^\n]*\}\n$/);
    return JSON.parse(piece) as JsonLine;
  });
}

/** A clock that goes on by 250 ms each time it is asked. */
function clock(): () => number {
  let time = Date.UTC(2026, 0, 2, 3, 4, 5) - 250;
  return () => (time += 250);
}

const REPORT = epochReport(1, { loss: 0.5, accuracy: 0.75 }, { loss: 0.25, accuracy: 0.875 });

describe('jsonLines', () => {
  it('tells a run from its beginning to its end', async () => {
    const out = memory();
    const configuration = { model: 'lenet', options: { lr: 0.05 } };
    const lines = jsonLines(out, { configuration, now: clock() });
    const run = fakeRun(2, 1);
    await lines.onTrainBegin?.(run);
    await lines.onEpochBegin?.(run);
    await endStep(lines, run, 0.5);
    await endEpoch(lines, run, REPORT);
    await lines.onTrainEnd?.(
      { finished: true, stopped: 'no better', history: run.history, steps: 1 },
      run,
    );
    expect(parse(out.pieces)).toEqual([
      {
        type: 'begin',
        version: 1,
        time: '2026-01-02T03:04:05.250Z',
        epochs: 2,
        stepsPerEpoch: 1,
        configuration,
        elapsed: 0,
      },
      {
        type: 'step',
        step: 1,
        epoch: 1,
        stepInEpoch: 1,
        loss: 0.5,
        size: 64,
        lr: 0.05,
        gradNorm: null,
        milliseconds: 4,
        elapsed: 0.25,
      },
      { type: 'epoch', ...REPORT, elapsed: 0.5 },
      { type: 'end', finished: true, stopped: 'no better', epochs: 1, steps: 1, elapsed: 0.75 },
    ]);
  });

  it('tells a run that goes on where it goes on, with its past', async () => {
    const out = memory();
    const lines = jsonLines(out, { now: clock() });
    const run = fakeRun(4, 860, 1000);
    run.history.push({ ...REPORT, validation: null });
    await lines.onTrainBegin?.(run);
    expect(parse(out.pieces)).toEqual([
      expect.objectContaining({ type: 'begin', configuration: {} }),
      {
        type: 'resume',
        step: 1000,
        epoch: 2,
        stepInEpoch: 140,
        history: [{ ...REPORT, validation: null }],
        elapsed: 0.25,
      },
    ]);
  });

  it('tells what ended a run', async () => {
    const out = memory();
    const lines = jsonLines(out, { now: clock() });
    const run = fakeRun(4, 860);
    await lines.onTrainBegin?.(run);
    await lines.onError?.(new TapeError('two\nlines'), run);
    await lines.onError?.('a text', run);
    expect(parse(out.pieces).slice(1)).toEqual([
      { type: 'error', name: 'TapeError', message: 'two\nlines', elapsed: 0.25 },
      { type: 'error', name: 'Error', message: 'a text', elapsed: 0.5 },
    ]);
  });

  it('writes null for numbers that are not finite', async () => {
    const out = memory();
    const lines = jsonLines(out, { now: clock(), configuration: { lr: Infinity } });
    const run = fakeRun(4, 860);
    await lines.onTrainBegin?.(run);
    await endStep(lines, run, NaN);
    await lines.onEpochEnd?.(epochReport(1, { loss: -Infinity }, { loss: NaN, f1: 1 }), run);
    expect(parse(out.pieces)).toEqual([
      expect.objectContaining({ configuration: { lr: null } }),
      expect.objectContaining({ type: 'step', loss: null }),
      expect.objectContaining({ train: { loss: null }, validation: { loss: null, f1: 1 } }),
    ]);
  });

  it('waits for a reader who is slow', async () => {
    const waiting: (() => void)[] = [];
    const lines = jsonLines({ write: (_, written) => waiting.push(() => written()) });
    const run = fakeRun(4, 860);
    let done = false;
    const step = endStep(lines, run).then(() => (done = true));
    await setImmediate();
    expect(done).toBe(false);
    waiting[0]?.();
    await step;
    expect(done).toBe(true);
  });

  it('ends the run when a line cannot be written, and keeps the error that ended it', async () => {
    const lines = jsonLines({ write: (_, written) => written(new Error('EPIPE')) });
    const run = fakeRun(4, 860);
    const expected = new ConfigError(
      'jsonLines: cannot write a line: EPIPE; see that whoever reads it stays until the end, or ' +
        'that there is room on the disk',
    );
    await expect(lines.onTrainBegin?.(run)).rejects.toThrow(expected);
    await expect(endStep(lines, run)).rejects.toBeInstanceOf(ConfigError);
    await expect(lines.onError?.(new Error('the first'), run)).resolves.toBeUndefined();
  });

  it('writes to streams of Node, and fails on one that was closed', async () => {
    const file = join(folder, 'run.jsonl');
    const stream = createWriteStream(file);
    const lines = jsonLines(stream);
    await twoSteps(lines);
    const written = await readFile(file, 'utf8');
    expect(parse(written.split(/(?<=\n)/)).map(({ type }) => type)).toEqual([
      'begin',
      'step',
      'step',
    ]);
    stream.on('error', () => {});
    stream.destroy();
    await expect(twoSteps(lines)).rejects.toThrow(/^jsonLines: cannot write a line: /);
  });

  async function twoSteps(lines: Callback): Promise<void> {
    const run = fakeRun(1, 2);
    await lines.onTrainBegin?.(run);
    await endStep(lines, run);
    await endStep(lines, run);
  }
});

it('writeJsonLine writes lines of one’s own by the same rules', async () => {
  const out = memory();
  await writeJsonLine(out, { type: 'test', accuracy: 0.9876, loss: NaN });
  expect(out.pieces).toEqual(['{"type":"test","accuracy":0.9876,"loss":null}\n']);
});

it('docs/terminal.md shows lines as they are', async () => {
  const page = await readFile(new URL('../../docs/terminal.md', import.meta.url), 'utf8');
  const shown = /```json\n(.*?)```/s.exec(page)?.[1]?.trimEnd().split('\n') ?? [];
  const out = memory();
  const lines = jsonLines(out);
  const run = fakeRun(1, 1);
  await lines.onTrainBegin?.(run);
  await endStep(lines, run);
  await lines.onEpochEnd?.(REPORT, run);
  await lines.onTrainEnd?.({ finished: true, stopped: null, history: [REPORT], steps: 1 }, run);
  const fields = (line: string): unknown[] => {
    const parsed = JSON.parse(line) as JsonLine;
    return [parsed.type, Object.keys(parsed)];
  };
  expect(shown.map(fields)).toEqual(out.pieces.map(fields));
  for (const [type, keys] of shown.map(fields)) {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${String(type)}\``)) ?? '';
    for (const key of keys as string[]) {
      if (key !== 'type' && key !== 'elapsed') expect(row).toContain(`\`${key}\``);
    }
  }
});
