import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ConfigError,
  DisposedError,
  DTypeError,
  FileFormatError,
  findLeaks,
  heapStats,
  Parameter,
  ShapeError,
  tensor,
  zeros,
  type DType,
  type Shape,
  type Tensor,
} from '@unfold/core';
import { Conv2d, Linear, Module, Sequential } from '@unfold/nn';
import {
  decodeNpz,
  decodeSafetensors,
  encodeNpz,
  encodeSafetensors,
  loadWeights,
  saveWeights,
} from '@unfold/io';
import { LeNet } from '@unfold/train';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { failure } from '../support/failure.js';
import { contents, fixtureBytes, fixturePath, safetensorsOf } from '../support/files/weights.js';

const FORMATS = ['safetensors', 'npz'] as const;
type Format = (typeof FORMATS)[number];

let root = '';
let folder = '';
let folders = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'unfold-weights-'));
});
afterAll(() => rm(root, { recursive: true }));
beforeEach(async () => {
  folder = join(root, String(folders++));
  await mkdir(folder);
});

/** A layer with a tensor of every dtype, as normalisation layers have them. */
class Counted extends Module {
  readonly weight = new Parameter(tensor([[1.5, -2]]));
  readonly scale = new Parameter(tensor(new Float64Array([0.1])));

  constructor() {
    super();
    this.registerBuffer('num_batches_tracked', tensor(new Int32Array([7]), []));
    this.registerBuffer('mask', tensor([true, false, true]));
    this.registerBuffer('palette', tensor(new Uint8Array([1, 2, 3])));
    this.registerBuffer('none', zeros([0, 3]));
  }

  forward(x: Tensor): Tensor {
    return x;
  }
}

function fill(model: Module, value: number): void {
  for (const own of model.stateDict().values()) own.update((data) => data.fill(value));
}

async function write(format: Format, state: ReadonlyMap<string, Tensor>): Promise<string> {
  const file = join(folder, `w.${format}`);
  await writeFile(file, format === 'npz' ? encodeNpz(state) : encodeSafetensors(state));
  return file;
}

describe.each(FORMATS)('a model in .%s', (format) => {
  it('comes back: every dtype, every bit', async () => {
    const file = join(folder, `w.${format}`);
    const [saved, loaded] = [new Sequential(new Counted()), new Sequential(new Counted())];
    fill(loaded, 0);
    await saveWeights(saved, file);
    expect(await loadWeights(loaded, file)).toEqual({ missing: [], unexpected: [] });
    expect(contents(loaded.stateDict())).toEqual(contents(saved.stateDict()));
    expect(await readdir(folder)).toEqual([`w.${format}`]);
  });

  it('lies in the file under the names and in the order of its state', async () => {
    const file = join(folder, `w.${format}`);
    const model = new Sequential(new Conv2d(2, 3, [1, 2]), new Counted());
    await saveWeights(model, file);
    const bytes = await readFile(file);
    const state = format === 'npz' ? decodeNpz(bytes) : decodeSafetensors(bytes).state;
    expect(contents(state)).toEqual(contents(model.stateDict()));
  });

  it('is saved as it is at the call', async () => {
    const file = join(folder, `w.${format}`);
    const model = new Linear(2, 1);
    const before = contents(model.stateDict());
    const saving = saveWeights(model, file);
    fill(model, 9);
    await saving;
    await loadWeights(model, file);
    expect(contents(model.stateDict())).toEqual(before);
  });

  it('is loaded without a trace on the heap', async () => {
    const file = join(folder, `w.${format}`);
    const model = new Linear(30, 40);
    await saveWeights(model, file);
    const { peakBytes } = heapStats();
    const load = async () => {
      await loadWeights(model, file);
    };
    expect(await findLeaks(load)).toEqual([]);
    expect(heapStats().peakBytes).toBe(peakBytes);
  });

  it('leaves an older file whole where it cannot be written', async () => {
    const file = join(folder, `missing/w.${format}`);
    const error = await failure(() => saveWeights(new Linear(1, 1), file));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(/^cannot write \S+: ENOENT: .*choose another path/);
  });
});

