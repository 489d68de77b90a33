import { isOptions } from '../options.js';

/** A value that a program relies on: while `read` gives another one, the program doesn't fit. */
export interface Guard {
  readonly read: () => unknown;
  /** What it gave when the program was recorded. */
  readonly value: unknown;
}

/** The method by which an object says what its `forward` depends on besides its inputs. */
export const guardsOf = Symbol('unfold.guards');

/** An object that can say what its `forward` depends on, as a Module can. */
export interface Guarded {
  /** What it depends on, with the values of now. */
  [guardsOf](): Iterable<Guard>;
}

/** Whether an object can say what it depends on. */
export function isGuarded(value: unknown): value is Guarded {
  return typeof value === 'object' && value !== null && guardsOf in value;
}

/** Larger containers are data: nothing in them is looked at. */
const MOST_ENTRIES = 1000;

/** A guard that a value stays what it is now. */
function guard(read: () => unknown): Guard {
  return { read, value: read() };
}

/**
 * Guards of an object's own properties: of which there are, and of the value of each, also in arrays,
 * Maps, Sets and plain objects. Of objects of other classes it is the identity that counts.
 */
export function* propertyGuards(object: object, around = new Set<object>()): Iterable<Guard> {
  if (around.has(object)) return;
  around.add(object);
  const keys = Object.keys(object);
  if (keys.length > MOST_ENTRIES) return;
  yield guard(() => Object.keys(object).length);
  for (const key of keys) {
    yield guard((): unknown => Reflect.get(object, key));
    yield* containerGuards(Reflect.get(object, key), around);
  }
}

function* containerGuards(value: unknown, around: Set<object>): Iterable<Guard> {
  if (value instanceof Map || value instanceof Set) {
    const container: Map<unknown, unknown> | Set<unknown> = value;
    if (container.size > MOST_ENTRIES) return;
    const values = [...container.values()];
    yield guard(() => holds(container, values));
    for (const part of values) yield* containerGuards(part, around);
  } else if (Array.isArray(value) || isOptions(value)) yield* propertyGuards(value, around);
}

/** Whether a container has these values, in this order. */
function holds(
  container: Map<unknown, unknown> | Set<unknown>,
  values: readonly unknown[],
): boolean {
  if (container.size !== values.length) return false;
  let at = 0;
  for (const value of container.values()) if (!Object.is(value, values[at++])) return false;
  return true;
}

/** What a program relies on outside of its inputs, at the moment of its recording. */
export class Guards {
  readonly #guards: readonly Guard[];

  private constructor(guards: readonly Guard[]) {
    this.#guards = guards;
  }

  /** What objects depend on now. */
  static of(guarded: Iterable<Guarded>): Guards {
    return new Guards([...guarded].flatMap((one) => [...one[guardsOf]()]));
  }

  /** The same, and more. */
  with(more: readonly Guard[]): Guards {
    return more.length === 0 ? this : new Guards([...this.#guards, ...more]);
  }

  /** What is relied on, such as the parameters of modules. */
  get values(): readonly unknown[] {
    return this.#guards.map(({ value }) => value);
  }

  /** Whether all is as it was. */
  get hold(): boolean {
    for (const { read, value } of this.#guards) if (!Object.is(read(), value)) return false;
    return true;
  }
}
