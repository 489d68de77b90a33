import type { LayerKind, LayerSpec, NetworkSpec } from '../spec/layers.js';

/* What the editor does to a network; each makes a new one. */

export const replaceLayer = (network: NetworkSpec, at: number, layer: LayerSpec): NetworkSpec =>
  network.map((old, i) => (i === at ? layer : old));

export const removeLayer = (network: NetworkSpec, at: number): NetworkSpec =>
  network.filter((_, i) => i !== at);

export const insertLayer = (network: NetworkSpec, at: number, layer: LayerSpec): NetworkSpec => [
  ...network.slice(0, at),
  layer,
  ...network.slice(at),
];

/** Takes a layer out and puts it where it is the `to`-th then; to a place that there isn't, nothing moves. */
export function moveLayer(network: NetworkSpec, from: number, to: number): NetworkSpec {
  const layer = network[from];
  if (!layer || to < 0 || to >= network.length) return network;
  return insertLayer(removeLayer(network, from), to, layer);
}

/**
 * Where a new layer of a kind most likely belongs: what works on images in front of the first flatten, all
 * else in front of the last layer, which makes the ten logits.
 */
export function placeFor(kind: LayerKind, network: NetworkSpec): number {
  const flatten = network.findIndex((layer) => layer.kind === 'flatten');
  if (ON_IMAGES.has(kind)) return flatten < 0 ? network.length : flatten;
  const last = network.length - 1;
  return network[last]?.kind === 'linear' ? last : network.length;
}

const ON_IMAGES: ReadonlySet<LayerKind> = new Set<LayerKind>([
  'conv',
  'maxPool',
  'avgPool',
  'batchNorm',
]);
