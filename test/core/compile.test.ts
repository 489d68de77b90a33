import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as u from '@unfold/core';
import {
  add,
  argmax,
  clone,
  compile,
  ConfigError,
  configureEngine,
  DisposedError,
  heapStats,
  mul,
  randn,
  relu,
  Scope,
  sum,
  Tape,
  TapeError,
  tensor,
  zeros,
  type Tensor,
} from '@unfold/core';
import { makeInputs } from '../support/op-case.js';
import { OP_CASES } from '../support/op-cases.js';

/** The bits of a tensor's elements. */
function bitsOf(x: Tensor): Uint8Array {
  return new Uint8Array(x.toTypedArray().buffer);
}

/** Other numbers of the same kind: each the next one's, so that what an operation allows stays allowed. */
function rotated(x: Tensor): Tensor {
  const values = x.toTypedArray();
  const [first] = values;
  if (first === undefined) return x;
  values.copyWithin(0, 1);
  values[values.length - 1] = first;
  return tensor(values, x.shape, { dtype: x.dtype });
}

describe.each(['float32', 'float64'] as const)('a program of %s operations', (dtype) => {
  for (const row of OP_CASES) {
    it(`gives the bits of ${row.op}: ${row.about}`, () => {
      using _scope = new Scope();
      const inputs = makeInputs(row, dtype).map((x) => x.detach());
      const fast = compile(row.call);
      for (const given of [inputs, inputs, inputs.map(rotated), inputs]) {
        const [eager, compiled] = [row.call(...given), fast(...given)];
        expect(compiled.shape).toEqual(eager.shape);
        expect(compiled.dtype).toBe(eager.dtype);
        expect(bitsOf(compiled)).toEqual(bitsOf(eager));
      }
      fast.dispose();
    });

    if (row.differentiable === false) continue;
    it(`gives the bits of the gradients of ${row.op}: ${row.about}`, () => {
      using _scope = new Scope();
      const leaves = makeInputs(row, dtype);
      const step = (): void => {
        for (const leaf of leaves) leaf.zeroGrad();
        using tape = new Tape();
        const out = row.call(...leaves);
        // What no gradient flows into has none, eager or not.
        if (out.requiresGrad) tape.backward(sum(mul(out, out)));
      };
      const gradients = (run: () => void): (Uint8Array | null)[] => {
        run();
        return leaves.map(({ grad }) => grad && bitsOf(grad));
      };
      const fast = compile(step);
      for (let call = 0; call < 3; call++) {
        expect(gradients(fast)).toEqual(gradients(step));
        leaves.forEach((leaf) => {
          const other = rotated(leaf.detach()).toTypedArray();
          leaf.update((data) => data.set(other));
        });
      }
      fast.dispose();
    });
  }
});

