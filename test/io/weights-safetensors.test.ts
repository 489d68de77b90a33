import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ConfigError,
  FileFormatError,
  findLeaks,
  heapStats,
  tensor,
  type Tensor,
} from '@unfold/core';
import { decodeSafetensors, encodeSafetensors, loadCheckpoint } from '@unfold/io';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failure } from '../support/failure.js';
import { contents, safetensorsOf } from '../support/files/weights.js';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unfold-safetensors-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Values of every dtype in an order that no alignment would choose. */
function mixedState(): Map<string, Tensor> {
  return new Map<string, Tensor>([
    ['bytes', tensor(new Uint8Array([1, 2, 3]))],
    ['float', tensor(new Float32Array([0.1, NaN, -0, 1e-45, -Infinity]))],
    ['flag', tensor([[true], [false]])],
    ['double', tensor(new Float64Array([5e-324]))],
    ['none', tensor(new Float64Array(0), [2, 0])],
    ['int', tensor(new Int32Array([-(2 ** 31)]), [])],
    ['2', tensor(7)],
    ['__proto__', tensor(new Uint8Array([9]))],
    ['constructor', tensor(new Uint8Array([10]))],
  ]);
}

/** Where each tensor's bytes begin in a file, from the file's start. */
function starts(bytes: Uint8Array): Map<string, number> {
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as Record<
    string,
    { data_offsets?: [number, number] }
  >;
  return new Map(
    Object.entries(header).flatMap(([name, { data_offsets: offsets }]) =>
      offsets ? [[name, 8 + length + offsets[0]]] : [],
    ),
  );
}

