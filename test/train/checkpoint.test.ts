import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
  chmod,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  ConfigError,
  FileFormatError,
  findLeaks,
  heapStats,
  Scope,
  tensor,
  type Tensor,
} from '@unfold/core';
import { Conv2d, Linear, Sequential } from '@unfold/nn';
import { checkWritable, loadCheckpoint, saveCheckpoint, weightsSha256 } from '@unfold/train';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

let root = '';
let folder = '';
let folders = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'unfold-checkpoint-'));
});
afterAll(() => rm(root, { recursive: true }));
beforeEach(async () => {
  folder = join(root, String(folders++));
  await mkdir(folder);
});

/** What can be compared of a state. */
function contents(state: ReadonlyMap<string, Tensor>): unknown[] {
  return [...state].map(([name, { dtype, shape, data }]) => [name, dtype, shape, [...data]]);
}

async function failure(run: () => Promise<unknown>): Promise<Error> {
  const error = await run().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof Error) return error;
  throw new Error('no error was thrown');
}

describe('a round trip', () => {
  const file = (): string => join(folder, 'state.safetensors');

  it('keeps names, order, types, shapes, bits and metadata', async () => {
    const floats = [0.1, -0, 1e-45, 3.4e38, NaN, -Infinity];
    const state = new Map([
      ['b.weight', tensor(new Float32Array(floats), [3, 2])],
      ['a.weight', tensor(new Float64Array([0.1, 5e-324]))],
      ['labels', tensor(new Int32Array([-(2 ** 31), 2 ** 31 - 1]), [1, 1, 2])],
      ['bytes', tensor(new Uint8Array([0, 128, 255]))],
      ['mask', tensor([[true], [false]])],
      ['scalar', tensor(7)],
      ['nothing', tensor(new Float32Array(0), [0, 3])],
      ['none', tensor(new Int32Array(0))],
      ['größe "x"\n', tensor(new Uint8Array([1]))],
      // JSON moves names like these to the front, and sets no property for the last.
      ['10', tensor(new Uint8Array([10]))],
      ['2', tensor(new Uint8Array([2]))],
      ['__proto__', tensor(new Uint8Array([3]))],
    ]);
    const metadata = { epoch: '3', note: 'µ = 0.1307\n"quoted"', __proto__x: '', '': 'empty' };
    await saveCheckpoint(file(), { state, metadata });
    const read = await loadCheckpoint(file());
    expect(contents(read.state)).toEqual(contents(state));
    expect(read.metadata).toEqual(metadata);
    expect(Object.is(read.state.get('b.weight')?.data[1], -0)).toBe(true);
  });

  it('without tensors or metadata', async () => {
    await saveCheckpoint(file(), { state: new Map(), metadata: {} });
    expect(await loadCheckpoint(file())).toEqual({ state: new Map(), metadata: {} });
  });

  it('brings a model back, with the same hash', async () => {
    const make = (): Sequential => new Sequential(new Conv2d(2, 3, 3), new Linear(4, 2));
    const [saved, loaded] = [make(), make()];
    expect(weightsSha256(loaded.stateDict())).not.toBe(weightsSha256(saved.stateDict()));
    await saveCheckpoint(file(), { state: saved.stateDict(), metadata: {} });
    const { state } = await loadCheckpoint(file());
    expect(weightsSha256(state)).toBe(weightsSha256(saved.stateDict()));
    loaded.loadStateDict(state);
    expect(contents(loaded.stateDict())).toEqual(contents(saved.stateDict()));
  });

  it('aligns the tensors’ bytes to 8', async () => {
    for (const note of ['', 'x', 'xxxx']) {
      await saveCheckpoint(file(), { state: new Map([['a', tensor(1)]]), metadata: { note } });
      const bytes = await readFile(file());
      expect(bytes.readBigUInt64LE(0) % 8n).toBe(0n);
      expect(bytes.readFloatLE(bytes.length - 4)).toBe(1);
    }
  });

  it('gives tensors to the scope that is open when they are made', async () => {
    await saveCheckpoint(file(), { state: new Map([['a', tensor(1)]]), metadata: {} });
    const { state } = await loadCheckpoint(file());
    const a = state.get('a');
    expect(a?.item()).toBe(1);
    a?.dispose();
    const scope = new Scope();
    const loading = loadCheckpoint(file());
    const inside = (await loading).state.get('a');
    scope.close();
    expect(inside?.isDisposed).toBe(true);
  });
});

