import {
  ConfigError,
  elementsOf,
  formatShape,
  zeros,
  type Graph,
  type GraphNode,
  type JsonData,
  type Tensor,
  type Value,
} from '@unfold/core';
import { requireTensor, valueText, withDim } from '@unfold/core/internal';

/**
 * A size of a tensor in a model whose batch may have any size: slope·batch + offset, with slope 0 for
 * one that is always the same.
 */
export interface Extent {
  readonly slope: number;
  readonly offset: number;
}

/** A size that is the same for every batch. */
export const fixed = (offset: number): Extent => ({ slope: 0, offset });

/** What is done about a function that doesn't go along with another batch. */
export const EXAMPLE_SIZES = '{ batchAxis: null } takes the sizes of the example';

/** The graph on another batch, and the sizes of both batches. */
interface Batches {
  readonly other: Graph | null;
  readonly batch: number;
  readonly otherBatch: number;
}

/** The same function traced on two batches, which tell what follows the batch from what doesn't. */
export class Sizes {
  readonly #operation: string;
  readonly #graph: Graph | null;
  readonly #other: ReadonlyMap<Value, Value>;
  readonly #batch: number;
  readonly #step: number;

  /**
   * @param operation What the errors call who wants to know.
   * @param graph The graph whose sizes are asked for.
   * @param other The same function on another batch, and the sizes of both; none where sizes are to be as
   * they are.
   */
  constructor(
    operation: string,
    graph: Graph,
    { other, batch, otherBatch }: Batches = { other: null, batch: 0, otherBatch: 1 },
  ) {
    this.#operation = operation;
    this.#graph = other;
    this.#batch = batch;
    this.#step = otherBatch - batch;
    this.#other = other ? this.#pairs(graph, other) : new Map();
  }

  /** The sizes of a value. */
  of(value: Value): Extent[] {
    const other = this.#other.get(value)?.shape ?? value.shape;
    return value.shape.map((size, axis) => this.#extent(size, other[axis] ?? size));
  }

  /** The numbers of an attribute of a node, such as a shape. */
  list(graph: Graph, node: GraphNode, name: string): Extent[] {
    const other = this.#graph?.nodes[graph.nodes.indexOf(node)] ?? node;
    const numbers = numbersOf(node.attributes[name]);
    const others = numbersOf(other.attributes[name]);
    return numbers.map((number, at) => this.#extent(number, others[at] ?? number));
  }

  #extent(size: number, other: number): Extent {
    const slope = (other - size) / this.#step;
    return { slope, offset: size - slope * this.#batch };
  }

  /**
   * The name of an attribute of the node at this place which is another on another batch, such as a
   * divisor; null if there is none. A shape may be: sizes of results say what it is of.
   */
  changedAttribute(node: GraphNode, place: number): string | null {
    return changedName(node, this.#graph?.nodes[place]?.attributes ?? node.attributes);
  }

  /**
   * @param third The same function on a third batch, of another size than both.
   * @throws ConfigError unless all that follows the size of the batch does so along a line: where it
   * doesn't, no size can be written down that is right for every batch.
   */
  requireLines(graph: Graph, third: Graph, size: number): void {
    const found = this.#pairs(graph, third);
    for (const [value, other] of found) {
      const expected = this.of(value).map(({ slope, offset }) => slope * size + offset);
      if (expected.every((extent, axis) => extent === other.shape[axis])) continue;
      throw this.#followsOtherwise(
        `${value.name} of ${formatShape(other.shape)}, not ${formatShape(expected)}`,
      );
    }
    for (const value of graph.constants) {
      const [own, other, last] = [value, this.counterpart(value), found.get(value)].map(numbersIn);
      if (own !== other || own === last) continue;
      throw this.#followsOtherwise(`other numbers of ${value.name}`);
    }
    graph.nodes.forEach((node, i) => {
      const others = third.nodes[i]?.attributes ?? node.attributes;
      const changed = changedName(node, others);
      if (changed !== null && this.changedAttribute(node, i) === null) {
        throw this.#followsOtherwise(`another ${changed} of ${node.op}`);
      }
    });
  }

  /** The counterpart of a value in the graph of another batch. */
  counterpart(value: Value): Value {
    return this.#other.get(value) ?? value;
  }

  /** Each value of a graph beside the one at its place in the other. */
  #pairs(graph: Graph, other: Graph): Map<Value, Value> {
    const differs = (what: string): ConfigError => this.#followsOtherwise(what);
    const found = new Map<Value, Value>();
    const pair = (a: readonly Value[], b: readonly Value[], what: string): void => {
      if (a.length !== b.length) throw differs(`${a.length} and ${b.length} ${what}`);
      a.forEach((value, i) => {
        const counterpart = b[i];
        if (!counterpart || counterpart.shape.length !== value.shape.length) {
          throw differs(
            `${value.name} of ${formatShape(value.shape)} and ${formatShape(counterpart?.shape ?? [])}`,
          );
        }
        found.set(value, counterpart);
      });
    };
    pair(graph.inputs, other.inputs, 'inputs');
    pair(graph.constants, other.constants, 'constants');
    if (graph.nodes.length !== other.nodes.length) {
      throw differs(`${graph.nodes.length} and ${other.nodes.length} of them`);
    }
    graph.nodes.forEach((node, i) => {
      const counterpart = other.nodes[i];
      if (counterpart?.op !== node.op) throw differs(`${node.op} and ${counterpart?.op ?? 'none'}`);
      pair(node.outputs, counterpart.outputs, `results of ${node.op}`);
    });
    return found;
  }

  #followsOtherwise(what: string): ConfigError {
    return new ConfigError(
      `${this.#operation}: expected a function whose operations don't depend on the size of the batch, got ` +
        `${what}; ${EXAMPLE_SIZES}`,
    );
  }
}

