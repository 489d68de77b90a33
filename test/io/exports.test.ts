import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, DTypeError, tensor } from '@unfold/core';
import * as io from '@unfold/io';
import { Linear } from '@unfold/nn';
import { afterAll, beforeAll, describe } from 'vitest';
import { encodeIdx } from '../support/files/idx.js';
import {
  call,
  type Junk,
  OPTIONS,
  refuseJunk,
  refuseMisuses,
  type Signature,
} from '../support/misuse.js';
import { TWO_PIXELS } from '../support/files/no-files.js';

const before = process.cwd();
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unfold-exports-'));
  // A name among the junk is a file here, and nowhere else.
  process.chdir(folder);
  await writeFile('idx', IDX);
  await writeFile('run.safetensors', SAFETENSORS());
  await io.saveWeights(new Linear(1, 2), 'linear.npz');
});
afterAll(async () => {
  process.chdir(before);
  await rm(folder, { recursive: true });
});

const IDX = encodeIdx([2], [7, 9]);
const STATE = (): io.Safetensors['state'] => new Map([['a', tensor([1, 2])]]);
const SAFETENSORS = (): Uint8Array => io.encodeSafetensors(STATE());
let locks = 0;
const LIMITS = { maxBytes: 1e6 };

/** Where nothing but the right call is right. */
const NOTHING: readonly Junk[] = [];

const decoding = (bytes: () => Uint8Array, more: object = {}): Signature => ({
  args: () => [bytes(), { name: 'mine', limits: LIMITS, ...more }],
  takes: [NOTHING, OPTIONS],
});

describe('nothing that an export is given is passed over', () => {
  refuseJunk(io, {
    // Made by lockFile.
    FileLock: null,
    checkWritable: { args: () => ['file'], takes: [['a text']] },
    decodeNpy: decoding(() => io.encodeNpy(tensor([1, 2]))),
    decodeNpz: decoding(() => io.encodeNpz(STATE())),
    decodeSafetensors: decoding(SAFETENSORS, { verify: true }),
    encodeNpy: { args: () => [tensor([1, 2])], takes: [['a tensor', 'a matrix']] },
    encodeNpz: { args: () => [STATE()], takes: [['a Map']] },
    encodeSafetensors: { args: () => [STATE(), {}], takes: [['a Map'], OPTIONS] },
    loadCheckpoint: {
      args: () => ['run.safetensors', { verify: true, limits: LIMITS }],
      takes: [NOTHING, OPTIONS],
    },
    loadWeights: {
      args: () => [new Linear(1, 2), 'linear.npz', { strict: true, verify: true, limits: LIMITS }],
      takes: [NOTHING, NOTHING, OPTIONS],
    },
    lockFile: { args: () => [`locked-${locks++}`, { force: false }], takes: [['a text'], OPTIONS] },
    parseIdx: { args: () => [IDX, { name: 'mine', dims: [2] }], takes: [NOTHING, NOTHING] },
    readIdx: {
      args: () => ['idx', { dims: [2], limits: LIMITS }],
      takes: [NOTHING, OPTIONS],
    },
    readPng: {
      args: () => [Uint8Array.from(TWO_PIXELS), 'mine', { limits: LIMITS }],
      takes: [NOTHING, ['a text', 'undefined'], OPTIONS],
    },
    saveCheckpoint: {
      args: () => ['saved.safetensors', { state: STATE(), metadata: {} }],
      takes: [['a text'], NOTHING],
    },
    saveWeights: {
      args: () => [new Linear(1, 2), 'saved-weights.safetensors', { metadata: {} }],
      takes: [NOTHING, NOTHING, OPTIONS],
    },
    weightsSha256: { args: () => [STATE()], takes: [['a Map']] },
  });
});

