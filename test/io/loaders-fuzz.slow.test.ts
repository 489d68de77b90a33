import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import { sizeOf, type Tensor } from '@unfold/core';
import { Linear } from '@unfold/nn';
import {
  decodeNpy,
  decodeNpz,
  decodeSafetensors,
  encodeSafetensors,
  loadCheckpoint,
  loadWeights,
  parseIdx,
  readIdx,
  readPng,
} from '@unfold/io';
import { LeNet, loadRun, loadTrainedModel } from '@unfold/train';
import { loadTfjsLayersModel } from '@unfold/tfjs';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  damage,
  fuzz,
  type Give,
  jsonChange,
  oddJson,
  oddNumber,
  type Outcome,
  seldom,
  TIMEOUT,
  type Json,
} from '../support/files/fuzz.js';
import { chunk, pngOfChunks } from '../support/files/png.js';
import { FIXTURE } from '../support/tfjs/fixture.js';
import { contents } from '../support/files/weights.js';
import { zipOf, type ZipFields, type ZipPart } from '../support/files/zip.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unfold-loaders-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Of each loader: inputs that are all refused, or all read, never come deep. */
function expectBoth(outcomes: ReadonlyMap<string, Outcome>): void {
  for (const [loader, { read, refused }] of outcomes) {
    const text = `${loader}: ${read} of ${read + refused} read`;
    expect(Math.min(read, refused), text).toBeGreaterThan((read + refused) / 50);
  }
}

const bytesOf = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
const small = fc.integer({ min: 0, max: 5 });
const size = seldom(small, oddNumber, 30);

/** What is checked of tensors, whatever their numbers. */
function expectWhole(state: ReadonlyMap<string, Tensor>): void {
  for (const [name, { shape, data, dtype }] of state) {
    expect(data.length, name).toBe(sizeOf(shape));
    if (dtype === 'bool') expect(data.every((value) => value === 0 || value === 1)).toBe(true);
  }
}

/** Reads a file into a model, which changes only on success. What can be read need not fit it. */
async function loadIntoModel(file: string): Promise<void> {
  const model = new Linear(3, 2);
  const before = contents(model.stateDict());
  try {
    await loadWeights(model, file);
  } catch (error) {
    expect(contents(model.stateDict())).toEqual(before);
    throw error;
  }
}

/** Gives a file to all that read runs, or a part of one. */
async function giveRun(file: string, give: Give): Promise<void> {
  await give('loadCheckpoint', async () => expectWhole((await loadCheckpoint(file)).state));
  await give('loadRun', async () => {
    const run = await loadRun(file);
    expect(typeof run?.state.json).toBe('object');
  });
  await give('loadTrainedModel', async () => {
    const { model } = await loadTrainedModel(file);
    expectWhole(model.stateDict());
    model.dispose();
  });
}

