import {
  ConfigError,
  DTypeError,
  elementsOf,
  formatShape,
  ShapeError,
  type Tensor,
} from '@unfold/core';

/** What the problems of tensors that are to be loaded are told with. */
interface Expected {
  readonly shape: readonly number[];
  readonly dtype: string;
}

/**
 * Holds tensors that are to be loaded against what is expected; changes nothing.
 * @returns The values of each, by name.
 * @throws ShapeError that lists missing, unexpected and mis-shaped names; DTypeError for a tensor of
 * another dtype; DisposedError for one that was freed.
 */
export function checkTensors<Target extends Expected>(
  where: string,
  expected: ReadonlyMap<string, Target>,
  given: ReadonlyMap<string, Tensor>,
): { readonly name: string; readonly target: Target; readonly source: Tensor }[] {
  const problems: string[] = [];
  const missing = [...expected.keys()].filter((name) => !given.has(name));
  const unexpected = [...given.keys()].filter((name) => !expected.has(name));
  if (missing.length > 0) problems.push(`missing: ${missing.join(', ')}`);
  if (unexpected.length > 0) problems.push(`unexpected: ${unexpected.join(', ')}`);
  const pairs = [...expected].flatMap(([name, target]) => {
    const source = given.get(name);
    return source ? [{ name, target, source }] : [];
  });
  for (const { name, target, source } of pairs) {
    if (formatShape(target.shape) !== formatShape(source.shape)) {
      problems.push(
        `${name}: expected ${formatShape(target.shape)}, got ${formatShape(source.shape)}`,
      );
    }
  }
  if (problems.length > 0) {
    throw new ShapeError(`${where}: the state does not fit: ${problems.join('; ')}`);
  }
  for (const { name, target, source } of pairs) {
    if (target.dtype !== source.dtype) {
      throw new DTypeError(
        `${where}: ${name} is ${target.dtype}, got ${source.dtype}; load it into a model of that dtype`,
      );
    }
    // Throws if the tensor was freed.
    void elementsOf(source);
  }
  return pairs;
}

/** A plain object, as JSON has them. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** @throws ConfigError unless `value` is a plain object. */
export function asObject(where: string, value: unknown): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as JsonObject;
  }
  throw new ConfigError(`${where}: expected an object, got ${JSON.stringify(value)}`);
}

/** @throws ConfigError unless `value` is a list of `length` things. */
export function asList(where: string, value: unknown, length: number): readonly unknown[] {
  if (Array.isArray(value) && value.length === length) return value;
  const got = Array.isArray(value) ? String(value.length) : JSON.stringify(value);
  throw new ConfigError(`${where}: expected a list of ${length}, got ${got}`);
}

/** @throws ConfigError unless `value` is a finite number; `integer`: a whole one from 0. */
export function asNumber(where: string, value: unknown, { integer = false } = {}): number {
  if (typeof value === 'number' && Number.isFinite(value)) {
    if (!integer || (Number.isSafeInteger(value) && value >= 0)) return value;
  }
  const expected = integer ? 'an integer from 0' : 'a finite number';
  throw new ConfigError(`${where}: expected ${expected}, got ${JSON.stringify(value)}`);
}

/** @throws ConfigError unless `value` is a list of `length` finite numbers. */
export function asNumbers(where: string, value: unknown, length: number): number[] {
  return asList(where, value, length).map((item, i) => asNumber(`${where}[${i}]`, item));
}
