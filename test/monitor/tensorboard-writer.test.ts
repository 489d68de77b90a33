import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { ConfigError, ShapeError } from '@unfold/core';
import { SummaryWriter, type SummaryWriterOptions } from '@unfold/monitor';
import fc from 'fast-check';
import { decode } from 'fast-png';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  crc32c,
  readEvent,
  readFolder,
  readRecords,
  shownIn,
} from '../support/runs/tensorboard.js';

let root = '';
let folder = '';
let folders = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'unfold-tensorboard-'));
});
afterAll(() => rm(root, { recursive: true }));
beforeEach(() => {
  folder = join(root, String(folders++));
});

/** What a writer wrote, without the first event, which tells the version. */
async function written(use: (writer: SummaryWriter) => void, options?: SummaryWriterOptions) {
  const writer = new SummaryWriter(folder, options);
  use(writer);
  await writer.close();
  return (await readFolder(folder)).slice(1);
}

const NONE = { min: NaN, max: NaN, num: NaN, sum: NaN, sumSquares: NaN, limits: [], counts: [] };

function thrown(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return 'nothing';
}

describe('the file', () => {
  it('is named by time, host, process and a number, in a folder that is made', async () => {
    folder = join(folder, 'a', 'b');
    const writer = new SummaryWriter(folder, { now: () => 1_700_000_000_999 });
    await writer.close();
    const [name = ''] = await readdir(folder);
    expect(writer.file).toBe(join(folder, name));
    const [start, count] = name.split(`.${hostname()}.${process.pid}.`);
    expect(start).toBe('events.out.tfevents.1700000000');
    expect(count).toMatch(/^\d+$/);
    expect(await readFolder(folder)).toEqual([
      {
        wallTime: 1_700_000_000.999,
        step: 0,
        fileVersion: 'brain.Event:2',
        writer: '@unfold/monitor',
      },
    ]);
  });

  it('comes after those that are there, also when the clock was set back', async () => {
    const files: string[] = [];
    for (const seconds of [1_700_000_000, 1_600_000_000, 1_700_000_000, 1_800_000_000]) {
      const writer = new SummaryWriter(folder, { now: () => seconds * 1000 });
      await writer.close();
      files.push(basename(writer.file));
    }
    expect(await readdir(folder)).toEqual(files);
    const seconds = files.map((name) => Number(name.split('.')[3]));
    expect(seconds).toEqual([1_700_000_000, 1_700_000_001, 1_700_000_002, 1_800_000_000]);
  });

  it('has a START event with the step from which older events are void', async () => {
    const first = new SummaryWriter(folder);
    for (let step = 1; step <= 5; step++) first.addScalar('loss', step, step);
    await first.close();
    const second = new SummaryWriter(folder, { purgeStep: 4 });
    second.addScalar('loss', 40, 4);
    await second.close();
    const start = (await readFolder(folder)).filter(({ sessionStatus }) => sessionStatus === 1);
    expect(start.map(({ step }) => step)).toEqual([4, 4]);
    const shown = (await shownIn(folder)).map(({ step, scalar }) => [step, scalar]);
    expect(shown).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 40],
    ]);
  });
});

