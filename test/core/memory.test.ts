import {
  clone,
  add,
  argmax,
  configureEngine,
  DisposedError,
  empty,
  EngineError,
  engine,
  findLeaks,
  heapStats,
  matmul,
  max,
  mean,
  mul,
  Parameter,
  randn,
  relu,
  reshape,
  Scope,
  softmax,
  sub,
  sum,
  Tape,
  type Tensor,
  UnfoldError,
  tensor,
  where,
  eq,
  zeros,
} from '@unfold/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collect } from '../support/garbage.js';

let before = 0;
beforeEach(() => {
  engine();
  before = heapStats().liveTensors;
});
afterEach(() => {
  expect(heapStats().liveTensors).toBe(before);
});

/** A parameter whose first tensor is gone, so that it is the only one in its memory. */
function parameter(make: () => Tensor): Parameter {
  return Scope.run(() => new Parameter(make()));
}

describe('10,000 steps', () => {
  it('hold the heap and the process at constant memory', { timeout: 60_000 }, () => {
    const w1 = parameter(() => randn([6, 8]));
    const w2 = parameter(() => randn([8, 3]));
    const parameters = [w1, w2];

    const step = (i: number): number => {
      using tape = new Tape();
      // Sizes that change from step to step would break a heap into pieces.
      const x = randn([3 + (i % 7), 6]);
      const y = matmul(relu(matmul(x, w1)), w2);
      const loss = mean(mul(sub(softmax(y, 1), max(y)), 0.1));
      for (const parameter of parameters) parameter.zeroGrad();
      tape.backward(loss);
      for (const parameter of parameters) {
        const { grad } = parameter;
        if (!grad) throw new Error('no gradient');
        parameter.update((data) =>
          data.forEach((value, at) => (data[at] = value - 0.001 * (grad.data[at] as number))),
        );
      }
      return loss.item();
    };

    // The first half, because V8 takes some thousand steps to settle on the size of its heap.
    for (let i = 0; i < 5000; i++) step(i);
    collect();
    const heapAt5000 = heapStats();
    const processAt5000 = process.memoryUsage();
    let total = 0;
    for (let i = 0; i < 5000; i++) total += step(i);
    expect(Number.isFinite(total)).toBe(true);
    collect();
    const heapAtEnd = heapStats();
    const processAtEnd = process.memoryUsage();

    expect(heapAtEnd.liveTensors).toBe(heapAt5000.liveTensors);
    expect(heapAtEnd.heapBytes).toBe(heapAt5000.heapBytes);
    expect(heapAtEnd.peakBytes).toBe(heapAt5000.peakBytes);
    // 5000 is no multiple of 7, so the last steps differ in size; nothing else may differ.
    expect(heapAtEnd.usedBytes).toBe(heapAt5000.usedBytes);
    // 5,000 leaked steps of a hundred bytes each would show.
    expect(processAtEnd.heapUsed - processAt5000.heapUsed).toBeLessThan(1e6);
    expect(processAtEnd.rss - processAt5000.rss).toBeLessThan(64e6);
    for (const parameter of parameters) parameter.dispose();
  });
});

