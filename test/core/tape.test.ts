import {
  add,
  clone,
  concat,
  type Context,
  defineFunction,
  empty,
  Generator,
  heapStats,
  mean,
  mul,
  ones,
  Parameter,
  randn,
  reshape,
  Scope,
  slice,
  sub,
  sum,
  tanh,
  Tape,
  TapeError,
  tensor,
  type Tensor,
} from '@unfold/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { doubling, gradOf, leaf, watchTensors } from '../support/tape.js';

watchTensors();

describe('backward', () => {
  it('gives the gradient of a small network by hand', () => {
    using _scope = new Scope();
    const x = tensor([1, 2, 3]);
    const w = leaf([0.5, -1, 2]);
    const b = leaf([1], []);
    using tape = new Tape();
    // loss = Σ (w·x + b)² = 1.5² + (-1)² + 7²
    const y = add(mul(w, x), b);
    const loss = sum(mul(y, y));
    expect(loss.item()).toBe(52.25);
    tape.backward(loss);
    expect(gradOf(w)).toEqual([3, -4, 42]);
    expect(gradOf(b)).toEqual([15]);
    expect(b.grad?.shape).toEqual([]);
    expect(x.grad).toBeNull();
    expect(y.grad).toBeNull();
  });

  it('accumulates over tapes until zeroGrad', () => {
    const x = leaf([1, 2]);
    const step = (): void => {
      using tape = new Tape();
      tape.backward(sum(mul(x, 2)));
    };
    step();
    expect(gradOf(x)).toEqual([2, 2]);
    step();
    expect(gradOf(x)).toEqual([4, 4]);
    x.zeroGrad();
    expect(x.grad).toBeNull();
    step();
    expect(gradOf(x)).toEqual([2, 2]);
    x.dispose();
  });

  it('adds to the same grad tensor, so that an optimiser may hold on to it', () => {
    const x = leaf([1]);
    const step = (): void => {
      using tape = new Tape();
      tape.backward(sum(x));
    };
    step();
    const held = x.grad;
    step();
    expect(x.grad).toBe(held);
    expect(held?.item()).toBe(2);
    x.dispose();
  });

  it('starts anew when the grad was disposed of', () => {
    const x = leaf([1]);
    for (let i = 0; i < 2; i++) {
      using tape = new Tape();
      tape.backward(sum(x));
      x.grad?.dispose();
    }
    {
      using tape = new Tape();
      tape.backward(sum(x));
    }
    expect(gradOf(x)).toEqual([1]);
    x.dispose();
  });

  it('takes the gradient of a loss with several elements', () => {
    using _scope = new Scope();
    const x = leaf([1, 2, 3]);
    using tape = new Tape();
    const gradient = tensor([1, 10, 100]);
    tape.backward(mul(x, x), gradient);
    expect(gradOf(x)).toEqual([2, 40, 600]);
    expect([...gradient.data]).toEqual([1, 10, 100]);
  });

  it('does not hand out the memory of the gradient that it was given', () => {
    using _scope = new Scope();
    const x = leaf([1, 2]);
    using tape = new Tape();
    const gradient = tensor([3, 4]);
    tape.backward(reshape(reshape(x, [2, 1]), [2]), gradient);
    gradient.update((data) => data.fill(0));
    expect(gradOf(x)).toEqual([3, 4]);
  });

  it('takes a loss of one element in any shape', () => {
    using _scope = new Scope();
    const x = leaf([1, 2]);
    using tape = new Tape();
    tape.backward(sum(x, { keepdim: true }));
    expect(gradOf(x)).toEqual([1, 1]);
  });

  it('counts an input that is used twice, twice', () => {
    using _scope = new Scope();
    const x = leaf([3, -2]);
    using tape = new Tape();
    tape.backward(sum(mul(mul(x, x), x)));
    expect(gradOf(x)).toEqual([27, 12]);
  });

  it('adds what reaches an input along several paths', () => {
    using _scope = new Scope();
    const x = leaf([1, 2]);
    using tape = new Tape();
    const y = mul(x, 3);
    const z = add(add(y, x), mul(y, y));
    tape.backward(sum(add(z, y)));
    // 3 + 1 + 2·3·3x + 3
    expect(gradOf(x)).toEqual([25, 43]);
  });

  it('sums the gradients of broadcast inputs', () => {
    using _scope = new Scope();
    const row = leaf([1, 2, 3], [3]);
    const column = leaf([1, 2], [2, 1]);
    const scalar = leaf([5], []);
    using tape = new Tape();
    tape.backward(add(add(row, column), scalar), tensor([1, 2, 3, 4, 5, 6], [2, 3]));
    expect(row.grad?.toArray()).toEqual([5, 7, 9]);
    expect(column.grad?.toArray()).toEqual([[6], [15]]);
    expect(scalar.grad?.toArray()).toBe(21);
  });

  it('leaves what did not take part without a gradient', () => {
    using _scope = new Scope();
    const x = leaf([1]);
    const unused = leaf([1]);
    const constant = tensor([2]);
    using tape = new Tape();
    void mul(unused, 2);
    tape.backward(mul(x, constant));
    expect(gradOf(x)).toEqual([2]);
    expect(unused.grad).toBeNull();
    expect(constant.grad).toBeNull();
  });

  it('stops at detach and at a leaf that was frozen', () => {
    using _scope = new Scope();
    const x = leaf([2]);
    const frozen = new Parameter(tensor([3]));
    frozen.requiresGrad = false;
    using tape = new Tape();
    const y = mul(x, x);
    tape.backward(mul(mul(y.detach(), x), frozen));
    expect(gradOf(x)).toEqual([12]);
    expect(frozen.grad).toBeNull();
    frozen.dispose();
  });

  it('gives no gradient to a leaf that was disposed of', () => {
    const x = leaf([1]);
    const y = leaf([1]);
    using tape = new Tape();
    const loss = sum(add(x, y));
    x.dispose();
    tape.backward(loss);
    expect(x.grad).toBeNull();
    expect(gradOf(y)).toEqual([1]);
    y.dispose();
  });

  it('walks 50,000 operations without recursion', () => {
    using _scope = new Scope();
    const x = leaf([1, 2]);
    using tape = new Tape();
    let y = mul(x, 1);
    const one = ones([2]);
    for (let i = 0; i < 25_000; i++) y = sub(add(y, one), one);
    tape.backward(sum(y));
    expect(gradOf(x)).toEqual([1, 1]);
  });

  it('frees the gradients between as it goes', () => {
    using _scope = new Scope();
    const n = 4096;
    const x = randn([n], { requiresGrad: true });
    using tape = new Tape();
    let y: Tensor = x;
    for (let i = 0; i < 100; i++) y = mul(y, 1.01);
    const loss = sum(y);
    // With the space up to the peak taken, a new peak shows what backward holds at a time.
    const { usedBytes, peakBytes } = heapStats();
    void empty([(peakBytes - usedBytes) / 4]);
    expect(heapStats().peakBytes).toBe(peakBytes);
    tape.backward(loss);
    expect(heapStats().peakBytes - peakBytes).toBeLessThan(5 * 4 * n);
    expect(heapStats().usedBytes - peakBytes).toBeLessThan(2 * 4 * n);
  });
});