it('reads what Python’s safetensors wrote', async () => {
  const path = fileURLToPath(new URL('../fixtures/safetensors.safetensors', import.meta.url));
  const { state, metadata } = await loadCheckpoint(path);
  const byName = [...state].sort(([a], [b]) => (a < b ? -1 : 1));
  expect(contents(new Map(byName))).toEqual([
    ['10', 'float32', [2], [1.5, -2.25]],
    ['2', 'int32', [2], [-(2 ** 31), 2 ** 31 - 1]],
    ['bytes', 'uint8', [4], [0, 127, 128, 255]],
    ['empty', 'float32', [0, 3], []],
    ['flags', 'bool', [1, 3], [1, 0, 1]],
    ['größe', 'float32', [1, 2, 3], [0, 0.25, 0.5, 0.75, 1, 1.25]],
    ['scalar', 'float64', [], [0.1]],
  ]);
  expect(metadata).toEqual({ 'made by': 'safetensors 0.8.0', µ: '0.1307' });
});

describe('what cannot be a checkpoint', () => {
  it.each<[string, Map<string, Tensor>, Record<string, unknown>, string]>([
    [
      'a tensor with the name of the metadata',
      new Map([['__metadata__', tensor(1)]]),
      {},
      'saveCheckpoint: __metadata__ is no name for a tensor; rename it',
    ],
    [
      'metadata that is no text',
      new Map(),
      { epoch: 3 },
      'saveCheckpoint: expected metadata of text values only, got { epoch: 3 }',
    ],
  ])('%s', async (_, state, metadata, message) => {
    const file = join(folder, 'x');
    const given = metadata as Record<string, string>;
    const error = await failure(() => saveCheckpoint(file, { state, metadata: given }));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toBe(message);
    expect(await readdir(folder)).toEqual([]);
  });
});

/** The bytes of a file with this header, exactly as given, and these data. */
function fileOf(header: string, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const text = new TextEncoder().encode(header);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  return Buffer.concat([length, text, data]);
}

/** A file of one good tensor `good`, 8 data bytes, and what `entries` say. */
function withGood(entries: string, dataBytes = 8): Uint8Array {
  const good = '"good":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}';
  return fileOf(`{${good}${entries ? ',' : ''}${entries}}`, new Uint8Array(dataBytes).fill(7));
}

function entry(dtype: string, shape: string, offsets: string): string {
  return `"bad":{"dtype":${dtype},"shape":${shape},"data_offsets":${offsets}}`;
}

const f32 = (shape: string, offsets: string): string => entry('"F32"', shape, offsets);
const deep = '['.repeat(20_000) + ']'.repeat(20_000);

