/* As program.ts, with `using`: TypeScript translates it for engines that lack it. */
import { mul, Parameter, Scope, sum, Tape, tensor, type Tensor } from '@unfold/core';

/** @returns What there is to print: the gradient, and whether the block freed what it made. */
export function main(): string {
  const x = new Parameter(tensor([1, 2, 3]));
  let loss: Tensor;
  {
    using tape = new Tape();
    loss = sum(mul(x, x));
    tape.backward(loss);
  }
  let inner: Tensor;
  {
    using scope = new Scope();
    inner = scope.isClosed ? x : mul(x, 2);
  }
  return `${x.grad?.toTypedArray().join(' ')}, ${loss.isDisposed}, ${inner.isDisposed}`;
}