describe('a round trip through bytes', () => {
  it('keeps names, order, dtypes, shapes, bits and metadata', () => {
    const state = mixedState();
    const metadata = { note: 'µ = 0.1307\n"quoted"', '': 'empty', 7: 'seven' };
    const read = decodeSafetensors(encodeSafetensors(state, metadata));
    expect(contents(read.state)).toEqual(contents(state));
    expect(read.metadata).toEqual(metadata);
    expect(Object.is(read.state.get('float')?.data[2], -0)).toBe(true);
  });

  it('aligns the tensors of mixed dtypes to their numbers', () => {
    for (const note of ['', 'x', 'xxxx', 'xxxxxxx']) {
      const state = mixedState();
      const places = starts(encodeSafetensors(state, { note }));
      for (const [name, start] of places) {
        expect(start % (state.get(name)?.data.BYTES_PER_ELEMENT ?? 0), name).toBe(0);
      }
      expect(places.size).toBe(state.size);
    }
  });

  it('writes a tensor that has two names twice, because bytes may not be shared', () => {
    const shared = tensor([1, 2]);
    const bytes = encodeSafetensors(
      new Map([
        ['encoder.weight', shared],
        ['decoder.weight', shared],
      ]),
    );
    const { state } = decodeSafetensors(bytes);
    expect([...state.values()].map((copy) => copy.toArray())).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  it('reads tensors that lie at odd places, from bytes that do', () => {
    const header =
      '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},' +
      '"b":{"dtype":"F64","shape":[1],"data_offsets":[1,9]},' +
      '"c":{"dtype":"BF16","shape":[1],"data_offsets":[9,11]}}';
    const data = Uint8Array.of(5, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0xc0, 0x3f);
    for (const pad of [0, 1, 2, 3, 4, 5, 6, 7]) {
      const file = safetensorsOf(header + ' '.repeat(pad), data);
      const shared = new Uint8Array(new SharedArrayBuffer(file.length + pad), pad);
      shared.set(file);
      for (const bytes of [
        file,
        shared,
        Buffer.concat([new Uint8Array(pad), file]).subarray(pad),
      ]) {
        expect(contents(decodeSafetensors(bytes).state)).toEqual([
          ['a', 'uint8', [1], [5]],
          ['b', 'float64', [1], [1.5]],
          ['c', 'float32', [1], [1.5]],
        ]);
      }
    }
  });

  it('keeps names that an object would treat as its own, and changes no prototype', () => {
    const header =
      '{"__metadata__":{"__proto__":"m"},' +
      '"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"__proto__":{"polluted":1}}}';
    const { state, metadata } = decodeSafetensors(safetensorsOf(header, Uint8Array.of(3)));
    expect(state.get('__proto__')?.item()).toBe(3);
    expect(Object.entries(metadata)).toEqual([['__proto__', 'm']]);
    expect(Object.getPrototypeOf(metadata)).toBe(Object.prototype);
    expect('polluted' in {}).toBe(false);
  });

  it('takes metadata of null for none, as the format’s own library does', () => {
    const header = '{"__metadata__":null,"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}';
    const { state, metadata } = decodeSafetensors(safetensorsOf(header, Uint8Array.of(3)));
    expect([...state.keys()]).toEqual(['a']);
    expect(metadata).toEqual({});
  });

  it('passes over fields that later versions may add', () => {
    const header = '{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1],"new":{"x":[[1]]}}}';
    expect(
      decodeSafetensors(safetensorsOf(header, Uint8Array.of(3)))
        .state.get('a')
        ?.item(),
    ).toBe(3);
  });
});

describe('what cannot be written', () => {
  it.each<[string, Map<string, Tensor>, Record<string, unknown>, string]>([
    [
      'a tensor with the name of the metadata',
      new Map([['__metadata__', tensor(1)]]),
      {},
      'encodeSafetensors: __metadata__ is no name for a tensor; rename it',
    ],
    [
      'metadata that is no text',
      new Map(),
      { epoch: 3 },
      'encodeSafetensors: metadata must be an object of texts by name, got { epoch: 3 }',
    ],
  ])('%s', async (_, state, metadata, message) => {
    const given = metadata as Record<string, string>;
    const error = await failure(() => encodeSafetensors(state, given));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toBe(message);
  });
});

/** A file of one good tensor `good`, 8 data bytes, and what `entries` say. */
function withGood(entries: string, dataBytes = 8): Uint8Array {
  const good = '"good":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}';
  const header = `{${good}${entries ? ',' : ''}${entries}}`;
  return safetensorsOf(header, new Uint8Array(dataBytes).fill(7));
}

function entry(dtype: string, shape: string, offsets: string): string {
  return `"bad":{"dtype":${dtype},"shape":${shape},"data_offsets":${offsets}}`;
}

const f32 = (shape: string, offsets: string): string => entry('"F32"', shape, offsets);
const deep = '['.repeat(20_000) + ']'.repeat(20_000);

describe('a damaged file', () => {
  /** The error of a read that must fail without leaving anything on the heap. */
  async function readFailure(name: string, read: () => unknown): Promise<string> {
    const { peakBytes } = heapStats();
    // What other tests left to the garbage collector may go at any time: only what is new counts.
    const failed = { error: new Error('none') };
    const left = await findLeaks(async () => {
      failed.error = await failure(read);
    });
    const { error } = failed;
    expect(left).toEqual([]);
    expect(heapStats().peakBytes).toBe(peakBytes);
    expect(error).toBeInstanceOf(FileFormatError);
    expect(error.message.startsWith(`${name}: `)).toBe(true);
    return error.message.slice(name.length + 2);
  }

  /** What is wrong with bytes, and with a file of them, which must be the same. */
  async function problemOf(bytes: Uint8Array): Promise<string> {
    const file = join(folder, 'damaged');
    await writeFile(file, bytes);
    const problem = await readFailure(file, () => loadCheckpoint(file));
    const name = 'a page';
    expect(await readFailure(name, () => decodeSafetensors(bytes, { name }))).toBe(problem);
    return problem;
  }

  it('truncated anywhere, or with a byte too many', async () => {
    const whole = encodeSafetensors(mixedState(), { note: 'x' });
    for (let length = 0; length < whole.length; length++) {
      expect(await problemOf(whole.subarray(0, length))).toMatch(/truncated.*again$/);
    }
    expect(await problemOf(Buffer.concat([whole, new Uint8Array(1)]))).toBe(
      '1 bytes after the last tensor belong to none; the file is damaged: save it again',
    );
  });

  it.each<[string, Uint8Array, string]>([
    [
      'nothing',
      new Uint8Array(0),
      'expected at least 8 bytes, got 0; it is truncated: save or download it again',
    ],
    [
      'a header of 2^63 bytes',
      Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0x80, 0x7b, 0x7d),
      'bytes 0 to 7 promise a header of 9223372036854775808 bytes, the file has 10; it is truncated or not a safetensors file: save or download it again',
    ],
    [
      'a header of 2^64 - 1 bytes',
      new Uint8Array(64).fill(255),
      'bytes 0 to 7 promise a header of 18446744073709551615 bytes, the file has 64; it is truncated or not a safetensors file: save or download it again',
    ],
    [
      'a header that is no JSON',
      safetensorsOf('{"a":'),
      'the header, from byte 8, is wrong: it is not JSON; the file is damaged or not safetensors',
    ],
    [
      'no header',
      safetensorsOf(''),
      'the header, from byte 8, is wrong: it does not begin with {; the file is damaged or not safetensors',
    ],
    [
      'a header that is no UTF-8',
      Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0, ...Buffer.from('{"\xff":0}', 'latin1')),
      'the header, from byte 8, is wrong: it is not UTF-8; the file is damaged or not safetensors',
    ],
    [
      'a list',
      safetensorsOf('[]'),
      'the header, from byte 8, is wrong: it does not begin with {; the file is damaged or not safetensors',
    ],
    [
      'null',
      safetensorsOf('null'),
      'the header, from byte 8, is wrong: it does not begin with {; the file is damaged or not safetensors',
    ],
    [
      'a number',
      safetensorsOf('3'),
      'the header, from byte 8, is wrong: it does not begin with {; the file is damaged or not safetensors',
    ],
    [
      'metadata of numbers',
      withGood('"__metadata__":{"epoch":3}'),
      '__metadata__ must hold texts by name, got {"epoch":3}; save it without',
    ],
    [
      'metadata as text',
      withGood('"__metadata__":"ab"'),
      '__metadata__ must hold texts by name, got "ab"; save it without',
    ],
    [
      'a tensor that is a number',
      withGood('"bad":3'),
      "tensor 'bad' has no description, got 3; the file is damaged: save it again",
    ],
    [
      'a tensor that is null',
      withGood('"bad":null'),
      "tensor 'bad' has no description, got null; the file is damaged: save it again",
    ],
    [
      'a tensor that is a list',
      withGood('"bad":["F32"]'),
      'tensor \'bad\' has no description, got ["F32"]; the file is damaged: save it again',
    ],
    [
      'no dtype',
      withGood('"bad":{}'),
      "tensor 'bad' has dtype nothing; the file is damaged: save it again",
    ],
    [
      'an unknown dtype',
      withGood(entry('"F8_E4M3"', '[0]', '[8,8]')),
      "tensor 'bad' has dtype 'F8_E4M3'; Unfold reads F32, F64, F16, BF16, I32, I64, U8, BOOL: convert it before saving, by tensor.float() in PyTorch",
    ],
    [
      'a dtype that refuses to be text',
      withGood(entry('{"toString":null,"valueOf":null}', '[0]', '[8,8]')),
      'tensor \'bad\' has dtype {"toString":null,"valueOf":null}; the file is damaged: save it again',
    ],
    [
      'a dtype of deep lists',
      withGood(entry(deep, '[0]', '[8,8]')),
      'the header, from byte 8, is wrong: it is nested more than 8 deep; the file is damaged or not safetensors',
    ],
    [
      'no shape',
      withGood('"bad":{"dtype":"F32","data_offsets":[8,8]}'),
      "tensor 'bad' has shape nothing; expected at most 64 integers of at least 0; the file is damaged: save it again",
    ],
    [
      'a negative shape',
      withGood(f32('[-2,-1]', '[8,16]'), 16),
      "tensor 'bad' has shape [-2,-1]; expected at most 64 integers of at least 0; the file is damaged: save it again",
    ],
    [
      'a broken shape',
      withGood(f32('[0.5,2]', '[8,12]'), 12),
      "tensor 'bad' has shape [0.5,2]; expected at most 64 integers of at least 0; the file is damaged: save it again",
    ],
    [
      'a shape of text',
      withGood(f32('["1"]', '[8,12]'), 12),
      'tensor \'bad\' has shape ["1"]; expected at most 64 integers of at least 0; the file is damaged: save it again',
    ],
    [
      'a shape that is a number',
      withGood(f32('1', '[8,12]'), 12),
      "tensor 'bad' has shape 1; expected at most 64 integers of at least 0; the file is damaged: save it again",
    ],
    [
      'a shape beyond all integers',
      withGood(f32('[1e400]', '[8,12]'), 12),
      'tensor \'bad\' has shape ["Infinity"]; expected at most 64 integers of at least 0; the file is damaged: save it again',
    ],
    [
      'a huge shape',
      withGood(f32('[1048576,1048576,1048576]', '[8,12]'), 12),
      "tensor 'bad' [1048576,1048576,1048576] needs 1152921504606847000 × 4 bytes, it has 4; the file is damaged: save it again",
    ],
    [
      'a shape for more bytes than there are',
      withGood(f32('[3]', '[8,16]'), 16),
      "tensor 'bad' [3] needs 3 × 4 bytes, it has 8; the file is damaged: save it again",
    ],
    [
      'no offsets',
      withGood('"bad":{"dtype":"F32","shape":[1]}'),
      "tensor 'bad' has data_offsets nothing; expected its first byte and the one after its last; the file is damaged: save it again",
    ],
    [
      'one offset',
      withGood(f32('[1]', '[8]'), 12),
      "tensor 'bad' has data_offsets [8]; expected its first byte and the one after its last; the file is damaged: save it again",
    ],
    [
      'three offsets',
      withGood(f32('[1]', '[8,12,12]'), 12),
      "tensor 'bad' has data_offsets [8,12,12]; expected its first byte and the one after its last; the file is damaged: save it again",
    ],
    [
      'a negative offset',
      withGood(f32('[1]', '[-4,0]')),
      "tensor 'bad' has data_offsets [-4,0]; expected its first byte and the one after its last; the file is damaged: save it again",
    ],
    [
      'offsets the wrong way round',
      withGood(f32('[1]', '[12,8]'), 12),
      "tensor 'bad' has data_offsets [12,8]; expected its first byte and the one after its last; the file is damaged: save it again",
    ],
    [
      'a tensor beyond the end',
      withGood(f32('[1]', '[8,12]'), 10),
      "tensor 'bad' ends at data byte 12, but there are 10; the file is truncated: save or download it again",
    ],
    [
      'a tensor far beyond the end',
      withGood(f32('[536870912]', '[8,2147483656]')),
      "tensor 'bad' ends at data byte 2147483656, but there are 8; the file is truncated: save or download it again",
    ],
    [
      'two tensors in one place',
      withGood(f32('[2]', '[0,8]')),
      "tensor 'bad' overlaps the one before: it starts at data byte 0, expected 8; the file is damaged: save it again",
    ],
    [
      'tensors that overlap',
      withGood(f32('[1]', '[4,8]')),
      "tensor 'bad' overlaps the one before: it starts at data byte 4, expected 8; the file is damaged: save it again",
    ],
    [
      'a gap between tensors',
      withGood(f32('[1]', '[12,16]'), 16),
      "tensor 'bad' leaves a hole: it starts at data byte 12, expected 8; the file is damaged: save it again",
    ],
    [
      'bytes of no tensor',
      withGood('', 9),
      '1 bytes after the last tensor belong to none; the file is damaged: save it again',
    ],
    [
      'a name given twice, of which one is lost',
      withGood('"good":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}', 12),
      "the header, from byte 8, is wrong: the key 'good' stands twice in one object; the file is damaged or not safetensors",
    ],
    [
      'a name given twice in other letters',
      withGood('"g\\u006fod" : {"dtype":"F32","shape":[0],"data_offsets":[8,8]}'),
      "the header, from byte 8, is wrong: the key 'good' stands twice in one object; the file is damaged or not safetensors",
    ],
    [
      'metadata that says a thing twice',
      withGood('"__metadata__":{"a":"1","a":"1"}'),
      "the header, from byte 8, is wrong: the key 'a' stands twice in one object; the file is damaged or not safetensors",
    ],
    [
      'two shapes of one tensor',
      withGood('"bad":{"dtype":"F32","shape":[9],"shape":[0],"data_offsets":[8,8]}'),
      "the header, from byte 8, is wrong: the key 'shape' stands twice in one object; the file is damaged or not safetensors",
    ],
    [
      'a header after a space',
      safetensorsOf(' {}'),
      'the header, from byte 8, is wrong: it does not begin with {; the file is damaged or not safetensors',
    ],
    [
      'a header with a byte order mark',
      safetensorsOf('\ufeff{}'),
      'the header, from byte 8, is wrong: it does not begin with {; the file is damaged or not safetensors',
    ],
    [
      'a text without an end',
      safetensorsOf('{"a'),
      'the header, from byte 8, is wrong: it is not JSON; the file is damaged or not safetensors',
    ],
    [
      'a text that ends in a backslash',
      safetensorsOf('{"a\\'),
      'the header, from byte 8, is wrong: it is not JSON; the file is damaged or not safetensors',
    ],
    [
      'brackets that close what was not open',
      safetensorsOf('{}}]'),
      'the header, from byte 8, is wrong: it is not JSON; the file is damaged or not safetensors',
    ],
    [
      'a long name on several lines',
      withGood(`"${'\\n'.repeat(60)}":3`),
      "tensor '\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n…' has no description, got 3; the file is damaged: save it again",
    ],
    [
      'more dimensions than any library has',
      withGood(f32(`[${'1,'.repeat(64)}1]`, '[8,12]'), 12),
      "tensor 'bad' has shape [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1…; expected at most 64 integers of at least 0; the file is damaged: save it again",
    ],
    [
      'a zip archive under a wrong name',
      Uint8Array.of(0x50, 0x4b, 3, 4, 20, 0, 0, 0, 8, 0),
      'bytes 0 to 7 promise a header of 85966670672 bytes, the file has 10; it looks like a zip archive: rename it if it is .npz; if it is .pt of PyTorch, save it by safetensors.torch.save_file',
    ],
    [
      'an integer that int32 cannot hold',
      withGood(entry('"I64"', '[1]', '[8,16]'), 16),
      "tensor 'bad': int64 number 0 is 506381209866536711, which int32 cannot hold; save it as float64, or leave it out",
    ],
    [
      'a tensor named __proto__',
      withGood('"__proto__":{"dtype":"F99","shape":[0],"data_offsets":[8,8]}'),
      "tensor '__proto__' has dtype 'F99'; Unfold reads F32, F64, F16, BF16, I32, I64, U8, BOOL: convert it before saving, by tensor.float() in PyTorch",
    ],
    [
      'a description inherited through __proto__',
      withGood('"bad":{"__proto__":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}}'),
      "tensor 'bad' has dtype nothing; the file is damaged: save it again",
    ],
    [
      'a truth value that is neither 0 nor 1',
      withGood(entry('"BOOL"', '[2]', '[8,10]'), 10),
      "tensor 'bad': truth value 0 is 7, expected 0 or 1; the file is damaged: save it again",
    ],
  ])('%s', async (_, bytes, message) => {
    expect(await problemOf(bytes)).toBe(message);
  });

  it('is refused only for its damage: the frame of these cases is good', () => {
    const names = (bytes: Uint8Array): string[] => [...decodeSafetensors(bytes).state.keys()];
    expect(names(withGood(f32('[1]', '[8,12]'), 12))).toEqual(['good', 'bad']);
    // An empty tensor may lie where a full one begins.
    expect(names(withGood(f32('[0]', '[0,0]')))).toEqual(['good', 'bad']);
  });

  it('with a header beyond the limit is not read at all', async () => {
    const file = join(folder, 'large');
    const handle = await open(file, 'w');
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(100_000_001n);
    await handle.write(length);
    // The rest is a hole, of which the disk knows only the length.
    await handle.truncate(3e9);
    await handle.close();
    expect(await readFailure(file, () => loadCheckpoint(file))).toBe(
      'its header has 100000001 bytes, expected at most 33554432; if you trust the file, pass limits: ' +
        '{ maxHeaderBytes: 100000001 }',
    );
  });
});