describe('a call that is wrong is an error that names the right one', () => {
  refuseMisuses([
    [
      'encodeSafetensors(model)',
      () => call(io.encodeSafetensors, new Linear(1, 1)),
      ConfigError,
      'encodeSafetensors: expected tensors by name in a Map, got a Linear; model.stateDict() is one',
    ],
    [
      'encodeSafetensors(state, map)',
      () => call(io.encodeSafetensors, STATE(), new Map([['by', 'me']])),
      ConfigError,
      'encodeSafetensors: metadata must be an object of texts by name, got a Map',
    ],
    [
      'encodeSafetensors(state, { epoch: 3n })',
      () => call(io.encodeSafetensors, STATE(), { epoch: 3n }),
      ConfigError,
      'encodeSafetensors: metadata must be an object of texts by name, got { epoch: 3n }',
    ],
    [
      'encodeNpz({ a })',
      () => call(io.encodeNpz, { a: tensor([1]) }),
      ConfigError,
      'encodeNpz: expected tensors by name in a Map, got { a: a float32 tensor [1] }; new Map(Object.entries(tensors)) is one',
    ],
    [
      "encodeNpz(new Map([['a', [1]]]))",
      () => call(io.encodeNpz, new Map([['a', [1]]])),
      DTypeError,
      "encodeNpz: expected a tensor for 'a', got [1]; tensor(data) makes one",
    ],
    [
      'saveCheckpoint(file, state)',
      () => call(io.saveCheckpoint, 'file', STATE()),
      ConfigError,
      'saveCheckpoint: expected options as an object, such as { state: … }, got a Map; the options are state, metadata',
    ],
    [
      'saveCheckpoint(file, { state })',
      () => call(io.saveCheckpoint, 'file', { state: STATE() }),
      ConfigError,
      'saveCheckpoint: metadata must be an object of texts by name, got undefined',
    ],
    [
      'decodeNpz(buffer)',
      () => call(io.decodeNpz, new ArrayBuffer(2)),
      DTypeError,
      'decodeNpz: expected the bytes as a Uint8Array, got an ArrayBuffer; new Uint8Array(buffer) shows its bytes',
    ],
    [
      'decodeNpz(promise)',
      () => call(io.decodeNpz, Promise.resolve()),
      DTypeError,
      'decodeNpz: expected the bytes as a Uint8Array, got a Promise; wait for it: await promise',
    ],
    [
      'readPng(bytes that a worker got)',
      () => {
        const bytes = new Uint8Array(9);
        structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
        return call(io.readPng, bytes);
      },
      DTypeError,
      'readPng: expected the bytes as a Uint8Array, got a Uint8Array without memory, which was handed to another thread; hand over a copy: bytes.slice()',
    ],
    [
      'encodeNpz(a name of 70,000 bytes)',
      () => call(io.encodeNpz, new Map([['é'.repeat(35_000), tensor([1])]])),
      ConfigError,
      `encodeNpz: expected names of at most 65531 bytes, got 70000 of '${'é'.repeat(80)}…'; rename it, or use safetensors`,
    ],
    [
      'encodeNpz(half a pair of UTF-16)',
      () => call(io.encodeNpz, new Map([['a\ud800', tensor([1])]])),
      ConfigError,
      "encodeNpz: expected names that UTF-8 can hold, got 'a\\ud800'; rename it",
    ],
    [
      'encodeSafetensors(…, half a pair of UTF-16)',
      () => call(io.encodeSafetensors, STATE(), { by: '\udc00' }),
      ConfigError,
      "encodeSafetensors: metadata: expected names that UTF-8 can hold, got '\\udc00'; rename it",
    ],
    [
      'decodeSafetensors(bytes, { verify: 0 })',
      () => call(io.decodeSafetensors, SAFETENSORS(), { verify: 0 }),
      ConfigError,
      'decodeSafetensors: verify must be true or false, got 0',
    ],
    [
      "decodeSafetensors(bytes, 'name')",
      () => call(io.decodeSafetensors, SAFETENSORS(), 'name'),
      ConfigError,
      "decodeSafetensors: expected options as an object, such as { name: … }, got 'name'; the options are name, limits, verify",
    ],
    [
      'loadCheckpoint(file, { limits: 5 })',
      () => call(io.loadCheckpoint, 'run.safetensors', { limits: 5 }),
      ConfigError,
      'loadCheckpoint: limits: expected options as an object, such as { maxBytes: … }, got 5; the options are maxBytes, maxRatio, maxHeaderBytes, maxTensors',
    ],
    [
      'lockFile(file, true)',
      () => call(io.lockFile, 'a', true),
      ConfigError,
      'lockFile: expected options as an object, such as { force: true }, got true',
    ],
    [
      "parseIdx(bytes, 'name')",
      () => call(io.parseIdx, IDX, 'name'),
      ConfigError,
      "parseIdx: expected options as an object, such as { name: … }, got 'name'; the options are name, dims",
    ],
    [
      'parseIdx(bytes, {})',
      () => call(io.parseIdx, IDX, {}),
      ConfigError,
      'parseIdx: name must be a text, got undefined',
    ],
    [
      'readIdx(file, [2])',
      () => call(io.readIdx, 'idx', [2]),
      ConfigError,
      'readIdx: expected options as an object, such as { dims: … }, got [2]; the options are dims, sha256, limits',
    ],
    [
      "readIdx(file, { sha256: 'x' })",
      () => call(io.readIdx, 'idx', { sha256: 'x' }),
      ConfigError,
      "readIdx: sha256 must be 64 hexadecimal digits, got 'x'",
    ],
    [
      'readPng(bytes, { limits })',
      () => call(io.readPng, Uint8Array.from(TWO_PIXELS), { limits: LIMITS }),
      ConfigError,
      "readPng: expected the picture's name for errors, a text, got { limits: { maxBytes: 1000000 } }; options come third: readPng(bytes, name, { limits })",
    ],
  ]);
});
