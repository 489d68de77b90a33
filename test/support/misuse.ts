import { Scope, tensor, UnfoldError } from '@unfold/core';
import { isOptions } from '@unfold/core/internal';
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

/** How an export may be called wrongly. */
export interface Misuses {
  /** Calls it with these options, all else being right; it says that they are none. */
  readonly withOptions?: (options: unknown) => unknown;
  /** One of its options, which is misspelt in turn. */
  readonly option?: string;
  /** Other calls that are wrong, by how one would write them. */
  readonly wrong: Readonly<Record<string, () => unknown>>;
}

/** What stands where options belong, and is none. */
const NO_OPTIONS: readonly unknown[] = [5, 0.5, null, 'x', true, [1, 2], new Map(), () => 1];

/**
 * Calls every export of a package in every wrong way that its row lists, and with things in the place
 * of its options that are none. It fails where an export has no row, where a call goes through, and
 * where it ends in an error that isn't ours.
 */
export function refuseInEveryExport(
  exports: object,
  rows: Readonly<Record<string, Misuses>>,
): void {
  it('every export has its row', () => {
    expect(Object.keys(rows).sort()).toEqual(Object.keys(exports).sort());
  });

  it.each(Object.entries(rows))('%s', { timeout: 60_000 }, async (name, row) => {
    const { withOptions, option, wrong } = row;
    for (const [written, run] of Object.entries(wrong)) {
      expect([written, await refusalOf(run)]).toEqual([written, expect.any(UnfoldError)]);
    }
    if (!withOptions) return;
    for (const given of NO_OPTIONS) {
      const error = await refusalOf(() => withOptions(given));
      expect([name, given, String(error)]).toEqual([
        name,
        given,
        expect.stringMatching(/^ConfigError: .*: expected options as an object, such as \{ /),
      ]);
    }
    const unknown = await refusalOf(() => withOptions({ notAnOption: 1 }));
    expect(String(unknown)).toMatch(
      /^ConfigError: .*: unknown option 'notAnOption'; the options are /,
    );
    if (option === undefined) return;
    const misspelt = await refusalOf(() => withOptions({ [`${option}x`]: 1 }));
    expect(String(misspelt)).toContain(`unknown option '${option}x'; did you mean ${option}? `);
  });
}

/** What a call throws, or rejects with; undefined if it goes through. */
async function refusalOf(run: () => unknown): Promise<unknown> {
  using _scope = new Scope();
  try {
    await run();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Values of every kind by what they are called, made anew for each call. */
const JUNK = {
  'a list': () => [1, 2],
  'a number': () => 3,
  'a text': () => '1',
  'an empty object': () => ({}),
  'a misspelt option': () => ({ pading: 2 }),
  null: () => null,
  undefined: () => undefined,
  'a BigInt': () => 1n,
  'a function': () => () => 1,
  'a Float32Array': () => new Float32Array(2),
  'a tensor': () => tensor([1, 2]),
  'a matrix': () =>
    tensor([
      [1, 2],
      [3, 4],
    ]),
  true: () => true,
  NaN: () => NaN,
  'a Map': () => new Map(),
  'an object without prototype': () => Object.create(null) as unknown,
  'a symbol': () => Symbol('s'),
} as const satisfies Readonly<Record<string, () => unknown>>;

/** One of the values. */
export type Junk = keyof typeof JUNK;

const JUNK_MAKERS: readonly (() => unknown)[] = Object.values(JUNK);

/** The places of every list of up to `most` junk values. */
function* junkPlaces(most: number): Iterable<readonly number[]> {
  const { length } = JUNK_MAKERS;
  for (let count = 0; count <= most; count++) {
    for (let at = 0; at < length ** count; at++) {
      yield Array.from({ length: count }, (_, i) => Math.floor(at / length ** i) % length);
    }
  }
}

function junkAt(places: readonly number[]): readonly unknown[] {
  return places.map((place) => JUNK_MAKERS[place]?.());
}

/**
 * Has errors made without the stack that nobody reads: it costs more than all else where they are thrown
 * by the hundred thousand.
 * @returns A function after which they have it again.
 */
function leaveOutStacks(): () => void {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  return () => void (Error.stackTraceLimit = limit);
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
  const takeStacks = leaveOutStacks();
  for (const places of junkPlaces(most)) {
    using _scope = new Scope();
    try {
      run(...junkAt(places));
    } catch (error) {
      if (!(error instanceof UnfoldError)) strange.add(String(error));
    }
  }
  takeStacks();
  return [...strange];
}

/** `strangeErrors` of what gives promises. */
export async function strangeRejections(
  run: (...args: readonly unknown[]) => unknown,
  most: number,
): Promise<readonly string[]> {
  const strange = new Set<string>();
  const takeStacks = leaveOutStacks();
  for (const places of junkPlaces(most)) {
    try {
      await run(...junkAt(places));
    } catch (error) {
      if (!(error instanceof UnfoldError)) strange.add(String(error));
    }
  }
  takeStacks();
  return [...strange];
}

function replaced(list: readonly unknown[], place: number, value: unknown): readonly unknown[] {
  return list.map((item, at) => (at === place ? value : item));
}

/** How an export is called. */
export interface Signature {
  /** A call that is right. */
  readonly args: () => readonly unknown[];
  /** What else may stand in the place of each argument. */
  readonly takes: readonly (readonly Junk[])[];
}

/** What options that can be left out may be. */
export const OPTIONS: readonly Junk[] = [
  'undefined',
  'an empty object',
  'an object without prototype',
];

/**
 * Tests for every export of a package: a right call with one argument replaced by what doesn't belong
 * there, with an option misspelt, or with two arguments exchanged, is refused with an error of ours; so
 * nothing is passed over. An export without a row fails, and so does a row without an export.
 * @param rows By the names of exports; null for what is not to be called by users.
 */
export function refuseJunk(
  exports: Readonly<Record<string, unknown>>,
  rows: Readonly<Record<string, Signature | null>>,
): void {
  it('has a row for every export', () => {
    const callable = Object.keys(exports).filter((name) => typeof exports[name] === 'function');
    expect(Object.keys(rows).sort()).toEqual(callable.sort());
  });

  const signatures = Object.entries(rows).flatMap(([name, row]) => (row ? [{ name, row }] : []));
  it.each(signatures)('$name', { timeout: 60_000 }, async ({ name, row: { args, takes } }) => {
    const run = (given: readonly unknown[]): unknown => {
      const fn = exports[name] as Function;
      return /^class\b/.test(String(fn)) ? make(fn, ...given) : call(fn, ...given);
    };
    const problems: string[] = [];
    const tryOut = async (what: string, given: readonly unknown[], isRight: boolean) => {
      using _scope = new Scope();
      try {
        await run(given);
        if (!isRight) problems.push(`${what}: accepted`);
      } catch (error) {
        if (!(error instanceof UnfoldError)) problems.push(`${what}: ${String(error)}`);
        else if (isRight) problems.push(`${what}: refused: ${error.message}`);
      }
    };
    using _scope = new Scope();
    await tryOut('the right call', args(), true);
    for (const [place, right] of takes.entries()) {
      for (const [kind, value] of Object.entries(JUNK)) {
        const isRight = right.some((each) => each === kind);
        await tryOut(`${kind} at ${place}`, replaced(args(), place, value()), isRight);
      }
      const options = args()[place];
      for (const option of isOptions(options) ? Object.keys(options) : []) {
        const { [option]: value, ...others }: Record<string, unknown> = { ...(options as object) };
        const misspelt = { ...others, [option.slice(0, -1)]: value };
        await tryOut(`${option} misspelt`, replaced(args(), place, misspelt), false);
      }
      for (let other = 0; other < place; other++) {
        const given = args();
        const exchanged = replaced(replaced(given, place, given[other]), other, given[place]);
        await tryOut(`${other} and ${place} exchanged`, exchanged, false);
      }
    }
    expect(problems).toEqual([]);
  });

  it.each(signatures)('$name of any two values', { timeout: 60_000 }, async ({ name }) => {
    const fn = exports[name] as Function;
    const isClass = /^class\b/.test(String(fn));
    const run = (...given: readonly unknown[]) =>
      isClass ? make(fn, ...given) : call(fn, ...given);
    expect(await strangeRejections(run, 2)).toEqual([]);
  });
}
