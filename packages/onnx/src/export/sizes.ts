import { ConfigError, formatShape, type Graph, type GraphNode, type Value } from '@unfold/core';

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

/** The same function traced on two batches, which tell what follows the batch from what doesn't. */
export class Sizes {
  readonly #graph: Graph | null;
  readonly #other: ReadonlyMap<Value, Value>;
  readonly #batch: number;
  readonly #step: number;

  /**
   * @param graph The graph that is exported.
   * @param other The same function on another batch, or null where sizes are to be as they are.
   */
  constructor(graph: Graph, other: Graph | null, batch: number, otherBatch: number) {
    this.#graph = other;
    this.#batch = batch;
    this.#step = otherBatch - batch;
    this.#other = other ? pairs(graph, other) : new Map();
  }

  /** The sizes of a value. */
  of(value: Value): Extent[] {
    const other = this.#other.get(value)?.shape ?? value.shape;
    return value.shape.map((size, axis) => {
      const slope = ((other[axis] ?? size) - size) / this.#step;
      return { slope, offset: size - slope * this.#batch };
    });
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
    const found = pairs(graph, third);
    for (const [value, other] of found) {
      const expected = this.of(value).map(({ slope, offset }) => slope * size + offset);
      if (expected.every((extent, axis) => extent === other.shape[axis])) continue;
      throw followsOtherwise(
        `${value.name} of ${formatShape(other.shape)}, not ${formatShape(expected)}`,
      );
    }
    graph.nodes.forEach((node, i) => {
      const others = third.nodes[i]?.attributes ?? node.attributes;
      const changed = changedName(node, others);
      if (changed !== null && this.changedAttribute(node, i) === null) {
        throw followsOtherwise(`another ${changed} of ${node.op}`);
      }
    });
  }

  /** The counterpart of a value in the graph of another batch. */
  counterpart(value: Value): Value {
    return this.#other.get(value) ?? value;
  }
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

const followsOtherwise = (what: string): ConfigError =>
  new ConfigError(
    `exportOnnx: expected a function whose operations don't depend on the size of the batch, got ` +
      `${what}; { batchAxis: null } exports the sizes of the example`,
  );

/** Each value of a graph beside the one at its place in the other. */
function pairs(graph: Graph, other: Graph): Map<Value, Value> {
  const differs = followsOtherwise;
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
