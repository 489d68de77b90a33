import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { FileFormatError } from '@unfold/core';
import { parseIdx, readIdx, type ReadIdxOptions } from '@unfold/io';
import { filesFor } from '@unfold/io/internal';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { encodeIdx, type IdxType } from '../support/files/idx.js';

const MIB = 2 ** 20;
let folder = '';
let written = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unfold-idx-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function store(bytes: Uint8Array, name = 'file'): Promise<string> {
  const path = join(folder, `${written++}-${name}`);
  await writeFile(path, bytes);
  return path;
}

/** The message with which reading `bytes` as a file fails; the file is called FILE in it. */
async function failure(bytes: Uint8Array, options: ReadIdxOptions = {}): Promise<string> {
  const path = await store(bytes);
  const error: unknown = await readIdx(path, options).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(FileFormatError);
  return String(error).replace(path, 'FILE');
}

function parseFailure(bytes: Uint8Array, dims?: readonly (number | null)[]): string {
  try {
    parseIdx(bytes, { name: 'FILE', ...(dims && { dims }) });
  } catch (error) {
    expect(error).toBeInstanceOf(FileFormatError);
    return String(error);
  }
  throw new Error('parseIdx accepted the bytes');
}

/** A good file with the byte at `at` replaced. */
function damaged(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = value;
  return copy;
}

const labels = encodeIdx([4], [3, 1, 4, 1]);
const images = encodeIdx([2, 2, 3], [0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255]);

describe('round trip', () => {
  const element: Record<IdxType, fc.Arbitrary<number>> = {
    uint8: fc.integer({ min: 0, max: 255 }),
    int32: fc.integer(),
    float32: fc.float({ noNaN: true }),
    float64: fc.double({ noNaN: true }),
  };
  const file = fc
    .tuple(
      fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 4 }),
      fc.constantFrom<IdxType>('uint8', 'int32', 'float32', 'float64'),
    )
    .chain(([dims, type]) => {
      const length = dims.reduce((a, b) => a * b, 1);
      return fc.record({
        dims: fc.constant(dims),
        type: fc.constant(type),
        values: fc.array(element[type], { minLength: length, maxLength: length }),
        offset: fc.integer({ min: 0, max: 7 }),
      });
    });

  test('what was written is read, for every element type and alignment', () => {
    fc.assert(
      fc.property(file, ({ dims, type, values, offset }) => {
        const encoded = encodeIdx(dims, values, type);
        const shifted = new Uint8Array(encoded.length + offset);
        shifted.set(encoded, offset);
        const read = parseIdx(shifted.subarray(offset), { name: 'x', dims });
        expect(read.dtype).toBe(type);
        expect(read.dims).toEqual(dims);
        expect(Array.from(read.data)).toEqual(values);
      }),
    );
  });

  test('a stored file, plain or packed, reads as its bytes parse', async () => {
    await fc.assert(
      fc.asyncProperty(file, fc.boolean(), async ({ dims, type, values }, packed) => {
        const encoded = encodeIdx(dims, values, type);
        const path = await store(packed ? gzipSync(encoded) : encoded);
        expect(await readIdx(path)).toEqual(parseIdx(encoded, { name: path }));
      }),
      { numRuns: 50 },
    );
  });

  test('gzip is told by its magic, not by the name', async () => {
    expect((await readIdx(await store(labels, 'plain.gz'))).dims).toEqual([4]);
    expect((await readIdx(await store(gzipSync(labels), 'packed'))).dims).toEqual([4]);
  });

  test('a packed file much longer than the header probe is read whole', async () => {
    const values = Uint8Array.from({ length: 90_000 }, (_, i) => (i * i) % 251);
    const read = await readIdx(await store(gzipSync(encodeIdx([300, 300], values))));
    expect(read.data).toEqual(values);
  });

  test('a null in the expected dimensions takes any size', () => {
    expect(parseIdx(images, { name: 'x', dims: [null, 2, 3] }).dims).toEqual([2, 2, 3]);
  });
});

