import type { Graph, GraphNode, ModuleCall } from '@unfold/core';

/** What runs in a call of a module, in its order: operations, and calls of modules inside it. */
export type Item =
  | { readonly kind: 'node'; readonly node: GraphNode; readonly place: number }
  | { readonly kind: 'call'; readonly frame: Frame };

/** A call of a module, and what runs in it. */
export interface Frame {
  readonly call: ModuleCall;
  readonly items: readonly Item[];
}

/** All calls of a graph, the model's own first, each with what runs in it itself. */
export function framesOf(graph: Graph): readonly Frame[] {
  const inside = graph.calls.map((): number[] => []);
  graph.calls.forEach(({ parent }, place) => {
    if (parent !== null) inside[parent]?.push(place);
  });
  const frames: Frame[] = [];
  // Those that began later are inside, and have to be there first.
  for (const [place, call] of [...graph.calls.entries()].reverse()) {
    const items: Item[] = [];
    let at = call.first;
    const nodesUntil = (end: number): void => {
      for (; at < end; at++) {
        const node = graph.nodes[at];
        if (node) items.push({ kind: 'node', node, place: at });
      }
    };
    for (const child of inside[place] ?? []) {
      const frame = frames[child];
      if (!frame) continue;
      nodesUntil(frame.call.first);
      items.push({ kind: 'call', frame });
      at = frame.call.end;
    }
    nodesUntil(call.end);
    frames[place] = { call, items };
  }
  return frames;
}
