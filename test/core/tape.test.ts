import {
  clone,
  add,
  concat,
  type Context,
  defineFunction,
  DisposedError,
  DTypeError,
  empty,
  exp,
  Generator,
  gradcheck,
  heapStats,
  mean,
  mul,
  ones,
  Parameter,
  randn,
  relu,
  reshape,
  Scope,
  ShapeError,
  slice,
  sub,
  sum,
  Tape,
  tanh,
  TapeError,
  tensor,
  type Tensor,
  UnfoldError,
  unscoped,
  zeros,
  type Gradients,
} from '@unfold/core';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** A float32 leaf that requires a gradient. */
function leaf(values: number[], shape?: number[]): Tensor {
  return tensor(values, shape, { requiresGrad: true });
}

/** The gradient's elements. */
function gradOf(x: Tensor): number[] {
  return [...(x.grad?.toTypedArray() ?? [])];
}

/** An operation x → 2x whose backward gives whatever `backward` says. */
function doubling(backward: (dOut: Tensor, x: Tensor) => Gradients): (x: Tensor) => Tensor {
  return defineFunction('doubling', {
    forward(ctx: Context<{ x: Tensor }>, x: Tensor) {
      ctx.save({ x });
      return mul(x, 2);
    },
    backward: (ctx, dOut) => backward(dOut, ctx.saved.x),
  });
}

/** Fails unless tensors made now belong to no scope and a new tape records as it should. */
function expectSaneState(): void {
  const x = leaf([3]);
  expect(x.owner).toBeNull();
  {
    using tape = new Tape();
    tape.backward(sum(mul(x, x)));
  }
  expect(gradOf(x)).toEqual([6]);
  x.dispose();
}

let before = 0;
beforeEach(() => {
  before = heapStats().liveTensors;
});
/** Each test disposes of what it makes outside of scopes, so what is left over leaked. */
afterEach(() => {
  expectSaneState();
  expect(heapStats().liveTensors).toBe(before);
});

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
    let y = x;
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

