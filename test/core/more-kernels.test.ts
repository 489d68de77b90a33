import { createHash } from 'node:crypto';
import type * as Core from '@unfold/core';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type * as Verify from '../../packages/core/src/engine/verify-more.js';

/** Whether the check of the next second binary fails. */
let isFaulty = false;
/** How often one was checked. */
let checks = 0;

vi.mock('../../packages/core/src/engine/verify-more.js', async (original) => {
  const { findMoreFault } = await original<typeof Verify>();
  return {
    findMoreFault: (...given: Parameters<typeof findMoreFault>) => {
      checks++;
      return isFaulty ? 'exp' : findMoreFault(...given);
    },
  };
});

// Each test has a library of its own, whose second binary nobody has asked for yet.
beforeEach(() => {
  vi.resetModules();
  isFaulty = false;
  checks = 0;
});

/** The library, and the calls that its threads shared. */
async function load() {
  const core = await import('@unfold/core');
  const { Pool } = await import('../../packages/core/src/engine/pool.js');
  return { core, run: vi.spyOn(Pool.prototype, 'run') };
}

/** What functions of the second binary make of many numbers, in short. */
function results({ exp, gelu, softmax, mul, arange }: typeof Core): string[] {
  const x = mul(arange(120_000), 1e-4);
  const rows = softmax(mul(exp(x), -1));
  return [exp(x), gelu(x), rows].map((tensor) =>
    createHash('sha256').update(tensor.toTypedArray()).digest('hex'),
  );
}

const FAULT =
  'the kernels of unfold-more-shared-fused disagree with the reference here and are not used';

describe('the second binary', () => {
  it('is loaded and checked when one of its kernels is first wanted, and once', async () => {
    const { core } = await load();
    await core.configureEngine({ threads: 1 });
    core.relu(core.ones([3]));
    core.exp(core.ones([3], { dtype: 'float64' }));
    expect(checks).toBe(0);
    expect(core.exp(core.zeros([2])).toArray()).toEqual([1, 1]);
    core.tanh(core.zeros([2]));
    expect(checks).toBe(1);
    // Another first binary has another second one.
    await core.configureEngine({ threads: 1, strict: true });
    core.tanh(core.zeros([2]));
    expect(checks).toBe(2);
    await core.configureEngine({ threads: 1 });
    core.tanh(core.zeros([2]));
    expect(checks).toBe(2);
  });

  it('is found by threads that served before it was loaded, in memory that grew since', async () => {
    const { core, run } = await load();
    const { configureEngine, matmul, ones, zeros } = core;
    expect((await configureEngine({ threads: 3 })).threads).toBe(3);
    matmul(ones([200, 200]), ones([200, 200]));
    expect(run).toHaveBeenCalled();
    // So that the binary lies where no thread has looked yet.
    const memory = Array.from({ length: 4 }, () => zeros([2 ** 22]));
    run.mockClear();
    const shared = results(core);
    expect(run).toHaveBeenCalled();
    expect(checks).toBe(1);
    await configureEngine({ threads: 1 });
    expect(results(core)).toEqual(shared);
    expect(memory).toHaveLength(4);
    await configureEngine({ threads: 2 });
    expect(results(core)).toEqual(shared);
    await configureEngine({ threads: 1 });
  });

  it('is loaded by a call that a program is recorded of, between kernels of the first', async () => {
    const { core } = await load();
    const { compile, configureEngine, matmul, randn, relu, softmax, tanh } = core;
    await configureEngine({ threads: 2 });
    const step = (x: Core.Tensor) => softmax(matmul(tanh(relu(x)), x, { transposeB: true }));
    const fast = compile(step);
    for (let i = 0; i < 4; i++) {
      const x = randn([200, 170]);
      expect(fast(x).toArray()).toEqual(step(x).toArray());
    }
    expect(checks).toBe(1);
    expect(fast.stats?.launches).toBeGreaterThan(3);
    await configureEngine({ threads: 1 });
  });

  it('is not used where it computes wrongly: its kernels are the reference then, and the first stays', async () => {
    const { core } = await load();
    isFaulty = true;
    await core.configureEngine({ threads: 1, simd: '128' });
    const { isReference } = await import('../../packages/core/src/engine/engine.js');
    expect(core.exp(core.zeros([2])).toArray()).toEqual([1, 1]);
    expect(isReference(core.moreKernelsFor('float32'))).toBe(true);
    expect(isReference(core.kernelsFor('float32'))).toBe(false);
    expect(core.engine().warnings).toEqual([FAULT]);
    expect(core.engine().description).toBe('wasm simd 128-bit fma · 1 thread');
    const program = core.compile((x: Core.Tensor) => core.exp(core.relu(x)));
    for (let i = 0; i < 3; i++) expect(program(core.zeros([1])).toArray()).toEqual([1]);
    // It is remembered, and said again; the other one is another.
    const { warnings } = await core.configureEngine({ threads: 1, simd: '128' });
    expect(warnings).toEqual([FAULT]);
    core.exp(core.zeros([2]));
    expect(checks).toBe(1);
    expect((await core.configureEngine({ threads: 1, strict: true })).warnings).toEqual([]);
  });

  it('is the reference where that is the engine', async () => {
    const { core } = await load();
    await core.configureEngine({ kernels: 'reference' });
    expect(core.exp(core.zeros([2])).toArray()).toEqual([1, 1]);
    expect(checks).toBe(0);
  });
});

/** Layers whose kernels are all of the first table, in both directions. */
const LAYERS = [
  'Conv2d',
  'ConvTranspose2d',
  'Linear',
  'ReLU',
  'LeakyReLU',
  'MaxPool2d',
  'AvgPool2d',
  'AdaptiveAvgPool2d',
  'Flatten',
  'Identity',
  'Sequential',
];

describe('a bundle', () => {
  it.each([
    { uses: ['Tape', 'reshape', 'sum', 'argmax', 'concat', 'cast'], has: false },
    { uses: ['Tape', 'tanh'], has: true },
  ])(
    'of convolutions, poolings, products and $uses has its rows, loops and binary: $has',
    async (given) => {
      const { build } = await import('esbuild');
      const names = given.uses.join(', ');
      const { metafile } = await build({
        stdin: {
          contents: `
          import { ${names} } from '@unfold/core';
          import * as nn from '@unfold/nn';
          console.log(${LAYERS.map((name) => `nn.${name}`).join(', ')}, ${names});
        `,
          resolveDir: import.meta.dirname,
        },
        bundle: true,
        write: false,
        metafile: true,
        format: 'esm',
        platform: 'node',
        conditions: ['unfold-source'],
        external: ['#binaries', '#more-binaries', '#platform'],
      });
      const [output] = Object.values(metafile.outputs);
      const inputs = Object.entries(output?.inputs ?? {})
        .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
        .map(([path]) => path.replace('packages/core/src/', ''));
      const paths = output?.imports.map(({ path }) => path) ?? [];
      expect(paths).toContain('#binaries');
      expect(paths.includes('#more-binaries')).toBe(given.has);
      expect(inputs).toContain('kernels/table/kernels.js');
      for (const file of [
        'engine/more.ts',
        'kernels/table/more-kernels.js',
        'kernels/reference/more.ts',
        'kernels/wasm/more.ts',
      ]) {
        expect(inputs.includes(file)).toBe(given.has);
      }
    },
  );
});
