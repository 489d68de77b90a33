import {
  abs,
  add,
  bufferOf,
  clone,
  compile,
  type Context,
  ConfigError,
  defineFunction,
  DisposedError,
  DTypeError,
  elementsOf,
  empty,
  exp,
  findLeaks,
  grad,
  gradgradcheck,
  kernelsFor,
  mul,
  ones,
  relu,
  reshape,
  Scope,
  ShapeError,
  sigmoid,
  silu,
  sum,
  Tape,
  TapeError,
  tensor,
  trace,
  type Tensor,
  UnfoldError,
} from '@unfold/core';
import { describe, expect, it } from 'vitest';
import { gradOf, leaf, watchTensors } from '../support/tape.js';

watchTensors();

const cube = (x: Tensor): Tensor => mul(mul(x, x), x);

describe('grad', () => {
  it('gives a tensor for a tensor and a list for a list, and leaves every grad alone', () => {
    using _tape = new Tape();
    const x = leaf([1, 2]);
    const w = leaf([3, -1]);
    const loss = sum(mul(cube(x), w));
    const single: Tensor = grad(loss, x, { retainGraph: true });
    expect(single.toArray()).toEqual([9, -12]);
    const both: Tensor[] = grad(loss, [w, x]);
    expect(both.map((gradient) => gradient.toArray())).toEqual([
      [1, 8],
      [9, -12],
    ]);
    expect([x.grad, w.grad]).toEqual([null, null]);
  });

  it('works for results on the tape, for the loss itself, and for one tensor twice', () => {
    using _tape = new Tape();
    const x = leaf([1, 2]);
    const hidden = mul(x, 3);
    const loss = sum(mul(hidden, hidden));
    const all = grad(loss, [hidden, x, loss, hidden]);
    expect(all.map((gradient) => gradient.toArray())).toEqual([[6, 12], [18, 36], 1, [6, 12]]);
    // Each has memory of its own.
    all[0]?.update((data) => data.fill(0));
    expect(all[1]?.toArray()).toEqual([18, 36]);
  });

  it('begins with the gradient that is given', () => {
    using _tape = new Tape();
    const x = leaf([1, 2]);
    expect(grad(cube(x), x, { gradient: tensor([10, 100]) }).toArray()).toEqual([30, 1200]);
  });

  it('gives constants of the innermost scope without createGraph, which end with it', () => {
    using _tape = new Tape();
    const x = leaf([1, 2]);
    const loss = sum(cube(x));
    const inner = new Scope();
    const gradient = grad(loss, x);
    expect([gradient.requiresGrad, gradient.owner]).toEqual([false, inner]);
    inner.close();
    expect(gradient.isDisposed).toBe(true);
    expect(loss.isDisposed).toBe(false);
  });

  it('computes what leads to the inputs only', () => {
    using _tape = new Tape();
    const asked: (readonly boolean[])[] = [];
    const product = defineFunction('product', {
      forward(ctx: Context<{ a: Tensor; b: Tensor }>, a: Tensor, b: Tensor) {
        ctx.save({ a, b });
        return mul(a, b);
      },
      backward(ctx, dOut) {
        asked.push(ctx.needsInputGrad);
        const [needsA, needsB] = ctx.needsInputGrad;
        const { a, b } = ctx.saved;
        return [needsA ? mul(dOut, b) : null, needsB ? mul(dOut, a) : null];
      },
    });
    const [x, w, v] = [leaf([1, 2]), leaf([3, 4]), leaf([5, 6])] as const;
    const early = product(w, v);
    const loss = sum(product(x, early));
    expect(grad(loss, x, { retainGraph: true }).toArray()).toEqual([15, 24]);
    expect(asked).toEqual([[true, false]]);
    // What a walk before it left out is there for the next.
    expect(grad(loss, [v, x]).map((each) => each.toArray())).toEqual([
      [3, 8],
      [15, 24],
    ]);
    expect(asked.slice(1)).toEqual([
      [true, true],
      [false, true],
    ]);
  });

  it('is null for what the loss does not depend on, if that is allowed', () => {
    using _tape = new Tape();
    const x = leaf([1]);
    const loss = sum(cube(x));
    const unused = leaf([2]);
    const [byX, byUnused]: (Tensor | null)[] = grad(loss, [x, unused], { allowUnused: true });
    expect(byX?.toArray()).toEqual([3]);
    expect(byUnused).toBeNull();
  });

  it('may walk a tape again that a walk retained', () => {
    const x = leaf([1, 2]);
    {
      using tape = new Tape();
      const loss = sum(cube(x));
      tape.backward(loss, { retainGraph: true });
      tape.backward(loss, { gradient: tensor(2) });
      expect(() => grad(loss, x)).toThrow(/^grad: this tape was walked already;/);
    }
    expect(gradOf(x)).toEqual([9, 36]);
    x.dispose();
  });
});

