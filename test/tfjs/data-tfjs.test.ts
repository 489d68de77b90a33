import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ConfigError, DisposedError, findLeaks, Scope, type Tensor } from '@unfold/core';
import { DataLoader, Dataset, type LoaderOptions } from '@unfold/train';
import { tfjsDataLoader } from '@unfold/tfjs';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { failureKind } from '../support/failure.js';

/** What the tests ask of TensorFlow.js. */
interface TensorFlow {
  memory(): { numTensors: number };
  engine(): { runKernel: (...args: unknown[]) => unknown };
  scalar(value: number): { square(): { dispose(): void }; dispose(): void };
}

// Its types need the browser's, so it is taken without them.
const tf: TensorFlow = createRequire(import.meta.url)('@tensorflow/tfjs');

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'unfold-tfjs-'));
});
afterAll(() => rm(root, { recursive: true }));
afterEach(() => {
  vi.restoreAllMocks();
});

/** A folder in which the given packages are installed: name and the code of its CommonJS entry. */
async function folderWith(name: string, packages: Record<string, string>): Promise<string> {
  const folder = join(root, name);
  await mkdir(folder);
  for (const [packageName, code] of Object.entries(packages)) {
    const packageDir = join(folder, 'node_modules', packageName);
    await mkdir(packageDir, { recursive: true });
    await writeFile(join(packageDir, 'package.json'), JSON.stringify({ name: packageName }));
    await writeFile(join(packageDir, 'index.js'), code);
  }
  return folder;
}

/** As `folderWith`, where tfjs-node has a file in the place of its native library. */
async function folderWithLibrary(name: string, packages: Record<string, string>): Promise<string> {
  const folder = await folderWith(name, packages);
  const library = join(folder, 'node_modules/@tensorflow/tfjs-node/lib/napi-v8');
  await mkdir(library, { recursive: true });
  await writeFile(join(library, 'tfjs_binding.node'), '');
  return folder;
}

/** The code of a package that is the real `name`. */
const real = (name: string) =>
  `module.exports = require(${JSON.stringify(createRequire(import.meta.url).resolve(name))});`;
/** Code that must not run. */
const NOT_THIS = 'throw new Error("not this one")';

function digits(count: number): Dataset {
  return Dataset.fromArrays({
    images: Uint8Array.from({ length: count * 12 }, (_, i) => (i * 37 + 11) % 256),
    shape: [1, 3, 4],
    labels: Array.from({ length: count }, (_, i) => i),
  });
}

interface Copied {
  readonly shape: readonly number[];
  readonly images: Uint8Array;
  readonly labels: readonly number[];
}

/** The bits of a batch, so that -0 and NaN count. */
function copy({ images, labels }: { images: Tensor; labels: Tensor }): Copied {
  const values = images.toTypedArray();
  return {
    shape: images.shape,
    images: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    labels: Array.from(labels.toTypedArray()),
  };
}

async function epoch(loader: AsyncIterable<{ images: Tensor; labels: Tensor }>): Promise<Copied[]> {
  const batches: Copied[] = [];
  for await (const batch of loader) batches.push(copy(batch));
  return batches;
}

describe('batches are those of DataLoader, bit by bit', () => {
  const normalization = { mean: [0.1307], std: [0.3081] };
  test.each<[string, LoaderOptions]>([
    [
      'shuffled, with a smaller last batch',
      { batchSize: 8, shuffle: true, seed: 5, normalization },
    ],
    ['in order', { batchSize: 8 }],
    ['dropLast', { batchSize: 8, shuffle: true, seed: 5, dropLast: true }],
    ['a batchSize above the dataset', { batchSize: 1000, shuffle: true, seed: 1, normalization }],
    ['one by one', { shuffle: true, seed: 2 }],
  ])('%s', async (_, options) => {
    const dataset = digits(45);
    using own = new DataLoader(dataset, options);
    using door = await tfjsDataLoader(dataset, options);
    expect(door.length).toBe(own.length);
    for (let e = 0; e < 2; e++) {
      expect(await epoch(door)).toEqual(await epoch(own));
      expect(door.generator.state()).toEqual(own.generator.state());
    }
  });

  test('images given as numbers, -0 among them', async () => {
    const images = Float32Array.from({ length: 40 }, (_, i) => (i === 3 ? -0 : i / 7 - 2));
    const dataset = Dataset.fromArrays({ images, shape: [1, 2, 2], labels: new Int32Array(10) });
    using door = await tfjsDataLoader(dataset, { batchSize: 4 });
    expect(await epoch(door)).toEqual(await epoch(new DataLoader(dataset, { batchSize: 4 })));
  });
});