describe('gradients do not share memory', () => {
  /** Changes one gradient in place and looks at the other. */
  function expectApart(a: Tensor, b: Tensor): void {
    const kept = gradOf(b);
    expect(kept.length).toBeGreaterThan(0);
    a.grad?.update((data) => data.fill(99));
    expect(gradOf(b)).toEqual(kept);
    b.grad?.update((data) => data.fill(-1));
    expect(gradOf(a).every((value) => value === 99)).toBe(true);
  }

  it('where an operation hands dOut to both inputs', () => {
    using _scope = new Scope();
    const [a, b] = [leaf([1, 2]), leaf([3, 4])];
    using tape = new Tape();
    tape.backward(add(a, b), tensor([5, 6]));
    expect([gradOf(a), gradOf(b)]).toEqual([
      [5, 6],
      [5, 6],
    ]);
    expectApart(a, b);
  });

  it('where a backward hands one new tensor to both inputs', () => {
    using _scope = new Scope();
    const both = defineFunction('both', {
      forward: (_ctx: Context<object>, x: Tensor, y: Tensor) => add(x, y),
      backward(_ctx, dOut) {
        const fresh = mul(dOut, 1);
        return [fresh, fresh];
      },
    });
    const [a, b] = [leaf([1, 2]), leaf([3, 4])];
    using tape = new Tape();
    tape.backward(sum(both(a, b)));
    expectApart(a, b);
  });

  it('where dOut goes to two inputs that get more later', () => {
    using _scope = new Scope();
    const [a, b] = [leaf([1, 2]), leaf([3, 4])];
    using tape = new Tape();
    const early = mul(a, 10);
    tape.backward(sum(add(early, add(a, b))));
    expect(gradOf(a)).toEqual([11, 11]);
    expect(gradOf(b)).toEqual([1, 1]);
    expectApart(a, b);
  });

  it('where both inputs are the same tensor', () => {
    using _scope = new Scope();
    const x = leaf([1, 2]);
    using tape = new Tape();
    const dOut = tensor([5, 6]);
    tape.backward(add(x, x), dOut);
    expect(gradOf(x)).toEqual([10, 12]);
    expect([...dOut.data]).toEqual([5, 6]);
  });

  it('where backward returns something that it saved', () => {
    using _scope = new Scope();
    const saved = doubling((_dOut, x) => x);
    const x = leaf([1, 2]);
    {
      using tape = new Tape();
      tape.backward(sum(saved(x)));
    }
    expect(gradOf(x)).toEqual([1, 2]);
    x.grad?.update((data) => data.fill(7));
    expect([...x.data]).toEqual([1, 2]);
  });

  it('over views: reshape passes its gradient on without a copy', () => {
    using _scope = new Scope();
    const [a, b] = [leaf([1, 2]), leaf([3, 4])];
    using tape = new Tape();
    tape.backward(sum(add(reshape(a, [1, 2]), reshape(b, [1, 2]))));
    expect(a.grad?.shape).toEqual([2]);
    expectApart(a, b);
  });
});