describe('createGraph', () => {
  it('gives gradients of any order: of x⁴ by x, four times', () => {
    using _tape = new Tape();
    const x = leaf([3]);
    let y = mul(cube(x), x);
    const orders = [4 * 27, 12 * 9, 24 * 3, 24].map((expected) => {
      y = grad(sum(y), x, { createGraph: true });
      return [y.toArray(), [expected]];
    });
    for (const [found, expected] of orders) expect(found).toEqual(expected);
  });

  it('trains with a penalty on the gradient', () => {
    const [x, w] = [leaf([1, 2], [2, 1]), leaf([3], [1])];
    {
      using tape = new Tape();
      // f = (x·w)², df/dx = 2·x·w²; the penalty Σ (df/dx)² = 4·Σx²·w⁴ has 16·Σx²·w³ by w.
      const out = mul(x, w);
      const slope = grad(sum(mul(out, out)), x, { createGraph: true });
      tape.backward(sum(mul(slope, slope)));
    }
    expect(gradOf(w)).toEqual([16 * 5 * 27]);
    expect(gradOf(x)).toEqual([8 * 81, 16 * 81]);
    x.dispose();
    w.dispose();
  });

  it('sums what was broadcast, and spreads it again', () => {
    using _scope = new Scope();
    const options = { dtype: 'float64', requiresGrad: true } as const;
    const row = tensor([0.3, -1.2, 0.7], [3], options);
    const matrix = tensor([1, 2, -1, 0.5, 0.2, -2], [2, 3], options);
    gradgradcheck((a, b) => mul(exp(a as Tensor), mul(b as Tensor, b as Tensor)), [row, matrix]);
  });

  it('lets the gradient of the loss have a gradient: a product with the Jacobian', () => {
    using _tape = new Tape();
    const x = leaf([1, 2]);
    const y = cube(x);
    const v = leaf([0, 0]);
    const back = grad(y, x, { gradient: v, createGraph: true });
    expect(grad(back, v, { gradient: tensor([1, 10]) }).toArray()).toEqual([3, 120]);
  });

  it('leaves grads that the tape recorded and owns, and that end with it', () => {
    using x = leaf([2]);
    let kept: Tensor;
    {
      using tape = new Tape();
      tape.backward(sum(cube(x)), { createGraph: true });
      kept = x.grad as Tensor;
      expect([kept.toArray(), kept.requiresGrad, kept.owner]).toEqual([[12], true, tape]);
      x.zeroGrad();
      // Zeroed, but not taken from the tape.
      tape.backward(sum(kept));
      expect(gradOf(x)).toEqual([12]);
    }
    expect(() => kept.data).toThrow(DisposedError);
    expect(gradOf(x)).toEqual([12]);
  });

  it('adds to the grad that is there, in a new tensor', () => {
    using x = leaf([2]);
    {
      using tape = new Tape();
      tape.backward(sum(mul(x, 5)));
    }
    const before = x.grad as Tensor;
    {
      using tape = new Tape();
      tape.backward(sum(cube(x)), { createGraph: true });
      expect([before.toArray(), gradOf(x)]).toEqual([[5], [17]]);
      tape.backward(sum(x.grad as Tensor));
      expect(gradOf(x)).toEqual([29]);
    }
    expect(before.isDisposed).toBe(true);
    // What ended with the tape is no gradient any more.
    using tape = new Tape();
    tape.backward(sum(mul(x, 5)));
    expect(gradOf(x)).toEqual([5]);
  });

  it('gives two leaves a grad each where one gradient serves both', () => {
    using tape = new Tape();
    const [a, b] = [leaf([1]), leaf([2])];
    tape.backward(sum(add(a, b)), { createGraph: true });
    a.zeroGrad();
    expect([a.grad, gradOf(b)]).toEqual([null, [1]]);
  });

  it('gives the same bits as without', () => {
    using _tape = new Tape();
    const x = leaf([0.3, -1.7, 2.9, 0.1]);
    const loss = sum(mul(sigmoid(silu(x)), relu(exp(x))));
    const recorded = grad(loss, x, { createGraph: true });
    expect(grad(loss, x).toArray()).toEqual(recorded.toArray());
  });

  it('leaks nothing, and holds the heap flat', async () => {
    const x = leaf([1, 2, 3]);
    const step = (): void => {
      using tape = new Tape();
      const slope = grad(sum(cube(x)), x, { createGraph: true });
      tape.backward(sum(mul(slope, slope)));
      x.zeroGrad();
    };
    expect(await findLeaks(step)).toEqual([]);
    x.dispose();
  });

  it('has the same bits in a program', () => {
    using _scope = new Scope();
    const penalty = (x: Tensor, w: Tensor): Tensor => {
      using _tape = new Tape();
      const slope = grad(sum(silu(mul(x, w))), x, { createGraph: true });
      return grad(sum(mul(slope, slope)), w).keep();
    };
    const w = leaf([0.5, -2, 1.5]);
    const fast = compile(penalty);
    for (const values of [
      [1, 2, 3],
      [-0.3, 0.2, 7],
      [2, -1, 0.5],
    ]) {
      const x = leaf(values);
      using expected = penalty(x, w);
      using found = fast(x, w);
      expect(found.toArray()).toEqual(expected.toArray());
    }
    expect(fast.stats?.launches).toBeGreaterThan(0);
    fast.dispose();
  });
});

