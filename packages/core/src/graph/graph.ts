import { recordingTape } from '../autograd/tape.js';
import { copyOf } from '../copy.js';
import { ConfigError, DTypeError, ShapeError } from '../errors.js';
import { Scope } from '../memory/scope.js';
import { formatShape, sameShape } from '../shape.js';
import { requireTensor, Tensor } from '../tensor.js';
import type { JsonData } from './attributes.js';
import { listing } from './listing.js';
import type { ModuleCall } from './module-call.js';
import type { GraphNode } from './node.js';
import { putTogether, type Results } from '../results.js';
import type { Value } from './value.js';

/** The parts of a graph. */
export interface GraphParts extends Pick<
  Graph,
  'name' | 'inputs' | 'parameters' | 'buffers' | 'constants' | 'nodes' | 'calls' | 'outputs'
> {
  readonly results: Results;
}

/**
 * A function as the operations that it is made of, as `trace` gives it. `String(graph)` lists them,
 * `JSON.stringify(graph)` holds all but the numbers of parameters, buffers and large constants.
 * @typeParam Result What the function returns.
 */
export class Graph<Result = unknown> {
  /** The name of the function, or of the model's class. */
  readonly name: string;
  /** The tensors that it was traced on: others must have their shapes and dtypes. */
  readonly inputs: readonly Value[];
  /** The parameters that it uses, in the model's order, under their names in it. */
  readonly parameters: readonly Value[];
  /** The buffers that it uses, such as running means. */
  readonly buffers: readonly Value[];
  /** Tensors that the function made of numbers or took from outside. */
  readonly constants: readonly Value[];
  /** The operations, in the order in which they ran. */
  readonly nodes: readonly GraphNode[];
  /** The calls of the modules in the model, its own first, in the order in which they began. */
  readonly calls: readonly ModuleCall[];
  /** The tensors that it returns, those in arrays and objects one after another. */
  readonly outputs: readonly Value[];
  readonly #results: Results;

  /** @internal */
  constructor(parts: GraphParts) {
    this.name = parts.name;
    this.inputs = Object.freeze(parts.inputs);
    this.parameters = Object.freeze(parts.parameters);
    this.buffers = Object.freeze(parts.buffers);
    this.constants = Object.freeze(parts.constants);
    this.nodes = Object.freeze(parts.nodes);
    this.calls = Object.freeze(parts.calls);
    this.outputs = Object.freeze(parts.outputs);
    this.#results = parts.results;
  }

  /**
   * Computes the graph on other numbers: the same bits as the function, and the same arrays and
   * objects of tensors. Its operations are recorded and owned as any others. Dropout draws anew from
   * its stream, and batch norm that was traced in training moves its running statistics.
   * @throws ConfigError for another number of inputs, ShapeError and DTypeError for others than those
   * that it was traced on, what the operations throw.
   */
  run(...inputs: readonly Tensor[]): Result {
    this.#check(inputs);
    const tensors = new Map<Value, Tensor>();
    this.inputs.forEach((value, i) => tensors.set(value, inputs[i]));
    for (const value of [...this.parameters, ...this.buffers, ...this.constants]) {
      if (value.tensor) tensors.set(value, value.tensor);
    }
    const find = (values: readonly Value[]): Tensor[] =>
      values.flatMap((value) => tensors.get(value) ?? []);
    const compute = (): Tensor[] => {
      for (const node of this.nodes) {
        const given = node.run(find(node.inputs));
        const list: readonly unknown[] = Array.isArray(given) ? given : [given];
        node.outputs.forEach((value, i) => {
          const tensor = list[i];
          if (tensor instanceof Tensor) tensors.set(value, tensor);
        });
      }
      return find(this.outputs).map((tensor, i) =>
        // Whoever is given it may free or change it.
        this.outputs[i].isMade ? copyOf(tensor, tensor.origin) : tensor,
      );
    };
    // A tape needs what lies between for backward; else it is freed at the end.
    const outputs = recordingTape() ? compute() : Scope.run(compute);
    return putTogether(this.#results, outputs) as Result;
  }

  #check(inputs: readonly unknown[]): void {
    if (inputs.length !== this.inputs.length) {
      throw new ConfigError(
        `Graph.run: expected ${this.inputs.length} inputs, as ${this.name} was traced on, got ` +
          inputs.length,
      );
    }
    for (const [i, { name, shape, dtype }] of this.inputs.entries()) {
      const given = inputs[i];
      requireTensor('Graph.run', name, given);
      const mend =
        'shapes and dtypes are fixed: trace the function on such an input for another graph';
      if (!sameShape(given.shape, shape)) {
        throw new ShapeError(
          `Graph.run: expected ${name} ${formatShape(shape)}, got ${formatShape(given.shape)}; ${mend}`,
        );
      }
      if (given.dtype !== dtype) {
        throw new DTypeError(
          `Graph.run: expected ${name} of ${dtype}, got ${given.dtype}; ${mend}`,
        );
      }
    }
  }

  /** The listing: a line for each node. */
  toString(): string {
    const { name, inputs, constants, nodes, outputs } = this;
    const returned = putTogether(this.#results, outputs);
    return listing({ name, inputs, constants, nodes, returned });
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  /**
   * The structure: values with shape and dtype, nodes that name them. NaN, infinities and -0 among
   * the attributes are words, as JSON has no such numbers. `results` is what the function returns, a
   * number standing for the output of that position, and `{ value }` for a plain value.
   */
  toJSON(): Readonly<Record<string, JsonData>> {
    const listed = (values: readonly Value[]): JsonData => values.map((value) => value.toJSON());
    return {
      name: this.name,
      inputs: listed(this.inputs),
      parameters: listed(this.parameters),
      buffers: listed(this.buffers),
      constants: listed(this.constants),
      nodes: this.nodes.map((node) => node.toJSON()),
      outputs: this.outputs.map(({ name }) => name),
      results: resultsJson(this.#results),
    };
  }
}

function resultsJson(results: Results): JsonData {
  switch (results.kind) {
    case 'tensor':
      return results.position;
    case 'list':
      return results.parts.map(resultsJson);
    case 'record':
      return Object.fromEntries(
        Object.entries(results.parts).map(([name, part]) => [name, resultsJson(part)]),
      );
    case 'plain':
      return { value: results.value ?? null };
  }
}
