import { ConfigError, formatShape, type Graph, type GraphNode, type Value } from '@unfold/core';

/**
 * A size of a tensor in a model whose batch may have any size: slope·batch + offset, with slope 0 for
 * one that is always the same.
 */
export interface Extent {
  readonly slope: number;
  readonly offset: number;
}

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
    const other = this.#graph?.nodes[place]?.attributes ?? node.attributes;
    const changed = Object.keys(node.attributes).find(
      (name) =>
        name !== 'shape' && JSON.stringify(node.attributes[name]) !== JSON.stringify(other[name]),
    );
    return changed ?? null;
  }

  /** The counterpart of a value in the graph of another batch. */
  counterpart(value: Value): Value {
    return this.#other.get(value) ?? value;
  }
}

export const isSame = (a: Extent, b: Extent): boolean =>
  a.slope === b.slope && a.offset === b.offset;

export const isFixed = ({ slope }: Extent): boolean => slope === 0;

/** Each value of a graph beside the one at its place in the other. */
function pairs(graph: Graph, other: Graph): Map<Value, Value> {
  const differs = (what: string): ConfigError =>
    new ConfigError(
      `exportOnnx: expected a function whose operations don't depend on the size of the batch, got ` +
        `${what}; { batchAxis: null } exports the sizes of the example`,
    );
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