describe('values', () => {
  it('scalars are float32; NaN, infinities and zeros are written as they are', async () => {
    const values = [0.1, 0, -0, NaN, Infinity, -Infinity, 1e39, -3.5];
    const events = await written((writer) => {
      for (const [step, value] of values.entries()) writer.addScalar('a/b', value, step);
    });
    expect(events.map(({ scalar }) => scalar)).toEqual(values.map(Math.fround));
    expect(events.map(({ step }) => step)).toEqual(values.map((_, step) => step));
    expect(new Set(events.map(({ tag }) => tag))).toEqual(new Set(['a/b']));
  });

  it('an event has the time at which it was added', async () => {
    let time = 1_700_000_000_000;
    const events = await written(
      (writer) => {
        for (const ms of [250, 500]) {
          time = 1_700_000_000_000 + ms;
          writer.addScalar('loss', 1, 0);
        }
      },
      { now: () => time },
    );
    expect(events.map(({ wallTime }) => wallTime)).toEqual([1_700_000_000.25, 1_700_000_000.5]);
  });

  it('a histogram: each number in the bucket whose left edge it reaches', async () => {
    const values = [0.5, -2, 0, 0.5, 1e-12, -1e-12, 9e-13, 3e25];
    const [event] = await written((writer) => writer.addHistogram('w', values, 7));
    const { limits, counts, ...sums } = event?.histogram ?? NONE;
    expect(sums).toEqual({
      min: -2,
      max: 3e25,
      num: 8,
      sum: 3e25,
      sumSquares: 9e50,
    });
    expect(limits).toEqual([...limits].sort((a, b) => a - b));
    const filled = counts.flatMap((count, i) => {
      return count > 0 ? [[limits[i - 1] ?? NaN, limits[i] as number, count]] : [];
    });
    expect(counts).toEqual([1, 0, 1, 2, 1, 0, 2, 0, 1]);
    expect(filled.length).toBe(6);
    const [low, belowZero, zero, smallest, half, high] = filled as [number, number, number][];
    const around = (bucket: number[] | undefined, value: number, count: number): void => {
      const [left = NaN, right = NaN, found] = bucket ?? [];
      expect(left).toBeLessThanOrEqual(value);
      expect(right).toBeGreaterThan(value);
      expect(Math.abs(right - left)).toBeLessThan(0.11 * Math.abs(value));
      expect(found).toBe(count);
    };
    // The left edge of the first bucket is the smallest number.
    expect(low?.[1]).toBeGreaterThan(-2);
    expect(low?.[1]).toBeLessThan(-1.8);
    expect(low?.[2]).toBe(1);
    // -1e-12 is the left edge of the bucket that ends at zero.
    expect(belowZero).toEqual([-1e-12, 0, 1]);
    expect(zero).toEqual([0, 1e-12, 2]);
    expect(smallest?.[0]).toBe(1e-12);
    around(half, 0.5, 2);
    expect(high?.slice(1)).toEqual([Number.MAX_VALUE, 1]);
  });

  it('a histogram holds every number once, whatever they are', async () => {
    const anything = fc.double({ noNaN: true, noDefaultInfinity: true });
    await fc.assert(
      fc.asyncProperty(fc.array(anything, { minLength: 1, maxLength: 50 }), async (values) => {
        folder = join(root, String(folders++));
        const [event] = await written((writer) => writer.addHistogram('w', values, 0));
        const { limits, counts, min, max, num } = event?.histogram ?? NONE;
        // Adding 0 makes -0 to 0.
        expect([min + 0, max + 0]).toEqual([Math.min(...values) + 0, Math.max(...values) + 0]);
        expect(num).toBe(values.length);
        for (const [i, count] of counts.entries()) {
          const [left, right] = [limits[i - 1] ?? -Infinity, limits[i] as number];
          const inside = values.filter((value) => {
            return (
              left <= value && (value < right || (value === Number.MAX_VALUE && right === value))
            );
          });
          expect(inside.length).toBe(count);
        }
        expect(counts.reduce((a, b) => a + b)).toBe(values.length);
      }),
      { numRuns: 50 },
    );
  });

  it('an image: bytes as they are, floats of 0…1 scaled, channels side by side', async () => {
    const bytes = Uint8Array.from({ length: 3 * 2 * 4 }, (_, i) => i * 10);
    const floats = new Float32Array([0, 0.25, 1, -3, 7, 0.999]);
    const [colours, grey] = await written((writer) => {
      writer.addImage('colours', bytes, [3, 2, 4], 1);
      writer.addImage('grey', floats, [1, 3, 2], 2);
    });
    expect(colours?.image).toMatchObject({ height: 2, width: 4, colorspace: 3 });
    const decoded = decode(colours?.image?.png ?? new Uint8Array());
    expect(decoded).toMatchObject({ height: 2, width: 4, channels: 3, depth: 8 });
    const sideBySide = Array.from({ length: 8 }, (_, i) => [i * 10, (8 + i) * 10, (16 + i) * 10]);
    expect(Array.from(decoded.data)).toEqual(sideBySide.flat());
    expect(grey?.image).toMatchObject({ height: 3, width: 2, colorspace: 1 });
    const shades = decode(grey?.image?.png ?? new Uint8Array()).data;
    expect(Array.from(shades)).toEqual([0, 64, 255, 0, 255, 255]);
  });

  it('a text', async () => {
    const [event] = await written((writer) => writer.addText('note', '**größer** 🙂', 3));
    expect(event).toMatchObject({ tag: 'note', step: 3, text: '**größer** 🙂', plugin: 'text' });
  });

  it('any tag, step and number comes back from a record with sound checksums', async () => {
    const tags = fc.string({ minLength: 1, unit: 'grapheme' });
    const points = fc.array(fc.tuple(tags, fc.float(), fc.maxSafeNat()), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(points, async (points) => {
        folder = join(root, String(folders++));
        const events = await written((writer) => {
          for (const [tag, value, step] of points) writer.addScalar(tag, value, step);
        });
        expect(events.map(({ tag, scalar, step }) => [tag, scalar, step])).toEqual(points);
      }),
      { numRuns: 50 },
    );
  });
});

