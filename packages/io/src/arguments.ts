import { ConfigError, DTypeError, type OptionRule } from '@unfold/core';
import { isOptions, requireTensor, text, valueText } from '@unfold/core/internal';
import { Module, type StateDict } from '@unfold/nn';
import { quote } from './messages.js';

/*
 * Plain JavaScript may pass anything where a path, bytes or tensors belong: it is refused with how to
 * write it.
 */

export const textList: OptionRule = {
  expected: 'a list of texts',
  accepts: (value) => Array.isArray(value) && value.every((item) => text.accepts(item)),
};

/** Texts by name, as files keep them beside their tensors. */
export const texts: OptionRule = {
  expected: 'an object of texts by name',
  accepts: (value) => isOptions(value) && Object.values(value).every(text.accepts),
};

/** @throws ConfigError unless `value` is a module. */
export function requireModule(where: string, value: unknown): asserts value is Module {
  if (value instanceof Module) return;
  throw new ConfigError(`${where}: expected a Module, got ${valueText(value)}`);
}

/** @throws ConfigError unless `value` is the name of a file. */
export function requireFile(where: string, value: unknown): void {
  if (typeof value === 'string' && value !== '') return;
  throw new ConfigError(`${where}: expected the name of a file, got ${valueText(value)}`);
}

/** @throws DTypeError unless `value` is bytes, of another realm too, whose memory is still theirs. */
export function requireBytes(where: string, value: unknown): void {
  const kind: unknown = Object.prototype.toString.call(value);
  const isBytes = ArrayBuffer.isView(value) && kind === '[object Uint8Array]';
  if (isBytes && !isDetached(value)) return;
  const mend = isBytes
    ? ' without memory, which was handed to another thread; hand over a copy: bytes.slice()'
    : value instanceof ArrayBuffer
      ? '; new Uint8Array(buffer) shows its bytes'
      : value instanceof Promise
        ? '; wait for it: await promise'
        : '';
  throw new DTypeError(
    `${where}: expected the bytes as a Uint8Array, got ${valueText(value)}${mend}`,
  );
}

/** Whether the memory of a view was transferred. Not every engine says so, but none makes another view. */
function isDetached({ buffer, byteLength }: ArrayBufferView): boolean {
  if (byteLength > 0) return false;
  try {
    void new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
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

/**
 * @throws ConfigError for a name that UTF-8 has no bytes for, half of a pair of UTF-16, or that takes more
 * than `maxBytes`: a file could not give it back.
 */
export function requireNames(where: string, names: Iterable<string>, maxBytes = Infinity): void {
  for (const name of names) {
    if (/\p{Surrogate}/u.test(name)) {
      throw new ConfigError(
        `${where}: expected names that UTF-8 can hold, got ${quote(name)}; rename it`,
      );
    }
    const bytes = maxBytes === Infinity ? 0 : new TextEncoder().encode(name).length;
    if (bytes > maxBytes) {
      throw new ConfigError(
        `${where}: expected names of at most ${maxBytes} bytes, got ${bytes} of ${quote(name)}; rename it, ` +
          'or use safetensors',
      );
    }
  }
}