describe('operations without a scope', () => {
  it('leave nothing behind but their result', () => {
    const x = randn([3, 4]);
    const w = randn([4, 2]);
    const batch = randn([2, 3, 4]);
    const condition = eq(x, 0);
    const calls: Record<string, () => Tensor> = {
      'add a number': () => add(x, 1),
      'number less': () => sub(1, x),
      'compare a number': () => eq(x, 0.5),
      'where with numbers': () => where(condition, 1, 0),
      mean: () => mean(x),
      'sum over two axes apart': () => sum(batch, { axis: [0, 2] }),
      'max over two axes apart': () => max(batch, { axis: [0, 2] }),
      'softmax over the first axis': () => softmax(x, 0),
      'matmul of a batch': () => matmul(batch, w),
    };
    for (const [name, call] of Object.entries(calls)) {
      const held = heapStats().liveTensors;
      const result = call();
      expect(heapStats().liveTensors, name).toBe(held + 1);
      result.dispose();
      expect(heapStats().liveTensors, name).toBe(held);
    }
    for (const made of [x, w, batch, condition]) made.dispose();
  });

  it('leave nothing behind when they fail', () => {
    const [x, integers] = [zeros([2, 3]), zeros([2], { dtype: 'int32' })];
    const calls: (() => unknown)[] = [
      () => tensor([0.5], [1], { dtype: 'int32' }),
      () => zeros([2], { dtype: 'int32', requiresGrad: true }),
      () => add(integers, 0.5),
      () => add(x, integers),
      () => where(x, 1, 2),
      () => max(x, { axis: 2 }),
      () => new Parameter(integers),
    ];
    const held = heapStats().liveTensors;
    for (const call of calls) expect(call).toThrow(UnfoldError);
    expect(heapStats().liveTensors).toBe(held);
    x.dispose();
    integers.dispose();
  });

  it('free what was forgotten when the collector finds it', async () => {
    const held = heapStats().liveTensors;
    (() => {
      for (let i = 0; i < 100; i++) zeros([10]);
    })();
    expect(heapStats().liveTensors).toBe(held + 100);
    // Finalisers run in a task of their own, some time after the collection.
    for (let i = 0; i < 100 && heapStats().liveTensors > held; i++) {
      collect();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(heapStats().liveTensors).toBe(held);
  });
});

describe('findLeaks', () => {
  it('reports what outlived the function, and where it was made', async () => {
    const weight = parameter(() => zeros([3]));
    const escaped: Tensor[] = [];
    function forgetful(): void {
      escaped.push(relu(weight).keep());
    }
    const leaks = await findLeaks(() => {
      using tape = new Tape();
      tape.backward(sum(mul(weight, 2)));
      forgetful();
    });
    expect(leaks.map(({ origin, bytes }) => ({ origin, bytes }))).toEqual([
      // The gradient, which is made anew after zeroGrad, is the one leak that is meant.
      { origin: expect.stringMatching(/mul|sum|clone/), bytes: 12 },
      { origin: 'relu', bytes: 12 },
    ]);
    expect(leaks[1]?.stack).toContain('forgetful');
    expect(leaks[1]?.stack).toContain('memory.test.ts');
    for (const made of escaped) made.dispose();
    weight.dispose();
  });

  it('reports nothing for a clean step, also an asynchronous one', async () => {
    const leaks = await findLeaks(async () => {
      await Promise.resolve();
      using _scope = new Scope();
      zeros([3]);
    });
    expect(leaks).toEqual([]);
  });

  it('stops watching when the function throws', async () => {
    await expect(
      findLeaks(() => {
        throw new Error('stop');
      }),
    ).rejects.toThrow('stop');
    zeros([3]).dispose();
  });
});

describe('argmax', () => {
  it('keeps its positions and nothing else, on a tape too', () => {
    const x = parameter(() => zeros([2, 3]));
    const before = heapStats().liveTensors;
    Tape.run(() => {
      const positions = argmax(x, 1);
      expect(heapStats().liveTensors).toBe(before + 1);
      expect(positions.toArray()).toEqual([0, 0]);
    });
    expect(heapStats().liveTensors).toBe(before);
    x.dispose();
  });
});

describe('a tensor after its scope', () => {
  const read: Record<string, (x: Tensor) => unknown> = {
    data: (x) => x.data,
    toArray: (x) => x.toArray(),
    toTypedArray: (x) => x.toTypedArray(),
    update: (x) => x.update(() => {}),
    clone: (x) => clone(x),
    detach: (x) => x.detach(),
    keep: (x) => x.keep(),
    'an operation': (x) => relu(x),
    'a comparison': (x) => eq(x, x),
    argmax: (x) => argmax(x),
    reshape: (x) => reshape(x, [6]),
    Parameter: (x) => new Parameter(x),
  };

  it.each(Object.keys(read))('throws when it is read by %s', (name) => {
    let x: Tensor = tensor([1]);
    x.dispose();
    {
      using _scope = new Scope();
      x = relu(zeros([2, 3]));
    }
    // Another tensor takes the memory; its numbers must never show.
    const next = zeros([2, 3]);
    expect(() => read[name]?.(x)).toThrow(
      new DisposedError(
        'float32 tensor [2,3] made by relu was read after its scope ended or it was disposed of; ' +
          'keep() takes a tensor out of its scope',
      ),
    );
    expect(String(x)).toBe('Tensor([2,3] float32, disposed)');
    next.dispose();
  });

  it('has no gradient any more', () => {
    const x = tensor([1, 2], [2], { requiresGrad: true });
    {
      using tape = new Tape();
      tape.backward(sum(x));
    }
    const { grad } = x;
    x.dispose();
    expect(x.grad).toBeNull();
    expect(grad?.isDisposed).toBe(true);
  });
});

describe('shared memory', () => {
  it('is one block for a tensor, its reshapes and its detached self', () => {
    const x = zeros([2, 3]);
    const held = heapStats();
    const views = [reshape(x, [6]), x.detach(), Scope.run(() => reshape(x.detach(), [1, 6]))];
    expect(heapStats()).toEqual(held);
    x.update((data) => (data[4] = 7));
    for (const view of views) {
      expect([...view.data]).toEqual([0, 0, 0, 0, 7, 0]);
      view.dispose();
    }
    x.dispose();
  });

  it('lives as long as any of them, whatever the order', () => {
    for (const first of [0, 1, 2]) {
      const x = tensor([1, 2, 3]);
      const all = [x, reshape(x, [3, 1]), x.detach()];
      all.splice(first, 1)[0]?.dispose();
      zeros([3]).dispose();
      for (const view of all) {
        expect([...view.data]).toEqual([1, 2, 3]);
        view.dispose();
      }
    }
  });

  it('outlives the scope of the original', () => {
    const view = Scope.run(() => reshape(tensor([1, 2, 3]), [3, 1]));
    zeros([3]).dispose();
    expect(view.toArray()).toEqual([[1], [2], [3]]);
    view.dispose();
  });

  it('is that of the tensor that a Parameter was made from', () => {
    const initial = tensor([1, 2]);
    const weight = new Parameter(initial);
    weight.update((data) => data.fill(3));
    expect([...initial.data]).toEqual([3, 3]);
    initial.dispose();
    expect([...weight.data]).toEqual([3, 3]);
    weight.dispose();
  });
});

describe('views of the heap', () => {
  it('are made anew when the heap has grown', () => {
    const x = tensor([1, 2, 3]);
    const old = x.data;
    const big = empty([heapStats().heapBytes / 4]);
    expect([...x.data]).toEqual([1, 2, 3]);
    // The old one still shows x, but no longer counts as lying on the heap.
    expect([...old]).toEqual([1, 2, 3]);
    expect(x.data === old).toBe(false);
    big.dispose();
    x.dispose();
  });

  it('stay valid when the kernels change', async () => {
    const x = tensor([1, 2, 3]);
    await configureEngine({ kernels: 'reference' });
    const y = add(x, 1);
    await configureEngine({ kernels: 'wasm' });
    const z = add(y, x);
    expect([...z.data]).toEqual([3, 5, 7]);
    for (const made of [x, y, z]) made.dispose();
  });
});

describe('a full heap', () => {
  it('names the operations that hold most and the missing scope, and recovers', () => {
    const held: Tensor[] = [];
    const block = 2 ** 27; // elements: half a GiB, which is never written to
    try {
      let message = '';
      try {
        held.push(empty([2 * block], 'float32', 'buildTable'));
        for (;;) held.push(empty([block]));
      } catch (error) {
        expect(error).toBeInstanceOf(EngineError);
        message = (error as Error).message;
      }
      const blocks = held.length - 1;
      expect(blocks).toBeGreaterThan(0);
      expect(message).toMatch(
        /^empty: heap: cannot allocate 512\.0 MiB: \d\.\d GiB of at most 4\.0 GiB are in use, and no free piece is larger than \d+\.\d MiB\. Most is held by /,
      );
      expect(message).toContain(`empty (${blocks} tensors, ${(blocks / 2).toFixed(1)} GiB)`);
      expect(message).toContain('buildTable (1 tensors, 1.0 GiB)');
      expect(message).toContain(
        '. Tensors made in a loop need a scope around its body: `using tape = new Tape()` or ' +
          '`using scope = new Scope()`',
      );
      // A small tensor still fits.
      held.push(zeros([3]));
      expect(held.at(-1)?.toArray()).toEqual([0, 0, 0]);
    } finally {
      for (const made of held) made.dispose();
    }
  });

  it('shows its largest holders in heapStats', () => {
    const x = empty([2 ** 20], 'float64', 'buildTable');
    expect(heapStats().largest[0]).toEqual({ origin: 'buildTable', bytes: 2 ** 23, count: 1 });
    x.dispose();
    expect(heapStats().largest.map(({ origin }) => origin)).not.toContain('buildTable');
  });
});