describe('refused', () => {
  it.each([
    [
      'a step of -1',
      (w: SummaryWriter) => w.addScalar('a', 1, -1),
      /step must be an integer from 0, got -1$/,
    ],
    ['half a step', (w: SummaryWriter) => w.addText('a', 'b', 0.5), /an integer .*, got 0\.5$/],
    ['no tag', (w: SummaryWriter) => w.addScalar('', 1, 0), /expected a tag, got an empty text/],
    [
      'a histogram of nothing',
      (w: SummaryWriter) => w.addHistogram('w', [], 0),
      /addHistogram: w: expected at least one value, got none/,
    ],
    [
      'a histogram with a NaN',
      (w: SummaryWriter) => w.addHistogram('w', [1, 2, NaN], 0),
      /addHistogram: w: expected finite values, got NaN at index 2 of 3; a histogram has no bucket/,
    ],
    [
      'a histogram with an infinity',
      (w: SummaryWriter) => w.addHistogram('w', new Float32Array([-Infinity]), 0),
      /got -Infinity at index 0 of 1/,
    ],
    [
      'an image with a NaN',
      (w: SummaryWriter) => w.addImage('i', new Float32Array([0, NaN]), [1, 1, 2], 0),
      /addImage: i: expected numbers from 0 to 1, got NaN at index 1/,
    ],
  ])('%s', async (_, call, message) => {
    const writer = new SummaryWriter(folder);
    const error = thrown(() => call(writer));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toHaveProperty('message', expect.stringMatching(message));
    await writer.close();
    expect((await readFolder(folder)).length).toBe(1);
  });

  it.each([
    [[2, 1, 1], 2, /expected a shape \[C, H, W\] of 1, 3 or 4 channels .*, got \[2,1,1\]$/],
    [[1, 0, 4], 0, /at least one pixel, got \[1,0,4\]$/],
    [[1, 1.5, 2], 3, /got \[1,1\.5,2\]$/],
    [[1, 1, 2 ** 31], 1, /got \[1,1,2147483648\]$/],
    [[3, 2, 2], 11, /addImage: i: \[3,2,2\] has 12 numbers, got 11$/],
    [[1, 2 ** 20, 2 ** 20], 4, /\[1,1048576,1048576\] has 1099511627776 numbers, got 4$/],
  ] as const)('an image %j of %i numbers', async (shape, count, message) => {
    const writer = new SummaryWriter(folder);
    const error = thrown(() => writer.addImage('i', new Uint8Array(count), shape, 0));
    expect(error).toBeInstanceOf(ShapeError);
    expect(error).toHaveProperty('message', expect.stringMatching(message));
    await writer.close();
  });

  it.each([
    [{ purgeStep: -1 }, /purgeStep must be null or an integer from 0, got -1/],
    [{ flushSeconds: NaN }, /flushSeconds must be a number from 0 to 3600, got NaN/],
  ])('the options %j', async (options, message) => {
    expect(() => new SummaryWriter(folder, options)).toThrow(message);
    await expect(readdir(folder)).rejects.toThrow('ENOENT');
  });

  it('an empty path', () => {
    expect(() => new SummaryWriter('')).toThrow('SummaryWriter: expected a folder, got an empty');
  });

  it('a folder that cannot be made, with the reason', async () => {
    await writeFile(folder, 'a file');
    const error = thrown(() => new SummaryWriter(join(folder, 'run')));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toHaveProperty(
      'message',
      expect.stringMatching(/^cannot write .*run: ENOTDIR.*; choose another path, or see that/),
    );
  });
});

