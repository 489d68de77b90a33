import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tensor, UnfoldError, type Tensor } from '@unfold/core';
import { Linear, Module } from '@unfold/nn';
import {
  decodeNpy,
  decodeNpz,
  decodeSafetensors,
  encodeNpy,
  encodeNpz,
  encodeSafetensors,
  loadWeights,
} from '@unfold/io';
import fc from 'fast-check';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contents } from '../support/files/weights.js';

/** Each of some hundred files is written and read: seconds on a busy machine. */
const TIMEOUT = 60_000;

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unfold-fuzz-'));
});
afterAll(() => rm(folder, { recursive: true }));

class Small extends Module {
  readonly fc = new Linear(3, 2);

  constructor() {
    super();
    this.registerBuffer('mask', tensor([true, false]));
  }
}

const state = new Small().stateDict();
const compressed = zipSync(
  Object.fromEntries([...state].map(([name, value]) => [`${name}.npy`, encodeNpy(value)])),
  { level: 9 },
);

const FORMATS: readonly [string, Uint8Array, (bytes: Uint8Array) => unknown, string?][] = [
  ['safetensors', encodeSafetensors(state, { note: 'x' }), decodeSafetensors, 'safetensors'],
  ['npz', encodeNpz(state), decodeNpz, 'npz'],
  ['compressed npz', compressed, decodeNpz, 'npz'],
  ['npy', encodeNpy(tensor([[1, 2, 3]])), decodeNpy],
];

/** Whether `read` refuses the bytes, by a typed error; any other error fails the test. */
async function isRefused(read: () => unknown): Promise<boolean> {
  try {
    await read();
    return false;
  } catch (error) {
    if (error instanceof UnfoldError) return true;
    throw error;
  }
}

describe.each(FORMATS)('%s', { timeout: TIMEOUT }, (format, whole, decode, extension) => {
  /** Reads the bytes as they are, and as a file into a model, which changes only on success. */
  async function isRefusedEverywhere(bytes: Uint8Array): Promise<boolean> {
    const refused = await isRefused(() => decode(bytes));
    if (extension === undefined) return refused;
    const file = join(folder, `${format}.${extension}`);
    await writeFile(file, bytes);
    const model = new Small();
    const before = contents(model.stateDict());
    // What can be read need not fit the model.
    const unfit = await isRefused(() => loadWeights(model, file));
    if (unfit) expect(contents(model.stateDict())).toEqual(before);
    else expect(refused).toBe(false);
    model.dispose();
    return refused;
  }

  it('is read whole, and refused when truncated at any length', async () => {
    expect(await isRefusedEverywhere(whole)).toBe(false);
    for (let length = 0; length < whole.length; length++) {
      expect(await isRefusedEverywhere(whole.subarray(0, length)), String(length)).toBe(true);
    }
  });

  const byte = fc.integer({ min: 0, max: 255 });

  it('with bytes changed at random is read or refused', async () => {
    const place = fc.integer({ min: 0, max: whole.length - 1 });
    const changes = fc.array(fc.tuple(place, byte), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(changes, async (changed) => {
        const bytes = whole.slice();
        for (const [at, value] of changed) bytes[at] = value;
        await isRefusedEverywhere(bytes);
      }),
      { numRuns: 150, seed: 1 },
    );
  });

  it('with each byte of its first and last 120 turned over is read or refused', async () => {
    for (let at = 0; at < whole.length; at++) {
      if (at >= 120 && at < whole.length - 120) continue;
      for (const bit of [0x01, 0x80, 0xff]) {
        const bytes = whole.slice();
        bytes[at] = Number(bytes[at]) ^ bit;
        await isRefused(() => decode(bytes));
      }
    }
  });

  it('with a piece cut out or put in is read or refused', async () => {
    const place = fc.integer({ min: 0, max: whole.length });
    const piece = fc.uint8Array({ maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(place, fc.nat(20), piece, async (at, cut, put) => {
        const bytes = Buffer.concat([whole.subarray(0, at), put, whole.subarray(at + cut)]);
        await isRefused(() => decode(new Uint8Array(bytes)));
      }),
      { numRuns: 300, seed: 1 },
    );
  });
});

it('a compressed archive never gives wrong numbers: its checksums are right', async () => {
  const changed = fc.tuple(fc.nat(compressed.length - 1), fc.integer({ min: 1, max: 255 }));
  const numbers = (read: Map<string, Tensor>): unknown[] =>
    [...read.values()].map(({ data }) => [...data]);
  await fc.assert(
    fc.asyncProperty(changed, async ([at, flip]) => {
      const bytes = compressed.slice();
      bytes[at] = Number(bytes[at]) ^ flip;
      let read: Map<string, Tensor> | undefined;
      if (!(await isRefused(() => (read = decodeNpz(bytes))))) {
        expect(numbers(read ?? new Map())).toEqual(numbers(state));
      }
    }),
    { numRuns: 500, seed: 2 },
  );
});

it('random headers of safetensors are read or refused', async () => {
  const description = fc.record({
    dtype: fc.constantFrom('F32', 'U8', 'I64', 'BOOL', 'F16', 'X', 3, null),
    shape: fc.oneof(fc.array(fc.integer({ min: -1, max: 3 }), { maxLength: 3 }), fc.anything()),
    data_offsets: fc.oneof(fc.tuple(fc.nat(16), fc.nat(16)), fc.anything()),
  });
  const header = fc.dictionary(
    fc.oneof(fc.constantFrom('a', '__proto__', '__metadata__', 'constructor'), fc.string()),
    fc.oneof(description, fc.jsonValue()),
    { maxKeys: 3 },
  );
  const text = fc.oneof(
    header.map((value) => JSON.stringify(value)),
    fc.json(),
    fc.string(),
  );
  await fc.assert(
    fc.asyncProperty(text, fc.uint8Array({ maxLength: 16 }), async (text, data) => {
      const bytes = Buffer.from(text);
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(bytes.length));
      const file = new Uint8Array(Buffer.concat([length, bytes, data]));
      await isRefused(() => decodeSafetensors(file));
    }),
    { numRuns: 1000, seed: 3 },
  );
});
