import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { ConfigError, FileFormatError, tensor } from '@unfold/core';
import { Linear } from '@unfold/nn';
import {
  decodeNpy,
  decodeNpz,
  decodeSafetensors,
  encodeNpy,
  encodeSafetensors,
  loadCheckpoint,
  loadWeights,
} from '@unfold/io';
import { decodeModel, loadModel, loadRun, loadTrainedModel } from '@unfold/train';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failure } from '../support/failure.js';
import { safetensorsOf } from '../support/files/weights.js';
import { zipOf } from '../support/files/zip.js';

const MIB = 2 ** 20;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unfold-limits-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** The error's message, and how much memory for bytes is held beyond what was before. */
async function refusal(run: () => unknown): Promise<string> {
  const before = process.memoryUsage().arrayBuffers;
  const error = await failure(run);
  expect(error).toBeInstanceOf(FileFormatError);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(80 * MIB);
  return error.message;
}

/** Options that a plain JavaScript program passes. */
const given = (json: string): object => JSON.parse(json) as object;

describe('safetensors', () => {
  const entries = (count: number): string =>
    Array.from(
      { length: count },
      (_, i) => `"${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`,
    ).join(',');

  it('a header of 50 MB of brackets is refused by its length', async () => {
    const bytes = safetensorsOf(`{"a":[${'[],'.repeat(16 * MIB)}[]]}`);
    expect(await refusal(() => decodeSafetensors(bytes))).toBe(
      'safetensors: its header has 50331658 bytes, expected at most 33554432; if you trust the file, ' +
        'pass limits: { maxHeaderBytes: 50331658 }',
    );
  });

  it.each(['[],', '{},', '{"a":0},'])(
    'a header within the limit that is full of %s is refused before it is parsed',
    async (piece) => {
      const bytes = safetensorsOf(`{"a":[${piece.repeat(2 * MIB)}[]]}`);
      expect(await refusal(() => decodeSafetensors(bytes))).toContain(
        'it has more than 1010000 objects, lists and keys',
      );
    },
  );

  it('900,000 empty tensors are refused before they are parsed', async () => {
    const limits = { maxHeaderBytes: 60 * MIB };
    const bytes = safetensorsOf(`{${entries(900_000)}}`);
    expect(await refusal(() => decodeSafetensors(bytes, { limits }))).toBe(
      'safetensors: it has more than 100000 tensors; if you trust the file, pass limits: ' +
        '{ maxTensors: 200000 }',
    );
  });

  it('as many tensors as the limit says are read, with metadata beside them', async () => {
    const limits = { maxTensors: 3 };
    const read = (text: string) => decodeSafetensors(safetensorsOf(text), { limits });
    expect(read(`{"__metadata__":{"a":"b"},${entries(3)}}`).state.size).toBe(3);
    for (const text of [`{${entries(4)}}`, `{"__metadata__":{},${entries(4)}}`]) {
      expect(await refusal(() => read(text))).toContain('more than 3 tensors');
    }
  });

  it('more bytes than maxBytes are refused by the header', async () => {
    const bytes = encodeSafetensors(new Map([['a', tensor([1, 2, 3])]]));
    expect(await refusal(() => decodeSafetensors(bytes, { limits: { maxBytes: 11 } }))).toBe(
      'safetensors: its tensors take 12 bytes, expected at most 11; if you trust the file, pass ' +
        'limits: { maxBytes: 12 }',
    );
    expect(decodeSafetensors(bytes, { limits: { maxBytes: 12 } }).state.size).toBe(1);
  });
});