describe('writing in the background', () => {
  const size = async (writer: SummaryWriter) => (await readFile(writer.file)).length;
  const until = async (condition: () => Promise<boolean>): Promise<void> => {
    while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
  };

  it('what was added is in the file after flushSeconds, without a further call', async () => {
    const writer = new SummaryWriter(folder, { flushSeconds: 0.05 });
    // Asked at once: a busy machine may take longer than that for the next turn.
    expect(writer.waiting).toBeGreaterThan(0);
    await until(async () => (await size(writer)) > 0 && writer.waiting === 0);
    const before = await size(writer);
    writer.addScalar('loss', 1, 1);
    await until(async () => (await size(writer)) > before);
    expect((await readFolder(folder)).length).toBe(2);
    await writer.close();
  });

  it('64 KiB are written at once, however long flushSeconds is', async () => {
    const writer = new SummaryWriter(folder, { flushSeconds: 3600 });
    writer.addText('long', 'x'.repeat(64 * 1024), 1);
    await until(async () => (await size(writer)) > 64 * 1024);
    await writer.close();
  });

  it('what comes at any moment of a write is written, without a further call', async () => {
    const writer = new SummaryWriter(folder, { flushSeconds: 3600 });
    const chunk = 'x'.repeat(64 * 1024);
    for (let i = 0; i < 300; i++) {
      // From the same moment to some turns of the loop later, and microtasks in between.
      for (let turn = 0; turn < i % 5; turn++)
        await new Promise((resolve) => setImmediate(resolve));
      for (let task = 0; task < i % 7; task++) await Promise.resolve();
      writer.addText('long', chunk, i);
      if (i % 20 === 0) {
        await until(async () => writer.waiting === 0);
        expect(await size(writer)).toBeGreaterThan((i + 1) * chunk.length);
      }
    }
    await writer.close();
    expect(await size(writer)).toBeGreaterThan(300 * chunk.length);
  });

  it('flush and close wait for all; the order is that of the calls', async () => {
    const writer = new SummaryWriter(folder, { flushSeconds: 3600 });
    for (let step = 0; step < 5000; step++) {
      writer.addScalar('loss', step, step);
      if (step % 1000 === 0) void writer.flush();
    }
    await writer.flush();
    expect(writer.waiting).toBe(0);
    expect((await readFolder(folder)).length).toBe(5001);
    writer.addScalar('loss', 5000, 5000);
    await Promise.all([writer.close(), writer.flush(), writer.close()]);
    const steps = (await readFolder(folder)).slice(1).map(({ step }) => step);
    expect(steps).toEqual(Array.from({ length: 5001 }, (_, step) => step));
  });

  it('after close, adding is refused and closing is not', async () => {
    const writer = new SummaryWriter(folder);
    await writer.close();
    expect(() => writer.addScalar('a', 1, 1)).toThrow(`cannot write ${writer.file}: it was closed`);
    await writer.close();
    await writer.flush();
  });

  it('memory is bounded in a loop that never waits', async () => {
    const writer = new SummaryWriter(folder);
    const megabyte = 'x'.repeat(1024 * 1024);
    let added = 0;
    const error = thrown(() => {
      for (; added < 1000; added++) writer.addText('long', megabyte, added);
    });
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toHaveProperty('message', expect.stringContaining('await flush() now and then'));
    expect(added).toBe(64);
    // Nothing is lost, and it goes on.
    await writer.flush();
    writer.addText('long', megabyte, added);
    await writer.close();
    expect(await size(writer)).toBeGreaterThan(65 * 1024 * 1024);
  });

  it('a deleted file is an error at every later call, and memory is given back', async () => {
    const writer = new SummaryWriter(folder, { flushSeconds: 3600 });
    await writer.flush();
    await unlink(writer.file);
    writer.addScalar('a', 1, 1);
    const message = `cannot write ${writer.file}: it was deleted while it was being written; choose`;
    await expect(writer.flush()).rejects.toThrow(message);
    expect(writer.waiting).toBe(0);
    expect(thrown(() => writer.addScalar('a', 1, 2))).toBeInstanceOf(ConfigError);
    expect(() => writer.addScalar('a', 1, 2)).toThrow(message);
    await expect(writer.flush()).rejects.toThrow(message);
    await expect(writer.close()).rejects.toThrow(message);
    await expect(writer.close()).rejects.toThrow(message);
  });

  it('a failure in the background is no unhandled rejection; the next call throws it', async () => {
    const writer = new SummaryWriter(folder, { flushSeconds: 0 });
    await writer.flush();
    await rm(folder, { recursive: true });
    writer.addScalar('a', 1, 1);
    await until(async () => writer.waiting === 0);
    expect(() => writer.addScalar('a', 1, 2)).toThrow(`cannot write ${writer.file}`);
    await expect(writer.close()).rejects.toThrow(ConfigError);
  });

  it('a folder that is renamed meanwhile keeps the events', async () => {
    const writer = new SummaryWriter(folder);
    await rename(folder, `${folder}-renamed`);
    writer.addScalar('a', 1, 1);
    await writer.close();
    expect((await readFolder(`${folder}-renamed`)).length).toBe(2);
  });

  it('a full disk is an error that names the file', () => {
    // A limit on a file's size stands in for it: 16 blocks of 512 or 1,024 bytes.
    const program = `
      import { SummaryWriter } from '@unfold/monitor';
      const writer = new SummaryWriter(process.argv[1]);
      writer.addText('a', 'x'.repeat(100_000), 1);
      const messages = [];
      await writer.flush().catch((error) => messages.push(error.name + ': ' + error.message));
      try { writer.addScalar('a', 1, 1); } catch (error) { messages.push(error.message); }
      await writer.close().catch((error) => messages.push(error.message));
      console.log(JSON.stringify(messages));
    `;
    const node = ['--conditions=unfold-source', '--import=tsx', '--input-type=module'];
    const { stdout, stderr } = spawnSync(
      'sh',
      [
        '-c',
        'ulimit -f 16 && exec "$@"',
        'sh',
        process.execPath,
        ...node,
        '--eval',
        program,
        folder,
      ],
      { cwd: resolve(import.meta.dirname, '../..'), encoding: 'utf8' },
    );
    expect(stderr).toBe('');
    const messages = JSON.parse(stdout) as string[];
    expect(messages.length).toBe(3);
    expect(messages[0]).toMatch(/^ConfigError: cannot write .*events\.out\.tfevents\..*: EFBIG/);
    expect(messages.slice(1)).toEqual(Array(2).fill(messages[0]?.slice('ConfigError: '.length)));
  });

  it('a program that forgets to close and ends by itself loses nothing', async () => {
    const program = `
      import { SummaryWriter } from '@unfold/monitor';
      new SummaryWriter(process.argv[1], { flushSeconds: 0.1 }).addScalar('a', 1, 1);
    `;
    const node = ['--conditions=unfold-source', '--import=tsx', '--input-type=module'];
    const { stderr } = spawnSync(process.execPath, [...node, '--eval', program, folder], {
      cwd: resolve(import.meta.dirname, '../..'),
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect((await readFolder(folder)).length).toBe(2);
  });
});

describe("TensorBoard's own writer", () => {
  interface Facts {
    readonly start: number;
    readonly purgeStep: number;
    readonly calls: readonly (readonly [string, string, ...unknown[]])[];
  }
  const fixture = (name: string): string =>
    resolve(import.meta.dirname, '../fixtures/tensorboard', name);

  it('makes the same bytes of the same events; of an image, the same pixels', async () => {
    const facts = JSON.parse(await readFile(fixture('events.json'), 'utf8')) as Facts;
    let time = facts.start;
    // The first call names the file; then each event is 1,001 ms later than the one before.
    let calls = 0;
    const now = (): number => (calls++ < 2 ? time : (time += 1001));
    const writer = new SummaryWriter(folder, { purgeStep: facts.purgeStep, now });
    for (const [method, tag, ...rest] of facts.calls) {
      const step = rest.at(-1) as number;
      if (method === 'addScalar') writer.addScalar(tag, Number(rest[0]), step);
      else if (method === 'addText') writer.addText(tag, rest[0] as string, step);
      else if (method === 'addHistogram') writer.addHistogram(tag, rest[0] as number[], step);
      else {
        const [pixels, shape] = rest as [number[], [number, number, number]];
        writer.addImage(tag, Uint8Array.from(pixels), shape, step);
      }
    }
    await writer.close();

    const ours = readRecords(await readFile(writer.file));
    const theirs = readRecords(await readFile(fixture('python.tfevents')));
    expect(ours.length).toBe(3 + facts.calls.length);
    expect(theirs.length).toBe(ours.length);
    let images = 0;
    for (const [i, their] of theirs.entries()) {
      const our = ours[i] as Uint8Array;
      const [{ image: ourImage, ...ourEvent }, { image: theirImage, ...theirEvent }] = [
        readEvent(our),
        readEvent(their),
      ];
      expect(ourEvent).toEqual(theirEvent);
      if (ourImage && theirImage) {
        images++;
        const [{ png: ourPng, ...ourSize }, { png: theirPng, ...theirSize }] = [
          ourImage,
          theirImage,
        ];
        expect(ourSize).toEqual(theirSize);
        expect(decode(ourPng)).toEqual(decode(theirPng));
      } else expect(Buffer.from(our)).toEqual(Buffer.from(their));
    }
    expect(images).toBe(2);
  });

  it('has the checksum of the standard', () => {
    expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283);
  });
});