describe('backward refuses', () => {
  /** Runs `fn` on a tape of its own and expects this error, and no gradient. */
  function refuses(
    fn: (tape: Tape, x: Tensor) => void,
    type: new (message: string) => Error,
    text: string,
  ): void {
    using _scope = new Scope();
    const x = leaf([1, 2]);
    {
      using tape = new Tape();
      let caught: unknown;
      try {
        fn(tape, x);
      } catch (error) {
        caught = error;
      }
      expect(caught).toBeInstanceOf(type);
      expect((caught as Error).message).toBe(text);
    }
    expect(x.grad).toBeNull();
  }

  it('a second walk', () => {
    const x = leaf([1, 2]);
    {
      using tape = new Tape();
      const loss = sum(mul(x, x));
      tape.backward(loss);
      expect(() => tape.backward(loss)).toThrow(
        new TapeError(
          'backward: this tape was walked already; record the operations again on a new tape, or ' +
            'add the losses and call backward once',
        ),
      );
    }
    expect(gradOf(x)).toEqual([2, 4]);
    x.dispose();
  });

  it('a closed tape', () => {
    const x = leaf([1, 2]);
    const tape = new Tape();
    const loss = sum(mul(x, x)).keep();
    tape.close();
    expect(() => tape.backward(loss)).toThrow(
      new TapeError('backward: the tape is closed; call it before its block ends'),
    );
    expect(loss.requiresGrad).toBe(false);
    loss.dispose();
    x.dispose();
  });

  it('a loss with several elements and no gradient', () => {
    refuses(
      (tape, x) => tape.backward(mul(x, 2)),
      TapeError,
      'backward: float32 tensor [2] has 2 elements; take its sum or mean, or pass its gradient as ' +
        'the second argument',
    );
  });

  const unseen = (what: string): string =>
    `backward: the tape never recorded ${what}: none of its inputs requires a gradient, or it was ` +
    'made outside the tape or in a scope inside it. Gradients of gradients are not offered';

  it('a loss of constants', () => {
    refuses(
      (tape) => tape.backward(sum(tensor([1, 2]))),
      TapeError,
      unseen('float32 tensor [] made by sum'),
    );
  });

  it('a loss that is a leaf itself', () => {
    refuses(
      (tape) => tape.backward(leaf([1], [])),
      TapeError,
      unseen('float32 tensor [] made by tensor'),
    );
  });

  it('a loss of another tape', () => {
    refuses(
      (_tape, x) => {
        const loss = sum(x);
        using inner = new Tape();
        inner.backward(loss);
      },
      TapeError,
      unseen('float32 tensor [] made by sum'),
    );
  });

  it('gradients of gradients', () => {
    using _scope = new Scope();
    const x = leaf([1, 2]);
    using tape = new Tape();
    tape.backward(sum(mul(x, x)));
    const penalty = sum(mul(x.grad as Tensor, x.grad as Tensor));
    expect(penalty.requiresGrad).toBe(false);
    using second = new Tape();
    expect(() => second.backward(penalty)).toThrow(
      new TapeError(unseen('float32 tensor [] made by sum')),
    );
  });

  it('a gradient of another shape or dtype', () => {
    refuses(
      (tape, x) => tape.backward(mul(x, 2), ones([2, 1])),
      ShapeError,
      'backward: expected a gradient of shape [2], got [2,1]',
    );
    refuses(
      (tape, x) => tape.backward(mul(x, 2), ones([2], { dtype: 'float64' })),
      DTypeError,
      'backward: expected a float32 gradient, got float64; cast it',
    );
  });

  it('a disposed loss or gradient', () => {
    refuses(
      (tape, x) => {
        const loss = sum(x);
        loss.dispose();
        tape.backward(loss);
      },
      DisposedError,
      'float32 tensor [] made by sum was read after its scope ended or it was disposed of; ' +
        'keep() takes a tensor out of its scope',
    );
    refuses(
      (tape, x) => {
        const gradient = ones([2]);
        gradient.dispose();
        tape.backward(mul(x, 2), gradient);
      },
      DisposedError,
      'float32 tensor [2] made by ones was read after its scope ended or it was disposed of; ' +
        'keep() takes a tensor out of its scope',
    );
  });

  it('a saved tensor that was changed in place', () => {
    refuses(
      (tape, x) => {
        const loss = sum(mul(x, x));
        x.update((data) => data.fill(0));
        tape.backward(loss);
      },
      TapeError,
      'mul: float32 tensor [2] made by tensor was changed in place after it was saved for ' +
        'backward; update it after tape.backward',
    );
  });

  it('a saved result that was changed in place, also through a view of it', () => {
    refuses(
      (tape, x) => {
        const y = exp(x);
        const loss = sum(y);
        reshape(y, [2, 1]).update((data) => data.fill(0));
        tape.backward(loss);
      },
      TapeError,
      'exp: float32 tensor [2] made by exp was changed in place after it was saved for backward; ' +
        'update it after tape.backward',
    );
  });

  it('a saved tensor in a list that was changed in place', () => {
    const product = defineFunction('product', {
      forward(ctx: Context<{ both: Tensor[] }>, x: Tensor) {
        ctx.save({ both: [x, mul(x, 2)] });
        return mul(x, x);
      },
      backward: (ctx, dOut) => mul(dOut, ctx.saved.both[1] as Tensor),
    });
    using _scope = new Scope();
    const x = leaf([1, 2]);
    {
      using tape = new Tape();
      tape.backward(sum(product(x)));
    }
    expect(gradOf(x)).toEqual([2, 4]);
    using tape = new Tape();
    const loss = sum(product(x));
    x.update((data) => data.fill(0));
    expect(() => tape.backward(loss)).toThrow('product: float32 tensor [2] made by tensor was ');
  });

  it('a saved tensor that was freed', () => {
    refuses(
      (tape, x) => {
        const factor = tensor([3, 4]);
        const loss = sum(mul(x, factor));
        factor.dispose();
        tape.backward(loss);
      },
      DisposedError,
      'mul: float32 tensor [2] made by tensor, saved for backward, was freed before it; end its ' +
        'scope after tape.backward',
    );
  });

  it('a backward that wants what forward did not save', () => {
    const forgetful = defineFunction('forgetful', {
      forward: (_ctx: Context<{ x: Tensor }>, x: Tensor) => mul(x, 2),
      backward: (ctx) => ctx.saved.x,
    });
    refuses(
      (tape, x) => tape.backward(sum(forgetful(x))),
      TapeError,
      'forgetful: forward saved nothing for backward',
    );
  });

  it('a wrong number of gradients', () => {
    refuses(
      (tape, x) => tape.backward(sum(doubling((dOut) => [dOut, dOut])(x))),
      TapeError,
      'doubling: backward returned 2 gradients for 1 tensor inputs; return one for each, null ' +
        'where none is needed',
    );
    refuses(
      (tape, x) => tape.backward(sum(doubling(() => [])(x))),
      TapeError,
      'doubling: backward returned 0 gradients for 1 tensor inputs; return one for each, null ' +
        'where none is needed',
    );
  });

  it('no gradient where one is needed', () => {
    const text = 'doubling: backward returned no gradient for input 0';
    refuses((tape, x) => tape.backward(sum(doubling(() => null)(x))), TapeError, text);
    refuses((tape, x) => tape.backward(sum(doubling(() => [null])(x))), TapeError, text);
  });

  it('a gradient of a shape that does not broadcast from the input', () => {
    refuses(
      (tape, x) => tape.backward(sum(doubling(() => zeros([3]))(x))),
      ShapeError,
      'doubling: backward returned a gradient of shape [3] for input 0 of shape [2]',
    );
    refuses(
      (tape, x) => tape.backward(sum(doubling(() => zeros([]))(x))),
      ShapeError,
      'doubling: backward returned a gradient of shape [] for input 0 of shape [2]',
    );
  });

  it('a gradient of another dtype', () => {
    refuses(
      (tape, x) => tape.backward(sum(doubling(() => zeros([2], { dtype: 'float64' }))(x))),
      DTypeError,
      'doubling: backward returned a float64 gradient for input 0, which is float32',
    );
  });

  it('a disposed gradient', () => {
    const disposing = doubling((dOut) => {
      const dX = mul(dOut, 2);
      dX.dispose();
      return dX;
    });
    refuses(
      (tape, x) => tape.backward(sum(disposing(x))),
      DisposedError,
      'float32 tensor [2] made by mul was read after its scope ended or it was disposed of; ' +
        'keep() takes a tensor out of its scope',
    );
  });

  it('a result of a tape that is still open outside of it', () => {
    using _scope = new Scope();
    const x = leaf([1, 2]);
    using outer = new Tape();
    const y = mul(x, 2);
    using inner = new Tape();
    const loss = sum(mul(y, 3));
    expect(() => inner.backward(loss)).toThrow(
      new TapeError(
        'mul: input 0, float32 tensor [2] made by mul, was recorded on another tape; a gradient ' +
          'cannot cross from one tape to another: use one, or detach() it',
      ),
    );
    inner.close();
    outer.backward(sum(y));
    expect(gradOf(x)).toEqual([2, 2]);
  });
});

