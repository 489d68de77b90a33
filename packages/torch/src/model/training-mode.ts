import { ConfigError, type Graph, type GraphNode, type Value } from '@unfold/core';
import { refusal } from '../operations/step.js';

/** The places of operations in the evaluation's graph whose option `training` is on in training alone. */
export type FollowsMode = ReadonlySet<number>;

/**
 * Makes sure that a model does the same operations in training as in evaluation, apart from its layers, whose
 * mode is PyTorch's matter: the one forward that is written down has to stand for both.
 * @param layers The paths of layers that PyTorch has.
 * @returns The operations whose mode follows the model's.
 * @throws ConfigError that names the first operation which differs.
 */
export function requireSameInTraining(
  evaluation: Graph,
  training: Graph,
  layers: ReadonlySet<string>,
): FollowsMode {
  const follows = new Set<number>();
  const [one, other] = [unitsOf(evaluation, layers), unitsOf(training, layers)];
  for (let i = 0; i < Math.max(one.units.length, other.units.length); i++) {
    const [own, trained] = [one.units[i], other.units[i]];
    if (own && own.text === trained?.text) {
      if (own.mode === trained.mode) continue;
      if (own.mode === true) {
        throw refusal(
          own.node,
          'expected training to be on in training, got it on in evaluation alone',
        );
      }
      follows.add(own.place);
      continue;
    }
    const node = trained?.node ?? own?.node;
    if (!node) return follows;
    throw refusal(
      node,
      'expected the same operations in training and in evaluation, got others from here on',
      'choose by layers that know their mode, such as Dropout',
    );
  }
  if (one.outputs === other.outputs) return follows;
  throw new ConfigError(
    `eject: expected a model that gives the same in training and in evaluation, got ${other.outputs} and ` +
      one.outputs,
  );
}

/** An operation, or all those of a call of a layer. */
interface Unit {
  readonly text: string;
  readonly node: GraphNode;
  /** The place of that. */
  readonly place: number;
  /** Its option `training`, where it is no layer's. */
  readonly mode: unknown;
}

/** What a graph is made of, as far as it doesn't lie in layers. */
function unitsOf(
  graph: Graph,
  layers: ReadonlySet<string>,
): { readonly units: readonly Unit[]; readonly outputs: string } {
  const names = new Map<Value, string>();
  const nameOf = (value: Value): string => names.get(value) ?? value.name;
  const units: Unit[] = [];
  const layerOf = layersOf(graph, layers);
  let last: number | null = null;
  graph.nodes.forEach((node, place) => {
    const call = layerOf[place] ?? null;
    if (call === null || call !== last) {
      const { op, inputs, operands, module } = node;
      const { training: mode, ...attributes } = node.attributes;
      const own = call === null ? [op, inputs.map(nameOf), operands, attributes, module] : [call];
      units.push({
        text: JSON.stringify(own),
        node,
        place,
        mode: call === null ? mode : undefined,
      });
    }
    last = call;
    node.outputs.forEach((value, i) => names.set(value, `%${units.length}.${i}`));
  });
  return { units, outputs: graph.outputs.map(nameOf).join(', ') };
}

/** For each node, the place of the outermost call of a layer that it is in; null for none. */
function layersOf({ calls, nodes }: Graph, layers: ReadonlySet<string>): (number | null)[] {
  const found = nodes.map((): number | null => null);
  calls.forEach(({ module, first, end }, place) => {
    if (!layers.has(module)) return;
    for (let i = first; i < end; i++) found[i] ??= place;
  });
  return found;
}
