import { ConfigError, type GraphNode, type ModuleCall } from '@unfold/core';
import { isOptions, Value } from '@unfold/core/internal';
import { OPERATIONS } from '../operations/operations.js';
import { followsBatch, Step } from '../operations/step.js';
import { atom, isIdentifier, LINE_LENGTH, statement, type Expression } from '../python.js';
import { argumentOf, placesIn, valuesOf, written } from './arguments.js';
import { IN_FORWARD } from './reserved.js';
import type { Frame, Item } from './frames.js';

/** What the body of a function is written with, besides its own variables. */
export interface BodyContext {
  /** A tensor that is no variable: of the state, or a constant; null for any other. */
  stateOf(value: Value): Expression | null;
  /** The call of a module inside. */
  callOf(call: ModuleCall, find: (value: Value) => Expression): Expression;
  /** What stands for the option `training` of a node that is off in evaluation. */
  trainingAt(place: number): Expression;
  /** The name of an argument of a node that follows the size of the batch, but for shapes; null for none. */
  changedBy(node: GraphNode, place: number): string | null;
  /** A size of an attribute, such as a shape. */
  sizeAt(node: GraphNode, name: string, at: number, find: (value: Value) => Expression): Expression;
  /** The names of the parameters of the module's forward, as far as they are known. */
  readonly parameterNames: readonly string[];
}

/** A function's body. */
export interface Body {
  readonly parameters: readonly string[];
  /** Whether it takes tensors alone. */
  readonly takesTensors: boolean;
  /** Whether it gives one tensor. */
  readonly givesTensor: boolean;
  readonly lines: readonly string[];
}

/** The body of a method stands so far in. */
const INDENT = 8;
/** So many calls stand in each other at most. */
const DEEPEST = 3;

/** An expression that is not written yet, as what follows may take it in. */
interface Pending {
  readonly value: Value;
  readonly expression: Expression;
  /** The modules that are called in it: at most one, so that a layer has a line. */
  readonly calls: number;
  readonly depth: number;
  /** Variables that nothing needs after it. */
  readonly freed: readonly string[];
}

/** Writes what ran in a call of a module as the body of a Python function. */
export function bodyOf({ call, items }: Frame, context: BodyContext): Body {
  const given = call.inputs.filter((input) => valuesOf(input).length > 0);
  const parameters = namesFor(given, context.parameterNames);
  const { uses, needed } = needsOf(items, call);
  const writer = new BodyWriter(context, uses, parameters);
  given.forEach((input, i) => writer.bind(input, parameters[i] ?? ''));
  for (const item of needed) writer.write(item);
  return {
    parameters,
    takesTensors: given.every((input) => input instanceof Value),
    givesTensor: call.output instanceof Value,
    lines: writer.end(call.output),
  };
}

/** What the result needs, and how often each value is used for it. */
function needsOf(
  items: readonly Item[],
  { output }: ModuleCall,
): { readonly uses: Map<Value, number>; readonly needed: readonly Item[] } {
  const uses = new Map<Value, number>();
  const use = (values: readonly Value[]): void => {
    for (const value of values) uses.set(value, (uses.get(value) ?? 0) + 1);
  };
  use(valuesOf(output));
  const needed: Item[] = [];
  for (const item of [...items].reverse()) {
    const given = givenBy(item);
    if (given.length > 0 && !given.some((value) => uses.has(value))) continue;
    needed.unshift(item);
    use(takenBy(item));
  }
  return { uses, needed };
}

const givenBy = (item: Item): readonly Value[] =>
  item.kind === 'node' ? item.node.outputs : valuesOf(item.frame.call.output);

const takenBy = (item: Item): readonly Value[] =>
  item.kind === 'node' ? item.node.inputs : valuesOf(item.frame.call.inputs);

/** Names for a function's parameters: its own where Python takes them. */
function namesFor(given: readonly unknown[], names: readonly string[]): string[] {
  const areGood =
    names.length >= given.length && new Set(names).size === names.length && names.every(isFree);
  if (areGood) return names.slice(0, given.length);
  return given.length === 1 ? ['x'] : given.map((_, i) => `x${i}`);
}

