import type { Convolution } from '../../spec/convolution/convolution.js';

const stores = new WeakMap<Convolution, Map<string, Map<number, number>>>();

/**
 * A number of a convolution, computed the first time that it is shown: a cell of dX or dWeight may be a sum of
 * thousands of products, and is drawn again with each move of the pointer.
 * @param array What the index counts in, with the image.
 */
export function remembered(
  convolution: Convolution,
  array: string,
  index: number,
  compute: () => number,
): number {
  const store = stores.get(convolution) ?? new Map<string, Map<number, number>>();
  stores.set(convolution, store);
  const numbers = store.get(array) ?? new Map<number, number>();
  store.set(array, numbers);
  const known = numbers.get(index);
  if (known !== undefined) return known;
  const value = compute();
  numbers.set(index, value);
  return value;
}
