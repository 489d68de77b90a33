import type * as Core from '@unfold/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { supportsFused } from '../../packages/core/src/kernels/wasm/instantiate.js';
import { refuseMemory, webAssembly } from '../support/kernels/web-assembly.js';

beforeEach(() => {
  vi.resetModules();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

/** The library as it comes up now, and what it says on the console. */
async function load() {
  const said = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const core = await import('@unfold/core');
  return { core, said };
}

/** Some training, as far as a core without layers can do any. @returns The product of the weights. */
function train({ matmul, Parameter, sum, Tape, tensor }: typeof Core): unknown {
  const weight = new Parameter(
    tensor([
      [1, 2],
      [3, 4],
    ]),
  );
  const x = tensor(new Float32Array(200_000).fill(1), [100_000, 2]);
  Tape.run((tape) => tape.backward(sum(matmul(x, weight))));
  return weight.grad?.toArray();
}

const GRADIENT = [
  [100_000, 100_000],
  [100_000, 100_000],
];

const REFERENCE = 'reference kernels in plain TypeScript · 1 thread';

describe('without WebAssembly, as with node --jitless', () => {
  beforeEach(() => void vi.stubGlobal('WebAssembly', undefined));

  it('the reference kernels compute on ordinary memory, and the console hears of it once', async () => {
    const { core, said } = await load();
    expect(train(core)).toEqual(GRADIENT);
    const reason = 'there is no memory for WebAssembly here (TypeError: ';
    const expected = { description: REFERENCE, warnings: [expect.stringContaining(reason)] };
    expect(core.engine()).toMatchObject(expected);
    expect(await core.configureEngine({ threads: 2 })).toMatchObject(expected);
    expect(said.mock.calls.map(([message]) => String(message))).toEqual([
      expect.stringContaining(`Unfold: ${reason}`),
    ]);
  });

  it('and nobody hears anything who asked for them', async () => {
    const { core, said } = await load();
    const chosen = await core.configureEngine({ kernels: 'reference' });
    expect(chosen).toMatchObject({ description: REFERENCE, warnings: [] });
    expect(train(core)).toEqual(GRADIENT);
    expect(said).not.toHaveBeenCalled();
  });
});

it('where memory is granted but not to be shared, one thread works, and the reason is told', async () => {
  refuseMemory(({ shared }) => shared === true);
  const { core } = await load();
  const { kernels, threads, warnings } = await core.configureEngine({ threads: 2 });
  expect({ kernels, threads }).toEqual({ kernels: 'wasm', threads: 1 });
  expect(warnings).toEqual([
    'memory cannot be shared with threads here; the system refuses it (RangeError: not so much)',
  ]);
  expect(train(core)).toEqual(GRADIENT);
});

it('importing the library takes no memory', async () => {
  const wishes = refuseMemory(() => false);
  const { core } = await load();
  expect(core.heapStats().heapBytes).toBe(0);
  expect(wishes).toEqual([]);
  core.zeros([1]);
  expect(wishes).toEqual(['shared 65536']);
});

it('a page that allows no WebAssembly gets an EngineError with the way out', async () => {
  vi.spyOn(webAssembly, 'Module').mockImplementation(function refuse() {
    throw new SyntaxError("violates 'script-src'");
  });
  const { core } = await load();
  const start = core.configureEngine({ threads: 1 });
  await expect(start).rejects.toThrow(core.EngineError);
  await expect(start).rejects.toThrow(
    "the WebAssembly kernels do not start here: SyntaxError: violates 'script-src'; " +
      "configureEngine({ kernels: 'reference' }) runs without them",
  );
  await core.configureEngine({ kernels: 'reference' });
  expect(train(core)).toEqual(GRADIENT);
});

describe('fused multiply-add', () => {
  it('is told by a number: an engine that accepts the instruction may still round twice', async () => {
    expect(supportsFused()).toBe(true);
    const { Instance } = webAssembly;
    vi.spyOn(webAssembly, 'Instance').mockImplementation(function split(module, imports) {
      const instance = new Instance(module, imports);
      if (!('f' in instance.exports)) return instance;
      const f = (a: number, b: number, c: number) => Math.fround(Math.fround(a * b) + c);
      return { exports: { f } };
    });
    expect(supportsFused()).toBe(false);
    const { core } = await load();
    expect(await core.configureEngine({ threads: 1, simd: '128' })).toMatchObject({
      fused: false,
      description: 'wasm simd 128-bit · 1 thread',
      warnings: [],
    });
  });
});
