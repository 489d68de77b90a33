import { TapeError } from '../errors.js';
import { isOptions, valueText } from '../options.js';

/** The data that JSON holds. */
export type JsonData =
  number | string | boolean | null | readonly JsonData[] | { readonly [name: string]: JsonData };

/** The options of an operation, by name, with their defaults. */
export type Attributes = Readonly<Record<string, JsonData>>;

/**
 * A copy of an option that nobody can change.
 * @throws TapeError for what JSON doesn't hold: a function, a typed array, an object of a class.
 */
export function plainCopy(operation: string, name: string, value: unknown): JsonData {
  const copy = (part: unknown): JsonData => {
    if (part === null || part === undefined) return null;
    if (typeof part === 'number' || typeof part === 'string' || typeof part === 'boolean') {
      return part;
    }
    if (Array.isArray(part)) return Object.freeze(part.map(copy));
    if (isOptions(part)) {
      const entries = Object.entries(part).filter(([, inner]) => inner !== undefined);
      return Object.freeze(Object.fromEntries(entries.map(([key, inner]) => [key, copy(inner)])));
    }
    throw new TapeError(
      `${operation}: a graph keeps options that are plain data, and tensors by themselves or in a ` +
        `list, got ${valueText(part)} in ${name}`,
    );
  };
  return copy(value);
}

/**
 * The same data as JSON can hold them, which has neither NaN nor infinities, nor -0: these are the
 * words 'NaN', 'Infinity', '-Infinity' and '-0', of which `Number` makes the numbers again.
 */
export function jsonOf(data: JsonData): JsonData {
  if (typeof data === 'number') {
    if (Object.is(data, -0)) return '-0';
    return Number.isFinite(data) ? data : String(data);
  }
  if (typeof data !== 'object' || data === null) return data;
  if (isList(data)) return data.map(jsonOf);
  return Object.fromEntries(Object.entries(data).map(([name, part]) => [name, jsonOf(part)]));
}

/** Whether data are a list: `Array.isArray` doesn't tell the compiler of those that nobody can change. */
export function isList(data: JsonData): data is readonly JsonData[] {
  return Array.isArray(data);
}
