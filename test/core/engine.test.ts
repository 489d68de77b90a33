import { execFileSync, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import {
  ConfigError,
  configureEngine,
  engine,
  EngineError,
  empty,
  heapStats,
  matmul,
  ones,
  Scope,
  type EngineOptions,
} from '@unfold/core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { configure, offersKernel } from '../../packages/core/src/engine/engine.js';
import { KERNEL_NAMES } from '../../packages/core/src/kernels/table/layout.js';
import { resolveSettings } from '../../packages/core/src/engine/options.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

afterEach(async () => {
  vi.unstubAllEnvs();
  await configureEngine({ threads: 1 });
});

/** A product large enough to be shared out; each of its elements is 200. */
function product(): number[] {
  return Scope.run(() => Array.from(matmul(ones([200, 200]), ones([200, 200])).data.slice(0, 3)));
}

/** Runs a module of its own, with the library from source. */
function runModule(source: string, env: Record<string, string> = {}) {
  return spawnSync(
    process.execPath,
    ['--conditions=unfold-source', '--import=tsx', '--input-type=module', '--eval', source],
    { cwd: ROOT, encoding: 'utf8', timeout: 50_000, env: { ...process.env, ...env } },
  );
}

describe('configureEngine', () => {
  it('says what it chose, and nothing of its inside', async () => {
    const chosen = await configureEngine({ threads: 2, simd: '128' });
    expect(chosen).toEqual({
      kernels: 'wasm',
      simd: 128,
      fused: true,
      threads: 2,
      description: 'wasm simd 128-bit fma · 2 threads',
      warnings: [],
    });
    expect(engine()).toEqual(chosen);
  });

  it('takes the cores that there are, at most eight', async () => {
    const { threads } = await configureEngine();
    expect(threads).toBe(Math.min(8, availableParallelism()));
  });

  it('strict: does not fuse', async () => {
    const { fused, description } = await configureEngine({
      threads: 1,
      simd: '128',
      strict: true,
    });
    expect(fused).toBe(false);
    expect(description).toBe('wasm simd 128-bit · 1 thread');
    expect(product()).toEqual([200, 200, 200]);
  });

  it('the reference runs on one thread', async () => {
    const { threads, simd, description } = await configureEngine({
      kernels: 'reference',
      threads: 4,
    });
    expect([threads, simd]).toEqual([1, 0]);
    expect(description).toBe('reference kernels in plain TypeScript · 1 thread');
  });

  it('takes 256-bit tiles when told to, and says if that gains nothing', async () => {
    const { simd, warnings } = await configureEngine({ threads: 1, simd: '256' });
    expect(simd).toBe(256);
    expect(product()).toEqual([200, 200, 200]);
    const [v8 = 0] = process.versions.v8.split('.').map(Number);
    expect(warnings).toEqual(
      v8 < 13 || process.arch !== 'x64'
        ? [expect.stringMatching(/^tiles for 256-bit vectors are slower than those for 128-bit/)]
        : [],
    );
  });

  it.each([
    [0, '0'],
    [-1, '-1'],
    [1.5, '1.5'],
    [65, '65'],
    [1000, '1000'],
    [NaN, 'NaN'],
  ])('refuses %d threads', async (threads, shown) => {
    const configured = configureEngine({ threads });
    await expect(configured).rejects.toThrow(ConfigError);
    await expect(configured).rejects.toThrow(
      `configureEngine: threads must be an integer from 1 to 64, got ${shown}`,
    );
  });

  it.each<[object, string]>([
    [{ simd: 'avx' }, "configureEngine: simd must be 'auto', '256' or '128', got 'avx'"],
    [{ kernels: 'gpu' }, "configureEngine: kernels must be 'wasm' or 'reference', got 'gpu'"],
    [{ strict: 'yes' }, "configureEngine: strict must be true or false, got 'yes'"],
    [{ thread: 2 }, "configureEngine: unknown option 'thread'"],
  ])('refuses %o', async (options: EngineOptions, message) => {
    await expect(configureEngine(options)).rejects.toThrow(ConfigError);
    await expect(configureEngine(options)).rejects.toThrow(message);
  });

  it('does what the environment says, unless an option says otherwise', async () => {
    vi.stubEnv('UNFOLD_THREADS', '3');
    vi.stubEnv('UNFOLD_SIMD', '256');
    vi.stubEnv('UNFOLD_STRICT', '1');
    expect(await configureEngine()).toMatchObject({ threads: 3, simd: 256, fused: false });
    const options = { threads: 2, simd: '128', strict: false } as const;
    expect(await configureEngine(options)).toMatchObject({ threads: 2, simd: 128, fused: true });
    vi.stubEnv('UNFOLD_KERNELS', 'reference');
    expect(await configureEngine()).toMatchObject({ kernels: 'reference' });
    expect(await configureEngine({ kernels: 'wasm' })).toMatchObject({ kernels: 'wasm' });
  });

  it.each([
    ['UNFOLD_THREADS', '1000', 'must be an integer from 1 to 64, got 1000'],
    ['UNFOLD_THREADS', 'two', "must be an integer from 1 to 64, got 'two'"],
    ['UNFOLD_SIMD', '512', "must be 'auto', '256' or '128', got '512'"],
    ['UNFOLD_STRICT', 'yes', "must be '0' or '1', got 'yes'"],
    ['UNFOLD_KERNELS', 'cuda', "must be 'wasm' or 'reference', got 'cuda'"],
  ])('refuses %s=%s', async (name, value, message) => {
    vi.stubEnv(name, value);
    await expect(configureEngine()).rejects.toThrow(`${name} ${message}`);
  });

  it('works on one thread where memory cannot be shared, and says so', async () => {
    const chosen = await configure(resolveSettings({ threads: 2 }), 'a browser has to be new');
    expect(chosen.threads).toBe(1);
    expect(chosen.description).toMatch(/ · 1 thread$/);
    expect(chosen.warnings).toEqual([
      'memory cannot be shared with threads here; a browser has to be new',
    ]);
    expect(product()).toEqual([200, 200, 200]);
  });

  it('takes calls in turn', async () => {
    const all = [2, 1, 3].map((threads) => configureEngine({ threads }));
    expect((await Promise.all(all)).map(({ threads }) => threads)).toEqual([2, 1, 3]);
    expect(engine().threads).toBe(3);
    expect(product()).toEqual([200, 200, 200]);
  });

  it('twenty times leaves nothing behind', { timeout: 60_000 }, async () => {
    const resources = () =>
      process.getActiveResourcesInfo().filter((name) => name !== 'Timeout').length;
    await configureEngine({ threads: 4 });
    product();
    await configureEngine({ threads: 1 });
    const before = { active: resources(), usedBytes: heapStats().usedBytes };
    for (let i = 0; i < 20; i++) {
      await configureEngine({ threads: 4 });
      product();
    }
    await configureEngine({ threads: 1 });
    expect({ active: resources(), usedBytes: heapStats().usedBytes }).toEqual(before);
  });
});

describe('a process with threads', { timeout: 60_000 }, () => {
  it('ends when its work is done', () => {
    const { status, stdout, stderr } = runModule(`
      import { configureEngine, matmul, ones } from '@unfold/core';
      const { threads } = await configureEngine({ threads: 4 });
      console.log(threads, matmul(ones([200, 200]), ones([200, 200])).data[0]);
    `);
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '4 200\n', stderr: '' });
  });

  it('ends with its exit status, also in the middle of everything', () => {
    const { status } = runModule(`
      import { configureEngine, matmul, ones } from '@unfold/core';
      await configureEngine({ threads: 4 });
      matmul(ones([200, 200]), ones([200, 200]));
      process.exit(7);
    `);
    expect(status).toBe(7);
  });

  it('is not kept waiting by a configuration that nobody awaits', () => {
    const { status } = runModule(`
      import { configureEngine } from '@unfold/core';
      void configureEngine({ threads: 2 });
    `);
    expect(status).toBe(0);
  });
});