describe('grad refuses', () => {
  const refuses = (fn: (tape: Tape) => unknown, error: Error): void => {
    using tape = new Tape();
    expect(() => fn(tape)).toThrow(error);
  };

  it('an input that requires no gradient', () => {
    refuses(
      () => grad(sum(leaf([1])), [tensor([1])]),
      new TapeError(
        'grad: expected an input that requires a gradient, got inputs[0], float32 tensor [1] made by ' +
          'tensor; set its requiresGrad before the tape records what is made of it',
      ),
    );
  });

  it('an input that the loss does not depend on', () => {
    refuses(
      () => grad(sum(leaf([1])), leaf([1])),
      new TapeError(
        "grad: expected a loss that depends on every input, got one that doesn't on inputs[0], float32 " +
          'tensor [1] made by tensor; leave it out, or pass { allowUnused: true }, which gives null',
      ),
    );
  });

  it('a loss that no tape recorded', () => {
    refuses(
      () => grad(tensor(1), leaf([1])),
      new TapeError(
        'grad: the tape never recorded float32 tensor [] made by tensor: none of its inputs requires a ' +
          'gradient, or it was made before the tape or in a scope inside it; make the tape first, then ' +
          'the loss; a gradient is recorded with { createGraph: true } only',
      ),
    );
  });

  it('a loss of several elements without a gradient, and a gradient that does not fit', () => {
    const x = leaf([1, 2]);
    refuses(
      () => grad(mul(x, 2), x),
      new TapeError(
        'grad: float32 tensor [2] has 2 elements; take its sum or mean, or pass its gradient as the ' +
          'second argument',
      ),
    );
    refuses(
      () => grad(mul(x, 2), x, { gradient: ones([1, 2]) }),
      new ShapeError('grad: expected a gradient of shape [2], got [1,2]'),
    );
    x.dispose();
  });

  it('createGraph in a scope inside the tape', () => {
    refuses(
      () => {
        const x = leaf([1]);
        const loss = sum(x);
        using _scope = new Scope();
        grad(loss, x, { createGraph: true });
      },
      new TapeError(
        'grad: expected the tape to be the innermost open scope with createGraph, which records on it, ' +
          'got a scope inside it; call it in the block of the tape',
      ),
    );
  });

  it('to be traced', () => {
    using _scope = new Scope();
    const x = leaf([1]);
    expect(() => trace((input: Tensor) => grad(sum(input), x), tensor([1]))).toThrow(
      /^grad: expected operations on tensors while a graph is traced, got a walk back over a tape/,
    );
  });

  it('what is no tensor, no list and no option', () => {
    using _tape = new Tape();
    const x = leaf([1]);
    const loss = sum(x);
    const call: (...args: never[]) => unknown = grad;
    const plain = (...args: unknown[]): unknown => Reflect.apply(call, undefined, args);
    expect(() => plain(1, x)).toThrow(DTypeError);
    expect(() => plain(loss, 'x')).toThrow(ConfigError);
    expect(() => plain(loss, [1])).toThrow(DTypeError);
    expect(() => plain(loss, x, { createGraphs: true })).toThrow(ConfigError);
    expect(() => plain(loss, x, { createGraph: 1 })).toThrow(ConfigError);
    expect(() => plain(loss, x, { gradient: [1] })).toThrow(DTypeError);
    expect(() => plain(loss, x, true)).toThrow(ConfigError);
  });
});