describe('a damaged file is named, with the byte', () => {
  const cases: readonly (readonly [string, Uint8Array, string, (readonly (number | null)[])?])[] = [
    [
      'empty',
      new Uint8Array(0),
      'byte 0: expected a header of at least 4 bytes, got 0 in all; the file is truncated: fetch it again',
    ],
    [
      'cut inside the dimensions',
      images.subarray(0, 10),
      'byte 10: expected a header of at least 16 bytes, got 10 in all; the file is truncated: fetch it again',
    ],
    [
      'cut inside the elements',
      images.subarray(0, 20),
      'byte 20: expected 28 bytes for [2, 2, 3] unsigned bytes, got 20; the file is truncated: fetch it again',
    ],
    [
      'bytes after the elements',
      Uint8Array.of(...labels, 0, 0),
      'byte 12: expected 12 bytes for [4] unsigned bytes, got 14; the file is oversized: 2 bytes follow the data, fetch it again',
    ],
    [
      'wrong first byte',
      damaged(labels, 0, 0x42),
      'byte 0: expected an IDX file (00 00) or gzip (1f 8b), got 42 00; this is no IDX file, or it is damaged: fetch it again',
    ],
    [
      'wrong second byte',
      damaged(labels, 1, 7),
      'byte 1: expected an IDX file (00 00) or gzip (1f 8b), got 00 07; this is no IDX file, or it is damaged: fetch it again',
    ],
    [
      'unknown element type',
      damaged(labels, 2, 0x0a),
      'byte 2: expected an element type (08, 09, 0b, 0c, 0d or 0e), got 0a; this is no IDX file, or it is damaged',
    ],
    [
      'an element type without a dtype',
      damaged(labels, 2, 0x0b),
      'byte 2: expected unsigned bytes (08), 32-bit integers (0c) or floats (0d, 0e), got 0b, 16-bit integers, which Unfold has no dtype for; convert the file',
    ],
    [
      'no dimensions',
      encodeIdx([], [1]),
      'byte 3: expected at least 1 dimension, got 0; this is another kind of data, or the header is damaged',
    ],
    [
      'images given as labels',
      images,
      'byte 3: expected 1 dimension, got 3; this looks like an images file given as labels',
      [null],
    ],
    [
      'labels given as images',
      labels,
      'byte 3: expected 3 dimensions, got 1; this looks like a labels file given as images',
      [null, 2, 3],
    ],
    [
      'another size',
      images,
      'byte 12: expected dimension 2 to be 28, got 3; this is another data set, or the header is damaged',
      [null, 2, 28],
    ],
    [
      'a web page',
      new TextEncoder().encode('\n<!DOCTYPE html><title>403 Forbidden</title>'),
      'byte 0: expected an IDX file (00 00) or gzip (1f 8b), got 0a 3c; it looks like a web page, such as a server sends with an error: fetch the file again',
    ],
    [
      'a zip archive',
      new TextEncoder().encode('PK\u0003\u0004 and so on'),
      'byte 0: expected an IDX file (00 00) or gzip (1f 8b), got 50 4b; it looks like a zip archive: unpack it first',
    ],
  ];
  for (const [title, bytes, message, dims] of cases) {
    test(title, async () => {
      const expected = `FileFormatError: idx: FILE: ${message}`;
      expect(parseFailure(bytes, dims)).toBe(expected);
      expect(await failure(bytes, dims && { dims })).toBe(expected);
    });
  }

  test('packed bytes given to parseIdx', () => {
    expect(parseFailure(gzipSync(labels))).toBe(
      'FileFormatError: idx: FILE: byte 0: expected IDX (00 00), got gzip (1f 8b); inflate it first, or let readIdx do so',
    );
  });

  test('any change to the header, and any cut, is an error or other dimensions', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 1, max: 255 }), (at, by) => {
        parseFailure(damaged(images, at, ((images[at] as number) + by) % 256), [2, 2, 3]);
      }),
    );
    for (let length = 0; length < images.length; length++) parseFailure(images.subarray(0, length));
  });
});

