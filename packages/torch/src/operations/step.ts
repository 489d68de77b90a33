import {
  ConfigError,
  type Attributes,
  type GraphNode,
  type JsonData,
  type Value,
} from '@unfold/core';
import { isList } from '@unfold/core/internal';
import { literal, type Expression } from '../python.js';

/** What every operation of a graph is translated with. */
export interface Surroundings {
  /** A value as it stands in the Python function. */
  expressionOf(value: Value): Expression;
  /** A size of an attribute, such as a shape: a number, or the size of the batch. */
  sizeAt(name: string, place: number): Expression;
  /** What stands for the mode of what did not train in the trace: `self.training`, or False. */
  readonly training: Expression;
}

/** @returns The error of a node that can't be said in PyTorch. */
export function refusal({ op, module }: GraphNode, what: string, mend = ''): ConfigError {
  const place = module ? ` in ${module}` : '';
  return new ConfigError(`eject: ${op}${place}: ${what}${mend && `; ${mend}`}`);
}

/** How what follows the size of the batch is ejected all the same. */
export const EXAMPLE_SIZES = '{ batchAxis: null } takes the sizes of the example';

/** @returns The error of an argument that is another for another size of the batch. */
export function followsBatch(node: GraphNode, argument: string): ConfigError {
  return refusal(node, `${argument} follows the size of the batch`, EXAMPLE_SIZES);
}

/** One operation of a graph, as its translation to Python sees it. */
export class Step {
  readonly #node: GraphNode;
  readonly #around: Surroundings;

  constructor(node: GraphNode, around: Surroundings) {
    this.#node = node;
    this.#around = around;
  }

  /** All its arguments that are no tensors, with defaults, by Unfold's names. */
  get attributes(): Attributes {
    return this.#node.attributes;
  }

  /** All its tensors, in order. */
  get inputs(): readonly Value[] {
    return this.#node.inputs;
  }

  /** Its results. */
  get outputs(): readonly Value[] {
    return this.#node.outputs;
  }

  /** Its first result. */
  get out(): Value {
    const [out] = this.#node.outputs;
    if (!out) throw this.fault('a result', null);
    return out;
  }

  has(operand: string): boolean {
    return this.#node.input(operand) !== undefined;
  }

  /** The tensor that is `operand` to it. */
  value(operand: string): Value {
    const value = this.#node.input(operand);
    if (!value) throw this.fault(`a tensor for ${operand}`, null);
    return value;
  }

  /** A tensor of the graph as Python names it. */
  nameOf(value: Value): Expression {
    return this.#around.expressionOf(value);
  }

  /** The operand, a tensor. */
  in(operand: string): Expression {
    return this.nameOf(this.value(operand));
  }

  /** The operand, a tensor or data such as a number. */
  operand(operand: string): Expression {
    const value = this.#node.input(operand);
    return value ? this.nameOf(value) : literal(this.attributes[operand] ?? null);
  }

  number(name: string): number {
    const value = this.attributes[name];
    if (typeof value !== 'number') throw this.fault(`a number for ${name}`, value);
    return value;
  }

  flag(name: string): boolean {
    return this.attributes[name] === true;
  }

  /** What stands for its option `training`. */
  training(): Expression {
    return this.flag('training') ? literal(true) : this.#around.training;
  }

  /** Numbers; a single one is a list of one. */
  list(name: string): readonly number[] {
    const value = this.attributes[name];
    const parts = isList(value ?? null) ? (value as readonly JsonData[]) : [value ?? null];
    return parts.map((part) => {
      if (typeof part !== 'number') throw this.fault(`numbers for ${name}`, value);
      return part;
    });
  }

  /** The sizes of an attribute such as `shape`; the batch's own where they follow it. */
  sizes(name: string): Expression[] {
    return this.list(name).map((_, at) => this.#around.sizeAt(name, at));
  }

  /** @returns The error of what can't be said in PyTorch. */
  refusal(what: string, mend = ''): ConfigError {
    return refusal(this.#node, what, mend);
  }

  fault(expected: string, got: unknown): ConfigError {
    return this.refusal(`expected ${expected}, got ${JSON.stringify(got) ?? 'none'}`);
  }
}

/** A translation: a Python expression of the result, or of a tuple of the results. */
export type Translate = (step: Step) => Expression;

/** Translations by the names of operations. */
export type Translations = Readonly<Record<string, Translate>>;
