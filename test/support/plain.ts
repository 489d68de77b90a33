import type { Tensor } from '@unfold/core';
import { expect } from 'vitest';
import { expectClose } from './compare.js';

/** A tensor as other runtimes take and give it. */
export interface Plain {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** A tensor in that form. */
export const plain = (x: Tensor): Plain => ({
  dtype: x.dtype,
  shape: x.shape,
  data: Array.from(x.toTypedArray(), Number),
});

/** JSON as Python reads it: with words for the numbers that JSON lacks. */
export function asJson(values: readonly Plain[]): string {
  const written = values.map(({ dtype, shape, data }) => {
    const numbers = data.map((number) => (Object.is(number, -0) ? '-0.0' : String(number)));
    return `{"dtype":"${dtype}","shape":[${shape.join()}],"data":[${numbers.join()}]}`;
  });
  return `[${written.join()}]`;
}

const WORD = /^(-?Infinity|NaN)$/;

/** What Python wrote: its words are numbers again. */
export function fromJson(text: string): unknown {
  const words = text.replaceAll(/(?<=[[ ])(-?Infinity|NaN)(?=[\],])/g, '"$&"');
  return JSON.parse(words, (_, value: unknown) =>
    typeof value === 'string' && WORD.test(value) ? Number(value) : value,
  );
}

/** Expects tensors within a share, 1e-5 by default, of the largest number of each. */
export function expectSame(got: readonly Plain[], want: readonly Tensor[], tolerance = 1e-5): void {
  expect(got.map(({ dtype, shape }) => ({ dtype, shape }))).toEqual(
    want.map(({ dtype, shape }) => ({ dtype, shape })),
  );
  want.forEach((tensor, i) => {
    const { data } = plain(tensor);
    const largest = Math.max(1, ...data.filter(Number.isFinite).map(Math.abs));
    expectClose(got[i]?.data ?? [], data, { rtol: 0, atol: tolerance * largest });
  });
}
