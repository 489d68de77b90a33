import type { FileFormatError } from '@unfold/core';
import { type Fail, quote } from './messages.js';

/** A parsed JSON object, and its own keys in the order of the text: `JSON.parse` moves some. */
export interface StrictObject {
  readonly value: Readonly<Record<string, unknown>>;
  readonly keys: readonly string[];
}

/** The bounds that JSON has to keep. */
export interface JsonBounds {
  /** Brackets inside brackets. */
  readonly maxDepth: number;
  /** Objects, lists and keys, each of which costs many times the memory of its text. */
  readonly maxNodes: number;
  /** Keys of the outermost object. */
  readonly maxKeys: number;
}

/** Makes the errors of `parseStrictJson`. */
export interface JsonErrors {
  readonly fail: Fail;
  /** For more keys in the outermost object than `maxKeys`. */
  readonly tooMany: () => FileFormatError;
}

/**
 * Parses JSON that holds an object, and refuses what `JSON.parse` lets pass: a key that an object
 * has twice, of which all but the last would vanish. What is beyond the bounds is refused before
 * memory is spent on it; the time is linear in the text.
 * @throws What `fail` makes of the problem.
 */
export function parseStrictJson(
  text: string,
  bounds: JsonBounds,
  { fail, tooMany }: JsonErrors,
): StrictObject {
  const keys: string[] = [];
  try {
    for (const { key, depth, isRepeated } of keysOf(text, bounds, fail)) {
      if (isRepeated) throw fail(`the key ${quote(key)} stands twice in one object`);
      if (depth === 1) keys.push(key);
      if (keys.length > bounds.maxKeys) throw tooMany();
    }
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return { value, keys };
  } catch (error) {
    if (error instanceof SyntaxError) throw fail('it is not JSON');
    throw error;
  }
  throw fail('it is not a JSON object');
}

/** Whether `value` is what `{…}` is parsed to. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

interface Key {
  readonly key: string;
  /** 1 in the outermost object. */
  readonly depth: number;
  readonly isRepeated: boolean;
}

/**
 * Walks over brackets and strings only: in JSON, a string that a colon follows is a key. Text that
 * is no JSON gives any keys, or a SyntaxError.
 */
function* keysOf(text: string, { maxDepth, maxNodes }: JsonBounds, fail: Fail): Iterable<Key> {
  // The keys of each object that is open; null for a list.
  const open: (Set<string> | null)[] = [];
  let nodes = 0;
  const count = (): void => {
    if (++nodes > maxNodes) throw fail(`it has more than ${maxNodes} objects, lists and keys`);
  };
  for (let i = 0; i < text.length; i++) {
    switch (text[i]) {
      case '{':
      case '[':
        count();
        open.push(text[i] === '{' ? new Set() : null);
        if (open.length > maxDepth) throw fail(`it is nested more than ${maxDepth} deep`);
        break;
      case '}':
      case ']':
        open.pop();
        break;
      case '"': {
        const end = endOfString(text, i);
        const seen = open.at(-1);
        if (seen && isBeforeColon(text, end)) {
          count();
          const key = String(JSON.parse(text.slice(i, end)));
          yield { key, depth: open.length, isRepeated: seen.has(key) };
          seen.add(key);
        }
        i = end - 1;
      }
    }
  }
}

/** The position after the string that starts at `start`. */
function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
  return i + 1;
}

function isBeforeColon(text: string, from: number): boolean {
  let i = from;
  while (text[i] === ' ' || text[i] === '\n' || text[i] === '\t' || text[i] === '\r') i++;
  return text[i] === ':';
}