/** What tells the numbers of constants apart; the same text for the same numbers. */
const numbersIn = (value: Value | undefined): string =>
  value?.tensor ? `${formatShape(value.shape)} ${elementsOf(value.tensor).join()}` : '';

function numbersOf(data: JsonData | undefined): number[] {
  const list: readonly unknown[] = Array.isArray(data) ? data : [data];
  return list.filter((part) => typeof part === 'number');
}

/** The name of an attribute that is another in the same node of another trace, unless it is a shape. */
function changedName({ attributes }: GraphNode, others: GraphNode['attributes']): string | null {
  const changed = Object.keys(attributes).find(
    (name) => name !== 'shape' && JSON.stringify(attributes[name]) !== JSON.stringify(others[name]),
  );
  return changed ?? null;
}

export const isSame = (a: Extent, b: Extent): boolean =>
  a.slope === b.slope && a.offset === b.offset;

export const isFixed = ({ slope }: Extent): boolean => slope === 0;

/**
 * The tensors of an example on which a function is to be traced.
 * @param operation What the errors call who wants to know.
 * @throws ConfigError for what is no axis, DTypeError for what is no tensor.
 */
export function exampleOf(
  operation: string,
  example: unknown,
  batchAxis: number | null,
): readonly Tensor[] {
  if (batchAxis !== null && !(Number.isInteger(batchAxis) && batchAxis >= 0)) {
    throw new ConfigError(
      `${operation}: batchAxis must be an integer of at least 0, or null, got ${valueText(batchAxis)}`,
    );
  }
  const inputs: readonly unknown[] = Array.isArray(example) ? example : [example];
  return inputs.map((input, i) => {
    requireTensor(operation, inputs.length === 1 ? 'example' : `example ${i}`, input);
    return input;
  });
}

/** A graph, and what its sizes are on other batches. */
export interface TracedOnBatches {
  readonly graph: Graph;
  readonly sizes: Sizes;
}

/**
 * A function traced on an example, and on one whose batch is larger by one, to see what follows its size; a
 * third batch shows whether it does so along a line.
 * @param operation What the errors call who wants to know.
 * @param run Traces it.
 * @param batchAxis The axis of all inputs along which a batch lies; null for none.
 * @throws ConfigError if the function takes no larger batch, or does something else with it.
 */
export function tracedOnBatches(
  operation: string,
  run: (inputs: readonly Tensor[]) => Graph,
  example: readonly Tensor[],
  batchAxis: number | null,
): TracedOnBatches {
  const graph = run(example);
  const batch = batchAxis === null ? undefined : example[0]?.shape[batchAxis];
  if (batchAxis === null || batch === undefined) {
    return { graph, sizes: new Sizes(operation, graph) };
  }
  const ofSize = (size: number): Graph => {
    const larger = example.map(({ shape, dtype }) =>
      zeros(withDim(shape, batchAxis, size), { dtype }),
    );
    try {
      return run(larger);
    } catch (error) {
      const shapes = larger.map(({ shape }) => formatShape(shape)).join(' and ');
      const reason = error instanceof Error ? error.message : String(error);
      throw new ConfigError(
        `${operation}: expected a model that takes batches of any size, and ${shapes} too, got: ${reason}; ` +
          EXAMPLE_SIZES,
        { cause: error },
      );
    }
  };
  const sizes = new Sizes(operation, graph, {
    other: ofSize(batch + 1),
    batch,
    otherBatch: batch + 1,
  });
  const third = 2 * batch + 5;
  sizes.requireLines(graph, ofSize(third), third);
  return { graph, sizes };
}