describe('LeNet with weights that Python saved gives PyTorch’s logits within 1e-5', () => {
  const expected = decodeNpz(fixtureBytes('lenet-logits.npz'));

  it.each(['lenet.safetensors', 'lenet.npz', 'lenet-compressed.npz'])('%s', async (name) => {
    const model = new LeNet();
    await loadWeights(model, fixturePath(name));
    const [x, logits] = [expected.get('x'), expected.get('logits')];
    if (!x || !logits) throw new Error('the fixture lacks x or logits');
    const got = model.forward(x).data;
    const errors = logits.data.map((value, i) => Math.abs(value - Number(got[i])));
    expect(logits.shape).toEqual([3, 10]);
    expect(Math.max(...errors)).toBeLessThan(1e-5);
    expect(Math.max(...logits.data.map(Math.abs))).toBeGreaterThan(0.05);
  });
});

/** A small model that is saved under other names, shapes and dtypes. */
class Small extends Module {
  readonly conv = new Conv2d(3, 4, [1, 2]);
  readonly fc = new Linear(5, 2);
}

const SMALL: Readonly<Record<string, Shape>> = {
  'conv.weight': [4, 3, 1, 2],
  'conv.bias': [4],
  'fc.weight': [2, 5],
  'fc.bias': [2],
};

/** The state of a `Small`, with some tensors changed, added, or left out (null). */
function smallState(
  changes: Readonly<Record<string, { shape?: Shape; dtype?: DType } | null>> = {},
): Map<string, Tensor> {
  const names = new Set([...Object.keys(SMALL), ...Object.keys(changes)]);
  return new Map(
    [...names].flatMap((name): [string, Tensor][] => {
      const change = changes[name];
      if (change === null) return [];
      return [
        [name, zeros(change?.shape ?? SMALL[name] ?? [1], { dtype: change?.dtype ?? 'float32' })],
      ];
    }),
  );
}

/** The same state with other names. */
function renamed(state: Map<string, Tensor>, rename: (name: string) => string) {
  return new Map([...state].map(([name, value]) => [rename(name), value]));
}

