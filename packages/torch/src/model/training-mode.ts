import { ConfigError, type Graph, type GraphNode, type Value } from '@unfold/core';
import { refusal } from '../operations/step.js';

/**
 * Makes sure that a model does the same operations in training as in evaluation, apart from its layers, whose
 * mode is PyTorch's matter: the one forward that is written down has to stand for both.
 * @param layers The paths of layers that PyTorch has.
 * @throws ConfigError that names the first operation which differs.
 */
export function requireSameInTraining(
  evaluation: Graph,
  training: Graph,
  layers: ReadonlySet<string>,
): void {
  const [one, other] = [unitsOf(evaluation, layers), unitsOf(training, layers)];
  for (let i = 0; i < Math.max(one.units.length, other.units.length); i++) {
    const [own, trained] = [one.units[i], other.units[i]];
    if (own?.text === trained?.text) continue;
    const node = trained?.node ?? own?.node;
    if (!node) return;
    throw refusal(
      node,
      'expected the same operations in training and in evaluation, got others from here on',
      'choose by layers that know their mode, such as Dropout',
    );
  }
  if (one.outputs === other.outputs) return;
  throw new ConfigError(
    `eject: expected a model that gives the same in training and in evaluation, got ${other.outputs} and ` +
      one.outputs,
  );
}

/** An operation, or all those of a call of a layer. */
interface Unit {
  readonly text: string;
  readonly node: GraphNode;
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
      const { training: _, ...attributes } = node.attributes;
      const own = call === null ? [op, inputs.map(nameOf), operands, attributes, module] : [call];
      units.push({ text: JSON.stringify(own), node });
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