describe('npz', () => {
  const small = encodeNpy(tensor([1, 2, 3, 4]));
  const zeros = new Uint8Array(64 * MIB);

  it('an entry that unpacks to more than it declares is refused on the way', async () => {
    // The checksum is that of the declared part.
    const packed = deflateRawSync(Buffer.concat([small, zeros]), { level: 9 });
    const bytes = zipOf([{ name: 'a.npy', content: small, deflate: true, packed }]);
    expect(await refusal(() => decodeNpz(bytes))).toBe(
      "npz: entry 'a.npy' is damaged: its checksum is wrong; save or download it again",
    );
  });

  it.each([0, 1, 1000, 2 ** 20])(
    'so is one that is small, and unpacks to a byte less or %i more',
    async (more) => {
      for (const content of [
        Buffer.concat([small, zeros.subarray(0, more + 1)]),
        small.subarray(0, -1),
      ]) {
        for (const level of [0, 9]) {
          const packed = deflateRawSync(content, { level });
          const part = { name: 'a.npy', content: small, deflate: true, packed };
          expect(await refusal(() => decodeNpz(zipOf([part])))).toBe(
            "npz: entry 'a.npy' is damaged: its checksum is wrong; save or download it again",
          );
        }
      }
    },
  );

  it('bytes behind the end of a stream are refused, however many', async () => {
    const packed = Buffer.concat([deflateRawSync(small), zeros]);
    const bytes = zipOf([{ name: 'a.npy', content: small, deflate: true, packed }]);
    expect(await refusal(() => decodeNpz(bytes))).toContain("entry 'a.npy' is damaged");
  });

  it('a million blocks of nothing are refused', async () => {
    // Stored blocks of no bytes, none of them the last.
    const packed = Buffer.alloc(5 * MIB, Buffer.from([0, 0, 0, 255, 255]));
    const bytes = zipOf([{ name: 'a.npy', content: small, deflate: true, packed }]);
    expect(await refusal(() => decodeNpz(bytes))).toContain("entry 'a.npy' is damaged");
  });

  /** An array of 200 MiB that needs some 200 KB, all of it as declared. */
  const dense = (): Uint8Array => {
    const header = Buffer.alloc(128, ' ');
    header.set(small.subarray(0, 10));
    header.writeUInt16LE(118, 8);
    header.write(`{'descr': '|u1', 'fortran_order': False, 'shape': (${200 * MIB},), }`, 10);
    header.write('\n', 127);
    const content = Buffer.concat([header, Buffer.alloc(200 * MIB)]);
    return zipOf([{ name: 'a.npy', content, deflate: true }]);
  };

  it('a small archive that rightly says how much it unpacks to is refused before it does', async () => {
    const bytes = dense();
    const ratio = (200 * MIB + 128) / bytes.length;
    expect(await refusal(() => decodeNpz(bytes))).toBe(
      `npz: its ${bytes.length} bytes unpack to ${200 * MIB + 128}, expected at most 200 from one; save ` +
        'it by numpy.savez, which packs nothing, or, if you trust the file, pass limits: ' +
        `{ maxRatio: ${Math.ceil(ratio)} }`,
    );
  });

  it('what its limits say is refused by the directory', async () => {
    const part = (name: string) => ({ name, content: small });
    const bytes = zipOf([part('a.npy'), part('b.npy')]);
    const read = (limits: object) => () => decodeNpz(bytes, { limits });
    expect(await refusal(read({ maxTensors: 1 }))).toBe(
      'npz: it has 2 entries, expected at most 1; if you trust the file, pass limits: { maxTensors: 2 }',
    );
    expect(await refusal(read({ maxBytes: 287 }))).toBe(
      'npz: its entries unpack to 288 bytes, expected at most 287; use .safetensors, or, if you trust ' +
        'the file, pass limits: { maxBytes: 288 }',
    );
    expect(await refusal(read({ maxHeaderBytes: 117 }))).toContain('header claims 118 bytes');
    expect(read({ maxTensors: 2, maxBytes: 288, maxHeaderBytes: 118 })().size).toBe(2);
  });

  it('maxBytes holds for a single array, too', async () => {
    const read = (maxBytes: number) => decodeNpy(small, { limits: { maxBytes } });
    expect(await refusal(() => read(143))).toBe(
      'npy: it has 144 bytes, expected at most 143; if you trust the file, pass limits: { maxBytes: 144 }',
    );
    expect(read(144).size).toBe(4);
  });

  it('the checksum is looked at', async () => {
    const fields = { crc: crc32(small) ^ 1 };
    for (const deflate of [false, true]) {
      const bytes = zipOf([{ name: 'a.npy', content: small, deflate, fields }]);
      expect(await refusal(() => decodeNpz(bytes))).toContain('its checksum is wrong');
    }
  });
});

