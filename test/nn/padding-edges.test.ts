import { pad, Tape, tensor, type Tensor } from '@unfold/core';
import { adaptiveAvgPool2d, avgPool2d, embedding, maxPool2d } from '@unfold/nn';
import { expect, it } from 'vitest';
import { onEveryEngine } from '../support/convolutions/engines.js';

/*
 * A pixel that is infinite or NaN, and a gradient that is, reach the windows that they belong to and
 * no other: padding is left out, not multiplied by 0.
 */
onEveryEngine('padding and windows', ({ dtype }) => {
  /** The result, and the gradient where that of the first result is NaN and that of the others 1. */
  function run(
    numbers: readonly number[],
    shape: readonly number[],
    fn: (x: Tensor) => Tensor,
  ): [out: number[], dX: number[]] {
    const x = tensor(numbers, shape, { dtype, requiresGrad: true });
    using tape = new Tape();
    const out = fn(x);
    const dOut = Array.from({ length: out.size }, (_, i) => (i === 0 ? NaN : 1));
    tape.backward(out, tensor(dOut, out.shape, { dtype }));
    return [Array.from(out.data), Array.from(x.grad?.data ?? [])];
  }

  const picture = [1, Infinity, 2, 3, 4, 5, 6, 7, NaN];

  it('pad', () => {
    const padding = [
      [0, 0],
      [0, 0],
      [1, 0],
      [0, 1],
    ] as const;
    const [out, dX] = run(picture, [1, 1, 3, 3], (x) => pad(x, padding));
    expect(out).toEqual([0, 0, 0, 0, 1, Infinity, 2, 0, 3, 4, 5, 0, 6, 7, NaN, 0]);
    // The first result is padding.
    expect(dX).toEqual(Array(9).fill(1));
  });

  it.each([true, false])('avgPool2d, countIncludePad %s', (countIncludePad) => {
    const options = { stride: 2, padding: 1, countIncludePad };
    const [out, dX] = run(picture, [1, 1, 3, 3], (x) => avgPool2d(x, 2, options));
    const share = countIncludePad ? 0.25 : 0.5;
    expect(out).toEqual([countIncludePad ? 0.25 : 1, Infinity, 9 * share, NaN]);
    expect(dX).toEqual([NaN, share, share, share, 0.25, 0.25, share, 0.25, 0.25]);
  });

  it('adaptiveAvgPool2d', () => {
    const [out, dX] = run(picture, [1, 1, 3, 3], (x) => adaptiveAvgPool2d(x, [3, 1]));
    expect(out).toEqual([Infinity, 4, NaN]);
    expect(dX.slice(0, 4).map((d) => Number.isNaN(d))).toEqual([true, true, true, false]);
  });

  it('maxPool2d', () => {
    const options = { stride: 2, padding: 1 };
    const [out, dX] = run(picture, [1, 1, 3, 3], (x) => maxPool2d(x, 2, options));
    expect(out).toEqual([1, Infinity, 6, NaN]);
    expect(dX).toEqual([NaN, 1, 0, 0, 0, 0, 1, 0, 1]);
  });

  it('the row of an embedding that stands for padding gets no gradient', () => {
    const [out, dX] = run([NaN, 2, 3, 4], [2, 2], (weight) =>
      embedding(tensor(Int32Array.of(0, 1)), weight, { paddingIdx: 0 }),
    );
    expect(out).toEqual([NaN, 2, 3, 4]);
    expect(dX).toEqual([0, 0, 1, 1]);
  });
});
