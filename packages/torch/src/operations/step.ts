import type { ConfigError, GraphNode, Value } from '@unfold/core';
import { batchRefusal, GraphStep, nodeRefusal } from '@unfold/nn/internal';
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

/** What the errors call who wants a translation. */
const OPERATION = 'eject';

/** @returns The error of a node that can't be said in PyTorch. */
export const refusal = (node: GraphNode, what: string, mend = ''): ConfigError =>
  nodeRefusal(OPERATION, node, what, mend);

/** @returns The error of an argument that is another for another size of the batch. */
export const followsBatch = (node: GraphNode, argument: string): ConfigError =>
  batchRefusal(OPERATION, node, argument);

/** One operation of a graph, as its translation to Python sees it. */
export class Step extends GraphStep {
  readonly #around: Surroundings;

  constructor(node: GraphNode, around: Surroundings) {
    super(OPERATION, node);
    this.#around = around;
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
    const value = this.node.input(operand);
    return value ? this.nameOf(value) : literal(this.attributes[operand] ?? null);
  }

  /** What stands for its option `training`. */
  training(): Expression {
    return this.flag('training') ? literal(true) : this.#around.training;
  }

  /** The sizes of an attribute such as `shape`; the batch's own where they follow it. */
  sizes(name: string): Expression[] {
    return this.list(name).map((_, at) => this.#around.sizeAt(name, at));
  }
}

/** A translation: a Python expression of the result, or of a tuple of the results. */
export type Translate = (step: Step) => Expression;

/** Translations by the names of operations. */
export type Translations = Readonly<Record<string, Translate>>;
