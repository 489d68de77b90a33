import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { loadBinary } from '../../packages/core/src/engine/binaries.source.js';
import { Heap } from '../../packages/core/src/memory/heap.js';
import { Pool, type PoolOptions } from '../../packages/core/src/engine/pool.js';
import { EngineError } from '../../packages/core/src/errors.js';
import { instantiateKernels } from '../../packages/core/src/kernels/wasm/instantiate.js';
import { KERNELS } from '../../packages/core/src/kernels/table/kernels.js';
import {
  behindLength,
  JOB,
  PART,
  placesOf,
  SIZE,
} from '../../packages/core/src/kernels/table/layout.js';

const folder = mkdtempSync(join(tmpdir(), 'unfold-pool-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Elements of a job of fill, in 64 parts. */
const N = 64 * PART;
const places = placesOf(behindLength(KERNELS.fill.parameters));

const open: Pool[] = [];
afterEach(async () => {
  for (const pool of open.splice(0)) await pool.close();
});

/** A pool on a heap of its own, with a job that it can run. */
async function startPool(options: Partial<PoolOptions> = {}) {
  const heap = new Heap({ shared: true, maximumBytes: 2 ** 26 });
  const instance = instantiateKernels(loadBinary('unfold-shared-plain'), heap);
  const { module, wasm } = instance;
  const out = heap.allocate(N * 4);
  const block = heap.allocate(64);
  const used = heap.usedBytes;
  let failures = 0;
  const pool = await Pool.start({
    heap,
    module,
    wasm,
    more: instance.moreAddress,
    threads: 3,
    tileWidth: 8,
    onFailure: () => failures++,
    ...options,
  });
  open.push(pool);
  const heldByPool = heap.usedBytes - used;
  const run = (kernel: number = JOB.fill) => {
    const words = new Int32Array(heap.buffer, block, 16);
    words[0] = out;
    words[SIZE] = PART;
    words[places.n] = N;
    new Float32Array(heap.buffer, block, 16)[places.value] = 2;
    pool.run(kernel, block, 64, 0, 0);
  };
  /** Launches that fill with 1, 2, 3 … one after another. */
  const LAUNCHES = 5;
  const list = heap.allocate(LAUNCHES * 16);
  const blocks = Array.from({ length: LAUNCHES }, () => heap.allocate(64));
  const runList = (kernel: number = JOB.fill) => {
    blocks.forEach((address, i) => {
      const words = new Int32Array(heap.buffer, address, 16);
      words[0] = out;
      words[SIZE] = PART;
      words[places.n] = N;
      new Float32Array(heap.buffer, address, 16)[places.value] = i + 1;
      new Int32Array(heap.buffer, list + i * 16, 4).set([kernel, address, 64, 0]);
    });
    pool.runLaunches(list, 0, LAUNCHES, 0, 0);
  };
  /** The same, each of two launches side by side, which fill 16 and 48 of the 64 parts. */
  const sides = heap.allocate(LAUNCHES * 32);
  const halves = Array.from({ length: 2 * LAUNCHES }, () => heap.allocate(64));
  const runSides = (kernel: number = JOB.fill) => {
    halves.forEach((address, i) => {
      const isFirst = i % 2 === 0;
      const parts = isFirst ? 16 : 48;
      const words = new Int32Array(heap.buffer, address, 16);
      words[0] = isFirst ? out : out + 16 * PART * 4;
      words[SIZE] = PART;
      words[places.n] = parts * PART;
      new Float32Array(heap.buffer, address, 16)[places.value] = (i >> 1) + 1;
      const job = isFirst ? JOB.fill : kernel;
      new Int32Array(heap.buffer, sides + i * 16, 4).set([job, address, parts, 0]);
    });
    for (let i = 0; i < LAUNCHES; i++) {
      new Int32Array(heap.buffer, list + i * 16, 4).set([-1, sides + i * 32, 64, 0]);
    }
    pool.runLaunches(list, 0, LAUNCHES, 0, 0);
  };
  const ofList = heap.usedBytes - used - heldByPool;
  return {
    pool,
    run,
    runList,
    runSides,
    values: () => new Float32Array(heap.buffer, out, N),
    failures: () => failures,
    /** Bytes that the pool holds. */
    held: () => heap.usedBytes - used - ofList,
  };
}

/** The address of a worker's script with this content. */
function script(name: string, content: string): URL {
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, `import { parentPort, workerData } from 'node:worker_threads';\n${content}`);
  return pathToFileURL(file);
}

/**
 * Takes a part of a job as a thread does, and then does `end` with it. Word 16 of the control block
 * counts the parts that are left: see assembly/parallel.ts.
 */
const takesAPart = (end: string) => `
  const words = new Int32Array(workerData.memory.buffer, workerData.control, 64);
  parentPort.postMessage('ready');
  while (Atomics.load(words, 16) <= 0 || Atomics.sub(words, 16, 1) <= 0);
  ${end}
`;

/** The error that `run` throws, sooner or later: a part may be taken in any of many jobs. */
function errorOf(run: () => void): Error {
  const end = performance.now() + 4000;
  try {
    while (performance.now() < end) run();
  } catch (error) {
    expect(error).toBeInstanceOf(EngineError);
    return error as Error;
  }
  throw new Error('it threw nothing');
}

describe('Pool', () => {
  it('does every part once, whatever the pauses between jobs', async () => {
    const { run, values } = await startPool();
    for (const pause of [0, 0, 0, 1, 5, 20]) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      values().fill(0);
      run();
      expect(values().every((value) => value === 2)).toBe(true);
    }
  });

  it('survives thousands of jobs in a row', async () => {
    const { run, values } = await startPool({ threads: 4 });
    for (let i = 0; i < 3000; i++) run();
    expect(values().every((value) => value === 2)).toBe(true);
  });

  it.each([
    ['launches', 'runList'],
    ['launches side by side', 'runSides'],
  ] as const)('does a list of %s one after another, however late a thread is', async (_, run) => {
    const { [run]: runList, values } = await startPool({ threads: 4 });
    for (const pause of [0, 0, 0, 1, 5, 20]) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      values().fill(0);
      runList();
      expect(values().every((value) => value === 5)).toBe(true);
    }
    for (let i = 0; i < 500; i++) runList();
    expect(values().every((value) => value === 5)).toBe(true);
  });

  it('waits for a thread that takes its time over a part in the middle of a list, and goes on', async () => {
    // It takes one part, and fills all that the launch fills after the others have long done theirs.
    const entry = script(
      'slow',
      takesAPart(`
        Atomics.wait(words, 60, 0, 250);
        const block = words[65] >>> 2;
        const heap = new Int32Array(workerData.memory.buffer);
        const floats = new Float32Array(workerData.memory.buffer);
        const value = floats[block + ${places.value}];
        floats.fill(value, heap[block] >>> 2, (heap[block] >>> 2) + ${N});
        if (Atomics.add(words, 32, 1) + 1 === words[66]) Atomics.notify(words, 32);
        setInterval(() => {}, 1000);
      `),
    );
    const { runList, values } = await startPool({ entry, threads: 2 });
    for (let i = 0; i < 200; i++) runList();
    expect(values().every((value) => value === 5)).toBe(true);
  });

  it('notices a worker that died with a part of a list in its hands', async () => {
    const entry = script('dying-in-a-list', takesAPart('process.exit(3);'));
    for (const run of ['runList', 'runSides'] as const) {
      const { [run]: runList, failures } = await startPool({ entry, stallMs: 300 });
      expect(errorOf(runList).message).toContain('a thread broke down: no sign of life for 300 ms');
      expect(failures()).toBe(1);
    }
  });

  it('reports a kernel that traps in a list', async () => {
    for (const run of ['runList', 'runSides'] as const) {
      const { [run]: runList, failures } = await startPool();
      expect(errorOf(() => runList(9999)).message).toMatch(/a thread broke down: RuntimeError/);
      expect(failures()).toBe(1);
    }
  });

  it('reports a kernel that traps, and ends', async () => {
    const { run, pool, failures, held } = await startPool();
    const { message } = errorOf(() => run(9999));
    expect(message).toMatch(
      /^engine: a thread broke down: (RuntimeError|CompileError): .*\. The operation's result is lost; the engine goes on with one thread, and configureEngine\(\{ threads: 3 \}\) starts new ones$/,
    );
    expect(failures()).toBe(1);
    await pool.close();
    expect(held()).toBe(0);
  });

  it('reports what a worker says of its end, while the main thread waits', async () => {
    const entry = script(
      'trapping',
      takesAPart(`
        const { message, control, memory } = workerData;
        new Uint8Array(memory.buffer, message.address).set(new TextEncoder().encode('Error: boo'));
        Atomics.add(words, 49, 1);
        Atomics.notify(words, 32);
      `),
    );
    const { run } = await startPool({ entry });
    expect(errorOf(run).message).toContain('a thread broke down: Error: boo. ');
  });

  it('notices a worker that died with a part in its hands', async () => {
    const entry = script('dying', takesAPart('process.exit(3);'));
    const { run, failures } = await startPool({ entry, stallMs: 300 });
    expect(errorOf(run).message).toContain('a thread broke down: no sign of life for 300 ms');
    expect(failures()).toBe(1);
  });

  it('notices a worker that died between two jobs', async () => {
    const entry = script('leaving', "parentPort.postMessage('ready');");
    const { run } = await startPool({ entry });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(errorOf(run).message).toContain('it ended between two jobs (exit code 0)');
  });

  it('is an error if the workers do not start', async () => {
    const entry = script('wrong', "throw new Error('not today');");
    await expect(startPool({ entry })).rejects.toThrow(EngineError);
    await expect(startPool({ entry })).rejects.toThrow(
      'engine: 3 threads do not start: Error: not today',
    );
  });
});