describe('offersKernel', () => {
  it('holds for the kernels that the engine has beside the loops which define them', async () => {
    await configureEngine({ kernels: 'wasm', threads: 1 });
    expect(KERNEL_NAMES.filter((name) => !offersKernel(name, 'float32'))).toEqual([]);
    expect(KERNEL_NAMES.filter((name) => offersKernel(name, 'float64'))).toEqual([]);
    expect(offersKernel('add', 'int32')).toBe(false);
    await configureEngine({ kernels: 'reference' });
    expect(KERNEL_NAMES.filter((name) => offersKernel(name, 'float32'))).toEqual([]);
  });
});

describe('importing the library', { timeout: 60_000 }, () => {
  it('starts nothing and sets no flags; the first operation starts one thread', () => {
    const output = execFileSync(
      process.execPath,
      [
        '--conditions=unfold-source',
        '--import=tsx',
        '--input-type=module',
        '--eval',
        `
          import { engine } from '@unfold/core';
          console.log(process.getActiveResourcesInfo().includes('MessagePort'), engine().description);
        `,
      ],
      { cwd: ROOT, encoding: 'utf8' },
    );
    expect(output).toMatch(/^false wasm simd 128-bit( fma)? · 1 thread\n$/);
  });
});

describe('a tensor too large for the heap', () => {
  it('is an error that says what was asked for, what is free, and what holds most', () => {
    const held = empty([2 ** 20], 'float32', 'table');
    let message = '';
    try {
      empty([3, 2 ** 29]);
    } catch (error) {
      expect(error).toBeInstanceOf(EngineError);
      message = (error as Error).message;
    }
    expect(message).toMatch(
      /^empty: heap: cannot allocate 6\.0 GiB: \d+\.\d MiB of at most 4\.0 GiB are in use, and no free piece is larger than 4\.0 GiB\. Most is held by table \(1 tensors, 4\.0 MiB\)/,
    );
    held.dispose();
  });
});