describe.each(FORMATS)('what does not fit, in .%s, leaves the model as it was', (format) => {
  const others =
    'save it from a model of the same layers, or pass { strict: false } to load what fits';
  const sizes = 'build the model with the sizes of the one that was saved';
  const float64 = format === 'npz' ? '<f8' : 'F64';
  const uint8 = format === 'npz' ? '|u1' : 'U8';
  const convert = (dtype: DType) =>
    `convert it before saving, by tensor.to(torch.${dtype}) in PyTorch or array.astype('${dtype}') in NumPy`;

  it.each<[string, () => Map<string, Tensor>, string[], typeof ShapeError]>([
    [
      'a name that is missing',
      () => smallState({ 'fc.bias': null }),
      ["missing: 'fc.bias'", others],
      ShapeError,
    ],
    [
      'a name too many',
      () => smallState({ __proto__x: {}, 'a\nb': {} }),
      ["unexpected: '__proto__x', 'a\\nb'", others],
      ShapeError,
    ],
    [
      'other names altogether',
      () => renamed(smallState(), (name) => name.replace('conv', '0').replace('fc', '3')),
      [
        "missing: 'conv.weight', 'conv.bias', 'fc.weight', 'fc.bias'",
        "unexpected: '0.weight', '0.bias', '3.weight', '3.bias'",
        others,
      ],
      ShapeError,
    ],
    [
      'a prefix',
      () => renamed(smallState(), (name) => `module.${name}`),
      [
        "missing: 'conv.weight', 'conv.bias', 'fc.weight', 'fc.bias'",
        "unexpected: 'module.conv.weight', 'module.conv.bias', 'module.fc.weight', 'module.fc.bias'",
        "its names begin with 'module.': save it without that prefix",
      ],
      ShapeError,
    ],
    [
      'too many names to list',
      () => smallState(Object.fromEntries(Array.from({ length: 22 }, (_, i) => [`x${i}`, {}]))),
      [
        `unexpected: ${Array.from({ length: 20 }, (_, i) => `'x${i}'`).join(', ')} and 2 more`,
        others,
      ],
      ShapeError,
    ],
    [
      'other shapes',
      () => smallState({ 'fc.weight': { shape: [2, 6] }, 'fc.bias': { shape: [] } }),
      [`fc.weight: expected [2,5], got [2,6]; ${sizes}`, `fc.bias: expected [2], got []; ${sizes}`],
      ShapeError,
    ],
    [
      'a transposed weight',
      () => smallState({ 'fc.weight': { shape: [5, 2] } }),
      [
        'fc.weight: expected [2,5], got [5,2]; it looks like its transpose; Linear.weight is [out, in]: save it after permute(1, 0), in NumPy transpose',
      ],
      ShapeError,
    ],
    [
      'TensorFlow’s order of axes',
      () => smallState({ 'conv.weight': { shape: [1, 2, 3, 4] } }),
      [
        "conv.weight: expected [4,3,1,2], got [1,2,3,4]; it looks like TensorFlow's [kh, kw, in, out]; Conv2d.weight is [out, in, kh, kw]: save it after permute(3, 2, 0, 1), in NumPy transpose",
      ],
      ShapeError,
    ],
    [
      'channels last',
      () => smallState({ 'conv.weight': { shape: [4, 1, 2, 3] } }),
      [
        'conv.weight: expected [4,3,1,2], got [4,1,2,3]; it looks like NHWC, [out, kh, kw, in]; Conv2d.weight is [out, in, kh, kw]: save it after permute(0, 3, 1, 2), in NumPy transpose',
      ],
      ShapeError,
    ],
    [
      'an axis too many',
      () => smallState({ 'fc.bias': { shape: [2, 1] } }),
      [
        'fc.bias: expected [2], got [2,1]; it has as many elements: if only axes of 1 differ, save it after a reshape',
      ],
      ShapeError,
    ],
    [
      'another dtype',
      () => smallState({ 'fc.bias': { dtype: 'float64' }, 'conv.bias': { dtype: 'uint8' } }),
      [
        `conv.bias: expected float32, got uint8 (stored as ${uint8}); ${convert('float32')}`,
        `fc.bias: expected float32, got float64 (stored as ${float64}); ${convert('float32')}`,
      ],
      DTypeError,
    ],
    [
      'everything at once',
      () =>
        smallState({
          'fc.bias': { dtype: 'float64' },
          'conv.bias': { shape: [3] },
          'conv.weight': null,
          extra: {},
        }),
      [
        "missing: 'conv.weight'",
        "unexpected: 'extra'",
        others,
        `conv.bias: expected [4], got [3]; ${sizes}`,
        `fc.bias: expected float32, got float64 (stored as ${float64}); ${convert('float32')}`,
      ],
      ShapeError,
    ],
  ])('%s', async (_, state, problems, ProblemError) => {
    const model = new Small();
    const before = contents(model.stateDict());
    const file = await write(format, state());
    const error = await failure(() => loadWeights(model, file));
    expect(error).toBeInstanceOf(ProblemError);
    expect(error.message).toBe(
      `loadWeights: ${file} does not fit Small:\n  ${problems.join('\n  ')}`,
    );
    expect(contents(model.stateDict())).toEqual(before);
  });

  it('not strict: loads what fits and says what did not', async () => {
    const model = new Small();
    const { 'conv.weight': untouched } = Object.fromEntries(
      [...model.stateDict()].map(([name, { data }]) => [name, [...data]]),
    );
    const file = await write(format, smallState({ 'conv.weight': null, extra: {}, more: {} }));
    expect(await loadWeights(model, file, { strict: false })).toEqual({
      missing: ['conv.weight'],
      unexpected: ['extra', 'more'],
    });
    expect([...model.conv.weight.data]).toEqual(untouched);
    expect(model.fc.weight.data.every((value) => value === 0)).toBe(true);
  });

  it('not strict: another shape is an error all the same', async () => {
    const model = new Small();
    const before = contents(model.stateDict());
    const file = await write(format, smallState({ 'fc.bias': { shape: [3] }, 'fc.weight': null }));
    const error = await failure(() => loadWeights(model, file, { strict: false }));
    expect(error.message).toBe(
      `loadWeights: ${file} does not fit Small:\n  fc.bias: expected [2], got [3]; ${sizes}`,
    );
    expect(contents(model.stateDict())).toEqual(before);
  });

  it('a number that is found wrong after others were read', async () => {
    const model = new Sequential(new Counted());
    fill(model, 0);
    const before = contents(model.stateDict());
    const file = join(folder, `w.${format}`);
    await saveWeights(new Sequential(new Counted()), file);
    const bytes = await readFile(file);
    // The mask, which only numbers of 0 and 1 precede and follow.
    const mask = bytes.indexOf(Uint8Array.of(1, 0, 1));
    bytes[mask] = 3;
    await writeFile(file, bytes);
    // Checksums would find it before.
    const error = await failure(() => loadWeights(model, file, { verify: false }));
    expect(error).toBeInstanceOf(FileFormatError);
    expect(error.message).toBe(
      format === 'npz'
        ? `${file}: entry '0.mask.npy' is damaged: its checksum is wrong; save or download it again`
        : `${file}: tensor '0.mask': truth value 0 is 3, expected 0 or 1; the file is damaged: save it again`,
    );
    expect(contents(model.stateDict())).toEqual(before);
  });

  it('a model of which a part was disposed of', async () => {
    const model = new Small();
    const file = await write(format, smallState());
    model.fc.weight.dispose();
    const before = [...model.conv.weight.data];
    expect(await failure(() => loadWeights(model, file))).toBeInstanceOf(DisposedError);
    expect([...model.conv.weight.data]).toEqual(before);
  });
});