it('readPng', { timeout: TIMEOUT }, async () => {
  const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
  const header = fc.record({
    width: seldom(fc.integer({ min: 1, max: 9 }), oddNumber, 40),
    height: seldom(fc.integer({ min: 1, max: 9 }), oddNumber, 40),
    kind: seldom(
      fc.constantFrom(
        ...[1, 2, 4, 8, 16].map((depth) => [depth, 0]),
        ...[2, 4, 6].flatMap((colour) => [8, 16].map((depth) => [depth, colour])),
        ...[1, 2, 4, 8].map((depth) => [depth, 3]),
      ),
      fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 7 })),
      40,
    ),
    zeros: seldom(fc.constant<[number, number]>([0, 0]), fc.tuple(small, small), 40),
    interlace: fc.constantFrom(0, 0, 1),
  });
  const pixels = fc.record({
    filter: seldom(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 255 }), 40),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 30 }),
    // Most palettes have a few colours only.
    mask: fc.constantFrom(0, 1, 3, 255),
    more: seldom(fc.constant(0), fc.integer({ min: -8, max: 40 }), 30),
    cuts: fc.array(fc.nat(40), { maxLength: 4 }),
  });
  const type = fc.constantFrom(
    'PLTE',
    'tRNS',
    'gAMA',
    'sBIT',
    'iCCP',
    'tEXt',
    'IHDR',
    'IDAT',
    'ABCD',
  );
  const other = fc.tuple(
    seldom(fc.constantFrom('PLTE', 'tRNS', 'gAMA'), type, 4),
    fc.oneof(fc.constantFrom(1, 2, 6, 12, 48).chain(bytesOf), fc.uint8Array({ maxLength: 20 })),
    fc.nat(6),
  );
  const inputs = fc.record({
    header,
    pixels,
    others: fc.array(other, { maxLength: 3 }),
    palette: fc.integer({ min: 1, max: 256 }),
    header2: seldom(fc.constant(null), header, 40),
    packed: damage,
    damage,
  });

  type Header = typeof header extends fc.Arbitrary<infer T> ? T : never;
  const headerChunk = ({ width, height, kind, zeros, interlace }: Header): Buffer => {
    const data = Buffer.alloc(13);
    data.writeUInt32BE(width);
    data.writeUInt32BE(height, 4);
    data.set([...kind, ...zeros, interlace], 8);
    return chunk('IHDR', data);
  };
  /** As many bytes as the header needs, if they are few. */
  const rowsOf = ({
    width,
    height,
    kind: [depth = 0, colour = 0],
    interlace,
  }: Header): number[] => {
    // A side may be 0, and the other any.
    if (Math.max(width, height, width * height) > 1000) return [1];
    const bytes = (w: number): number => Math.ceil((w * depth * (SAMPLES[colour] ?? 1)) / 8);
    if (interlace !== 1) return new Array<number>(height).fill(bytes(width));
    const passes = [
      [0, 0, 8, 8],
      [4, 0, 8, 8],
      [0, 4, 4, 8],
      [2, 0, 4, 4],
      [0, 2, 2, 4],
      [1, 0, 2, 2],
      [0, 1, 1, 2],
    ] as const;
    return passes.flatMap(([x, y, dx, dy]) => {
      const [w, h] = [Math.ceil((width - x) / dx), Math.ceil((height - y) / dy)];
      return w > 0 && h > 0 ? new Array<number>(h).fill(bytes(w)) : [];
    });
  };

  expectBoth(
    await fuzz(
      inputs,
      async ({ header, pixels, others, palette, header2, packed, damage }, give) => {
        const rows = rowsOf(header).flatMap((bytes) => [
          pixels.filter,
          ...Array.from(
            { length: bytes },
            (_, i) => Number(pixels.bytes[i % pixels.bytes.length]) & pixels.mask,
          ),
        ]);
        const { more } = pixels;
        const raw = more < 0 ? rows.slice(0, more) : [...rows, ...new Array<number>(more).fill(0)];
        const data = packed(deflateSync(Buffer.from(raw)));
        const cuts = [0, ...pixels.cuts.map((at) => at % (data.length + 1)), data.length].sort(
          (a, b) => a - b,
        );
        const chunks: Uint8Array[] = [headerChunk(header)];
        if (header.kind[1] === 3) chunks.push(chunk('PLTE', Buffer.alloc(3 * palette, 77)));
        for (let i = 1; i < cuts.length; i++) {
          chunks.push(chunk('IDAT', data.subarray(cuts[i - 1], cuts[i])));
        }
        for (const [type, data, at] of others) chunks.splice(1 + at, 0, chunk(type, data));
        if (header2) chunks.splice(others.length, 0, headerChunk(header2));
        await give('readPng', () => {
          const picture = readPng(damage(pngOfChunks(...chunks)));
          expect(picture.grey).toHaveLength(picture.width * picture.height);
          for (const values of [picture.grey, picture.alpha ?? []]) {
            expect(values.every((value) => value >= 0 && value <= 1)).toBe(true);
          }
        });
      },
    ),
  );
});

