import {
  add,
  type Context,
  defineFunction,
  DTypeError,
  exp,
  gradcheck,
  type Gradients,
  mean,
  mul,
  randn,
  Scope,
  tensor,
  type Tensor,
  UnfoldError,
} from '@unfold/core';
import { describe, expect, it } from 'vitest';
import { leaf, watchTensors } from '../support/tape.js';

watchTensors();

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