describe('packed files', () => {
  test('cut off', async () => {
    const noise = Uint8Array.from({ length: 20_000 }, (_, i) => (i * i * 31) % 253);
    const packed = gzipSync(encodeIdx([20_000], noise));
    expect(await failure(packed.subarray(0, packed.length - 500))).toBe(
      'FileFormatError: idx: FILE: expected gzip data that inflates, got "unexpected end of file"; ' +
        'the packed data ends too early: fetch the file again',
    );
  });

  test('corrupt', async () => {
    const packed = gzipSync(labels);
    expect(await failure(damaged(packed, packed.length - 6, 0x99))).toBe(
      'FileFormatError: idx: FILE: expected gzip data that inflates, got "incorrect data check"; ' +
        'the packed data is corrupt: fetch the file again',
    );
    expect(await failure(Uint8Array.of(0x1f, 0x8b, 0x55, 1, 2, 3))).toMatch(
      /^FileFormatError: idx: FILE: expected gzip data that inflates, got "unknown compression method"/,
    );
  });

  test('more data than the header promises', async () => {
    expect(await failure(gzipSync(Uint8Array.of(...labels, 9)))).toBe(
      'FileFormatError: idx: FILE: byte 12: expected the end, since the header promises [4], got more bytes; ' +
        'the file is oversized or its header is damaged',
    );
  });

  test('less data than the header promises', async () => {
    expect(await failure(gzipSync(labels.subarray(0, 10)))).toBe(
      'FileFormatError: idx: FILE: byte 10: expected 12 bytes for [4] unsigned bytes, got 10; ' +
        'the file is truncated: fetch it again',
    );
  });
});

describe('attacks', () => {
  const huge = encodeIdx([0xffffffff, 0xffffffff, 0xffffffff], []);

  test('dimensions of 2^32 - 1 each allocate nothing', async () => {
    const promise = '[4294967295, 4294967295, 4294967295]';
    expect(parseFailure(huge)).toContain(
      `for ${promise} unsigned bytes, got 16; the file is trunc`,
    );
    const limited = `expected at most 1073741824 bytes, got a header that promises ${promise} unsigned bytes; the header is damaged, fetch the file again, or, if you trust the file, pass limits: { maxBytes: Infinity }`;
    expect(await failure(huge)).toBe(`FileFormatError: idx: FILE: ${limited}`);
    expect(await failure(gzipSync(huge))).toBe(`FileFormatError: idx: FILE: ${limited}`);
  });

  test('255 dimensions', () => {
    const dims = Array.from({ length: 255 }, () => 0xffffffff);
    expect(parseFailure(encodeIdx(dims, []))).toContain('the file is truncated');
  });

  test('a header that promises more than gzip can hold', async () => {
    const packed = gzipSync(encodeIdx([1_000_000], []));
    expect(await failure(packed)).toBe(
      `FileFormatError: idx: FILE: expected 1000008 bytes, but ${packed.length} bytes of gzip can't hold more than ` +
        `${packed.length * 1032}; the file is damaged, fetch it again`,
    );
  });

  test('a small header before a long run of packed zeros inflates no further than the header says', async () => {
    const bomb = gzipSync(Buffer.concat([encodeIdx([10], []), Buffer.alloc(64 * MIB)]));
    const before = process.memoryUsage().arrayBuffers;
    expect(await failure(bomb)).toContain('byte 18: expected the end');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * MIB);
  });

  test('a file over maxBytes is not read', async () => {
    expect(await failure(new Uint8Array(101), { limits: { maxBytes: 100 } })).toBe(
      'FileFormatError: idx: FILE: expected at most 100 bytes, got 101; is it the right file? Then, if ' +
        'you trust the file, pass limits: { maxBytes: 101 }',
    );
  });

  test('a small file that rightly says how much it unpacks to is refused before it does', async () => {
    const size = 100 * MIB;
    const bytes = encodeIdx([size], []);
    const bomb = gzipSync(Buffer.concat([bytes, Buffer.alloc(size)]));
    const before = process.memoryUsage().arrayBuffers;
    expect(await failure(bomb)).toBe(
      'FileFormatError: idx: FILE: expected at most 200 bytes from one that is packed, got a header that ' +
        `promises ${size + 8} from ${bomb.length}; fetch the file again, or, if you trust the file, pass ` +
        `limits: { maxRatio: ${Math.ceil((size + 8) / bomb.length)} }`,
    );
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * MIB);
    const { dims } = await readIdx(await store(bomb), { limits: { maxRatio: 1032 } });
    expect(dims).toEqual([size]);
  });

  test('sizes whose product is infinite before it is 0 inflate nothing', async () => {
    const dims = [...Array.from({ length: 40 }, () => 0xffffffff), 0];
    const bomb = gzipSync(Buffer.concat([encodeIdx(dims, []), Buffer.alloc(64 * MIB)]));
    const before = process.memoryUsage().arrayBuffers;
    expect(await failure(bomb)).toContain('byte 168: expected the end');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * MIB);
    const empty = await readIdx(await store(encodeIdx(dims, [])));
    expect(empty.data).toHaveLength(0);
  });

  test('an unknown option or limit', async () => {
    const path = await store(labels);
    await expect(readIdx(path, JSON.parse('{ "maxBytes": 9 }'))).rejects.toThrow(
      "readIdx: unknown option 'maxBytes'; the options are dims, sha256, limits",
    );
    await expect(readIdx(path, { limits: JSON.parse('{ "maxTensors": 9 }') })).rejects.toThrow(
      "readIdx: limits: unknown option 'maxTensors'; the options are maxBytes, maxRatio",
    );
  });
});

