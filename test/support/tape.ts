import {
  type Context,
  defineFunction,
  type Gradients,
  heapStats,
  mul,
  sum,
  Tape,
  tensor,
  type Tensor,
} from '@unfold/core';
import { afterEach, beforeEach, expect } from 'vitest';

/** A float32 leaf that requires a gradient. */
export function leaf(values: number[], shape?: number[]): Tensor {
  return tensor(values, shape, { requiresGrad: true });
}

/** The gradient's elements. */
export function gradOf(x: Tensor): number[] {
  return [...(x.grad?.toTypedArray() ?? [])];
}

/** An operation x → 2x whose backward gives whatever `backward` says. */
export function doubling(backward: (dOut: Tensor, x: Tensor) => Gradients): (x: Tensor) => Tensor {
  return defineFunction('doubling', {
    forward(ctx: Context<{ x: Tensor }>, x: Tensor) {
      ctx.save({ x });
      return mul(x, 2);
    },
    backward: (ctx, dOut) => backward(dOut, ctx.saved.x),
  });
}

/** Fails unless tensors made now belong to no scope and a new tape records as it should. */
export function expectSaneState(): void {
  const x = leaf([3]);
  expect(x.owner).toBeNull();
  {
    using tape = new Tape();
    tape.backward(sum(mul(x, x)));
  }
  expect(gradOf(x)).toEqual([6]);
  x.dispose();
}

/** In every test of the file: what it makes outside of scopes it disposes of, or it leaks and fails. */
export function watchTensors(): void {
  let before = 0;
  beforeEach(() => {
    before = heapStats().liveTensors;
  });
  afterEach(() => {
    expectSaneState();
    expect(heapStats().liveTensors).toBe(before);
  });
}