it('readIdx', { timeout: TIMEOUT }, async () => {
  const inputs = fc.record({
    zeros: seldom(fc.constant(0), oddNumber, 40),
    code: seldom(fc.constantFrom(0x08, 0x0c, 0x0d, 0x0e), fc.nat(255), 20),
    dims: seldom(
      fc.array(size, { minLength: 1, maxLength: 4 }),
      fc.array(size, { maxLength: 255 }),
    ),
    count: seldom(fc.constant(null), fc.nat(255), 20),
    more: seldom(fc.constant(0), fc.integer({ min: -9, max: 9 }), 8),
    packed: fc.boolean(),
    // A gzip file may have several members.
    cut: seldom(fc.constant(null), fc.nat(30), 6),
    inner: damage,
    outer: damage,
  });
  const BYTES: Readonly<Record<number, number>> = { 0x08: 1, 0x0c: 4, 0x0d: 4, 0x0e: 8 };
  const file = join(folder, 'idx');
  expectBoth(
    await fuzz(inputs, async (input, give) => {
      const { zeros, code, dims, count, more, packed, cut, inner, outer } = input;
      const header = Buffer.alloc(4 + 4 * dims.length);
      header.writeUInt16BE(zeros & 0xffff);
      header.set([code, count ?? dims.length], 2);
      dims.forEach((dim, axis) => header.writeUInt32BE(dim, 4 + 4 * axis));
      const elements = dims.reduce((a, b) => a * b, BYTES[code] ?? 1);
      const length = Math.max(0, (elements < 20_000 ? elements : 0) + more);
      const plain = inner(Buffer.concat([header, Buffer.alloc(length, 7)]));
      const parts = cut === null ? [plain] : [plain.subarray(0, cut), plain.subarray(cut)];
      const bytes = packed ? Buffer.concat(parts.map((part) => gzipSync(part))) : plain;
      await writeFile(file, outer(bytes));
      await give('readIdx', async () => {
        const read = await readIdx(file);
        expect(read.data).toHaveLength(sizeOf(read.dims));
      });
      await give('parseIdx', () => {
        const read = parseIdx(plain, { name: 'fuzz' });
        expect(read.data).toHaveLength(sizeOf(read.dims));
      });
    }),
  );
});

/** A tensor in the header of safetensors, without its place. */
interface Entry {
  readonly name: string;
  readonly dtype: Json;
  readonly shape: Json;
}

it('safetensors', { timeout: TIMEOUT }, async () => {
  const BYTES = new Map(
    Object.entries({ F32: 4, F64: 8, F16: 2, BF16: 2, I32: 4, I64: 8, U8: 1, BOOL: 1 }),
  );
  const entry: fc.Arbitrary<Entry> = fc.record({
    name: fc.oneof(fc.constantFrom('a', 'b.c', '__proto__', '__metadata__', ''), fc.string()),
    dtype: seldom(fc.constantFrom(...BYTES.keys()), oddJson, 60),
    shape: seldom(fc.array(small, { maxLength: 3 }), oddJson, 60),
  });
  const weights = [
    { name: 'weight', dtype: 'F32', shape: [2, 3] },
    { name: 'bias', dtype: 'F32', shape: [2] },
  ];
  const inputs = fc.record({
    entries: fc.oneof(fc.constant<Entry[]>(weights), fc.array(entry, { maxLength: 5 })),
    metadata: seldom(fc.constant(null), fc.dictionary(fc.string(), fc.string()), 3),
    change: fc.oneof(
      fc.constant((json: Json) => json),
      jsonChange,
    ),
    text: damage,
    more: seldom(fc.constant(0), fc.integer({ min: -9, max: 9 }), 30),
    length: seldom(fc.constant(null), oddNumber, 60),
    damage,
  });
  const file = join(folder, 'fuzz.safetensors');
  const outcomes = new Map(
    await fuzz(inputs, async (input, give) => {
      const { entries, metadata, change, text, more, length, damage } = input;
      const header: { [key: string]: Json } = {};
      if (metadata) header['__metadata__'] = { ...metadata };
      let end = 0;
      for (const { name, dtype, shape } of entries) {
        const dims = Array.isArray(shape) ? shape.map(Number) : [];
        const start = end;
        end += dims.reduce((a, b) => a * b, BYTES.get(String(dtype)) ?? 1);
        const value = { dtype, shape, data_offsets: [start, end] };
        Object.defineProperty(header, name, { value, enumerable: true, configurable: true });
      }
      const json = text(Buffer.from(JSON.stringify(change(header))));
      const start = Buffer.alloc(8);
      start.writeBigUInt64LE(BigInt(length ?? json.length));
      const data = Buffer.alloc(Math.max(0, Math.min(1e5, end || 0) + more), 1);
      const bytes = damage(Buffer.concat([start, json, data]));
      await writeFile(file, bytes);
      await give('loadWeights', () => loadIntoModel(file));
      await give('decodeSafetensors', () => expectWhole(decodeSafetensors(bytes).state));
      await giveRun(file, give);
    }),
  );
  // None of these files is a run's.
  for (const loader of ['loadRun', 'loadTrainedModel']) {
    expect(outcomes.get(loader)?.read, loader).toBe(0);
    outcomes.delete(loader);
  }
  expectBoth(outcomes);
});