describe('compile', () => {
  it('makes a program for each shape, and drops the one that was not used for longest', () => {
    using _scope = new Scope();
    let calls = 0;
    const fast = compile(
      (x: Tensor) => {
        calls++;
        return relu(x);
      },
      { limit: 2 },
    );
    const [a, b, c] = [randn([2]), randn([3]), randn([4])];
    for (const x of [a, b, a, b]) fast(x);
    expect(calls).toBe(2);
    fast(c);
    fast(b);
    expect(calls).toBe(3);
    fast(a);
    expect(calls).toBe(4);
  });

  it('takes and gives arrays and plain objects', () => {
    using _scope = new Scope();
    const fast = compile(({ a, list }: { a: Tensor; list: readonly Tensor[] }, factor: number) => {
      const [b, c] = list as [Tensor, Tensor];
      return { total: add(a, mul(b, factor)), rest: [c, null, add(a, c)] as const };
    });
    const make = (): [Tensor, Tensor, Tensor] => [randn([3]), randn([3]), randn([3])];
    for (const factor of [2, 2, 3]) {
      const [a, b, c] = make();
      const { total, rest } = fast({ a, list: [b, c] }, factor);
      expect(bitsOf(total)).toEqual(bitsOf(add(a, mul(b, factor))));
      expect(bitsOf(rest[0])).toEqual(bitsOf(c));
      expect(rest[1]).toBeNull();
      expect(bitsOf(rest[2])).toEqual(bitsOf(add(a, c)));
    }
  });

  it('tells one tensor given twice from two', () => {
    using _scope = new Scope();
    const fast = compile((a: Tensor, b: Tensor) => add(a, b));
    const [x, y] = [tensor([1, 2]), tensor([10, 20])];
    expect(fast(x, x).toArray()).toEqual([2, 4]);
    expect(fast(x, y).toArray()).toEqual([11, 22]);
    expect(fast(y, y).toArray()).toEqual([20, 40]);
  });

  it('gives results to the scope of the caller', () => {
    const fast = compile((x: Tensor) => relu(x));
    const x = randn([4]);
    const results = [1, 2, 3].map(() => {
      using _scope = new Scope();
      return fast(x);
    });
    expect(results.map(({ isDisposed }) => isDisposed)).toEqual([true, true, true]);
    x.dispose();
    expect(() => fast(x)).toThrow(DisposedError);
  });

  it('records anew when a tensor that it used is gone', () => {
    using _scope = new Scope();
    const holder = { weight: tensor([1, 2]) };
    const fast = compile((x: Tensor) => mul(x, holder.weight));
    const x = tensor([3, 4]);
    expect(fast(x).toArray()).toEqual([3, 8]);
    holder.weight.dispose();
    holder.weight = tensor([5, 6]);
    expect(fast(x).toArray()).toEqual([15, 24]);
    holder.weight.update((data) => data.fill(1));
    expect(fast(x).toArray()).toEqual([3, 4]);
  });

  it('adds gradients up where they are there, and makes them where they are not', () => {
    using _scope = new Scope();
    const weight = tensor([1, 2], undefined, { requiresGrad: true });
    const step = (x: Tensor): void => {
      using tape = new Tape();
      tape.backward(sum(mul(x, weight)));
    };
    const fast = compile(step);
    const x = tensor([3, 4]);
    for (let round = 0; round < 3; round++) {
      fast(x);
      expect(weight.grad?.toArray()).toEqual([3, 4]);
      fast(x);
      expect(weight.grad?.toArray()).toEqual([6, 8]);
      weight.zeroGrad();
    }
    weight.requiresGrad = false;
    expect(() => fast(x)).toThrow(TapeError);
  });

  it.each([
    [
      'the numbers of a result',
      (x: Tensor) => (relu(x).item() > 0 ? x : relu(x)),
      /result of relu/,
    ],
    ['the numbers of an input', (x: Tensor) => (x.item() > 0 ? x : relu(x)), /input 0/],
    [
      'a change of an input',
      (x: Tensor) => {
        x.update((data) => data.fill(1));
        return x;
      },
      /input 0/,
    ],
    ['random numbers', (x: Tensor) => add(x, u.rand([1])), /draws random numbers/],
    [
      'a seed',
      (x: Tensor) => {
        u.manualSeed(1);
        return relu(x);
      },
      /seeds the random streams/,
    ],
    ['what outlives the call', (x: Tensor) => add(x, zeros([1]).keep()), /outlives/],
  ])('refuses %s', (_name, fn, message) => {
    using _scope = new Scope();
    const fast = compile(fn);
    const x = tensor([1]);
    const call = (): void => {
      for (let i = 0; i < 5; i++) fast(x);
    };
    expect(call).toThrow(TapeError);
    expect(call).toThrow(message);
  });

  it('goes on uncompiled where that is wished for', () => {
    using _scope = new Scope();
    const fast = compile((x: Tensor) => (x.item() > 0 ? x : relu(x)), { fallback: true });
    expect([fast(tensor([-1])).item(), fast(tensor([2])).item()]).toEqual([0, 2]);
  });

  it('refuses a function that returns no tensors, or goes on uncompiled', () => {
    using _scope = new Scope();
    const held: Tensor[] = [];
    const fn = (x: Tensor) => {
      const more = add(x, 1);
      held.push(more);
      return { y: relu(x), more: new Map([['more', more]]), count: x.size };
    };
    const x = tensor([-1, 2]);
    expect(() => compile(fn)(x)).toThrow(u.ConfigError);
    expect(() => compile(fn)(x)).toThrow(/returns tensors, or arrays .* got a Map/);
    // What was made ends with the call, and leaves nothing behind.
    expect(held.map(({ isDisposed }) => isDisposed)).toEqual([true, true]);
    const fast = compile(fn, { fallback: true });
    for (let i = 0; i < 2; i++) {
      const { y, more, count } = fast(x);
      expect([y.toArray(), more.get('more')?.toArray(), count]).toEqual([[0, 2], [0, 3], 2]);
    }
    expect(fast.refusal).toMatch(/it returns a Map/);
  });

  it('refuses a tape around it', () => {
    using _tape = new Tape();
    const fast = compile((x: Tensor) => relu(x));
    expect(() => fast(tensor([1]))).toThrow(/outside of the tape/);
  });

  it('looks at positions before it runs', () => {
    using _scope = new Scope();
    const fast = compile((x: Tensor, at: Tensor) => u.indexSelect(x, 0, at));
    const int32 = (...values: number[]): Tensor => tensor(values, undefined, { dtype: 'int32' });
    const x = tensor([1, 2, 3]);
    expect(fast(x, int32(0, 2)).toArray()).toEqual([1, 3]);
    expect(fast(x, int32(1, 1)).toArray()).toEqual([2, 2]);
    expect(() => fast(x, int32(0, 3))).toThrow(u.ShapeError);
  });

  it('looks at each run of positions, also of one tensor', () => {
    using _scope = new Scope();
    const pick = (x: Tensor, at: Tensor, from: number, count: number): Tensor => {
      const out = u.empty([count]);
      const index = u.bufferOf(at).slice(from, from + count);
      if (!index.isOf('int32')) throw new Error('no positions');
      const geometry = { outer: 1, n: x.size, inner: 1, count };
      u.moreKernelsFor('float32').indexSelect(u.bufferOf(out), u.bufferOf(x), index, geometry);
      return out;
    };
    const fast = compile(
      (x: Tensor, at: Tensor) => [pick(x, at, 0, 1), pick(x, at, 1, 2)] as const,
    );
    const int32 = (...values: number[]): Tensor => tensor(values, undefined, { dtype: 'int32' });
    const x = tensor([1, 2, 3]);
    fast(x, int32(0, 1, 2));
    expect(fast(x, int32(2, 1, 0)).map((part) => part.toArray())).toEqual([[3], [2, 1]]);
    expect(() => fast(x, int32(0, 1, 9))).toThrow(u.ShapeError);
  });

  it('is part of another program that calls it', () => {
    using _scope = new Scope();
    const inner = compile((x: Tensor) => relu(x));
    const outer = compile((x: Tensor) => argmax(inner(x), { axis: 0 }));
    expect(outer(tensor([1, 3, 2])).item()).toBe(1);
    expect(outer(tensor([5, 3, 2])).item()).toBe(0);
  });

  it('gives results that last until the next call, with reuse', () => {
    using _scope = new Scope();
    const fast = compile((x: Tensor) => [relu(x), add(x, 1)] as const, { reuse: true });
    const x = tensor([-1, 2]);
    fast(x);
    const [first] = fast(x);
    expect(first.toArray()).toEqual([0, 2]);
    expect(sum(first).item()).toBe(2);
    expect(() => first.data).toThrow(DisposedError);
    const { liveTensors } = heapStats();
    const [second, more] = fast(tensor([3, -4]));
    expect(second.toArray()).toEqual([3, 0]);
    expect(more.toArray()).toEqual([4, -3]);
    // The input.
    expect(heapStats().liveTensors).toBe(liveTensors + 1);
    expect(() => first.toTypedArray()).toThrow(DisposedError);
    expect(() => first.toArray()).toThrow(/ran again/);
    fast.dispose();
    expect(second.toArray()).toEqual([3, 0]);
  });

  it('refuses a result of the last call for an input, with reuse', () => {
    using _scope = new Scope();
    const step = (x: Tensor) => add(sum(x, 0, { keepdim: true }), x);
    const fast = compile(step, { reuse: true });
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    fast(x);
    const last = fast(x);
    expect(() => fast(last)).toThrow(
      new ConfigError(
        'compile: expected inputs apart from the results of the last call, got one of them: with ' +
          '{ reuse: true } they lie where the next results are written; clone(x) it, or leave reuse out',
      ),
    );
    // Nothing was lost.
    expect(last.toArray()).toEqual(step(x).toArray());
    expect(fast(clone(last)).toArray()).toEqual(step(step(x)).toArray());
  });

  it('is seen through by trace', () => {
    using _scope = new Scope();
    const fast = compile((x: Tensor) => mul(relu(x), 2));
    const x = tensor([-1, 3]);
    fast(x);
    fast(x);
    expect(u.trace((y: Tensor) => fast(y), x).nodes.map(({ op }) => op)).toEqual(['relu', 'mul']);
  });

  it('leaves memory as it was', () => {
    const fast = compile((x: Tensor) => relu(mul(add(x, 1), x)));
    const x = randn([1000]);
    Scope.run(() => fast(x));
    const { usedBytes } = heapStats();
    for (let i = 0; i < 1000; i++) Scope.run(() => void fast(x));
    expect(heapStats().usedBytes).toBe(usedBytes);
    x.dispose();
    fast.dispose();
  });
});

describe.each([
  ['two threads', { threads: 2 }],
  ['the reference', { kernels: 'reference' }],
] as const)('on %s', (_name, options) => {
  beforeAll(async () => {
    await configureEngine(options);
  });
  afterAll(async () => {
    await configureEngine({ threads: 1 });
  });

  it('gives the same bits', () => {
    using _scope = new Scope();
    const fn = (x: Tensor, w: Tensor): Tensor =>
      u.softmax(add(relu(u.matmul(x, w)), sum(x, { axis: 1, keepdim: true })), 1);
    const fast = compile(fn);
    const w = randn([300, 200]);
    for (let i = 0; i < 3; i++) {
      const x = randn([150, 300]);
      expect(bitsOf(fast(x, w))).toEqual(bitsOf(fn(x, w)));
    }
    fast.dispose();
  });
});
