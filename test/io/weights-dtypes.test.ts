import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { FileFormatError } from '@unfold/core';
import { decodeNpz, decodeSafetensors } from '@unfold/io';
import { describe, expect, it } from 'vitest';
import { bfloat16ToFloat32, float16ToFloat32 } from '../../packages/io/src/weights/float16.js';
import { contents, fixtureBytes, fixturePath, safetensorsOf } from '../support/files/weights.js';

const facts = JSON.parse(readFileSync(fixturePath('facts.json'), 'utf8')) as {
  float16Sha256: string;
  bfloat16Sha256: string;
};

/** Of the bytes of float32 numbers, with one NaN for all, as make_weights.py takes it. */
function sha256(floats: Float32Array): string {
  const bits = new Uint32Array(floats.buffer);
  floats.forEach((value, i) => {
    if (Number.isNaN(value)) bits[i] = 0x7fc00000;
  });
  return createHash('sha256').update(bits).digest('hex');
}

describe('all 65,536 numbers are those of', () => {
  const patterns = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i);

  it('NumPy’s float16', () => {
    expect(sha256(float16ToFloat32(patterns))).toBe(facts.float16Sha256);
  });

  it('PyTorch’s bfloat16', () => {
    expect(sha256(bfloat16ToFloat32(patterns))).toBe(facts.bfloat16Sha256);
  });
});

const FLOATS = [0, -0, 1.5, -65504, 2 ** -24, Infinity, -Infinity, NaN];
/** As bfloat16, which has eight bits of fraction, rounds them. */
const BRAINS = [0, -0, 1.5, -65536, 2 ** -24, Infinity, -Infinity, NaN, 3.00405527047391e38];

describe('what Python wrote', () => {
  it('safetensors.torch.save_file', () => {
    const { state, metadata } = decodeSafetensors(fixtureBytes('dtypes.safetensors'));
    const { half, brain, ...others } = Object.fromEntries(state);
    expect(half?.toArray()).toEqual(FLOATS);
    expect(brain?.toArray()).toEqual(BRAINS);
    const rest = new Map(Object.entries(others).sort(([a], [b]) => (a < b ? -1 : 1)));
    expect(contents(rest)).toEqual([
      ['batches', 'int32', [], [2 ** 31 - 1]],
      ['double', 'float64', [1, 2], [0.1, -5e-324]],
      ['empty', 'float32', [0, 3], []],
      ['flags', 'bool', [3], [1, 0, 1]],
      ['longs', 'int32', [4], [-(2 ** 31), -1, 0, 1]],
      ['weight', 'float32', [1, 2, 3], [0, 0.25, 0.5, 0.75, 1, 1.25]],
    ]);
    expect(metadata).toEqual({});
  });

  const plain = Array.from({ length: 24 }, (_, i) => i);
  const arrays = [
    ['half', 'float32', [8], FLOATS],
    ['double', 'float64', [1, 2], [0.1, -5e-324]],
    ['batches', 'int32', [], [2 ** 31 - 1]],
    ['longs', 'int32', [4], [-(2 ** 31), -1, 0, 1]],
    ['ints', 'int32', [2], [-(2 ** 31), 2 ** 31 - 1]],
    ['bytes', 'uint8', [4], [0, 127, 128, 255]],
    ['empty', 'float32', [0, 3], []],
    ['flags', 'bool', [3], [1, 0, 1]],
    ['fortran', 'float32', [2, 3, 4], plain],
    ['layer.0.größe', 'float32', [1, 3, 4], plain.slice(0, 12)],
    ['__proto__', 'float32', [], [2.5]],
    ['10', 'uint8', [1], [10]],
  ];

  it('numpy.savez', () => {
    expect(contents(decodeNpz(fixtureBytes('dtypes.npz')))).toEqual(arrays);
  });

  it('numpy.savez_compressed', () => {
    const zeros = ['zeros', 'float32', [5000], new Array(5000).fill(0)];
    expect(contents(decodeNpz(fixtureBytes('dtypes-compressed.npz')))).toEqual([...arrays, zeros]);
  });
});

describe('an int64 becomes an int32', () => {
  function read(...values: bigint[]): unknown {
    const size = 8 * values.length;
    const header = `{"n":{"dtype":"I64","shape":[${values.length}],"data_offsets":[0,${size}]}}`;
    const data = new Uint8Array(new BigInt64Array(values).buffer);
    return decodeSafetensors(safetensorsOf(header, data), { name: 'f' }).state.get('n')?.toArray();
  }

  it('where it fits', () => {
    expect(read(-(2n ** 31n), -1n, 0n, 2n ** 31n - 1n)).toEqual([-(2 ** 31), -1, 0, 2 ** 31 - 1]);
  });

  it.each([2n ** 31n, -(2n ** 31n) - 1n, 2n ** 32n, -(2n ** 32n), 2n ** 63n - 1n, -(2n ** 63n)])(
    'and %s is refused',
    (value) => {
      expect(() => read(0n, value)).toThrow(FileFormatError);
      expect(() => read(0n, value)).toThrow(
        `f: tensor 'n': int64 number 1 is ${value}, which int32 cannot hold; save it as float64, or leave it out`,
      );
    },
  );
});
