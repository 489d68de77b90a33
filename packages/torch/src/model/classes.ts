import { hasParts, type Construction, type Given, type Group } from '../layers/construction.js';
import { isIdentifier, type Expression } from '../python.js';
import { TAKEN } from './reserved.js';

/** A line of a module's constructor. */
export type InitLine =
  /** `self.name = nn.Conv2d(1, 8, 3)`. */
  | { readonly kind: 'member'; readonly target: string; readonly construction: Construction }
  /** Any other, perhaps an assignment. */
  | { readonly kind: 'statement'; readonly before: string; readonly expression: Expression };

/** A module that gets a class, as it is by itself. */
export interface Instance {
  /** The name of its class in JavaScript. */
  readonly name: string;
  readonly lines: readonly InitLine[];
  /** Its forward, whole; null for a module that is never called. */
  readonly forward: string | null;
}

/** A class of Python for one module or several. */
export interface PythonClass {
  readonly name: string;
  /** The class of PyTorch's that it is made of, with its arguments; null for one of its own. */
  readonly base: Construction | null;
  /** What its constructor takes: what differs from module to module. */
  readonly parameters: readonly ConstructorParameter[];
  readonly lines: readonly InitLine[];
  readonly forward: string | null;
}

/** What a constructor takes. */
export interface ConstructorParameter {
  readonly name: string;
  /** Its type in Python; null where there is no one word for it. */
  readonly type: string | null;
}

/** Makes classes of modules: one for those that differ in the arguments of their layers only. */
export class Classes {
  readonly made: PythonClass[] = [];
  readonly #names = new Set<string>(TAKEN);

  /**
   * @param instances Modules that hold none of each other.
   * @returns How each is constructed.
   */
  add(instances: readonly Instance[]): Construction[] {
    const groups = new Map<string, Instance[]>();
    for (const instance of instances) {
      const key = shapeOf(instance);
      groups.set(key, [...(groups.get(key) ?? []), instance]);
    }
    const found = new Map<Instance, Construction>();
    for (const group of groups.values()) {
      const constructions = this.#classOf(group);
      group.forEach((instance, i) => {
        const construction = constructions[i];
        if (construction) found.set(instance, construction);
      });
    }
    return instances.flatMap((instance) => found.get(instance) ?? []);
  }

  /** Makes a class of a model that is one of PyTorch's layers or containers. */
  addRoot(wanted: string, base: Construction, lines: readonly InitLine[]): void {
    this.made.push({ name: this.#nameFor(wanted), base, parameters: [], lines, forward: null });
  }

  /** A class for modules of one shape. @returns How each is constructed. */
  #classOf(group: readonly Instance[]): Construction[] {
    const [first] = group;
    if (!first) return [];
    const name = this.#nameFor(first.name);
    const columns = columnsOf(group.map((one) => slotsOf(one).map(({ value }) => value)));
    const slots = slotsOf(first);
    const parameters = new Map<Column, string>();
    for (const [at, column] of columns.entries()) {
      const slot = slots[at];
      if (!column.differs || !slot || parameters.has(column)) continue;
      parameters.set(column, freeName(slot, new Set(parameters.values())));
    }
    let at = 0;
    const lifted = (value: Given): Given => {
      const column = columns[at++];
      const parameter = column && parameters.get(column);
      return parameter === undefined ? value : { parameter };
    };
    const lines = first.lines.map((line): InitLine =>
      line.kind === 'statement'
        ? line
        : { ...line, construction: mapScalars(line.construction, lifted) },
    );
    this.made.push({
      name,
      base: null,
      parameters: [...parameters].map(([column, parameter]) => ({
        name: parameter,
        type: typeOf(column.values),
      })),
      lines,
      forward: first.forward,
    });
    return group.map((_, i) => ({
      callee: name,
      args: [...parameters].map(([column, parameter]) => ({
        name: parameter,
        value: column.values[i] ?? null,
        isPositional: true,
      })),
    }));
  }

  #nameFor(wanted: string): string {
    const base = isIdentifier(wanted) && !wanted.startsWith('__') ? wanted : 'Model';
    let name = base;
    for (let i = 2; this.#names.has(name); i++) name = `${base}${i}`;
    this.#names.add(name);
    return name;
  }
}

/** The values at one place, or at several that have the same, of the modules of a class. */
interface Column {
  readonly values: readonly Given[];
  readonly differs: boolean;
}

/** The type of values in Python, where they have one. */
function typeOf(values: readonly Given[]): string | null {
  const types = new Set(
    values.map((value) => (Number.isInteger(value) ? 'int' : (TYPES[typeof value] ?? null))),
  );
  const [only = null] = types;
  return types.size === 1 ? only : null;
}

const TYPES: Readonly<Record<string, string>> = { number: 'float', boolean: 'bool', string: 'str' };

/** The columns of rows of values: those that are alike are one. */
function columnsOf(rows: readonly (readonly Given[])[]): Column[] {
  const known = new Map<string, Column>();
  const [first = []] = rows;
  return first.map((_, at) => {
    const values = rows.map((row) => row[at] ?? null);
    const key = JSON.stringify(values);
    const differs = values.some((value) => JSON.stringify(value) !== JSON.stringify(values[0]));
    const column = known.get(key) ?? { values, differs };
    known.set(key, column);
    return column;
  });
}

/** A construction with other data in it. */
function mapScalars<P extends Construction | Group>(parts: P, map: (value: Given) => Given): P {
  return {
    ...parts,
    args: parts.args.map((argument) => ({
      ...argument,
      value: hasParts(argument.value) ? mapScalars(argument.value, map) : map(argument.value),
    })),
  };
}

/** What a module is apart from its data. */
function shapeOf({ name, lines, forward }: Instance): string {
  const shapes = lines.map((line) =>
    line.kind === 'statement'
      ? line
      : { ...line, construction: mapScalars(line.construction, () => 0) },
  );
  return JSON.stringify([name, shapes, forward]);
}

/** A piece of data in a module's constructor: which member's, and as which argument. */
interface Slot {
  readonly member: string;
  readonly argument: string;
  readonly value: Given;
}

/** A module's data, in order. */
function slotsOf({ lines }: Instance): Slot[] {
  return lines.flatMap((line): Slot[] => {
    if (line.kind === 'statement') return [];
    const visit = ({ args }: Construction | Group): Slot[] =>
      args.flatMap(({ name, value }) =>
        hasParts(value) ? visit(value) : [{ member: line.target, argument: name, value }],
      );
    return visit(line.construction);
  });
}

/** A name for what differs at a place: the argument's, or with the member's in front of it. */
function freeName({ member, argument }: Slot, taken: ReadonlySet<string>): string {
  const own = `${member.split('.').at(-1) ?? ''}_${argument}`;
  const candidates = [argument, ...(isIdentifier(own) ? [own] : [])];
  const free = candidates.find((name) => isIdentifier(name) && !taken.has(name));
  if (free !== undefined) return free;
  for (let i = 2; ; i++) if (!taken.has(`${argument}${i}`)) return `${argument}${i}`;
}