describe('tensors that no memory has room for', () => {
  const GIB = 2 ** 30;

  it('in a file whose bytes are all there are refused before the first is read', async () => {
    const file = join(folder, 'sparse.safetensors');
    const entry = (i: number): string =>
      `"${i}":{"dtype":"F16","shape":[${GIB / 2}],"data_offsets":[${i * GIB},${(i + 1) * GIB}]}`;
    const header = safetensorsOf(`{${[0, 1, 2].map(entry).join(',')}}`);
    await writeFile(file, header);
    await truncate(file, header.length + 3 * GIB);
    for (const load of [() => loadCheckpoint(file), () => loadRun(file)]) {
      expect(await refusal(load)).toBe(
        `${file}: its tensors take ${6 * GIB} bytes in memory, which has ${4 * GIB} at most; split the ` +
          'file, or read a part of it into a model: loadWeights(model, file, { strict: false })',
      );
    }
  });

  it('for a dimension that they cannot have, though another is 0, are refused before one is made', async () => {
    const huge = '[2147483648,0]';
    const reason = `${huge} has a dimension beyond the limit of 2^31 - 1; the file is damaged: save it again`;
    const entry = (name: string, shape: string, bytes: number): string =>
      `"${name}":{"dtype":"U8","shape":${shape},"data_offsets":[0,${bytes}]}`;
    const header = `{${entry('a', '[1]', 1)},${entry('b', huge, 0)}}`;
    expect(await refusal(() => decodeSafetensors(safetensorsOf(header, Uint8Array.of(1))))).toBe(
      `safetensors: tensor 'b' ${reason}`,
    );
    const text = "{'descr': '|u1', 'fortran_order': False, 'shape': (2147483648, 0), }".padEnd(118);
    const array = Buffer.concat([encodeNpy(tensor([1])).subarray(0, 10), Buffer.from(text)]);
    expect(await refusal(() => decodeNpy(array))).toBe(`npy: tensor 'array' ${reason}`);
  });
});

describe('options', () => {
  it('of every function that reads weights are refused where they are unknown', async () => {
    const file = join(folder, 'a.safetensors');
    const bytes = encodeSafetensors(new Map([['a', tensor([1])]]));
    await writeFile(file, bytes);
    const loaders: Record<string, (options: object) => unknown> = {
      decodeSafetensors: (options) => decodeSafetensors(bytes, options),
      decodeNpz: (options) => decodeNpz(bytes, options),
      decodeNpy: (options) => decodeNpy(bytes, options),
      loadWeights: (options) => loadWeights(new Linear(1, 1), file, options),
      loadCheckpoint: (options) => loadCheckpoint(file, options),
      loadRun: (options) => loadRun(file, options),
      loadTrainedModel: (options) => loadTrainedModel(file, options),
      loadModel: (options) => loadModel(new Linear(1, 1), file, options),
      decodeModel: (options) => decodeModel(new Linear(1, 1), bytes, options),
    };
    for (const [name, load] of Object.entries(loaders)) {
      const unknown = await failure(() => load(given('{ "maxBytes": 5 }')));
      expect(unknown, name).toBeInstanceOf(ConfigError);
      expect(unknown.message).toMatch(
        new RegExp(`^${name}: unknown option 'maxBytes'; the options are .*limits`),
      );
      const limit = await failure(() => load(given('{ "limits": { "maxPixels": 5 } }')));
      expect(limit, name).toBeInstanceOf(ConfigError);
      expect(limit.message).toContain(
        "limits: unknown option 'maxPixels'; the options are maxBytes, maxRatio, maxHeaderBytes, maxTensors",
      );
      const value = await failure(() => load(given('{ "limits": { "maxTensors": "5" } }')));
      expect(value.message).toContain("maxTensors must be an integer from 1, or Infinity, got '5'");
    }
  });

  it('limits count for files as for bytes', async () => {
    const state = new Map([['a', tensor([1, 2])]]);
    const file = join(folder, 'b.safetensors');
    await writeFile(file, encodeSafetensors(state));
    const limits = { maxBytes: 7 };
    const model = new Linear(1, 1);
    for (const load of [
      () => loadWeights(model, file, { limits }),
      () => loadCheckpoint(file, { limits }),
      () => loadRun(file, { limits }),
      () => loadTrainedModel(file, { limits }),
      () => loadModel(model, file, { limits }),
    ]) {
      expect(await refusal(load)).toContain('its tensors take 8 bytes, expected at most 7');
    }
    const archive = join(folder, 'b.npz');
    await writeFile(archive, zipOf([{ name: 'a.npy', content: encodeNpy(tensor([1, 2])) }]));
    expect(await refusal(() => loadWeights(model, archive, { limits }))).toContain(
      'bytes, expected at most 7; use .safetensors',
    );
  });
});