/** Whether a variable may have this name. */
const isFree = (name: string): boolean =>
  isIdentifier(name) && !IN_FORWARD.has(name) && !name.startsWith('__');

class BodyWriter {
  readonly #context: BodyContext;
  readonly #lines: string[] = [];
  readonly #usesLeft: Map<Value, number>;
  /** Where the values are found that are there. */
  readonly #found = new Map<Value, Expression>();
  /** The variables that something needs, and how many values in them. */
  readonly #variables = new Map<string, Value[]>();
  readonly #parameters: ReadonlySet<string>;
  #pending: Pending | null = null;

  constructor(context: BodyContext, uses: Map<Value, number>, parameters: readonly string[]) {
    this.#context = context;
    this.#parameters = new Set(parameters);
    this.#usesLeft = uses;
    for (const name of parameters) this.#variables.set(name, []);
  }

  /** Makes what stands in a variable known. */
  bind(part: unknown, name: string): void {
    const places = placesIn(part, atom(name));
    for (const [value, place] of places) this.#found.set(value, place);
    this.#variables.set(
      name,
      places.flatMap(([value]) => ((this.#usesLeft.get(value) ?? 0) > 0 ? value : [])),
    );
  }

  /** Writes an operation or a call, or keeps it pending for what follows. */
  write(item: Item): void {
    const isCall = item.kind === 'call';
    const takes = takenBy(item);
    const made = this.#expressionTakingIn(item, takes);
    const output = isCall ? item.frame.call.output : outputOf(item.node);
    const before = this.#pending;
    this.#pending = null;
    const freed = [...(before?.freed ?? []), ...this.#use(takes)];
    const calls = (before?.calls ?? 0) + (isCall ? 1 : 0);
    const depth = (before?.depth ?? 0) + 1;
    if (output instanceof Value) {
      const next = { value: output, expression: made, calls, depth, freed };
      this.#pending = next;
      this.#found.set(output, made);
      // What is used more than once needs a name.
      if (this.#usesLeft.get(output) !== 1) this.#flush();
      return;
    }
    this.#bindAll(output, made, freed);
  }

  /** The expression of an item. What is pending is taken in, or written before where it can't be. */
  #expressionTakingIn(item: Item, takes: readonly Value[]): Expression {
    const pending = this.#pending;
    const isTakenIn =
      pending !== null &&
      takes.includes(pending.value) &&
      pending.depth < DEEPEST &&
      (item.kind === 'node' || pending.calls === 0);
    if (!isTakenIn) this.#flush();
    const made = this.#expressionOf(item);
    const isGood =
      !isTakenIn || (!isRepeated(pending, made) && fits(made, `${this.#nameAfter(pending)} = `));
    if (isGood) return made;
    this.#flush();
    return this.#expressionOf(item);
  }

  /** The lines, with the return of what the function gives. */
  end(output: unknown): readonly string[] {
    const find = (value: Value): Expression => this.#expressionOfValue(value);
    if (this.#pending && !valuesOf(output).includes(this.#pending.value)) this.#flush();
    const result = (): Expression => written(argumentOf(output, find));
    const pending = this.#pending;
    if (pending && (isRepeated(pending, result()) || !fits(result(), 'return '))) this.#flush();
    this.#push('return ', result());
    return this.#lines;
  }

  #expressionOf(item: Item): Expression {
    const find = (value: Value): Expression => this.#expressionOfValue(value);
    if (item.kind === 'call') return this.#context.callOf(item.frame.call, find);
    const { node, place } = item;
    const changed = this.#context.changedBy(node, place);
    if (changed !== null) throw followsBatch(node, changed);
    const step = new Step(node, {
      expressionOf: find,
      sizeAt: (name, at) => this.#context.sizeAt(node, name, at, find),
      training: this.#context.trainingAt(place),
    });
    const translate = Object.hasOwn(OPERATIONS, node.op) ? OPERATIONS[node.op] : undefined;
    if (!translate) {
      throw step.refusal(
        'PyTorch has no such operation',
        'write it with others, or as a layer of its own',
      );
    }
    return translate(step);
  }

  #expressionOfValue(value: Value): Expression {
    const found = this.#found.get(value) ?? this.#context.stateOf(value);
    if (found) return found;
    throw new ConfigError(
      `eject: expected a module that takes its tensors as arguments, got one that uses ${value.name}, ` +
        'which was made outside of it; pass it to forward',
    );
  }

  /** Counts values as used. @returns The variables that nothing needs any more. */
  #use(values: readonly Value[]): string[] {
    for (const value of values) {
      const left = (this.#usesLeft.get(value) ?? 0) - 1;
      this.#usesLeft.set(value, left);
    }
    const freed: string[] = [];
    for (const [name, held] of this.#variables) {
      if (held.length === 0) continue;
      const needed = held.filter((value) => (this.#usesLeft.get(value) ?? 0) > 0);
      this.#variables.set(name, needed);
      if (needed.length === 0) freed.push(name);
    }
    return freed;
  }

  /** Writes what is pending. */
  #flush(): void {
    const pending = this.#pending;
    if (!pending) return;
    this.#pending = null;
    const name = this.#nameAfter(pending);
    this.#push(`${name} = `, pending.expression);
    this.bind(pending.value, name);
  }

  /** The variable that a result gets: that of what it was made of, if nothing needs it any more. */
  #nameAfter({ freed }: Pick<Pending, 'freed'>): string {
    return freed.find((name) => this.#isUnused(name) && this.#mayChange(name)) ?? this.#freshName();
  }

  /** Whether a variable may hold something else later: a parameter with a name of its own says what it is. */
  #mayChange(name: string): boolean {
    return name === 'x' || !this.#parameters.has(name);
  }

  #isUnused(name: string): boolean {
    return (this.#variables.get(name) ?? []).length === 0;
  }

  #freshName(names: readonly string[] = ['x', 'out', 'y', 'z']): string {
    for (let i = 0; ; i++) {
      const name = names[i] ?? `h${i - names.length}`;
      if (this.#isUnused(name) && this.#mayChange(name)) return name;
    }
  }

  /** Writes an expression that gives several tensors, or none. */
  #bindAll(output: unknown, expression: Expression, freed: readonly string[]): void {
    const left = [...freed];
    const pattern = (part: unknown, isInner: boolean): string => {
      const isUsed = valuesOf(part).some((value) => (this.#usesLeft.get(value) ?? 0) > 0);
      if (!isUsed) return '_';
      if (Array.isArray(part)) {
        const inside = part.map((inner: unknown) => pattern(inner, true));
        const text = inside.length === 1 ? `${inside[0] ?? ''},` : inside.join(', ');
        return isInner ? `(${text})` : text;
      }
      // An object is no tensor, and gets a name of its own.
      const name = isOptions(part)
        ? this.#freshName(['out', 'y', 'z'])
        : this.#nameAfter({ freed: left });
      if (left.includes(name)) left.splice(left.indexOf(name), 1);
      // Taken at once, so that no other part gets it.
      this.bind(part, name);
      return name;
    };
    const target = pattern(output, false);
    this.#push(target === '_' ? '' : `${target} = `, expression);
  }

  #push(before: string, expression: Expression): void {
    this.#lines.push(...statement(before, expression, { indent: INDENT }));
  }
}

/** What a node gives, as the result of the function behind it. */
function outputOf({ outputs }: GraphNode): unknown {
  return outputs.length === 1 ? outputs[0] : outputs;
}

/** Whether an expression is computed more than once in another one, as where its shape is asked for. */
const isRepeated = ({ expression }: Pending, { text }: Expression): boolean =>
  text.split(expression.text).length > 2;

const fits = ({ text }: Expression, before: string): boolean =>
  INDENT + before.length + text.length <= LINE_LENGTH;
