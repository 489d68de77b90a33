import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  add,
  cast,
  compile,
  configureEngine,
  DisposedError,
  heapStats,
  indexSelect,
  matmul,
  max,
  mul,
  randn,
  relu,
  Scope,
  ShapeError,
  sum,
  Tape,
  TapeError,
  tensor,
  trace,
  zeros,
  type Tensor,
} from '@unfold/core';
import { collectGarbage } from '../support/garbage.js';

const bitsOf = (x: Tensor): string => Buffer.from(x.toTypedArray().buffer).toString('base64');

/** As many turns of the event loop as `work` takes. */
async function turnsOf(work: Promise<unknown>): Promise<number> {
  let turns = 0;
  let isDone = false;
  const done = work.finally(() => {
    isDone = true;
  });
  const count = (): void => {
    turns++;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  await done;
  return turns;
}

/** Resolves after a turn of the event loop. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Has the thread handed back after each launch. */
let clock = 0;
beforeEach(() => {
  vi.spyOn(performance, 'now').mockImplementation(() => (clock += 1000));
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe.each([
  ['one thread', { threads: 1 }],
  ['two threads', { threads: 2 }],
  ['the reference', { kernels: 'reference' }],
] as const)('runAsync on %s', (_name, options) => {
  beforeAll(async () => {
    await configureEngine(options);
  });
  afterAll(async () => {
    await configureEngine({ threads: 1 });
  });

  it('gives the bits of a call, and the gradients, in many turns', async () => {
    const weights = [randn([60, 50]), randn([50, 40])] as const;
    for (const weight of weights) weight.requiresGrad = true;
    const step = (x: Tensor): Tensor => {
      for (const weight of weights) weight.zeroGrad();
      return Tape.run((tape) => {
        const hidden = relu(matmul(x, weights[0]));
        const loss = sum(mul(matmul(hidden, weights[1]), 0.5));
        tape.backward(loss);
        return loss;
      });
    };
    const fast = compile(step);
    const state = (loss: Tensor): unknown[] => [
      bitsOf(loss),
      ...weights.map(({ grad }) => grad && bitsOf(grad)),
    ];
    for (let round = 0; round < 3; round++) {
      const x = randn([70, 60]);
      const expected = state(step(x));
      const run = fast.runAsync(x);
      const turns = await turnsOf(run);
      const loss = await run;
      expect(state(loss)).toEqual(expected);
      // The first call runs the function, in one go.
      if (round > 0) expect(turns).toBeGreaterThan(5);
      else expect(turns).toBeLessThan(3);
      for (const one of [x, loss]) one.dispose();
    }
    for (const weight of weights) weight.dispose();
    fast.dispose();
  });
});

describe('runAsync', () => {
  const chain = (x: Tensor): Tensor => mul(sum(add(relu(x), 1)), relu(sum(x)));

  it('hands the thread back only after a while', async () => {
    vi.restoreAllMocks();
    vi.spyOn(performance, 'now').mockReturnValue(0);
    const fast = compile(chain);
    const x = tensor([1, 2]);
    fast(x).dispose();
    const run = fast.runAsync(x);
    let isOver = false;
    setImmediate(() => {
      isOver = true;
    });
    expect((await run).item()).toBe(15);
    expect(isOver).toBe(false);
    (await run).dispose();
    x.dispose();
    fast.dispose();
  });

  it('refuses another call of the function until it is done', async () => {
    const fast = compile(chain);
    const x = tensor([1, 2]);
    fast(x).dispose();
    const run = fast.runAsync(x);
    expect(() => fast(x)).toThrow(TapeError);
    expect(() => fast(x)).toThrow(/runAsync is under way/);
    await expect(fast.runAsync(x)).rejects.toThrow(/runAsync is under way/);
    // A graph is made of the function's operations.
    expect(trace(fast, x).nodes.length).toBeGreaterThan(2);
    expect((await run).item()).toBe(15);
    expect(fast(x).item()).toBe(15);
  });

  it('goes on where inputs and weights are disposed of meanwhile, and leaves no memory', async () => {
    const run = async (): Promise<void> => {
      const weight = tensor([2, 3]);
      const fast = compile((x: Tensor) => add(relu(mul(relu(x), 2)), weight));
      const x = tensor([1, -1]);
      Scope.run(() => void fast(x));
      const running = fast.runAsync(x);
      x.dispose();
      weight.dispose();
      // What takes their places.
      const others = [zeros([2]), zeros([2])];
      await turn();
      const result = await running;
      expect(result.toArray()).toEqual([4, 3]);
      for (const one of [result, ...others]) one.dispose();
      expect(() => fast(x)).toThrow(DisposedError);
      fast.dispose();
    };
    await run();
    await collectGarbage();
    const { usedBytes, liveTensors } = heapStats();
    await run();
    expect(heapStats()).toMatchObject({ usedBytes, liveTensors });
  });

  it('gives the results to the scope in which it was called', async () => {
    const fast = compile(chain);
    const x = tensor([1, 2]);
    fast(x).dispose();
    const scope = new Scope();
    const run = fast.runAsync(x);
    const result = await run;
    expect(result.isDisposed).toBe(false);
    scope.close();
    expect(result.isDisposed).toBe(true);
    const free = fast.runAsync(x);
    {
      using _scope = new Scope();
      await turn();
      await turn();
    }
    expect((await free).item()).toBe(15);
  });

  it('throws where that scope has ended, and leaves no memory', async () => {
    const fast = compile((x: Tensor) => [chain(x), x, relu(x)]);
    const x = tensor([1, 2]);
    Scope.run(() => void fast(x));
    await collectGarbage();
    const { usedBytes } = heapStats();
    const scope = new Scope();
    const run = fast.runAsync(x);
    scope.close();
    await expect(run).rejects.toThrow(TapeError);
    await expect(run).rejects.toThrow(/scope in which runAsync was called ended/);
    expect(heapStats().usedBytes).toBe(usedBytes);
    Scope.run(() => expect(fast(x)[0]?.item()).toBe(15));
  });

  it('throws what is thrown in the middle, and can be called again', async () => {
    const table = tensor([10, 20, 30]);
    const fast = compile((x: Tensor) => {
      return indexSelect(table, 0, cast(relu(add(mul(x, 1), 0)), 'int32'));
    });
    const [good, bad] = [tensor([0, 2]), tensor([0, 3])];
    fast(good).dispose();
    await collectGarbage();
    const { usedBytes } = heapStats();
    await expect(fast.runAsync(bad)).rejects.toThrow(ShapeError);
    expect(heapStats().usedBytes).toBe(usedBytes);
    expect((await fast.runAsync(good)).toArray()).toEqual([10, 30]);
  });

  it('ends before its program is disposed of', async () => {
    const round = async (): Promise<void> => {
      const fast = compile(chain);
      const [x, y] = [tensor([1, 2]), tensor([3, 4])];
      fast(x).dispose();
      const run = fast.runAsync(y);
      fast.dispose();
      // What would take the place of its memory.
      const others = Array.from({ length: 40 }, (_, i) => zeros([1 + 8 * i]));
      await turn();
      const result = await run;
      expect(result.item()).toBe(63);
      for (const one of [result, x, y, ...others]) one.dispose();
    };
    await round();
    await collectGarbage();
    const { usedBytes } = heapStats();
    await round();
    expect(heapStats().usedBytes).toBe(usedBytes);
  });

  it('leaves the gradients of inputs, whatever becomes of those before', async () => {
    const fast = compile((x: Tensor) => {
      Tape.run((tape) => tape.backward(sum(mul(x, x))));
      return x.grad;
    });
    const make = (): Tensor => tensor([1, 2], undefined, { requiresGrad: true });
    const first = make();
    fast(first);
    fast(first);
    const second = make();
    expect((await fast.runAsync(second)) === second.grad).toBe(true);
    expect((await fast.runAsync(second))?.toArray()).toEqual([4, 8]);
    const run = fast.runAsync(second);
    second.zeroGrad();
    const other = zeros([2]);
    expect((await run)?.toArray()).toEqual([6, 12]);
    expect(other.toArray()).toEqual([0, 0]);
    const gone = make();
    const last = fast.runAsync(gone);
    gone.dispose();
    expect((await last)?.toArray()).toEqual([2, 4]);
    expect(max(first).item()).toBe(2);
  });
});
