import { isOptions } from './options.js';
import { Tensor } from './tensor.js';

/**
 * A function's result without its tensors: a tensor is its position among all of them, arrays, plain
 * objects and plain values are as they were.
 */
export type Results =
  | { readonly kind: 'tensor'; readonly position: number }
  | { readonly kind: 'list'; readonly parts: readonly Results[] }
  | { readonly kind: 'record'; readonly parts: Readonly<Record<string, Results>> }
  | { readonly kind: 'plain'; readonly value: Plain };

/** A value that is kept as it is. */
export type Plain = number | string | boolean | null | undefined;

/**
 * Takes the tensors out of what a function returned.
 * @param leave Gives what is kept of a part that is neither a tensor nor an array or a plain object, or
 * throws.
 */
export function takeResultsApart(
  returned: unknown,
  leave: (part: unknown) => Plain,
): { results: Results; tensors: Tensor[] } {
  const tensors: Tensor[] = [];
  const take = (part: unknown): Results => {
    if (part instanceof Tensor) return { kind: 'tensor', position: tensors.push(part) - 1 };
    if (Array.isArray(part)) return { kind: 'list', parts: part.map(take) };
    if (!isOptions(part)) return { kind: 'plain', value: leave(part) };
    const parts = Object.entries(part).map(([name, inner]) => [name, take(inner)]);
    return { kind: 'record', parts: Object.fromEntries(parts) };
  };
  const results = take(returned);
  return { results, tensors };
}

/** The same arrays and objects with other tensors. */
export function putTogether(results: Results, tensors: readonly unknown[]): unknown {
  switch (results.kind) {
    case 'tensor':
      return tensors[results.position];
    case 'list':
      return results.parts.map((part) => putTogether(part, tensors));
    case 'record':
      return Object.fromEntries(
        Object.entries(results.parts).map(([name, part]) => [name, putTogether(part, tensors)]),
      );
    case 'plain':
      return results.value;
  }
}
