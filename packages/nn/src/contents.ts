import { Parameter, Tensor } from '@unfold/core';

/** The parameters and modules that an object holds, in PyTorch's order. */
export interface Contents<M extends object> {
  /** The parameters that are properties themselves. */
  readonly own: readonly [name: string, parameter: Parameter][];
  /**
   * Modules, and what lies in containers, in the order of the properties. A container counts as a
   * module without a name of its own, as PyTorch's ModuleList and ParameterList: its parameters come
   * before what lies deeper.
   */
  readonly inside: readonly [name: string, part: Parameter | M][];
}

/**
 * A container, or a part of one, whose entries hold nothing for so long is taken for data, a history
 * of losses perhaps, and isn't looked at any further: the search costs no more for a long one.
 */
const MOST_ENTRIES = 1000;
/** The same for all containers inside one property together. */
const MOST_NESTED = 20_000;

/**
 * Plain tensors that were found as parameters. A frozen one has no `requiresGrad` to be known by, and
 * stays a parameter.
 */
const found = new WeakSet<Tensor>();

/** Whether a value is trained with the module that holds it: a Parameter, or a leaf with requiresGrad. */
function isParameter(value: object): value is Parameter {
  if (value instanceof Parameter) return true;
  if (!(value instanceof Tensor)) return false;
  // A result that a module keeps, such as its last activation, is no leaf while its tape is open.
  if (value.requiresGrad && value.isLeaf) found.add(value);
  return found.has(value);
}

/**
 * The parameters and modules in the properties of `holder`: the properties themselves, and what lies
 * in arrays, Maps, Sets and plain objects at any depth.
 */
export function contentsOf<M extends object>(
  holder: object,
  isModule: (value: object) => value is M,
): Contents<M> {
  const own: [string, Parameter][] = [];
  const inside: [string, Parameter | M][] = [];
  for (const [name, value] of Object.entries(holder) as [string, unknown][]) {
    if (typeof value !== 'object' || value === null) continue;
    if (isParameter(value)) own.push([name, value]);
    else if (isModule(value)) inside.push([name, value]);
    else for (const part of new Search(isModule).partsIn(value, name)) inside.push(part);
  }
  return { own, inside };
}

/** Goes through the containers of one property. */
class Search<M extends object> {
  readonly #isModule: (value: object) => value is M;
  /** The containers that are being looked into; one that holds itself is looked into once. */
  readonly #open = new Set<object>();
  #left = MOST_NESTED;

  constructor(isModule: (value: object) => value is M) {
    this.#isModule = isModule;
  }

  /** The parts in a container, named from `name` on; none in what is no container. */
  partsIn(container: object, name: string): [string, Parameter | M][] {
    const entries = this.#open.has(container) ? null : entriesOf(container);
    if (!entries) return [];
    this.#open.add(container);
    const own: [string, Parameter][] = [];
    const inside: [string, Parameter | M][] = [];
    let empty = 0;
    for (const [key, value] of entries) {
      const before = own.length + inside.length;
      if (typeof value === 'object' && value !== null) {
        if (isParameter(value)) own.push([`${name}.${key}`, value]);
        else if (this.#isModule(value)) inside.push([`${name}.${key}`, value]);
        else for (const part of this.partsIn(value, `${name}.${key}`)) inside.push(part);
      }
      const hasMore = own.length + inside.length > before;
      empty = hasMore ? 0 : empty + 1;
      this.#left = hasMore ? MOST_NESTED : this.#left - 1;
      if (empty >= MOST_ENTRIES || this.#left <= 0) break;
    }
    this.#open.delete(container);
    return [...own, ...inside];
  }
}

/** The values of a container, and what names call them; null for any other object. */
function entriesOf(container: object): Iterable<readonly [string | number, unknown]> | null {
  // A hole of a sparse array reads undefined.
  if (Array.isArray(container)) return (container as unknown[]).entries();
  if (container instanceof Map) return namedByKey(container);
  if (container instanceof Set) return numbered(container);
  const prototype: unknown = Object.getPrototypeOf(container);
  return prototype === Object.prototype || prototype === null ? namedByProperty(container) : null;
}

/** The own properties of a plain object, each read when it is reached. */
function* namedByProperty(container: object): Iterable<[string, unknown]> {
  for (const name in container) {
    if (Object.hasOwn(container, name)) yield [name, Reflect.get(container, name)];
  }
}

function* namedByKey(map: ReadonlyMap<unknown, unknown>): Iterable<[string | number, unknown]> {
  let position = 0;
  for (const [key, value] of map) {
    // Other keys have no name that a file could hold.
    yield [typeof key === 'string' || typeof key === 'number' ? key : position, value];
    position++;
  }
}

function* numbered(set: ReadonlySet<unknown>): Iterable<[number, unknown]> {
  let position = 0;
  for (const value of set) yield [position++, value];
}