describe('TensorFlow.js', () => {
  test('makes no tensor, and none of ours is left when a loop is left early or fails', async () => {
    const before = tf.memory().numTensors;
    const left = await findLeaks(async () => {
      using door = await tfjsDataLoader(digits(20), { batchSize: 4 });
      for await (const { size } of door) {
        expect([size, tf.memory().numTensors]).toEqual([4, before]);
      }
      for await (const { size } of door) if (size === 4) break;
      await expect(async () => {
        for await (const { size } of door) throw new Error(`size ${size}`);
      }).rejects.toThrow('size 4');
    });
    expect(left).toEqual([]);
  });

  test('runs no kernel', async () => {
    const runKernel = vi.spyOn(tf.engine(), 'runKernel');
    using door = await tfjsDataLoader(digits(20), { batchSize: 8, shuffle: true });
    await epoch(door);
    expect(runKernel).not.toHaveBeenCalled();
    // The spy sees kernels: this one.
    const two = tf.scalar(2);
    two.square().dispose();
    two.dispose();
    expect(runKernel).toHaveBeenCalled();
  });

  test('prints nothing', () => {
    const script = `
      import { Dataset } from '@unfold/train';
      import { tfjsDataLoader } from '@unfold/tfjs';
      const dataset = Dataset.fromArrays({ images: new Uint8Array(4), shape: [1, 2, 2], labels: [0] });
      for await (const { size } of await tfjsDataLoader(dataset)) console.log('batches of', size);
    `;
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--conditions=unfold-source', '--import=tsx', '--input-type=module', '--eval', script],
      { encoding: 'utf8' },
    );
    expect({ stdout, stderr }).toEqual({ stdout: 'batches of 1\n', stderr: '' });
  });

  test('is loaded in part: tf.data, and the core that it stands on', async () => {
    const folder = join(root, 'part');
    await mkdir(join(folder, 'node_modules/@tensorflow'), { recursive: true });
    const installed = dirname(
      createRequire(import.meta.url).resolve('@tensorflow/tfjs/package.json'),
    );
    await symlink(installed, join(folder, 'node_modules/@tensorflow/tfjs'), 'junction');
    const script = `
      import { createRequire } from 'node:module';
      import { Dataset } from '@unfold/train';
      import { tfjsDataLoader } from '@unfold/tfjs';
      const dataset = Dataset.fromArrays({ images: new Uint8Array(4), shape: [1, 2, 2], labels: [0] });
      const packageRoots = [${JSON.stringify(folder)}];
      for await (const { size } of await tfjsDataLoader(dataset, { packageRoots })) console.log(size);
      const files = Object.keys(createRequire(import.meta.url).cache);
      const names = files.map((file) => /@tensorflow[\\\\/]([\\w-]+)/.exec(file)?.[1]);
      console.log([...new Set(names)].filter(Boolean).sort().join());
    `;
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--conditions=unfold-source', '--import=tsx', '--input-type=module', '--eval', script],
      { encoding: 'utf8' },
    );
    expect({ stdout, stderr }).toEqual({ stdout: '1\ntfjs-core,tfjs-data\n', stderr: '' });
  });
});