describe('a damaged file', () => {
  /** The error of a load that must fail without leaving anything on the heap. */
  async function loadFailure(bytes: Uint8Array): Promise<string> {
    const file = join(folder, 'damaged');
    await writeFile(file, bytes);
    const { peakBytes } = heapStats();
    // What other tests left to the garbage collector may go at any time: only what is new counts.
    const failed = { error: new Error('none') };
    const left = await findLeaks(async () => {
      failed.error = await failure(() => loadCheckpoint(file));
    });
    const { error } = failed;
    expect(left).toEqual([]);
    expect(heapStats().peakBytes).toBe(peakBytes);
    expect(error).toBeInstanceOf(FileFormatError);
    expect(error.message.startsWith(`${file}: `)).toBe(true);
    return error.message.slice(file.length + 2);
  }

  it('truncated anywhere', async () => {
    const file = join(folder, 'whole');
    const state = new Map([
      ['a', tensor([1, 2])],
      ['b', tensor(new Uint8Array([1, 2, 3]))],
      ['empty', tensor(new Uint8Array(0))],
    ]);
    await saveCheckpoint(file, { state, metadata: { note: 'x' } });
    const whole = await readFile(file);
    expect((await loadCheckpoint(file)).state.size).toBe(3);
    for (let length = 0; length < whole.length; length++) {
      expect(await loadFailure(whole.subarray(0, length))).toMatch(/truncated/);
    }
    expect(await loadFailure(Buffer.concat([whole, new Uint8Array(1)]))).toBe(
      '1 bytes after the last tensor belong to none',
    );
  });

  it.each<[string, Uint8Array, string]>([
    ['nothing', new Uint8Array(0), 'expected at least 8 bytes, got 0; is it truncated?'],
    [
      'a header of 2^63 bytes',
      Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0x80, 0x7b, 0x7d),
      'bytes 0 to 7 promise a header of 9223372036854776000 bytes, the file has 10; it is truncated or not a checkpoint',
    ],
    [
      'a header of 2^64 - 1 bytes',
      new Uint8Array(64).fill(255),
      'bytes 0 to 7 promise a header of 18446744073709552000 bytes, the file has 64; it is truncated or not a checkpoint',
    ],
    [
      'a header that is no JSON',
      fileOf('{"a":'),
      'the header, from byte 8, is not JSON; it is damaged or not a checkpoint',
    ],
    [
      'no header',
      fileOf(''),
      'the header, from byte 8, is not JSON; it is damaged or not a checkpoint',
    ],
    [
      'a header that is no UTF-8',
      Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0, ...Buffer.from('{"\xff":0}', 'latin1')),
      'the header, from byte 8, is not JSON; it is damaged or not a checkpoint',
    ],
    ['a list', fileOf('[]'), 'the header, from byte 8, is not a JSON object'],
    ['null', fileOf('null'), 'the header, from byte 8, is not a JSON object'],
    ['a number', fileOf('3'), 'the header, from byte 8, is not a JSON object'],
    [
      'metadata of numbers',
      withGood('"__metadata__":{"epoch":3}'),
      '__metadata__ must hold texts by name, got { epoch: 3 }',
    ],
    [
      'metadata of null',
      withGood('"__metadata__":null'),
      '__metadata__ must hold texts by name, got null',
    ],
    [
      'metadata as text',
      withGood('"__metadata__":"ab"'),
      "__metadata__ must hold texts by name, got 'ab'",
    ],
    ['a tensor that is a number', withGood('"bad":3'), "tensor 'bad' has no description, got 3"],
    ['a tensor that is null', withGood('"bad":null'), "tensor 'bad' has no description, got null"],
    [
      'a tensor that is a list',
      withGood('"bad":["F32"]'),
      "tensor 'bad' has no description, got [ 'F32' ]",
    ],
    [
      'no dtype',
      withGood('"bad":{}'),
      "tensor 'bad' has dtype undefined; expected one of F32, F64, I32, U8, BOOL",
    ],
    [
      'an unknown dtype',
      withGood(entry('"F16"', '[0]', '[8,8]')),
      "tensor 'bad' has dtype 'F16'; expected one of F32, F64, I32, U8, BOOL",
    ],
    [
      'a dtype that refuses to be text',
      withGood(entry('{"toString":null,"valueOf":null}', '[0]', '[8,8]')),
      "tensor 'bad' has dtype { toString: null, valueOf: null }; expected one of F32, F64, I32, U8, BOOL",
    ],
    [
      'a dtype of deep lists',
      withGood(entry(deep, '[0]', '[8,8]')),
      "tensor 'bad' has dtype [ [ [Array] ] ]; expected one of F32, F64, I32, U8, BOOL",
    ],
    [
      'no shape',
      withGood('"bad":{"dtype":"F32"}'),
      "tensor 'bad' has shape undefined; expected integers of at least 0",
    ],
    [
      'a negative shape',
      withGood(f32('[-2,-1]', '[8,16]'), 16),
      "tensor 'bad' has shape [ -2, -1 ]; expected integers of at least 0",
    ],
    [
      'a broken shape',
      withGood(f32('[0.5,2]', '[8,12]'), 12),
      "tensor 'bad' has shape [ 0.5, 2 ]; expected integers of at least 0",
    ],
    [
      'a shape of text',
      withGood(f32('["1"]', '[8,12]'), 12),
      "tensor 'bad' has shape [ '1' ]; expected integers of at least 0",
    ],
    [
      'a shape that is a number',
      withGood(f32('1', '[8,12]'), 12),
      "tensor 'bad' has shape 1; expected integers of at least 0",
    ],
    [
      'a shape beyond all integers',
      withGood(f32('[1e400]', '[8,12]'), 12),
      "tensor 'bad' has shape [ Infinity ]; expected integers of at least 0",
    ],
    [
      'a huge shape',
      withGood(f32('[1048576,1048576,1048576]', '[8,12]'), 12),
      "tensor 'bad' [1048576,1048576,1048576] of float32 needs 4611686018427388000 bytes, its data_offsets span 4",
    ],
    [
      'a shape for more bytes than there are',
      withGood(f32('[3]', '[8,16]'), 16),
      "tensor 'bad' [3] of float32 needs 12 bytes, its data_offsets span 8",
    ],
    [
      'no offsets',
      withGood('"bad":{"dtype":"F32","shape":[1]}'),
      "tensor 'bad' has data_offsets undefined; expected the first byte and the one after the last",
    ],
    [
      'one offset',
      withGood(f32('[1]', '[8]'), 12),
      "tensor 'bad' has data_offsets [ 8 ]; expected the first byte and the one after the last",
    ],
    [
      'three offsets',
      withGood(f32('[1]', '[8,12,12]'), 12),
      "tensor 'bad' has data_offsets [ 8, 12, 12 ]; expected the first byte and the one after the last",
    ],
    [
      'a negative offset',
      withGood(f32('[1]', '[-4,0]')),
      "tensor 'bad' has data_offsets [ -4, 0 ]; expected the first byte and the one after the last",
    ],
    [
      'offsets the wrong way round',
      withGood(f32('[1]', '[12,8]'), 12),
      "tensor 'bad' [1] of float32 needs 4 bytes, its data_offsets span -4",
    ],
    [
      'a tensor beyond the end',
      withGood(f32('[1]', '[8,12]'), 10),
      "tensor 'bad' ends at data byte 12, but there are 10; is it truncated?",
    ],
    [
      'a tensor far beyond the end',
      withGood(f32('[536870912]', '[8,2147483656]')),
      "tensor 'bad' ends at data byte 2147483656, but there are 8; is it truncated?",
    ],
    [
      'two tensors in one place',
      withGood(f32('[2]', '[0,8]')),
      "tensor 'bad' starts at data byte 0, expected 8",
    ],
    [
      'tensors that overlap',
      withGood(f32('[1]', '[4,8]')),
      "tensor 'bad' starts at data byte 4, expected 8",
    ],
    [
      'a gap between tensors',
      withGood(f32('[1]', '[12,16]'), 16),
      "tensor 'bad' starts at data byte 12, expected 8",
    ],
    ['bytes of no tensor', withGood('', 9), '1 bytes after the last tensor belong to none'],
    [
      'a name given twice, of which one is lost',
      withGood('"good":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}', 12),
      "tensor 'good' starts at data byte 8, expected 0",
    ],
    [
      'a tensor named __proto__',
      withGood('"__proto__":{"dtype":"F99","shape":[0],"data_offsets":[8,8]}'),
      "tensor '__proto__' has dtype 'F99'; expected one of F32, F64, I32, U8, BOOL",
    ],
    [
      'a description inherited through __proto__',
      withGood('"bad":{"__proto__":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}}'),
      "tensor 'bad' has dtype undefined; expected one of F32, F64, I32, U8, BOOL",
    ],
    [
      'a truth value that is neither 0 nor 1',
      withGood(entry('"BOOL"', '[2]', '[8,10]'), 10),
      "tensor 'bad' of bool holds 7 at data byte 8; expected 0 or 1",
    ],
  ])('%s', async (_, bytes, message) => {
    expect(await loadFailure(bytes)).toBe(message);
  });

  it('is refused only for its damage: the frame of these cases is good', async () => {
    const file = join(folder, 'good');
    await writeFile(file, withGood(f32('[1]', '[8,12]'), 12));
    expect([...(await loadCheckpoint(file)).state.keys()]).toEqual(['good', 'bad']);
    // An empty tensor may lie where a full one begins.
    await writeFile(file, withGood(f32('[0]', '[0,0]')));
    expect((await loadCheckpoint(file)).state.get('bad')?.shape).toEqual([0]);
  });
});

