import { ConfigError, DTypeError, type OptionRule } from '@unfold/core';
import { isOptions, requireTensor, valueText } from '@unfold/core/internal';
import { Module, type StateDict } from '@unfold/nn';
import { quote } from './messages.js';

/*
 * What plain JavaScript may pass where a path, bytes or tensors belong: each is refused with how to
 * write it.
 */

export const text: OptionRule = {
  expected: 'a text',
  accepts: (value) => typeof value === 'string',
};

export const textList: OptionRule = {
  expected: 'a list of texts',
  accepts: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
};

/** Texts by name, as files keep them beside their tensors. */
export const texts: OptionRule = {
  expected: 'an object of texts by name',
  accepts: (value) => isOptions(value) && Object.values(value).every(text.accepts),
};

/** @throws ConfigError unless `value` is the name of a file. */
export function requireFile(where: string, value: unknown): void {
  if (typeof value === 'string' && value !== '') return;
  throw new ConfigError(`${where}: expected the name of a file, got ${valueText(value)}`);
}

/** @throws DTypeError unless `value` is bytes, of another realm too. */
export function requireBytes(where: string, value: unknown): void {
  if (Object.prototype.toString.call(value) === '[object Uint8Array]') return;
  const mend =
    value instanceof ArrayBuffer
      ? '; new Uint8Array(buffer) shows its bytes'
      : value instanceof Promise
        ? '; wait for it: await promise'
        : '';
  throw new DTypeError(
    `${where}: expected the bytes as a Uint8Array, got ${valueText(value)}${mend}`,
  );
}

/** @throws ConfigError unless `value` is a Map by names, DTypeError unless all that it holds are tensors. */
export function requireState(where: string, value: unknown): asserts value is StateDict {
  if (!(value instanceof Map)) {
    const mend = value instanceof Module ? 'model.stateDict()' : 'new Map(Object.entries(tensors))';
    throw new ConfigError(
      `${where}: expected tensors by name in a Map, got ${valueText(value)}; ${mend} is one`,
    );
  }
  for (const [name, tensor] of value as ReadonlyMap<unknown, unknown>) {
    if (typeof name !== 'string') {
      throw new ConfigError(
        `${where}: expected tensors by name in a Map, got ${valueText(name)} for a name`,
      );
    }
    requireTensor(where, quote(name), tensor);
  }
}
