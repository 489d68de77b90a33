import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { ConfigError, FileFormatError, tensor, type Tensor } from '@unfold/core';
import { Linear } from '@unfold/nn';
import {
  decodeNpz,
  decodeSafetensors,
  encodeNpz,
  encodeSafetensors,
  loadCheckpoint,
  loadWeights,
  saveCheckpoint,
  saveWeights,
} from '@unfold/io';
import crc32Package from 'crc-32';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { crc32Of } from '../../packages/io/src/crc32.js';
import { failure } from '../support/failure.js';
import { contents, fixtureBytes, safetensorsOf } from '../support/files/weights.js';

let folder = '';
let files = 0;
const newFile = (ending = 'safetensors'): string => join(folder, `${files++}.${ending}`);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unfold-checksums-'));
});
afterAll(() => rm(folder, { recursive: true }));

const MEND =
  'the file is damaged: save or download it again; if another program edited it and kept the ' +
  'checksums, read it with { verify: false } and save it again';

/** Tensors and texts whose names need care. */
const STATE = new Map<string, Tensor>([
  ['b.weight', tensor([[1.5, -2, 0.1]])],
  ['a "b"\n', tensor(new Uint8Array([0, 255, 7]))],
  ['__proto__', tensor(new Int32Array([3]))],
  ['empty', tensor(new Float64Array(0))],
]);
const TEXTS = { note: 'µ = 0.1307\n', mean: '0.1307', '7': 'seven' };

/** The header as others read it. */
function headerOf(bytes: Uint8Array): Record<string, Record<string, unknown>> {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  return JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
}

/** The file with other things in its header, and the same data. */
function withHeader(
  bytes: Uint8Array,
  edit: (header: Record<string, Record<string, unknown>>) => void,
): Uint8Array {
  const header = headerOf(bytes);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  edit(header);
  return safetensorsOf(JSON.stringify(header), bytes.subarray(8 + length));
}

it('every tensor, and the metadata, has its CRC-32 in a text of the metadata', () => {
  const metadata = headerOf(encodeSafetensors(STATE, TEXTS))['__metadata__'] ?? {};
  const hex = (bytes: Uint8Array | string): string => crc32(bytes).toString(16).padStart(8, '0');
  expect(metadata).toEqual({
    ...TEXTS,
    'unfold.crc32': [
      `${hex('[["7","seven"],["mean","0.1307"],["note","µ = 0.1307\\n"]]')} "__metadata__"`,
      `${hex(new Uint8Array(Float32Array.of(1.5, -2, 0.1).buffer))} "b.weight"`,
      `${hex(Uint8Array.of(0, 255, 7))} "a \\"b\\"\\n"`,
      `${hex(Uint8Array.of(3, 0, 0, 0))} "__proto__"`,
      `00000000 "empty"`,
    ].join('\n'),
  });
  // Nothing needs no checksum.
  expect(headerOf(encodeSafetensors(new Map()))).toEqual({});
});

it('Node’s own CRC-32 and that for pages agree, over memory that is shared too', () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => (i * i * 31) % 251);
  const shared = new Uint8Array(new SharedArrayBuffer(1003), 3);
  shared.set(bytes);
  for (const given of [bytes, shared, bytes.subarray(7, 8), bytes.subarray(5, 5)]) {
    expect(crc32Of(given, crc32Package.buf)).toBe(crc32Of(given));
  }
  expect(crc32Of(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
});

it('a text may not have their name', () => {
  expect(() => encodeSafetensors(STATE, { 'unfold.crc32': '' })).toThrow(
    new ConfigError('encodeSafetensors: unfold.crc32 is no name for metadata; rename it'),
  );
});