describe('files', () => {
  const state = new Map([['a', tensor([1, 2, 3])]]);
  const old = 'an older checkpoint';

  /** Paths that cannot be written, whoever runs the tests, and why. */
  const IMPOSSIBLE: [string, () => Promise<string>, RegExp][] = [
    [
      'in a missing folder',
      () => Promise.resolve(join(folder, 'missing', 'a')),
      /: ENOENT: .*; choose another path, or see that the folder \S+\/missing exists and has room and can be written to$/,
    ],
    [
      'through a file',
      async () => {
        await writeFile(join(folder, 'file'), old);
        return join(folder, 'file', 'a');
      },
      /: ENOTDIR: /,
    ],
    [
      'that is a folder',
      async () => {
        await mkdir(join(folder, 'a'));
        return join(folder, 'a');
      },
      /: it exists and is not a file; /,
    ],
    ['that is a device', () => Promise.resolve('/dev/null'), /: it exists and is not a file; /],
    ['without a name', () => Promise.resolve(''), /: the path is empty; /],
    ['with too long a name', () => Promise.resolve(join(folder, 'a'.repeat(300))), /ENAMETOOLONG/],
  ];

  it.each(IMPOSSIBLE)('a path %s is found out before and when saving', async (_, make, reason) => {
    const path = await make();
    const before = await readdir(folder, { recursive: true });
    for (const run of [
      () => checkWritable(path),
      () => saveCheckpoint(path, { state, metadata: {} }),
    ]) {
      const error = await failure(run);
      expect(error).toBeInstanceOf(ConfigError);
      expect(error.message.startsWith(`cannot write ${path}: `)).toBe(true);
      expect(error.message).toMatch(reason);
      expect(await readdir(folder, { recursive: true })).toEqual(before);
    }
  });

  it('checkWritable leaves nothing behind, and an older file alone', async () => {
    const file = join(folder, 'a');
    await checkWritable(file);
    expect(await readdir(folder)).toEqual([]);
    await writeFile(file, old);
    const { mtimeMs } = await stat(file);
    await checkWritable(file);
    expect(await readdir(folder)).toEqual(['a']);
    expect(await readFile(file, 'utf8')).toBe(old);
    expect((await stat(file)).mtimeMs).toBe(mtimeMs);
  });

  it('replaces an older file, keeps its mode, leaves nothing else', async () => {
    const file = join(folder, 'a');
    await writeFile(file, old);
    await chmod(file, 0o640);
    await saveCheckpoint(file, { state, metadata: {} });
    expect(await readdir(folder)).toEqual(['a']);
    expect((await stat(file)).mode & 0o777).toBe(0o640);
    expect((await loadCheckpoint(file)).state.get('a')?.toArray()).toEqual([1, 2, 3]);
  });

  it('replaces the file that a link leads to, not the link', async () => {
    await mkdir(join(folder, 'real'));
    await writeFile(join(folder, 'real', 'a'), old);
    await symlink(join('real', 'a'), join(folder, 'link'));
    await checkWritable(join(folder, 'link'));
    await saveCheckpoint(join(folder, 'link'), { state, metadata: {} });
    expect((await loadCheckpoint(join(folder, 'real', 'a'))).state.size).toBe(1);
    expect((await readdir(folder, { recursive: true })).sort()).toEqual([
      'link',
      'real',
      join('real', 'a'),
    ]);
  });

  it('saves at the same time to one path, and one of them wins', async () => {
    const file = join(folder, 'a');
    const saves = Array.from({ length: 5 }, (_, i) =>
      saveCheckpoint(file, { state, metadata: { save: String(i) } }),
    );
    await Promise.all(saves);
    expect((await loadCheckpoint(file)).metadata['save']).toMatch(/^[0-4]$/);
    expect(await readdir(folder)).toEqual(['a']);
  });

  it('takes the values at the call: a step that follows at once does not reach the file', async () => {
    const changing = tensor([1]);
    const file = join(folder, 'a');
    const saving = saveCheckpoint(file, { state: new Map([['a', changing]]), metadata: {} });
    changing.update((data) => data.fill(2));
    await saving;
    expect((await loadCheckpoint(file)).state.get('a')?.item()).toBe(1);
  });

  it.each<[string, () => string, RegExp]>([
    ['is missing', () => join(folder, 'missing'), /^cannot read \S+missing: ENOENT: /],
    ['is a folder', () => folder, /^cannot read \S+: EISDIR: /],
  ])('a checkpoint that %s', async (_, path, message) => {
    const error = await failure(() => loadCheckpoint(path()));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(message);
  });
});