describe('an operation without a second rule', () => {
  const twice = (body: {
    forward: (ctx: Context<{ x: Tensor; slope: Tensor }>, x: Tensor) => Tensor;
    backward: (ctx: Context<{ x: Tensor; slope: Tensor }>, dOut: Tensor) => Tensor;
    recordedBackward?: (ctx: Context<{ x: Tensor; slope: Tensor }>, dOut: Tensor) => Tensor;
  }): ((x: Tensor) => Tensor) => defineFunction('square', body);

  /** The gradient of 2x by x, by a backward that is given. */
  function second(square: (x: Tensor) => Tensor): number[] {
    using _tape = new Tape();
    const x = leaf([3]);
    const slope = grad(sum(square(x)), x, { createGraph: true });
    return Array.from(grad(sum(slope), x).data);
  }

  const forward = (ctx: Context<{ x: Tensor; slope: Tensor }>, x: Tensor): Tensor => {
    ctx.save({ x, slope: mul(x, 2) });
    return mul(x, x);
  };

  it('is named where it saved a temporary, unless it has a recordedBackward', () => {
    const backward = (ctx: Context<{ x: Tensor; slope: Tensor }>, dOut: Tensor): Tensor =>
      mul(dOut, ctx.saved.slope);
    expect(() => second(twice({ forward, backward }))).toThrow(
      new TapeError(
        'square: expected backward to be made of inputs and outputs under createGraph, got float32 ' +
          'tensor [1], a temporary of forward, through which no gradient flows; save inputs and outputs, ' +
          'or give defineFunction a recordedBackward',
      ),
    );
    const recorded = twice({
      forward,
      backward,
      recordedBackward: (ctx, dOut) => mul(dOut, mul(ctx.input(0), 2)),
    });
    expect(second(recorded)).toEqual([2]);
  });

  it.each([
    ['bufferOf', (x: Tensor) => bufferOf(x)],
    ['elementsOf', (x: Tensor) => elementsOf(x)],
    ['data', (x: Tensor) => x.data],
    ['item', (x: Tensor) => x.item()],
    ['toArray', (x: Tensor) => x.toArray()],
    ['toTypedArray', (x: Tensor) => x.toTypedArray()],
  ] as const)('is named where backward reads numbers by %s', (door, read) => {
    const plain = (ctx: Context<{ x: Tensor; slope: Tensor }>, x: Tensor): Tensor => {
      ctx.save({ x, slope: x });
      return mul(x, x);
    };
    const square = twice({
      forward: plain,
      backward(ctx, dOut) {
        read(ctx.saved.x);
        return mul(dOut, mul(ctx.saved.x, 2));
      },
    });
    expect(() => second(square)).toThrow(
      new TapeError(
        `square: expected backward to be made of operations under createGraph, got ${door} of float32 ` +
          'tensor [1], through which no gradient flows; use operations, give defineFunction a ' +
          'recordedBackward, or detach() first what counts as a constant',
      ),
    );
    // A constant may be read, and so may what an operation's forward takes in.
    const constant = twice({
      forward: plain,
      backward(ctx, dOut) {
        read(ctx.saved.x.detach());
        return mul(dOut, mul(ctx.saved.x, 2));
      },
    });
    expect(second(constant)).toEqual([2]);
  });

  it('is fine where its kernels are in an operation of its own', () => {
    const doubled = defineFunction('doubled', {
      forward(_ctx: Context<object>, x: Tensor) {
        const out = empty(x.shape, x.dtype, 'doubled');
        const geometry = { shape: [x.size], aStrides: [1], bStrides: [1] };
        kernelsFor(x.dtype).add(bufferOf(out), bufferOf(x), bufferOf(x), geometry);
        return out;
      },
      backward: (_ctx, dOut): Tensor => doubled(dOut),
    });
    const square = twice({
      forward(ctx, x) {
        ctx.save({ x, slope: x });
        return mul(x, x);
      },
      backward: (ctx, dOut) => mul(dOut, doubled(ctx.saved.x)),
    });
    expect(second(square)).toEqual([2]);
  });

  it('may walk back from what its recordedBackward records, also in a walk that is the last', () => {
    using tape = new Tape();
    const square = twice({
      forward,
      backward: (ctx, dOut) => mul(dOut, ctx.saved.slope),
      recordedBackward(ctx, dOut) {
        const x = ctx.input(0);
        return grad(sum(mul(mul(x, x), dOut)), x, { createGraph: true });
      },
    });
    expect(second(square)).toEqual([2]);
    const x = leaf([3]);
    const loss = sum(square(x));
    const options = { createGraph: true, retainGraph: false };
    expect(grad(loss, x, options).item()).toBe(6);
    expect(() => tape.backward(loss)).toThrow('this tape was walked already');
  });

  it('keeps no input for a backward that is not recordedBackward', () => {
    using tape = new Tape();
    const square = twice({
      forward,
      backward: (ctx, dOut) => mul(dOut, ctx.input(0)),
    });
    const loss = sum(square(leaf([3])));
    expect(() => tape.backward(loss)).toThrow(
      new TapeError('square: no tensor input 0 was kept for recordedBackward'),
    );
  });

  it('refuses an input of recordedBackward that was changed or freed', () => {
    using tape = new Tape();
    const x = leaf([1]);
    const h = mul(x, 2);
    const loss = sum(silu(h));
    h.update((data) => data.fill(7));
    // What backward alone uses is as it was.
    expect(grad(loss, x, { retainGraph: true }).size).toBe(1);
    expect(() => tape.backward(loss, { createGraph: true })).toThrow(
      /^silu: float32 tensor \[1\] made by mul was changed in place after it was saved/,
    );
  });
});