describe('an error on the way', () => {
  const failing = (where: 'forward' | 'backward'): ((x: Tensor) => Tensor) =>
    defineFunction('failing', {
      forward(ctx: Context<{ x: Tensor }>, x: Tensor) {
        ctx.save({ x: mul(x, 3) });
        if (where === 'forward') throw new Error('lost the thread');
        return mul(x, 2);
      },
      backward(_ctx, dOut) {
        void mul(dOut, 5);
        throw new Error('lost the way back');
      },
    });

  it('in forward leaves no scope open, and the tape still works', () => {
    const x = leaf([1, 2]);
    {
      using tape = new Tape();
      expect(() => failing('forward')(x)).toThrow('lost the thread');
      tape.backward(sum(mul(x, 4)));
    }
    expect(gradOf(x)).toEqual([4, 4]);
    x.dispose();
  });

  it('in forward without a tape frees the temporaries', () => {
    const x = leaf([1, 2]);
    expect(() => failing('forward')(x)).toThrow('lost the thread');
    x.dispose();
  });

  it('in backward changes no gradient, not even those that were known', () => {
    const [x, y] = [leaf([1, 2]), leaf([3, 4])];
    {
      using tape = new Tape();
      tape.backward(sum(mul(x, y)));
    }
    {
      using tape = new Tape();
      const loss = sum(add(mul(failing('backward')(x), 7), mul(y, 9)));
      expect(() => tape.backward(loss)).toThrow('lost the way back');
    }
    expect(gradOf(x)).toEqual([3, 4]);
    expect(gradOf(y)).toEqual([1, 2]);
    x.dispose();
    y.dispose();
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
          const values = [...inputs];
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

describe('defineFunction', () => {
  it('makes an operation with options, plain arguments and null inputs', () => {
    const scale = defineFunction('scale', {
      forward(
        ctx: Context<{ x: Tensor; factor: number }>,
        x: Tensor,
        bias: Tensor | null,
        { factor }: { factor: number },
      ) {
        ctx.save({ x, factor });
        expect(ctx.needsInputGrad).toEqual([true, false]);
        const scaled = mul(x, factor);
        return bias ? add(scaled, bias) : scaled;
      },
      backward(ctx, dOut) {
        expect(ctx.needsInputGrad).toEqual([true, false]);
        return [mul(dOut, ctx.saved.factor), null];
      },
    });
    using _scope = new Scope();
    const x = leaf([1, 2]);
    const bias = tensor([1, 1]);
    using tape = new Tape();
    tape.backward(sum(add(scale(x, bias, { factor: 3 }), scale(x, null, { factor: 4 }))));
    expect(gradOf(x)).toEqual([7, 7]);
  });

  it('says which inputs need a gradient, and ignores what was not asked for', () => {
    const seen: (readonly boolean[])[] = [];
    const pair = defineFunction('pair', {
      forward(ctx: Context<object>, a: Tensor, b: Tensor) {
        seen.push(ctx.needsInputGrad);
        return add(a, b);
      },
      // The second is wrong in shape and dtype, but nobody needs it.
      backward: (_ctx, dOut) => [dOut, zeros([9], { dtype: 'int32' })],
    });
    using _scope = new Scope();
    const x = leaf([1, 2]);
    pair(x, x);
    using tape = new Tape();
    tape.backward(sum(pair(x, tensor([1, 2]))));
    expect(seen).toEqual([
      [false, false],
      [true, false],
    ]);
    expect(gradOf(x)).toEqual([1, 1]);
  });

  it('records nothing inside forward and backward', () => {
    const inner = defineFunction('inner', {
      forward(ctx: Context<{ y: Tensor }>, x: Tensor) {
        const y = mul(x, x);
        expect(y.requiresGrad).toBe(false);
        ctx.save({ y });
        return mul(y, 1);
      },
      backward(ctx, dOut) {
        const dX = mul(dOut, ctx.saved.y);
        expect(dX.requiresGrad).toBe(false);
        return dX;
      },
    });
    using _scope = new Scope();
    const x = leaf([2, 3]);
    using tape = new Tape();
    tape.backward(sum(inner(x)));
    expect(gradOf(x)).toEqual([4, 9]);
  });

  it('frees temporaries of forward at once, and keeps those that were saved', () => {
    using _scope = new Scope();
    const made: Tensor[] = [];
    const op = defineFunction('op', {
      forward(ctx: Context<{ kept: Tensor }>, x: Tensor) {
        const [temporary, kept] = [mul(x, 2), mul(x, 3)];
        made.push(temporary, kept);
        ctx.save({ kept });
        return add(temporary, kept);
      },
      backward: (ctx, dOut) => mul(dOut, ctx.saved.kept),
    });
    const x = leaf([1, 2]);
    {
      using tape = new Tape();
      const out = op(x);
      expect(made.map(({ isDisposed }) => isDisposed)).toEqual([true, false]);
      tape.backward(sum(out));
    }
    expect(gradOf(x)).toEqual([3, 6]);
    expect(made.map(({ isDisposed }) => isDisposed)).toEqual([true, true]);
    op(x);
    expect(made.map(({ isDisposed }) => isDisposed)).toEqual([true, true, true, true]);
  });

  const parts = defineFunction('parts', {
    forward(ctx: Context<{ x: Tensor }>, x: Tensor): [Tensor, Tensor, Tensor] {
      ctx.save({ x });
      return [mul(x, 2), mul(x, x), tensor([1, 2], [2], { dtype: 'int32' })];
    },
    backward(ctx, ...dOut) {
      const [dDouble, dSquare, dLabels] = dOut as [Tensor, Tensor, Tensor];
      expect(dLabels.dtype).toBe('int32');
      return add(mul(dDouble, 2), mul(dSquare, mul(ctx.saved.x, 2)));
    },
  });

  it.each([
    ['both outputs', (double: Tensor, square: Tensor) => add(sum(double), sum(square)), [4, 6]],
    ['the first output', (double: Tensor) => sum(double), [2, 2]],
    ['the second output', (_: Tensor, square: Tensor) => sum(square), [2, 4]],
  ] as const)('takes several outputs: a loss of %s', (_, loss, expected) => {
    using _scope = new Scope();
    const x = leaf([1, 2]);
    using tape = new Tape();
    const outputs = parts(x);
    expect(outputs.map(({ requiresGrad }) => requiresGrad)).toEqual([true, true, false]);
    tape.backward(loss(outputs[0], outputs[1]));
    expect(gradOf(x)).toEqual(expected);
  });

  it('keeps the gradient of an input apart from that of the same tensor passed through', () => {
    /** The identity forward, the gradient turned round: x itself is returned. */
    const reverse = defineFunction('reverse', {
      forward: (_ctx: Context<object>, x: Tensor) => x,
      backward: (_ctx, dOut) => mul(dOut, -1),
    });
    using _scope = new Scope();
    const x = leaf([1, 2]);
    using tape = new Tape();
    const y = reverse(x);
    expect(y).not.toBe(x);
    // x is a leaf still: a recorded result would throw here.
    x.requiresGrad = true;
    tape.backward(sum(add(mul(y, 10), x)));
    expect(gradOf(x)).toEqual([-9, -9]);
    expect([...y.data]).toEqual([1, 2]);
  });

  it('refuses a disposed input', () => {
    const x = leaf([1, 2]);
    x.dispose();
    expect(() => mul(x, 2)).toThrow(DisposedError);
    expect(() => relu(x)).toThrow(
      'float32 tensor [2] made by tensor was read after its scope ended or it was disposed of',
    );
  });
});

describe('scopes', () => {
  it('free what was made inside, in the order of closing', () => {
    let inner: Tensor;
    const outer = new Scope();
    const a = zeros([2]);
    {
      using _scope = new Scope();
      inner = zeros([3]);
    }
    expect(inner.isDisposed).toBe(true);
    expect(a.isDisposed).toBe(false);
    outer.close();
    expect(a.isDisposed).toBe(true);
    expect(outer.isClosed).toBe(true);
    outer.close();
  });

  it('run hands a tensor, an array or a record of them to the scope around', () => {
    using scope = new Scope();
    const one = Scope.run(() => add(zeros([2]), 1));
    const many = Scope.run(() => [zeros([1]), ones([1])]);
    const named = Scope.run((own) => ({ own, x: ones([2]), label: 'x' }));
    expect(one.owner).toBe(scope);
    expect(many.map(({ owner }) => owner)).toEqual([scope, scope]);
    expect(named.x.owner).toBe(scope);
    expect(named.own.isClosed).toBe(true);
    expect(Scope.run(() => 'text')).toBe('text');
    expect(Scope.run(() => null)).toBeNull();
  });

  it('run hands to nobody where there is no scope around', () => {
    const x = Scope.run(() => ones([2]));
    expect(x.owner).toBeNull();
    expect([...x.data]).toEqual([1, 1]);
    x.dispose();
  });

  it('run leaves a tensor of an outer scope where it is', () => {
    using scope = new Scope();
    const x = ones([2]);
    expect(Scope.run(() => x)).toBe(x);
    expect(x.owner).toBe(scope);
  });

  it('Tape.run gives the tape, records and frees', () => {
    const x = leaf([1, 2]);
    const loss = Tape.run((tape) => {
      const value = sum(mul(x, x));
      tape.backward(value);
      return value;
    });
    expect(loss.item()).toBe(5);
    expect(loss.requiresGrad).toBe(false);
    expect(gradOf(x)).toEqual([2, 4]);
    loss.dispose();
    x.dispose();
  });

  it('run frees everything when its function throws', () => {
    expect(() =>
      Scope.run(() => {
        zeros([2]);
        throw new Error('stop');
      }),
    ).toThrow('stop');
  });

  it.each([
    ['run', () => Scope.run(async () => 1)],
    ['run', () => Tape.run(async () => Promise.reject(new Error('unheard')))],
    ['unscoped', () => unscoped(async () => Promise.reject(new Error('unheard')))],
  ])('%s refuses an asynchronous function', async (name, run) => {
    expect(run).toThrow(
      new TapeError(
        `${name}: expected a synchronous function, got a promise; call it inside the ` +
          'asynchronous one',
      ),
    );
    // An unhandled rejection would end the program here.
    await new Promise((resolve) => setTimeout(resolve, 0));
  });

  it('keep takes a tensor out of every scope', () => {
    let x: Tensor;
    {
      using outer = new Scope();
      void outer;
      using inner = new Scope();
      void inner;
      x = ones([2]);
      expect(x.keep()).toBe(x);
    }
    expect([...x.data]).toEqual([1, 1]);
    x.dispose();
    expect(x.isDisposed).toBe(true);
    x.dispose();
    expect(() => x.keep()).toThrow(DisposedError);
  });

  it('unscoped makes tensors that outlive every scope, and is nested with scopes', () => {
    let x: Tensor;
    {
      using scope = new Scope();
      x = unscoped(() => {
        const own = ones([2]);
        expect(own.owner).toBeNull();
        using inner = new Scope();
        expect(zeros([1]).owner).toBe(inner);
        return own;
      });
      expect(zeros([1]).owner).toBe(scope);
    }
    expect(x.isDisposed).toBe(false);
    x.dispose();
  });

  it('unscoped records nothing, and puts things right after an error', () => {
    const x = leaf([1, 2]);
    using tape = new Tape();
    expect(() =>
      unscoped(() => {
        throw new Error('stop');
      }),
    ).toThrow('stop');
    const y = unscoped(() => mul(x, 2));
    expect(y.requiresGrad).toBe(false);
    y.dispose();
    expect(mul(x, 2).owner).toBe(tape);
    x.dispose();
  });

  it('a scope that outlives the unscoped region it was opened in closes without harm', () => {
    using outer = new Scope();
    const late = unscoped(() => new Scope());
    late.close();
    expect(late.isClosed).toBe(true);
    expect(zeros([1]).owner).toBe(outer);
  });

  const outOfOrder = (kind: string, count: number): TapeError =>
    new TapeError(
      `${kind}: closed while ${count} scope(s) opened after it were still open; scopes close in ` +
        'the reverse order of opening, so do not interleave two of them across an await',
    );

  it('closed out of order are all closed, with an error', () => {
    const outer = new Scope();
    const inner = new Tape();
    const innermost = new Scope();
    const x = zeros([2]);
    expect(() => outer.close()).toThrow(outOfOrder('Scope', 2));
    expect([outer, inner, innermost].map(({ isClosed }) => isClosed)).toEqual([true, true, true]);
    expect(x.isDisposed).toBe(true);
    // Their own blocks close them later, without harm.
    innermost.close();
    inner.close();
  });

  it('interleaved tapes across an await are an error, not a wrong gradient', async () => {
    const x = leaf([1, 2]);
    const step = async (wait: number): Promise<void> => {
      using tape = new Tape();
      const y = mul(x, x);
      await new Promise((resolve) => setTimeout(resolve, wait));
      tape.backward(sum(y));
    };
    const results = await Promise.allSettled([step(5), step(15)]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    const reasons = results.map((result) =>
      result.status === 'rejected' ? (result.reason as Error) : undefined,
    );
    // The first one's sum was recorded on the second's tape: the backward refuses, and so does
    // the end of the block.
    const [first, second] = reasons;
    expect(first?.name).toBe('SuppressedError');
    expect((first as Error & { error: Error }).error).toEqual(outOfOrder('Tape', 1));
    expect((first as Error & { suppressed: Error }).suppressed).toBeInstanceOf(TapeError);
    expect(second).toBeInstanceOf(DisposedError);
    expect(x.grad).toBeNull();
    expectSaneState();
    x.dispose();
  });

  it('tapes that are nested across an await, by luck, give the right gradients', async () => {
    const x = leaf([1, 2]);
    const step = async (wait: number): Promise<void> => {
      using tape = new Tape();
      const y = sum(mul(x, x));
      await new Promise((resolve) => setTimeout(resolve, wait));
      tape.backward(y);
    };
    await Promise.all([step(15), step(5)]);
    expect(gradOf(x)).toEqual([4, 8]);
    x.dispose();
  });
});

describe('gradcheck', () => {
  /** Two inputs, with gradients that can be made wrong. */
  const product = (wrong: (dA: Tensor, dB: Tensor) => Gradients): ((...x: Tensor[]) => Tensor) =>
    defineFunction('product', {
      forward(ctx: Context<{ a: Tensor; b: Tensor }>, a: Tensor, b: Tensor) {
        ctx.save({ a, b });
        return mul(a, b);
      },
      backward(ctx, dOut) {
        const { a, b } = ctx.saved;
        return wrong(mul(dOut, b), mul(dOut, a));
      },
    });

  const inputs = (): Tensor[] =>
    [
      [1.5, -2, 0.7],
      [0.3, 4, -1.1],
    ].map((values) => tensor(values, [3], { dtype: 'float64', requiresGrad: true }));

  function check(wrong: (dA: Tensor, dB: Tensor) => Gradients): void {
    using _scope = new Scope();
    gradcheck(product(wrong), inputs());
  }

  it('passes right gradients, and leaves the inputs as they were', () => {
    using _scope = new Scope();
    const given = inputs();
    const values = given.map((x) => x.toArray());
    gradcheck(
      product((dA, dB) => [dA, dB]),
      given,
    );
    expect(given.map((x) => x.toArray())).toEqual(values);
  });

  it.each([
    ['in argument 0', (dA: Tensor, dB: Tensor) => [mul(dA, 1.001), dB], 'input 0 [3]'],
    ['in argument 1', (dA: Tensor, dB: Tensor) => [dA, mul(dB, 1.001)], 'input 1 [3]'],
    ['of sign in argument 1', (dA: Tensor, dB: Tensor) => [dA, mul(dB, -1)], 'input 1 [3]'],
    [
      'in one element of argument 1',
      (dA: Tensor, dB: Tensor) => [dA, add(dB, tensor([0, 0, 1e-4], [3], { dtype: 'float64' }))],
      'input 1 [3], element 2',
    ],
    ['zero in argument 1', (dA: Tensor, dB: Tensor) => [dA, mul(dB, 0)], 'input 1 [3]'],
    ['NaN in argument 1', (dA: Tensor, dB: Tensor) => [dA, mul(dB, NaN)], 'backward gives NaN'],
    ['infinite in argument 0', (dA: Tensor, dB: Tensor) => [mul(dA, Infinity), dB], 'input 0 [3]'],
  ] as const)('catches a gradient that is wrong %s', (_, wrong, text) => {
    expect(() => check(wrong)).toThrow(UnfoldError);
    expect(() => check(wrong)).toThrow(text);
  });

  it('names the worst element with both values', () => {
    const wrong = (dA: Tensor, dB: Tensor): Gradients => [dA, mul(dB, 0)];
    expect(() => check(wrong)).toThrow(
      /^gradcheck: input 1 \[3\], element \d: backward gives 0, the central difference is -?\d/,
    );
  });

  it('refuses to pass where a zero gradient would', () => {
    using _scope = new Scope();
    const [a, b] = inputs() as [Tensor, Tensor];
    // b has next to no influence, so a zero for it would pass.
    expect(() => gradcheck((x, y) => add(x, mul(y, 1e-9)), [a, b])).toThrow(
      /^gradcheck: the largest derivative by input 1 \[3\] is \d.*, too small to tell a right gradient from zero; choose other inputs$/,
    );
  });

  it('checks only what requires a gradient', () => {
    using _scope = new Scope();
    const [a, b] = inputs() as [Tensor, Tensor];
    b.requiresGrad = false;
    gradcheck(
      product((dA) => [dA, null]),
      [a, b],
    );
    expect(b.grad).toBeNull();
  });

  it('refuses float32', () => {
    using _scope = new Scope();
    expect(() => gradcheck((x) => mul(x, x), [leaf([1, 2])])).toThrow(
      new DTypeError('gradcheck: input 0 must be float64, got float32 tensor [2]'),
    );
  });

  it('puts the inputs back when the function throws at a moved point', () => {
    using _scope = new Scope();
    const x = tensor([1, 2], [2], { dtype: 'float64', requiresGrad: true });
    const fn = (input: Tensor): Tensor => {
      if (input.data[1] !== 2) throw new Error('moved');
      return mul(input, input);
    };
    expect(() => gradcheck(fn, [x])).toThrow('moved');
    expect([...x.data]).toEqual([1, 2]);
  });

  it('checks a whole network', () => {
    using _scope = new Scope();
    const options = { dtype: 'float64', requiresGrad: true } as const;
    const w = randn([3, 4], options);
    const b = randn([4], options);
    gradcheck((weight, bias) => mean(exp(add(weight, bias))), [w, b]);
  });
});
