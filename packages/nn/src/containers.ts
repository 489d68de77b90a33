import { ConfigError, DTypeError, ShapeError, type Tensor } from '@unfold/core';
import { isOptions, valueText } from '@unfold/core/internal';
import { Module } from './module.js';

/** A module of one input and one output, as `Sequential` chains them. */
export interface Layer extends Module {
  /** The output for x. */
  forward(x: Tensor): Tensor;
}

/**
 * Modules by name: a plain object, or a Map. An object's names that are whole numbers come first, in
 * their order, as JavaScript has it; a Map keeps its own order.
 */
export type ModulesByName<M extends Module = Module> =
  Readonly<Record<string, M>> | ReadonlyMap<string, M>;

/** Modules one after another, as `Sequential` and `ModuleList` hold them. */
abstract class ModuleSequence<M extends Module> extends Module implements Iterable<M> {
  /** Not `#private`, so that a compiled program notices when it changes. */
  protected readonly modulesInside: M[] = [];

  override *namedChildren(): Iterable<[string, Module]> {
    for (const [at, module] of this.modulesInside.entries()) yield [this.nameAt(at), module];
  }

  /** How many modules there are. */
  get length(): number {
    return this.modulesInside.length;
  }

  /**
   * The module at a position; -1 is the last, as of an array.
   * @throws ConfigError for a position that there is not.
   */
  at(index: number): M {
    return this.modulesInside[this.positionOf('at', index, this.length)];
  }

  /** The modules in their order. */
  [Symbol.iterator](): Iterator<M> {
    return this.modulesInside.values();
  }

  /** The name of the module at a position, as its parameters have it in the state. */
  protected nameAt(position: number): string {
    return String(position);
  }

  /** @throws ConfigError unless `index` is one of `count` positions; below 0 it counts from the back. */
  protected positionOf(method: string, index: number, count: number): number {
    if (Number.isInteger(index) && index >= -count && index < count) {
      return index < 0 ? index + count : index;
    }
    const expected = count === 0 ? 'a position, and there is none' : `${-count} … ${count - 1}`;
    throw new ConfigError(
      `${this.constructor.name}.${method}: expected ${expected}, got ${valueText(index)}`,
    );
  }
}

/**
 * Runs layers one after another. Their names in the state are their positions, or those that they are
 * given, as by PyTorch's OrderedDict:
 *
 * ```ts
 * new Sequential(new Conv2d(1, 8, 3), new ReLU()); // 0.weight, 0.bias
 * new Sequential({ conv: new Conv2d(1, 8, 3), relu: new ReLU() }); // conv.weight, conv.bias
 * ```
 */
export class Sequential extends ModuleSequence<Layer> {
  readonly #names: string[] = [];

  /** @throws ConfigError for what is no layer, or a name that is empty or has a dot. */
  constructor(...layers: Layer[]);
  constructor(layers: ModulesByName<Layer>);
  constructor(...given: readonly [ModulesByName<Layer>] | readonly Layer[]) {
    super();
    const [first] = given;
    const isNamed = given.length === 1 && isByName(first);
    const layers = isNamed ? entriesOf('Sequential', first) : given.entries();
    for (const [name, layer] of layers) this.#add('Sequential', name, layer);
  }

  /**
   * Puts a layer behind the last one; its name is its position.
   * @throws ConfigError for what is no layer, or where another one has that name.
   */
  append(layer: Layer): this {
    if (this.#names.includes(String(this.length))) {
      throw new ConfigError(
        `Sequential.append: expected no layer named '${this.length}', got one; name the layers otherwise`,
      );
    }
    this.#add('Sequential.append', this.length, layer);
    return this;
  }

  #add(where: string, name: string | number, layer: unknown): void {
    const place = typeof name === 'number' ? `at position ${name}` : `for ${name}`;
    if (!isLayer(layer)) {
      const expected = `a layer, such as new ReLU(), ${place}`;
      const mend = 'give layers one by one: new Sequential(...layers)';
      const isList = Array.isArray(layer) || layer instanceof ModuleList;
      throw noModule(where, expected, layer, isList ? mend : undefined);
    }
    this.#names.push(String(name));
    this.modulesInside.push(layer);
  }

  protected override nameAt(position: number): string {
    return this.#names[position];
  }

  /**
   * The output of the last layer.
   * @throws What a layer throws; where a shape or a dtype doesn't fit, with the layer's place.
   */
  forward(x: Tensor): Tensor {
    let out = x;
    for (const [position, layer] of this.modulesInside.entries()) {
      try {
        out = layer.forward(out);
      } catch (error) {
        throw placed(error, this.nameAt(position), layer);
      }
    }
    return out;
  }
}

/**
 * A list of modules, as `torch.nn.ModuleList`, whose names in the state are their positions. It runs
 * nothing itself. A plain array in a property does the same; this one also checks what it holds, and
 * shows itself.
 */
export class ModuleList<M extends Module = Module> extends ModuleSequence<M> {
  /** @throws ConfigError for what is no list of modules. */
  constructor(modules: Iterable<M> = []) {
    super();
    this.#put('ModuleList', 0, 0, modules);
  }

  /**
   * Puts a module behind the last one.
   * @throws ConfigError for what is no module.
   */
  append(module: M): this {
    return this.#put('ModuleList.append', this.length, 0, [module]);
  }

  /**
   * Puts modules behind the last one.
   * @throws ConfigError for what is no list of modules.
   */
  extend(modules: Iterable<M>): this {
    return this.#put('ModuleList.extend', this.length, 0, modules);
  }

