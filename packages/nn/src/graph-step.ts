import { ConfigError, type Attributes, type GraphNode, type Value } from '@unfold/core';
import { EXAMPLE_SIZES } from './graph-sizes.js';

/** @returns The error of a node that can't be said elsewhere, in the name of who wants it. */
export function nodeRefusal(
  operation: string,
  { op, module }: GraphNode,
  what: string,
  mend = '',
): ConfigError {
  const place = module ? ` in ${module}` : '';
  return new ConfigError(`${operation}: ${op}${place}: ${what}${mend && `; ${mend}`}`);
}

/** @returns The error of an argument of a node that is another for another size of the batch. */
export const batchRefusal = (operation: string, node: GraphNode, argument: string): ConfigError =>
  nodeRefusal(operation, node, `${argument} follows the size of the batch`, EXAMPLE_SIZES);

/** One operation of a graph, as those see it that translate it. */
export abstract class GraphStep {
  protected readonly node: GraphNode;
  readonly #operation: string;

  /** @param operation What the errors call who translates. */
  protected constructor(operation: string, node: GraphNode) {
    this.#operation = operation;
    this.node = node;
  }

  /** All its arguments that are no tensors, with defaults, by Unfold's names. */
  get attributes(): Attributes {
    return this.node.attributes;
  }

  /** All its tensors, in order. */
  get inputs(): readonly Value[] {
    return this.node.inputs;
  }

  /** Its results. */
  get outputs(): readonly Value[] {
    return this.node.outputs;
  }

  /** Its first result. */
  get out(): Value {
    const [out] = this.node.outputs;
    if (!out) throw this.fault('a result', 'none');
    return out;
  }

  has(operand: string): boolean {
    return this.node.input(operand) !== undefined;
  }

  /** The tensor that is `operand` to it. */
  value(operand: string): Value {
    const value = this.node.input(operand);
    if (!value) throw this.fault(`a tensor for ${operand}`, 'none');
    return value;
  }

  number(name: string): number {
    const value = this.attributes[name];
    if (typeof value !== 'number') throw this.fault(`a number for ${name}`, value);
    return value;
  }

  /** Whether an attribute is true. */
  flag(name: string): boolean {
    return this.attributes[name] === true;
  }

  /** Numbers; a single one is a list of one. */
  list(name: string): readonly number[] {
    const value = this.attributes[name];
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    return list.map((element) => {
      if (typeof element !== 'number') throw this.fault(`numbers for ${name}`, value);
      return element;
    });
  }

  /** @returns The error of what can't be said there. */
  refusal(what: string, mend = ''): ConfigError {
    return nodeRefusal(this.#operation, this.node, what, mend);
  }

  /** @returns The error of an argument that is another for another size of the batch. */
  followsBatch(what: string): ConfigError {
    return batchRefusal(this.#operation, this.node, what);
  }

  fault(expected: string, got: unknown): ConfigError {
    return this.refusal(`expected ${expected}, got ${JSON.stringify(got) ?? 'none'}`);
  }
}
