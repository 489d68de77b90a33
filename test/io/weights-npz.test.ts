import { ConfigError, FileFormatError, heapStats, tensor, type Tensor } from '@unfold/core';
import { decodeNpy, decodeNpz, encodeNpy, encodeNpz } from '@unfold/io';
import { strToU8, zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { failure } from '../support/failure.js';
import { contents, fixtureBytes } from '../support/files/weights.js';
import { zipOf, type ZipFields } from '../support/files/zip.js';

/** Values of every dtype. */
function mixedState(): Map<string, Tensor> {
  return new Map<string, Tensor>([
    ['layers.0.weight', tensor(new Float32Array([0.1, NaN, -0, 1e-45, -Infinity, 2]), [1, 3, 2])],
    ['flag', tensor([[true], [false]])],
    ['double', tensor(new Float64Array([5e-324]))],
    ['none', tensor(new Float64Array(0), [2, 0])],
    ['int', tensor(new Int32Array([-(2 ** 31)]), [])],
    ['2', tensor(new Uint8Array([1, 2, 3]))],
    ['größe/"x"', tensor(7)],
    ['__proto__', tensor(new Uint8Array([9]))],
    ['', tensor(8)],
  ]);
}

describe('a round trip', () => {
  it('through .npz keeps names, order, dtypes, shapes and bits', () => {
    const state = mixedState();
    const read = decodeNpz(encodeNpz(state));
    expect(contents(read)).toEqual(contents(state));
    expect(Object.is(read.get('layers.0.weight')?.data[2], -0)).toBe(true);
  });

  it('through .npy keeps dtype, shape and bits, with the numbers aligned to 64 bytes', () => {
    for (const [name, original] of mixedState()) {
      const bytes = encodeNpy(original);
      expect((bytes.length - original.data.byteLength) % 64).toBe(0);
      expect(contents(new Map([[name, decodeNpy(bytes)]]))).toEqual(
        contents(new Map([[name, original]])),
      );
    }
  });

  it('of nothing', () => {
    expect(decodeNpz(encodeNpz(new Map()))).toEqual(new Map());
  });

  it('gives the same bytes at any time', () => {
    expect(encodeNpz(mixedState())).toEqual(encodeNpz(mixedState()));
  });

  it('reads bytes that lie at an odd place, of a Buffer or in shared memory', () => {
    const [npz, npy] = [encodeNpz(mixedState()), encodeNpy(tensor([1.5, 2]))];
    const shift = (bytes: Uint8Array, buffer: ArrayBufferLike): Uint8Array => {
      const shifted = new Uint8Array(buffer, 1, bytes.length);
      shifted.set(bytes);
      return shifted;
    };
    for (const move of [
      (bytes: Uint8Array) => shift(bytes, new ArrayBuffer(bytes.length + 9)),
      (bytes: Uint8Array) => shift(bytes, new SharedArrayBuffer(bytes.length + 9)),
      (bytes: Uint8Array) => Buffer.concat([Uint8Array.of(1), bytes]).subarray(1),
    ]) {
      expect(contents(decodeNpz(move(npz)))).toEqual(contents(mixedState()));
      expect(decodeNpy(move(npy)).toArray()).toEqual([1.5, 2]);
    }
  });

  it('refuses more tensors than an archive can list', () => {
    const one = tensor(new Uint8Array(0));
    const many = new Map(Array.from({ length: 65_535 }, (_, i) => [String(i), one]));
    expect(() => encodeNpz(many)).toThrow(ConfigError);
    expect(() => encodeNpz(many)).toThrow(
      'encodeNpz: 65535 tensors of 0 bytes are too many; use safetensors',
    );
  });
});

/** The bytes of a .npy file with this header, exactly as given. */
function npyOf(
  header: string,
  { data = [] as number[], version = 1, length = header.length } = {},
) {
  const size = version === 1 ? [length & 255, length >> 8] : [length, length >> 8, length >> 16, 0];
  return Uint8Array.of(0x93, ...strToU8('NUMPY'), version, 0, ...size, ...strToU8(header), ...data);
}

function header(descr: string, shape = '(2,)', order = 'False'): string {
  return `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }\n`;
}

describe('.npy', () => {
  it.each<[string, Uint8Array]>([
    ['version 1', npyOf(header('|u1'), { data: [5, 6] })],
    ['version 2', npyOf(header('|u1'), { data: [5, 6], version: 2 })],
    ['version 3', npyOf(header('|u1'), { data: [5, 6], version: 3 })],
    [
      'double quotes',
      npyOf('{"descr": "|u1", \'fortran_order\': False, "shape": (2,), }', { data: [5, 6] }),
    ],
    ['a long integer of Python 2', npyOf(header('|u1', '(2L,)'), { data: [5, 6] })],
    ['bytes behind the numbers', npyOf(header('|u1'), { data: [5, 6, 7, 8] })],
    [
      'fields in another order and without a last comma',
      npyOf("{'shape':(2,),'descr':'|u1','fortran_order':True}", { data: [5, 6] }),
    ],
  ])('%s is read', (_, bytes) => {
    expect(decodeNpy(bytes).toArray()).toEqual([5, 6]);
  });

  it('in Fortran’s order becomes row-major', () => {
    const matrix = npyOf(header('|u1', '(2, 3)', 'True'), { data: [1, 4, 2, 5, 3, 6] });
    expect(decodeNpy(matrix).toArray()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const empty = npyOf(header('|u1', '(2, 0, 3)', 'True'));
    expect(decodeNpy(empty).shape).toEqual([2, 0, 3]);
  });

  const plain =
    'expected descr, fortran_order and shape of an array of plain numbers; records and objects are not read';
  const reads = "Unfold reads <f4, <f8, <f2, <i4, <i8, |u1, |b1: convert it by array.astype('<f4')";

  it.each<[string, Uint8Array, string]>([
    [
      'nothing',
      new Uint8Array(0),
      'it does not begin as a .npy array does; save it by numpy.save or numpy.savez',
    ],
    [
      'another file',
      strToU8('\x93NUMPX\x01\x00..'),
      'it does not begin as a .npy array does; save it by numpy.save or numpy.savez',
    ],
    [
      'a file of its first bytes',
      npyOf('').subarray(0, 8),
      'it ends within the header; it is truncated: save it again',
    ],
    [
      'version 4',
      npyOf(header('|u1'), { version: 4 }),
      'it is .npy of version 4, Unfold reads 1 to 3; save it by NumPy',
    ],
    [
      'a header of 16 MB',
      npyOf('{', { version: 2, length: 0xffffff }),
      'its header claims 16777215 bytes, expected at most 65536; it is damaged: save it again, or, if you ' +
        'trust the file, pass limits: { maxHeaderBytes: 16777215 }',
    ],
    [
      'a header that ends early',
      npyOf(header('|u1'), { length: 900 }),
      'it ends within the header; it is truncated: save it again',
    ],
    [
      'an L without a number',
      npyOf(header('|u1', '(2, L)')),
      "tensor 'array' has shape [2,null]; expected at most 64 integers of at least 0; the file is damaged: save it again",
    ],
    [
      'sixty thousand digits and no end',
      npyOf(`{'descr': '|u1', 'fortran_order': False, 'shape': (${'1'.repeat(60_000)}`),
      `tensor 'array' has the header '{'descr': '|u1', 'fortran_order': False, 'shape': (${'1'.repeat(29)}…'; ${plain}`,
    ],
    ['big-endian numbers', npyOf(header('>f4')), `tensor 'array' has dtype '>f4'; ${reads}`],
    ['complex numbers', npyOf(header('<c8')), `tensor 'array' has dtype '<c8'; ${reads}`],
    ['Python objects', npyOf(header('|O')), `tensor 'array' has dtype '|O'; ${reads}`],
    [
      'records',
      npyOf("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }"),
      `tensor 'array' has the header '{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }'; ${plain}`,
    ],
    [
      'a field twice',
      npyOf("{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (2,), }"),
      `tensor 'array' has the header '{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (2,), }'; ${plain}`,
    ],
    [
      'a field too many',
      npyOf("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), 'x': 1}"),
      `tensor 'array' has the header '{'descr': '|u1', 'fortran_order': False, 'shape': (2,), 'x': 1}'; ${plain}`,
    ],
    [
      'fields of the wrong kind',
      npyOf("{'descr': True, 'fortran_order': (), 'shape': '2'}"),
      `tensor 'array' has the header '{'descr': True, 'fortran_order': (), 'shape': '2'}'; ${plain}`,
    ],
    [
      'a shape for more than there is',
      npyOf(header('<f4'), { data: [0, 0, 0, 0] }),
      "tensor 'array' [2] needs 2 × 4 bytes, it has 4; the file is damaged: save it again",
    ],
    [
      'a huge shape',
      npyOf(header('<f4', '(99999999999, 99999999999)')),
      "tensor 'array' [99999999999,99999999999] needs 9.9999999998e+21 × 4 bytes, it has 0; the file is damaged: save it again",
    ],
    [
      'a number in pieces',
      npyOf(header('|u1', '(1 2,)')),
      "tensor 'array' has shape [null]; expected at most 64 integers of at least 0; the file is damaged: save it again",
    ],
    [
      'a truth value that is neither',
      npyOf(header('|b1'), { data: [1, 2] }),
      'truth value 1 is 2, expected 0 or 1; the file is damaged: save it again',
    ],
  ])('%s is refused', async (_, bytes, message) => {
    const error = await failure(() => decodeNpy(bytes, { name: 'a.npy' }));
    expect(error).toBeInstanceOf(FileFormatError);
    expect(error.message).toBe(`a.npy: ${message}`);
  });
});

/** The position of a signature in an archive, the last one. */
function find(archive: Uint8Array, ...signature: number[]): number {
  for (let at = archive.length - signature.length; at >= 0; at--) {
    if (signature.every((byte, i) => archive[at + i] === byte)) return at;
  }
  throw new Error('no such signature');
}
const directoryOf = (archive: Uint8Array): number => find(archive, 0x50, 0x4b, 1, 2);
const endOf = (archive: Uint8Array): number => find(archive, 0x50, 0x4b, 5, 6);

/** A good archive of one tensor `a`, changed. */
function changed(change: (archive: Uint8Array, view: DataView) => void, level: 0 | 9 = 0) {
  const npy = encodeNpy(tensor(new Float32Array(100)));
  const archive = zipSync({ 'a.npy': npy }, { level });
  change(archive, new DataView(archive.buffer));
  return archive;
}

/** A good archive of one tensor `a` but for what both of its records say. */
function described(fields: ZipFields): Uint8Array {
  const content = encodeNpy(tensor(new Float32Array(100)));
  return zipOf([{ name: 'a.npy', content, deflate: true, fields }]);
}

describe('an archive whose records disagree', () => {
  const content = encodeNpy(tensor([1, 2, 3]));
  const other = 'than in the directory; the archive is damaged: save or download it again';
  const one = (local: ZipFields, deflate = false): Uint8Array =>
    zipOf([{ name: 'a.npy', content, deflate, local }]);
  const two = { name: 'b.npy', content };
  const damaged = 'the directory of the archive is damaged: save or download it again';
  const shared = zipOf([
    { name: 'a.npy', content },
    { ...two, fields: { offset: 0, name: 'a.npy' } },
  ]);

  it.each<[string, Uint8Array, string]>([
    [
      'about the name',
      one({ name: 'b.npy' }),
      `entry 'a.npy' has another name before its content ${other}`,
    ],
    [
      'about the method',
      one({ method: 8 }),
      `entry 'a.npy' has another method before its content ${other}`,
    ],
    [
      'about the checksum',
      one({ crc: 7 }, true),
      `entry 'a.npy' has another checksum before its content ${other}`,
    ],
    [
      'about the size',
      one({ size: 7 }),
      `entry 'a.npy' has another size before its content ${other}`,
    ],
    [
      'about the packed size',
      one({ packedSize: 7 }, true),
      `entry 'a.npy' has another packed size before its content ${other}`,
    ],
    [
      'about encryption',
      one({ flags: 1 }),
      `entry 'a.npy' has another encryption before its content ${other}`,
    ],
    ['about the number of entries, lowered', zipOf([two, two], { count: 1 }), damaged],
    [
      'about that and the length of the directory',
      zipOf([two, two], { count: 1, directoryBytes: 51 }),
      damaged,
    ],
    ['about the length of the directory', zipOf([two], { directoryBytes: 50 }), damaged],
    [
      'by entries that share their bytes',
      shared,
      `entry 'a.npy' overlaps the one before; ${damaged}`,
    ],
    [
      'by an entry that lies in another',
      zipOf([
        { name: 'a.npy', content: zipOf([two]) },
        { ...two, fields: { offset: 35 } },
      ]),
      `entry 'b.npy' overlaps the one before; ${damaged}`,
    ],
  ])('%s is refused', async (_, archive, message) => {
    const error = await failure(() => decodeNpz(archive, { name: 'w.npz' }));
    expect(error).toBeInstanceOf(FileFormatError);
    expect(error.message).toBe(`w.npz: ${message}`);
  });

  it('is read where they may: sizes that follow the content, or that zip64 has', () => {
    const follow = one({ flags: 8, crc: 0, size: 0, packedSize: 0 }, true);
    const extra = Buffer.alloc(20);
    extra.writeUInt16LE(1);
    extra.writeUInt16LE(16, 2);
    extra.writeBigUInt64LE(BigInt(content.length), 4);
    extra.writeBigUInt64LE(BigInt(content.length), 12);
    const wide = one({ size: 2 ** 32 - 1, packedSize: 2 ** 32 - 1, extra });
    for (const archive of [follow, wide]) {
      expect(decodeNpz(archive).get('a')?.toArray()).toEqual([1, 2, 3]);
    }
    extra.writeBigUInt64LE(9n, 4);
    expect(() => decodeNpz(one({ size: 2 ** 32 - 1, extra }))).toThrow('another size');
  });
});

describe('an archive that NumPy reads', () => {
  const content = encodeNpy(tensor([1, 2, 3]));
  const read = (archive: Uint8Array) =>
    [...decodeNpz(archive)].map(([name, value]) => [name, value.toArray()]);

  it.each<[string, Uint8Array]>([
    [
      'with a folder',
      zipOf([
        { name: 'x/', content: new Uint8Array(0) },
        { name: 'a.npy', content },
      ]),
    ],
    [
      'with a README, packed by a method that is not read',
      zipOf([
        { name: 'a.npy', content },
        { name: 'README', content: new Uint8Array(9), fields: { method: 12 } },
      ]),
    ],
    ['with bytes behind its end', Uint8Array.of(...zipOf([{ name: 'a.npy', content }]), 1, 2, 3)],
    [
      'with bytes behind the numbers',
      zipOf([{ name: 'a.npy', content: Uint8Array.of(...content, 9, 9), deflate: true }]),
    ],
  ])('%s is read', (_, archive) => {
    expect(read(archive)).toEqual([['a', [1, 2, 3]]]);
  });
});

describe('an archive', () => {
  const damaged = 'the directory of the archive is damaged: save or download it again';
  const large = 'zip64 archives (2 GiB and more) are not read; use .safetensors';
  const wrongSum = "entry 'a.npy' is damaged: its checksum is wrong; save or download it again";
  const method = (n: number) =>
    `entry 'a.npy' is encrypted or packed by method ${n}; Unfold reads stored and deflated ones: save it by numpy.savez`;

  it.each<[string, Uint8Array, string]>([
    [
      'that is empty',
      new Uint8Array(0),
      'it is truncated or not a zip archive: save it by numpy.savez, or download it again',
    ],
    [
      'that is something else',
      fixtureBytes('lenet.safetensors'),
      'it is truncated or not a zip archive: save it by numpy.savez, or download it again',
    ],
    [
      'of other files',
      zipSync({ 'data.pkl': new Uint8Array(3) }),
      "entry 'data.pkl' is no .npy array, nor is any other, so this is not a .npz file; save one by numpy.savez",
    ],
    [
      'of folders',
      zipSync({ archive: { 'a.txt': new Uint8Array(1) } }),
      "entry 'archive/' is no .npy array, nor is any other, so this is not a .npz file; save one by numpy.savez",
    ],
    [
      'whose directory is shorter than it says',
      changed((archive, view) => view.setUint16(endOf(archive) + 10, 2, true)),
      damaged,
    ],
    [
      'with a tensor twice',
      zipOf([1, 2].map((value) => ({ name: 'a.npy', content: encodeNpy(tensor(value)) }))),
      "tensor 'a' is there twice; the file is damaged: save it again",
    ],
    [
      'whose directory is elsewhere',
      changed((archive, view) => view.setUint32(endOf(archive) + 16, 9, true)),
      damaged,
    ],
    [
      'whose directory is beyond its end',
      changed((archive, view) => view.setUint32(endOf(archive) + 16, 2 ** 31, true)),
      damaged,
    ],
    [
      'of zip64',
      changed((archive, view) => view.setUint32(endOf(archive) + 16, 2 ** 32 - 1, true)),
      large,
    ],
    [
      'with an entry of zip64',
      changed((archive, view) => view.setUint32(directoryOf(archive) + 20, 2 ** 32 - 1, true)),
      large,
    ],
    [
      'with a name beyond the directory',
      changed((archive, view) => view.setUint16(directoryOf(archive) + 28, 999, true)),
      damaged,
    ],
    [
      'with an entry beyond its end',
      changed((archive, view) => view.setUint32(directoryOf(archive) + 42, 2 ** 31, true)),
      damaged,
    ],
    ['with an entry that is none', changed((archive) => archive.set([0], 0)), damaged],
    [
      'with an entry longer than the file',
      changed((archive, view) => view.setUint32(directoryOf(archive) + 20, 9999, true)),
      damaged,
    ],
    [
      'that claims more than deflate can make',
      changed((archive, view) => view.setUint32(directoryOf(archive) + 24, 2 ** 31, true), 9),
      damaged,
    ],
    ['that is encrypted', described({ flags: 1 }), method(8)],
    ['packed by another method', described({ method: 14 }), method(14)],
    [
      'with a wrong number',
      changed((archive) => archive.set([1], directoryOf(archive) - 1)),
      wrongSum,
    ],
    ['with a wrong size', described({ size: 529 }), wrongSum],
    ['with a wrong checksum', described({ crc: 7 }), wrongSum],
    ['with damaged packed bytes', changed((archive) => archive.fill(255, 35, 60), 9), wrongSum],
  ])('%s is refused', async (_, archive, message) => {
    const { peakBytes } = heapStats();
    const error = await failure(() => decodeNpz(archive, { name: 'w.npz' }));
    expect(error).toBeInstanceOf(FileFormatError);
    expect(error.message).toBe(`w.npz: ${message}`);
    expect(heapStats().peakBytes).toBe(peakBytes);
  });

  it('is refused only for its damage: what these cases change is good', () => {
    expect(decodeNpz(changed(() => {})).get('a')?.size).toBe(100);
    expect(decodeNpz(changed(() => {}, 9)).get('a')?.size).toBe(100);
  });
});
