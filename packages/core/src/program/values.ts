import { isOptions, valueText } from '../options.js';
import { takeResultsApart, type Results } from '../results.js';
import { Tensor } from '../tensor.js';

/** Arguments of a call, taken apart. */
export interface Arguments {
  readonly tensors: readonly Tensor[];
  /** All else: numbers, names of properties, objects that are no containers. */
  readonly statics: readonly unknown[];
}

/** Takes arguments apart: tensors, in arrays and plain objects too, and all else. */
export function takeApart(args: readonly unknown[]): Arguments {
  const [first] = args;
  if (args.length === 1 && first instanceof Tensor) return { tensors: [first], statics: NONE };
  const tensors: Tensor[] = [];
  const statics: unknown[] = [];
  const visit = (value: unknown): void => {
    if (value instanceof Tensor) {
      tensors.push(value);
      statics.push(Tensor);
    } else if (Array.isArray(value)) {
      statics.push('[', value.length);
      value.forEach(visit);
    } else if (isOptions(value)) {
      const keys = Object.keys(value);
      statics.push('{', ...keys);
      for (const key of keys) visit(Reflect.get(value, key));
    } else statics.push(value);
  };
  args.forEach(visit);
  return { tensors, statics };
}

const NONE: readonly unknown[] = [];

/**
 * Takes what a compiled function returned apart.
 * @returns Also the first part that no program could give another time, in words; null if there is none.
 */
export function resultsOf(returned: unknown): {
  results: Results;
  tensors: Tensor[];
  stranger: string | null;
} {
  let stranger: string | null = null;
  const { results, tensors } = takeResultsApart(returned, (part) => {
    if (part === null || part === undefined) return part;
    stranger ??= valueText(part);
    return null;
  });
  return { results, tensors, stranger };
}