/** An array of an .npz, and what its header says. */
interface Npy {
  readonly name: string;
  readonly descr: string;
  readonly shape: readonly number[];
  readonly version: number;
  readonly fortran: string;
  /** Bytes of the numbers beside those that the shape needs. */
  readonly more: number;
  /** What the header says is its length; null: what it is. */
  readonly length: number | null;
}

it('npz', { timeout: TIMEOUT }, async () => {
  const BYTES: Readonly<Record<string, number>> = {
    ...{ '<f4': 4, '<f8': 8, '<f2': 2, '<i4': 4, '<i8': 8, '|u1': 1, '|b1': 1 },
  };
  const plain = { version: 1, fortran: 'False', more: 0, length: null };
  const array: fc.Arbitrary<Npy> = fc.record({
    name: fc.constantFrom('a', 'b.c', '__proto__', 'folder/', 'x/y', ''),
    descr: seldom(
      fc.constantFrom(...Object.keys(BYTES)),
      fc.constantFrom('>f4', '|O', '<f', ''),
      40,
    ),
    shape: fc.array(seldom(small, oddNumber, 60), { maxLength: 3 }),
    version: seldom(fc.constantFrom(1, 2, 3), fc.nat(255), 40),
    fortran: seldom(fc.constantFrom('True', 'False'), fc.string({ maxLength: 4 }), 60),
    more: seldom(fc.constant(0), fc.integer({ min: -9, max: 9 }), 40),
    length: seldom(fc.constant(null), oddNumber, 60),
  });
  const weights = [
    { ...plain, name: 'weight', descr: '<f4', shape: [2, 3] },
    { ...plain, name: 'bias', descr: '<f4', shape: [2] },
  ];
  const fields: fc.Arbitrary<ZipFields> = fc.record(
    {
      name: fc.constantFrom('a.npy', 'b.npy', 'x', '', 'README'),
      flags: fc.constantFrom(1, 8, 0x800),
      method: fc.constantFrom(0, 8, 1, 12, 99),
      crc: oddNumber,
      packedSize: oddNumber,
      size: oddNumber,
      offset: oddNumber,
      extra: fc.uint8Array({ maxLength: 8 }),
    },
    { requiredKeys: [] },
  );
  const part = fc.record({
    deflate: fc.boolean(),
    content: damage,
    packed: seldom(fc.constant(null), damage, 20),
    fields: seldom(fc.constant({}), fields, 40),
    local: seldom(fc.constant({}), fields, 40),
  });
  const end = fc.record(
    { count: oddNumber.map((n) => n & 0xffff), directoryBytes: oddNumber, directory: oddNumber },
    { requiredKeys: [] },
  );
  const inputs = fc.record({
    arrays: fc.oneof(fc.constant<Npy[]>(weights), fc.array(array, { maxLength: 4 })),
    parts: fc.array(part, { minLength: 5, maxLength: 5 }),
    end: seldom(fc.constant({}), end, 30),
    damage,
  });
  const npyOf = ({ descr, shape, version, fortran, more, length }: Npy): Uint8Array => {
    const tuple = `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`;
    const text = `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${tuple}, }`;
    const wide = version === 1 ? 2 : 4;
    const header = Buffer.alloc(8 + wide + text.length + 1, ' ');
    header.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]);
    const promised = length ?? text.length + 1;
    if (wide === 2) header.writeUInt16LE(promised & 0xffff, 8);
    else header.writeUInt32LE(promised, 8);
    header.write(`${text}\n`, 8 + wide);
    const bytes = shape.reduce((a, b) => a * b, BYTES[descr] ?? 1);
    return Buffer.concat([header, Buffer.alloc(Math.max(0, (bytes < 1e5 ? bytes : 9) + more), 1)]);
  };
  const file = join(folder, 'fuzz.npz');
  expectBoth(
    await fuzz(inputs, async ({ arrays, parts, end, damage }, give) => {
      const made = arrays.flatMap((each, i): ZipPart[] => {
        const own = parts[i];
        if (!own) return [];
        const content = own.content(npyOf(each));
        const { deflate, fields, local } = own;
        const packed = own.packed && { packed: own.packed(deflateSync(content).subarray(2, -4)) };
        return [{ name: `${each.name}.npy`, content, deflate, fields, local, ...packed }];
      });
      const bytes = damage(zipOf(made, end));
      await writeFile(file, bytes);
      await give('loadWeights', () => loadIntoModel(file));
      await give('decodeNpz', () => expectWhole(decodeNpz(bytes)));
      for (const { content } of made) {
        await give('decodeNpy', () => expectWhole(new Map([['array', decodeNpy(content)]])));
      }
    }),
  );
});

