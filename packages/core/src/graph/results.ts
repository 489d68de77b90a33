import { TapeError } from '../errors.js';
import { isOptions, valueText } from '../options.js';
import { Tensor } from '../tensor.js';

/**
 * A function's result without its tensors: a tensor is its position among all of them, arrays, plain
 * objects and plain values are as they were.
 */
export type Results =
  | { readonly kind: 'tensor'; readonly position: number }
  | { readonly kind: 'list'; readonly parts: readonly Results[] }
  | { readonly kind: 'record'; readonly parts: Readonly<Record<string, Results>> }
  | { readonly kind: 'plain'; readonly value: Plain };

type Plain = number | string | boolean | null | undefined;

/**
 * Takes the tensors out of what a function returned.
 * @param isStrict Whether other results are an error; else they are left out.
 * @throws TapeError, if strict, for what is neither a tensor nor an array, a plain object or a plain
 * value, and if there is no tensor at all.
 */
export function takeApart(
  returned: unknown,
  isStrict: boolean,
): { results: Results; tensors: Tensor[] } {
  const tensors: Tensor[] = [];
  const take = (part: unknown): Results => {
    if (part instanceof Tensor) return { kind: 'tensor', position: tensors.push(part) - 1 };
    if (Array.isArray(part)) return { kind: 'list', parts: part.map(take) };
    if (isPlain(part)) return { kind: 'plain', value: part };
    if (!isOptions(part)) {
      if (isStrict) throw unfit(part);
      return { kind: 'plain', value: undefined };
    }
    const parts = Object.entries(part).map(([name, inner]) => [name, take(inner)]);
    return { kind: 'record', parts: Object.fromEntries(parts) };
  };
  const results = take(returned);
  if (tensors.length === 0 && isStrict) throw unfit(returned);
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

function isPlain(value: unknown): value is Plain {
  return (
    value === null ||
    value === undefined ||
    typeof value === 'number' ||
    typeof value === 'string' ||
    typeof value === 'boolean'
  );
}

function unfit(returned: unknown): TapeError {
  const mend =
    returned instanceof Promise
      ? 'a promise; trace a synchronous function'
      : `${valueText(returned)}; return what was computed`;
  return new TapeError(
    `trace: expected a function that returns tensors, alone or in arrays and plain objects, got ${mend}`,
  );
}