describe('gradgradcheck', () => {
  const input = (...values: number[]): Tensor =>
    tensor(values, undefined, { dtype: 'float64', requiresGrad: true });

  it('catches a second derivative that is wrong where the first is right', () => {
    using _scope = new Scope();
    // x² whose slope 2x is taken for a constant in part.
    const square = defineFunction('square', {
      forward(ctx: Context<{ x: Tensor }>, x: Tensor) {
        ctx.save({ x });
        return mul(x, x);
      },
      backward: (ctx, dOut) => mul(dOut, add(ctx.saved.x, ctx.saved.x.detach())),
    });
    expect(() => gradgradcheck((x) => square(x as Tensor), [input(1.5, -2)])).toThrow(UnfoldError);
    expect(() => gradgradcheck((x) => square(x as Tensor), [input(1.5, -2)])).toThrow(
      /^gradgradcheck: input 0 \[2\], element \d: backward gives -?\d.*, the central difference is/,
    );
  });

  it('passes what is linear, what has no gradient by an input, and functions of several', () => {
    using _scope = new Scope();
    gradgradcheck((x) => reshape(mul(x as Tensor, 3), [2, 1]), [input(1, 2)]);
    gradgradcheck(
      (x, y) => add(clone(x as Tensor), abs((y as Tensor).detach())),
      [input(1, 2), input(3, 4)],
    );
    gradgradcheck((x, y) => mul(exp(x as Tensor), y as Tensor), [input(1, 2), input(0.5, -1)]);
  });

  it('leaves the inputs as they were, and refuses what gradcheck refuses, in its own name', () => {
    using _scope = new Scope();
    const x = input(1, 2);
    gradgradcheck((given) => exp(given as Tensor), [x]);
    expect(x.toArray()).toEqual([1, 2]);
    expect(() => gradgradcheck((given) => exp(given as Tensor), [leaf([1])])).toThrow(
      new DTypeError('gradgradcheck: input 0 must be float64, got float32 tensor [1]'),
    );
    const call: (...args: never[]) => unknown = gradgradcheck;
    const plain = (...args: unknown[]): unknown => Reflect.apply(call, undefined, args);
    expect(() => plain(x, [x])).toThrow(/^gradgradcheck: expected a function/);
    expect(() => plain(exp, x)).toThrow(/^gradgradcheck: expected a list of tensors/);
    expect(() => plain(exp, [x], { steps: 1 })).toThrow(ConfigError);
  });
});