describe('what is recorded', () => {
  it('nothing without a tape', () => {
    const x = leaf([1, 2]);
    const y = mul(x, 2);
    expect(y.requiresGrad).toBe(false);
    y.dispose();
    x.dispose();
  });

  it('nothing in a scope inside a tape', () => {
    const x = leaf([1, 2]);
    {
      using tape = new Tape();
      const frozen = Scope.run(() => mul(x, 5));
      expect(frozen.requiresGrad).toBe(false);
      expect([...frozen.data]).toEqual([5, 10]);
      tape.backward(sum(mul(frozen, x)));
    }
    expect(gradOf(x)).toEqual([5, 10]);
    x.dispose();
  });

  it('nothing that needs no gradient', () => {
    using _scope = new Scope();
    using _tape = new Tape();
    expect(mul(tensor([1]), tensor([2])).requiresGrad).toBe(false);
    const x = leaf([1]);
    expect(mul(x, 2).requiresGrad).toBe(true);
    expect(mul(x.detach(), 2).requiresGrad).toBe(false);
  });

  it('a clone, which passes the gradient on', () => {
    const x = leaf([1, 2]);
    using tape = new Tape();
    tape.backward(sum(mul(clone(x), tensor([3, 5]))));
    expect(x.grad?.toArray()).toEqual([3, 5]);
    expect(clone(x.detach()).requiresGrad).toBe(false);
    x.dispose();
  });

  it('the innermost of two tapes only', () => {
    const x = leaf([2]);
    using outer = new Tape();
    const y = mul(x, x);
    {
      using inner = new Tape();
      inner.backward(sum(mul(x, 10)));
    }
    outer.backward(sum(y));
    expect(gradOf(x)).toEqual([14]);
    x.dispose();
  });

  it('a kept result until its tape closes; then it is a constant', () => {
    const x = leaf([2]);
    let y: Tensor;
    {
      using tape = new Tape();
      y = mul(x, x).keep();
      expect(y.requiresGrad).toBe(true);
      expect(() => (y.requiresGrad = false)).toThrow(
        new TapeError('requiresGrad: float32 tensor [1] is a recorded result; detach() it first'),
      );
      tape.backward(y);
    }
    expect(y.requiresGrad).toBe(false);
    expect(y.item()).toBe(4);
    {
      using tape = new Tape();
      tape.backward(mul(y, x));
    }
    expect(gradOf(x)).toEqual([8]);
    y.dispose();
    x.dispose();
  });
});

describe('random programs', () => {
  // Smooth, so that differences are right everywhere; bounded, so that nothing overflows.
  const operations: ((a: Tensor, b: Tensor) => Tensor)[] = [
    (a, b) => tanh(add(a, b)),
    (a, b) => tanh(sub(a, b)),
    (a, b) => tanh(mul(a, b)),
    (a) => mul(a, a),
    (a) => sum(a, { axis: 0, keepdim: true }),
    (a, b) => mul(mean(a), b),
    (a) => slice(concat([a, a], 0), [[0, a.shape[0] ?? 0]]),
    (a) => reshape(reshape(a, [-1, 1]), a.shape),
  ];
  const steps = fc.array(fc.tuple(fc.nat(operations.length - 1), fc.nat(), fc.nat()), {
    minLength: 2,
    maxLength: 10,
  });

  it('have the gradients that central differences give', () => {
    fc.assert(
      fc.property(steps, fc.nat(1e6), (program, seed) => {
        using _scope = new Scope();
        const options = {
          dtype: 'float64',
          requiresGrad: true,
          generator: new Generator(seed),
        } as const;
        const inputs = [randn([2, 3], options), randn([1, 3], options), randn([2, 1], options)];
        /** Any value may be used again at any later step, also several times. */
        const run = (): Tensor => {
          const values: Tensor[] = [...inputs];
          for (const [operation, left, right] of program) {
            const [a, b] = [left, right].map((at) => values[at % values.length]);
            values.push((operations[operation] as typeof add)(a as Tensor, b as Tensor));
          }
          return tanh(add(mean(values.at(-1) as Tensor), mean(values.at(-2) as Tensor)));
        };
        {
          using tape = new Tape();
          tape.backward(run());
        }
        inputs.forEach((input) => {
          input.toTypedArray().forEach((original, at) => {
            const probe = (value: number): number => {
              input.update((data) => (data[at] = value));
              return Scope.run(run).item();
            };
            const slope = (probe(original + 1e-5) - probe(original - 1e-5)) / 2e-5;
            input.update((data) => (data[at] = original));
            const known = (input.grad?.data[at] as number | undefined) ?? 0;
            expect(Math.abs(known - slope)).toBeLessThan(1e-6 * Math.max(1, Math.abs(slope)));
          });
        });
      }),
      { numRuns: 100, seed: 1 },
    );
  });
});