describe('a bit that flipped', () => {
  it('anywhere in a safetensors file is noticed', () => {
    const whole = encodeSafetensors(STATE, TEXTS);
    const expected = contents(STATE);
    const key = Buffer.from(whole).indexOf('unfold.crc32');
    for (let bit = 0; bit < 8 * whole.length; bit++) {
      const bytes = Uint8Array.from(whole);
      const at = bit >> 3;
      bytes[at] = (bytes[at] as number) ^ (1 << (bit & 7));
      try {
        const { state, metadata } = decodeSafetensors(bytes);
        // Without the key that is theirs there are none; what is read is right all the same.
        expect(at).toBeGreaterThanOrEqual(key);
        expect(at).toBeLessThan(key + 'unfold.crc32'.length);
        expect(contents(state)).toEqual(expected);
        expect(metadata).toMatchObject(TEXTS);
      } catch (error) {
        if (!(error instanceof FileFormatError)) throw error;
      }
    }
  });

  it('anywhere in the arrays of a npz file is noticed, by the checksums of zip', () => {
    const state = new Map([['a', tensor([1.5, -2, 0.1])]]);
    const whole = encodeNpz(state);
    const data = Buffer.from(whole).indexOf('NUMPY') - 1;
    const end = Buffer.from(whole).indexOf('PK\x01\x02');
    for (let bit = 8 * data; bit < 8 * end; bit++) {
      const bytes = Uint8Array.from(whole);
      const at = bit >> 3;
      bytes[at] = (bytes[at] as number) ^ (1 << (bit & 7));
      expect(() => decodeNpz(bytes), `bit ${bit}`).toThrow(FileFormatError);
    }
  });

  it('in a tensor names it, and changes no model', async () => {
    const file = newFile();
    const model = new Linear(3, 2);
    await saveWeights(model, file);
    const bytes = await readFile(file);
    bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
    await writeFile(file, bytes);
    const other = new Linear(3, 2);
    const before = contents(other.stateDict());
    const error = await failure(() => loadWeights(other, file));
    expect(error).toBeInstanceOf(FileFormatError);
    const wrong = crc32(bytes.subarray(-8)).toString(16).padStart(8, '0');
    const right = crc32(new Uint8Array(Float32Array.from(model.bias?.data ?? []).buffer));
    expect(error.message).toBe(
      `${file}: tensor 'bias' has the checksum ${wrong}, expected ` +
        `${right.toString(16).padStart(8, '0')}; ${MEND}`,
    );
    expect(contents(other.stateDict())).toEqual(before);
    await expect(loadCheckpoint(file)).rejects.toThrow(FileFormatError);
  });
});

describe('a file that another program', () => {
  it('wrote has none, and no complaint', () => {
    const bytes = fixtureBytes('lenet.safetensors');
    expect(JSON.stringify(headerOf(bytes))).not.toContain('unfold.crc32');
    expect(decodeSafetensors(bytes).state.size).toBe(6);
  });

  it('wrote in another order is whole', () => {
    const bytes = withHeader(encodeSafetensors(STATE, TEXTS), (header) => {
      for (const table of [header, header['__metadata__'] ?? {}]) {
        for (const [name, value] of Object.entries(table).reverse()) {
          delete table[name];
          Object.defineProperty(table, name, { value, enumerable: true, configurable: true });
        }
      }
    });
    expect(decodeSafetensors(bytes).metadata).toEqual(TEXTS);
  });

  it.each<[string, (header: Record<string, Record<string, unknown>>) => void, string]>([
    [
      'gave another text',
      (header) => (header['__metadata__'] = { ...header['__metadata__'], mean: '0.1367' }),
      'its metadata has the checksum',
    ],
    [
      'gave a text more',
      (header) => (header['__metadata__'] = { ...header['__metadata__'], more: 'x' }),
      'its metadata has the checksum',
    ],
    [
      'gave a tensor another name',
      (header) => {
        header['c'] = header['b.weight'] ?? {};
        delete header['b.weight'];
      },
      `tensor 'c' has no checksum, others have; ${MEND}`,
    ],
    [
      'took a tensor out of',
      (header) => {
        delete header['empty'];
      },
      `there is a checksum of tensor 'empty', and no tensor; ${MEND}`,
    ],
    [
      'broke the list of',
      (header) => (header['__metadata__'] = { ...header['__metadata__'], 'unfold.crc32': '0' }),
      `unfold.crc32 in its metadata is no list of checksums; ${MEND}`,
    ],
  ])('%s is refused, and read where it need not be verified', async (_, edit, message) => {
    const bytes = withHeader(encodeSafetensors(STATE, TEXTS), edit);
    const error = await failure(() => decodeSafetensors(bytes, { name: 'w' }));
    expect(error).toBeInstanceOf(FileFormatError);
    expect(error.message.startsWith(`w: ${message}`)).toBe(true);
    expect(error.message.endsWith(MEND)).toBe(true);
    const read = decodeSafetensors(bytes, { verify: false });
    expect(Object.keys(read.metadata)).not.toContain('unfold.crc32');
  });

  it('edited is read unverified, and whole again when it is saved', async () => {
    const file = newFile();
    const model = new Linear(2, 1);
    await saveWeights(model, file, { metadata: { mean: '0.5' } });
    const bytes = await readFile(file);
    bytes.writeFloatLE(9, bytes.length - 4);
    await writeFile(file, bytes);
    await expect(loadWeights(model, file)).rejects.toThrow(FileFormatError);
    await loadWeights(model, file, { verify: false });
    expect(model.bias?.toArray()).toEqual([9]);
    await saveCheckpoint(file, await loadCheckpoint(file, { verify: false }));
    expect((await loadCheckpoint(file)).metadata).toEqual({ mean: '0.5' });
    await loadWeights(model, file);
  });
});
