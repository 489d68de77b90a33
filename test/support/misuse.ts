import { Scope, tensor, UnfoldError } from '@unfold/core';
import { expect, it } from 'vitest';

/** A call, the class of its error, and the error's whole message. */
export type Misuse = readonly [
  call: string,
  run: () => unknown,
  kind: new (message: string) => UnfoldError,
  message: string,
];

/** Calls past the type checker, as plain JavaScript does. */
export function call(fn: Function, ...args: readonly unknown[]): unknown {
  return Reflect.apply(fn, undefined, args);
}

/** Makes an object past the type checker. */
export function make(kind: Function, ...args: readonly unknown[]): unknown {
  return Reflect.construct(kind, args);
}

/** Calls a method past the type checker. */
export function send(object: object, method: string, ...args: readonly unknown[]): unknown {
  const fn: unknown = Reflect.get(object, method);
  if (typeof fn !== 'function') throw new TypeError(`no method ${method}`);
  return Reflect.apply(fn, object, args);
}

/** One test for each: the class and every word of the message, of what is thrown or rejected with. */
export function refuseMisuses(cases: readonly Misuse[]): void {
  it.each(cases)('%s', async (_name, run, kind, message) => {
    using _scope = new Scope();
    let thrown: unknown;
    try {
      await run();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toEqual(new kind(message));
    expect(thrown).toBeInstanceOf(kind);
  });
}

/** Values of every kind, made anew for each call. */
const junk = (): readonly unknown[] => [
  [1, 2],
  3,
  '1',
  {},
  { pading: 2 },
  null,
  undefined,
  1n,
  () => 1,
  new Float32Array(2),
  tensor([1, 2]),
  tensor([
    [1, 2],
    [3, 4],
  ]),
  true,
  NaN,
  new Map(),
  Object.create(null) as unknown,
  Symbol('s'),
];

/** The places of every list of up to `most` junk values. */
function* junkPlaces(most: number): Iterable<readonly number[]> {
  const { length } = junk();
  for (let count = 0; count <= most; count++) {
    for (let at = 0; at < length ** count; at++) {
      yield Array.from({ length: count }, (_, i) => Math.floor(at / length ** i) % length);
    }
  }
}

function junkAt(places: readonly number[]): readonly unknown[] {
  const values = junk();
  return places.map((place) => values[place]);
}

/**
 * Calls `run` with every list of up to `most` junk values.
 * @returns What was thrown that is no error of ours.
 */
export function strangeErrors(
  run: (...args: readonly unknown[]) => unknown,
  most: number,
): readonly string[] {
  const strange = new Set<string>();
  for (const places of junkPlaces(most)) {
    using _scope = new Scope();
    try {
      run(...junkAt(places));
    } catch (error) {
      if (!(error instanceof UnfoldError)) strange.add(String(error));
    }
  }
  return [...strange];
}

/** `strangeErrors` of what gives promises. */
export async function strangeRejections(
  run: (...args: readonly unknown[]) => unknown,
  most: number,
): Promise<readonly string[]> {
  const strange = new Set<string>();
  for (const places of junkPlaces(most)) {
    try {
      await run(...junkAt(places));
    } catch (error) {
      if (!(error instanceof UnfoldError)) strange.add(String(error));
    }
  }
  return [...strange];
}