  /**
   * Puts a module before the one at a position; at `length`, behind the last one.
   * @throws ConfigError for what is no module, or a position that there is not.
   */
  insert(index: number, module: M): this {
    const position = this.positionOf('insert', index, this.length + 1);
    return this.#put('ModuleList.insert', position, 0, [module]);
  }

  /**
   * Puts a module in the place of another one.
   * @throws ConfigError for what is no module, or a position that there is not.
   */
  set(index: number, module: M): this {
    const position = this.positionOf('set', index, this.length);
    return this.#put('ModuleList.set', position, 1, [module]);
  }

  /**
   * Takes a module out, by default the last one; those behind it move up.
   * @throws ConfigError for a position that there is not.
   */
  pop(index = -1): M {
    const [module] = this.modulesInside.splice(this.positionOf('pop', index, this.length), 1);
    return module;
  }

  /** Puts modules in the place of `count` from a position on. */
  #put(where: string, position: number, count: number, modules: Iterable<M>): this {
    // A text can be gone through, too, and has no modules.
    if (typeof modules !== 'object' || modules === null || !(Symbol.iterator in modules)) {
      throw noModule(where, 'a list of modules', modules);
    }
    const all = [...modules];
    for (const [at, module] of all.entries()) {
      if (module instanceof Module) continue;
      throw noModule(where, `a module at position ${position + at}`, module);
    }
    this.modulesInside.splice(position, count, ...all);
    return this;
  }
}

/**
 * Modules by name, as `torch.nn.ModuleDict`, in the order in which they were set. It runs nothing
 * itself.
 */
export class ModuleDict<M extends Module = Module> extends Module implements Iterable<[string, M]> {
  /** Not `#private`, so that a compiled program notices when it changes. */
  private readonly modulesInside = new Map<string, M>();

  /** @throws ConfigError for what is no module, or a name that is empty or has a dot. */
  constructor(modules: ModulesByName<M> = {}) {
    super();
    for (const [name, module] of entriesOf('ModuleDict', modules)) this.set(name, module);
  }

  override namedChildren(): Iterable<[string, Module]> {
    return this.modulesInside;
  }

  /** How many modules there are. */
  get size(): number {
    return this.modulesInside.size;
  }

  /** @throws ConfigError for a name that no module has. */
  get(name: string): M {
    const module = this.modulesInside.get(name);
    if (module !== undefined) return module;
    const names = [...this.keys()].map((known) => `'${known}'`);
    throw new ConfigError(
      `ModuleDict.get: expected a name that there is, got ${valueText(name)}; ` +
        (names.length === 0 ? 'there is none' : `the names are ${names.join(', ')}`),
    );
  }

  /**
   * Puts a module behind the others, or in the place of the one that has the name.
   * @throws ConfigError for what is no module, or a name that is empty or has a dot.
   */
  set(name: string, module: M): this {
    requireName('ModuleDict', name);
    if (!(module instanceof Module)) throw noModule('ModuleDict', `a module for ${name}`, module);
    this.modulesInside.set(name, module);
    return this;
  }

  /** Whether a module has this name. */
  has(name: string): boolean {
    return this.modulesInside.has(name);
  }

  /** Takes a module out. @returns Whether there was one. */
  delete(name: string): boolean {
    return this.modulesInside.delete(name);
  }

  /** The names. */
  keys(): IterableIterator<string> {
    return this.modulesInside.keys();
  }

  /** The modules. */
  values(): IterableIterator<M> {
    return this.modulesInside.values();
  }

  /** Names and modules. */
  entries(): IterableIterator<[string, M]> {
    return this.modulesInside.entries();
  }

  /** As `entries`. */
  [Symbol.iterator](): Iterator<[string, M]> {
    return this.entries();
  }
}

function isLayer(value: unknown): value is Layer {
  return value instanceof Module && 'forward' in value && typeof value.forward === 'function';
}

function isByName<M extends Module>(value: unknown): value is ModulesByName<M> {
  return value instanceof Map || isOptions(value);
}

/** @throws ConfigError for what holds nothing by name, or a name that is none. */
function* entriesOf<M extends Module>(
  where: string,
  modules: ModulesByName<M>,
): Iterable<[string, M]> {
  if (!isByName(modules)) {
    throw noModule(where, 'modules by name, such as { relu: new ReLU() }', modules);
  }
  for (const [name, module] of modules instanceof Map ? modules : Object.entries(modules)) {
    requireName(where, name);
    yield [name, module];
  }
}

/** @throws ConfigError for what can't be a part of a tensor's name. */
function requireName(where: string, name: unknown): asserts name is string {
  if (typeof name === 'string' && name !== '' && !name.includes('.')) return;
  throw new ConfigError(
    `${where}: expected a name for each module, not empty and without a dot, got ${valueText(name)}`,
  );
}

/** What stands where a module should. */
function noModule(where: string, expected: string, value: unknown, mend?: string): ConfigError {
  const isClass = typeof value === 'function' && value.prototype instanceof Module;
  const hint = isClass ? `make one: new ${value.name}(…)` : mend;
  return new ConfigError(
    `${where}: expected ${expected}, got ${valueText(value)}${hint === undefined ? '' : `; ${hint}`}`,
  );
}

/** An error of a layer's input, with the layer that it came from; another error is left as it is. */
function placed(error: unknown, name: string, layer: Layer): unknown {
  const Kind = [ShapeError, DTypeError].find((kind) => error instanceof kind);
  if (!Kind || !(error instanceof Kind)) return error;
  const place = `layer ${name} of the Sequential (${layer.constructor.name})`;
  return new Kind(`${error.message}; in ${place}`, { cause: error });
}
