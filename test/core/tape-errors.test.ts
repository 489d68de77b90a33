import {
  add,
  type Context,
  defineFunction,
  DisposedError,
  DTypeError,
  exp,
  mul,
  ones,
  reshape,
  Scope,
  ShapeError,
  sum,
  Tape,
  TapeError,
  tensor,
  type Tensor,
  zeros,
} from '@unfold/core';
import { describe, expect, it } from 'vitest';
import { doubling, gradOf, leaf, watchTensors } from '../support/tape.js';

watchTensors();

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
            'add the losses and call backward once, or let the walk before have { retainGraph: true }',
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
    'made before the tape or in a scope inside it; make the tape first, then the loss; a gradient is ' +
    'recorded with { createGraph: true } only';

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

  it('gradients of gradients without createGraph', () => {
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
