import {
  add,
  type Context,
  defineFunction,
  DisposedError,
  mul,
  relu,
  Scope,
  sum,
  Tape,
  tensor,
  type Tensor,
  zeros,
} from '@unfold/core';
import { describe, expect, it } from 'vitest';
import { gradOf, leaf, watchTensors } from '../support/tape.js';

watchTensors();

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
