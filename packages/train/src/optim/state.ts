import {
  bufferOf,
  ConfigError,
  DTypeError,
  formatShape,
  ShapeError,
  tensor,
  Tensor,
  unscoped,
} from '@unfold/core';
import { noTensor, valueText } from '@unfold/core/internal';
import { isObject } from '@unfold/io/internal';

/** A tensor that is to be loaded, as it is expected. */
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
  given: unknown,
): { readonly name: string; readonly target: Target; readonly source: Tensor }[] {
  requireTensorMap(where, given);
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
    // Throws if a tensor was freed.
    void bufferOf(source);
    if (target instanceof Tensor) void bufferOf(target);
  }
  return pairs;
}

/** @throws ConfigError unless `value` holds tensors by name. */
export function requireTensorMap(
  where: string,
  value: unknown,
): asserts value is ReadonlyMap<string, Tensor> {
  if (!(value instanceof Map)) {
    throw new ConfigError(
      `${where}: tensors: expected a Map of tensors by name, as stateDict() gives it, got ` +
        valueText(value),
    );
  }
  for (const [name, tensor] of value) {
    if (!(tensor instanceof Tensor)) throw noTensor(where, `a tensor for ${String(name)}`, tensor);
  }
}

/**
 * Copies that no gradient flows through, and that belong to no scope: all, or none.
 * @throws DisposedError for a tensor that was freed, EngineError if there is no room.
 */
export function copyTensors(tensors: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  const copies = new Map<string, Tensor>();
  try {
    unscoped(() => {
      for (const [name, own] of tensors) {
        copies.set(name, tensor(own.toTypedArray(), own.shape, { dtype: own.dtype }));
      }
    });
  } catch (error) {
    for (const copy of copies.values()) copy.dispose();
    throw error;
  }
  return copies;
}

/** A state that was checked and can be taken over. One of the two is to be called, once. */
export interface PreparedState {
  /** Takes it over. Throws nothing. */
  commit(): void;
  /** Lets go of it: all is as if it had never been given. */
  discard(): void;
}

/**
 * Prepares all, one after the other.
 * @throws What one of them throws, after those before it are let go of.
 */
export function prepareAll(preparations: readonly (() => PreparedState)[]): PreparedState {
  const prepared: PreparedState[] = [];
  const discard = (): void => {
    for (const state of prepared.reverse()) state.discard();
  };
  try {
    for (const prepare of preparations) prepared.push(prepare());
  } catch (error) {
    discard();
    throw error;
  }
  const commit = (): void => {
    for (const state of prepared) state.commit();
  };
  return { commit, discard };
}

/**
 * Of a part that can only load at once.
 * @throws What `load` throws, after `setBack` in case it had begun to change something.
 */
export function loadAtOnce(
  load: () => void,
  setBack: () => void,
  free = (): void => {},
): PreparedState {
  const discard = (): void => {
    try {
      setBack();
    } catch {
      // The error that is on its way is the one to mend.
    } finally {
      free();
    }
  };
  try {
    load();
  } catch (error) {
    discard();
    throw error;
  }
  return { commit: free, discard };
}

/** A plain object, as JSON has them. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** @throws ConfigError unless `value` is a plain object. */
export function asObject(where: string, value: unknown): JsonObject {
  if (isObject(value)) return value;
  throw new ConfigError(`${where}: expected an object, got ${valueText(value)}`);
}

/** @throws ConfigError unless `value` is a list of `length` things. */
export function asList(where: string, value: unknown, length: number): readonly unknown[] {
  if (Array.isArray(value) && value.length === length) return value;
  const got = Array.isArray(value) ? String(value.length) : valueText(value);
  throw new ConfigError(`${where}: expected a list of ${length}, got ${got}`);
}

/** @throws ConfigError unless `value` is a finite number; `integer`: a whole one from 0. */
export function asNumber(where: string, value: unknown, { integer = false } = {}): number {
  if (typeof value === 'number' && Number.isFinite(value)) {
    if (!integer || (Number.isSafeInteger(value) && value >= 0)) return value;
  }
  const expected = integer ? 'an integer from 0' : 'a finite number';
  throw new ConfigError(`${where}: expected ${expected}, got ${valueText(value)}`);
}

/** A name that was read, in a message. */
export const nameText = (name: unknown): string =>
  typeof name === 'string' ? name : valueText(name);

/** @throws ConfigError unless `value` is a list of `length` finite numbers. */
export function asNumbers(where: string, value: unknown, length: number): number[] {
  return asList(where, value, length).map((item, i) => asNumber(`${where}[${i}]`, item));
}

/** @throws ConfigError unless `value` is a list of `length` learning rates: numbers of at least 0. */
export function asRates(where: string, value: unknown, length: number): number[] {
  const rates = asNumbers(where, value, length);
  const wrong = rates.findIndex((rate) => rate < 0);
  if (wrong < 0) return rates;
  throw new ConfigError(`${where}[${wrong}]: expected at least 0, got ${rates[wrong]}`);
}