describe('files', () => {
  it.each(['w.pt', 'w', 'w.npy', '.safetensors', 'w.safetensors.tmp'])(
    'a name like %s is refused',
    async (name) => {
      const file = join(folder, name);
      for (const [operation, run] of [
        ['saveWeights', () => saveWeights(new Linear(1, 1), file)],
        ['loadWeights', () => loadWeights(new Linear(1, 1), file)],
      ] as const) {
        const error = await failure(run);
        expect(error).toBeInstanceOf(ConfigError);
        expect(error.message).toBe(
          `${operation}: expected a name that ends in .safetensors or .npz, got ${file}; weights ` +
            'in other forms are saved as one of these by Python: safetensors.torch.save_file, numpy.savez',
        );
      }
      expect(await readdir(folder)).toEqual([]);
    },
  );

  it('capitals in the ending do not matter', async () => {
    const file = join(folder, 'W.NPZ');
    const model = new Linear(1, 1);
    await saveWeights(model, file);
    expect((await readFile(file)).subarray(0, 2).toString()).toBe('PK');
    await loadWeights(model, file);
  });

  it('metadata is kept in .safetensors, and refused in .npz', async () => {
    const model = new Linear(1, 1);
    const metadata = { mean: '0.1307' };
    const file = join(folder, 'w.safetensors');
    await saveWeights(model, file, { metadata });
    expect(decodeSafetensors(await readFile(file)).metadata).toEqual(metadata);
    const error = await failure(() => saveWeights(model, join(folder, 'w.npz'), { metadata }));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(/w\.npz cannot hold metadata, .*; use \.safetensors$/);
  });

  it('8 GB that do not fit are refused by their header, not read', async () => {
    const file = join(folder, 'w.safetensors');
    const header = '{"weight":{"dtype":"F32","shape":[2000000000],"data_offsets":[0,8000000000]}}';
    await writeFile(file, safetensorsOf(header));
    // A hole, of which the disk knows only the length.
    await truncate(file, 8 + header.length + 8e9);
    const error = await failure(() => loadWeights(new Linear(1, 1, { bias: false }), file));
    expect(error).toBeInstanceOf(ShapeError);
    expect(error.message).toMatch(/\n {2}weight: expected \[1,1\], got \[2000000000\]; /);
  });

  it.each(FORMATS)('a .%s that is missing, or a folder', async (format) => {
    const missing = await failure(() => loadWeights(new Linear(1, 1), join(folder, `a.${format}`)));
    expect(missing).toBeInstanceOf(ConfigError);
    expect(missing.message).toMatch(/^cannot read \S+: ENOENT: .*; see that the path is right/);
    await mkdir(join(folder, `b.${format}`));
    const notFile = await failure(() => loadWeights(new Linear(1, 1), join(folder, `b.${format}`)));
    expect(notFile).toBeInstanceOf(ConfigError);
    expect(notFile.message).toMatch(/^cannot read \S+: it is not a file; /);
  });
});