describe('the package', () => {
  test('is tfjs-node where that loads', async () => {
    const folder = await folderWithLibrary('both', {
      '@tensorflow/tfjs-node': real('@tensorflow/tfjs'),
      '@tensorflow/tfjs': NOT_THIS,
      '@tensorflow/tfjs-data': NOT_THIS,
    });
    using door = await tfjsDataLoader(digits(3), { packageRoots: [folder] });
    expect(await epoch(door)).toHaveLength(3);
  });

  test('is plain tfjs where tfjs-node does not load', async () => {
    const folder = await folderWithLibrary('broken-node', {
      '@tensorflow/tfjs-node': 'throw new Error("The library needs another system")',
      '@tensorflow/tfjs': NOT_THIS,
      '@tensorflow/tfjs-data': real('@tensorflow/tfjs-data'),
    });
    using door = await tfjsDataLoader(digits(3), { packageRoots: [folder] });
    expect(await epoch(door)).toHaveLength(3);
  });

  test('tfjs-node is not even tried without its native library', async () => {
    const folder = await folderWith('no-library', {
      '@tensorflow/tfjs-node': 'globalThis.triedTfjsNode = true;',
      '@tensorflow/tfjs': NOT_THIS,
      '@tensorflow/tfjs-data': real('@tensorflow/tfjs-data'),
    });
    using door = await tfjsDataLoader(digits(3), { packageRoots: [folder] });
    expect(await epoch(door)).toHaveLength(3);
    expect(globalThis).not.toHaveProperty('triedTfjsNode');
  });

  const MEND =
    'npm install @tensorflow/tfjs, or use DataLoader (on the command line: --loader own)';

  test('that is missing is an error that says what to do', async () => {
    const packageRoots = [await folderWith('none', {})];
    expect(await failureKind(() => tfjsDataLoader(digits(3), { packageRoots }))).toEqual({
      kind: ConfigError,
      message:
        "tfjsDataLoader: expected TensorFlow.js, got none (@tensorflow/tfjs-node: Cannot find module '@tensorflow/tfjs-node'; " +
        `@tensorflow/tfjs: Cannot find module '@tensorflow/tfjs'); ${MEND}`,
    });
  });

  test('that fails to load, or is something else, is an error that says so', async () => {
    const folder = await folderWithLibrary('strange', {
      '@tensorflow/tfjs-node': 'throw new Error("no library\\nand many more lines")',
      '@tensorflow/tfjs': '',
      '@tensorflow/tfjs-data': 'exports.generator = 1;',
    });
    expect(await failureKind(() => tfjsDataLoader(digits(3), { packageRoots: [folder] }))).toEqual({
      kind: ConfigError,
      message:
        'tfjsDataLoader: expected TensorFlow.js, got none (@tensorflow/tfjs-node: no library; ' +
        `@tensorflow/tfjs: not a version that Unfold knows); ${MEND}`,
    });
  });
});

describe('the loader', () => {
  test('owns the batch that it lends, outside every scope, takes it back and frees it', async () => {
    const left = await findLeaks(async () => {
      const door = await tfjsDataLoader(digits(10), { batchSize: 4 });
      const seen = new Set<Tensor>();
      for (let e = 0; e < 3; e++) {
        for await (const { images, labels } of door) {
          Scope.run(() => seen.add(images).add(labels));
        }
      }
      const alive = Array.from(seen).filter(({ isDisposed }) => !isDisposed);
      expect(alive).toEqual([...seen].slice(-2));
      door.dispose();
      expect(await failureKind(() => epoch(door))).toEqual({
        kind: DisposedError,
        message: 'tfjsLoader: expected a loader in use, got one after dispose()',
      });
    });
    expect(left).toEqual([]);
  });

  test('that is disposed of during an epoch ends it with an error, and leaves nothing', async () => {
    const door = await tfjsDataLoader(digits(10), { batchSize: 4 });
    const disposing = async (): Promise<void> => {
      for await (const { size } of door) if (size === 4) door.dispose();
    };
    const left = await findLeaks(async () => {
      expect((await failureKind(disposing)).kind).toBe(DisposedError);
    });
    expect(left).toEqual([]);
  });

  test('takes one iteration at a time', async () => {
    using door = await tfjsDataLoader(digits(4));
    const nested = async (): Promise<void> => {
      for await (const { size } of door) expect(await epoch(door)).toHaveLength(size);
    };
    expect(await failureKind(nested)).toEqual({
      kind: ConfigError,
      message:
        'tfjsLoader: expected one iteration at a time, got a second while the first is open; ' +
        'leave the first loop, call its return(), or make a second loader over the same dataset',
    });
    expect(await epoch(door)).toHaveLength(4);
  });

  test('checks the options as DataLoader does', async () => {
    expect(await failureKind(() => tfjsDataLoader(digits(4), { batchSize: 0 }))).toEqual({
      kind: ConfigError,
      message: 'DataLoader: batchSize must be an integer from 1, got 0',
    });
  });
});