it('loadTfjsLayersModel', { timeout: TIMEOUT }, async () => {
  const models = join(folder, 'models');
  await cp(FIXTURE, models, { recursive: true });
  const whole = JSON.parse(await readFile(join(FIXTURE, 'model.json'), 'utf8')) as Json;
  const shard = await readFile(join(FIXTURE, 'group1-shard2of3.bin'));
  const inputs = fc.record({ change: jsonChange, text: damage, shard: damage });
  expectBoth(
    await fuzz(inputs, async ({ change, text, shard: damaged }, give) => {
      const file = join(models, 'model.json');
      await writeFile(file, text(Buffer.from(JSON.stringify(change(whole)))));
      await writeFile(join(models, 'group1-shard2of3.bin'), damaged(shard));
      await give('loadTfjsLayersModel', async () => {
        const model = await loadTfjsLayersModel(file);
        try {
          expectWhole(model.stateDict());
          for (const shape of [model.inputShape, model.outputShape]) {
            expect(shape.every((n) => n === null || Number.isSafeInteger(n))).toBe(true);
          }
        } finally {
          model.dispose();
        }
      });
    }),
  );
});

it('loadCheckpoint, loadRun and loadTrainedModel', { timeout: TIMEOUT }, async () => {
  const normalization: Json = { mean: [0.1307], std: [0.3081] };
  const state: Json = { version: 1, position: { epoch: 1, batch: 3, step: 3 }, history: [] };
  const metadata: { [key: string]: Json } = {
    ...{ model: 'lenet', weightsPrefix: '', format: 'unfold-checkpoint-2', engine: '{}' },
  };
  const lenet = new LeNet();
  const whole = encodeSafetensors(lenet.stateDict(), { note: 'x' });
  const headerBytes = Number(Buffer.from(whole).readBigUInt64LE());
  const header = JSON.parse(Buffer.from(whole.subarray(8, 8 + headerBytes)).toString()) as {
    [key: string]: Json;
  };
  const data = whole.subarray(8 + headerBytes);
  const perhaps = fc.oneof(
    fc.constant((json: Json) => json),
    jsonChange,
  );
  const inputs = fc.record({
    change: perhaps,
    about: perhaps,
    normalization: perhaps,
    state: perhaps,
    text: damage,
    data: damage,
  });
  const file = join(folder, 'run.safetensors');
  const outcomes = await fuzz(inputs, async (input, give) => {
    const texts = { normalization: input.normalization(normalization), state: input.state(state) };
    const about = input.about({
      ...metadata,
      normalization: JSON.stringify(texts.normalization),
      state: JSON.stringify(texts.state),
    });
    const json = input.text(
      Buffer.from(JSON.stringify(input.change({ ...header, __metadata__: about }))),
    );
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(json.length));
    await writeFile(file, Buffer.concat([length, json, input.data(data)]));
    await giveRun(file, give);
  });
  lenet.dispose();
  expectBoth(outcomes);
});