describe('files', () => {
  const packed = new Uint8Array(gzipSync(labels));
  const broken = (): Promise<never> => Promise.reject(new Error('EIO: i/o error'));

  test.skipIf(process.platform === 'win32')('a pipe is refused, not waited for', async () => {
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    await expect(readIdx(path)).rejects.toThrow(
      new FileFormatError(`idx: ${path}: expected a file, got a folder, a pipe or a device`),
    );
  });

  test('missing', async () => {
    const path = join(folder, 'nothing');
    await expect(readIdx(path)).rejects.toThrow(
      `idx: ${path}: can't be read: ENOENT: no such file or directory`,
    );
  });

  test.each([
    ['stat', { stat: broken }],
    ['its first read', { read: broken }],
    [
      'its second read',
      { read: (_: number, length: number) => (length > 4096 ? broken() : Promise.resolve(packed)) },
    ],
  ])('one that fails at %s', async (_name, parts) => {
    const files = filesFor('test', '');
    const path = await store(Buffer.concat([packed, Buffer.alloc(5000)]));
    const opened = await files.open(path);
    const closed = vi.spyOn(opened, 'close');
    using open = vi.spyOn(files, 'open').mockResolvedValue({ ...opened, ...parts });
    await expect(readIdx(path)).rejects.toThrow(
      new FileFormatError(
        `idx: ${path}: can't be read: EIO: i/o error; see that the path is right and the file may be read`,
      ),
    );
    expect([open, closed].map(({ mock }) => mock.calls.length)).toEqual([1, 1]);
  });

  test('a folder', async () => {
    await expect(readIdx(folder)).rejects.toThrow(
      `idx: ${folder}: expected a file, got a folder, a pipe or a device`,
    );
  });

  test('another SHA-256', async () => {
    const expected = 'a'.repeat(64);
    expect(await failure(labels, { sha256: expected })).toMatch(
      new RegExp(
        `^FileFormatError: idx: FILE: expected SHA-256 ${expected}, got [0-9a-f]{64} over 12 bytes; ` +
          'the file is damaged or not the published one: fetch it again$',
      ),
    );
  });
});
