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
import { ConfigError, Scope, tensor, type Tensor } from '@unfold/core';
import { Conv2d, Linear, Sequential } from '@unfold/nn';
import {
  checkWritable,
  encodeSafetensors,
  loadCheckpoint,
  saveCheckpoint,
  weightsSha256,
} from '@unfold/io';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bundled } from '../support/runs/bundled.js';
import { start } from '../support/runs/cli.js';
import { failure } from '../support/failure.js';
import { contents } from '../support/files/weights.js';

const WRITE = await bundled('test/support/programs/write.ts');

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

describe('a round trip', () => {
  const file = (): string => join(folder, 'state.safetensors');

  it('keeps names, order, types, shapes, bits and metadata', async () => {
    const floats = [0.1, -0, 1e-45, 3.4e38, NaN, -Infinity];
    const state = new Map<string, Tensor>([
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
    await writeFile(file, encodeSafetensors(new Map()));
    await chmod(file, 0o640);
    await saveCheckpoint(file, { state, metadata: {} });
    expect(await readdir(folder)).toEqual(['a']);
    expect((await stat(file)).mode & 0o777).toBe(0o640);
    expect((await loadCheckpoint(file)).state.get('a')?.toArray()).toEqual([1, 2, 3]);
  });

  it('replaces the file that a link leads to, not the link', async () => {
    await mkdir(join(folder, 'real'));
    await writeFile(join(folder, 'real', 'a'), '');
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

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'])(
    'leaves the older file and nothing else where %s comes before the end',
    async (name) => {
      const file = join(folder, 'a');
      await writeFile(file, old);
      const { signal, stdout } = await start(process.execPath, [WRITE, file, name]).outcome;
      expect([signal, stdout]).toEqual([name, 'writing\n']);
      expect(await readdir(folder)).toEqual(['a']);
      expect(await readFile(file, 'utf8')).toBe(old);
    },
  );

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
    [
      'is a folder',
      () => folder,
      /^cannot read \S+: it is not a file; see that the path is right and the file may be read$/,
    ],
  ])('a checkpoint that %s', async (_, path, message) => {
    const error = await failure(() => loadCheckpoint(path()));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(message);
  });
});
