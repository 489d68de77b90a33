import { describe, expect, it } from 'vitest';
import type { LayerSpec, NetworkSpec } from '../../playground/src/spec/layers.js';
import {
  insertLayer,
  moveLayer,
  placeFor,
  removeLayer,
  replaceLayer,
} from '../../playground/src/state/network-edits.js';

const [pool, relu, flatten, fc]: readonly [LayerSpec, LayerSpec, LayerSpec, LayerSpec] = [
  { kind: 'maxPool', size: 2 },
  { kind: 'relu' },
  { kind: 'flatten' },
  { kind: 'linear', features: 10 },
];
const NETWORK: NetworkSpec = [pool, relu, flatten, fc];

describe('an edit of a network', () => {
  it('replaces, removes and inserts a layer, and leaves the network before as it was', () => {
    const larger: LayerSpec = { kind: 'maxPool', size: 3 };
    expect(replaceLayer(NETWORK, 0, larger)).toEqual([larger, relu, flatten, fc]);
    expect(removeLayer(NETWORK, 1)).toEqual([pool, flatten, fc]);
    expect(insertLayer(NETWORK, 4, relu)).toEqual([pool, relu, flatten, fc, relu]);
    expect(insertLayer(NETWORK, 0, relu)).toEqual([relu, pool, relu, flatten, fc]);
    expect(NETWORK).toEqual([pool, relu, flatten, fc]);
  });

  it('moves a layer to where it is told, either way', () => {
    expect(moveLayer(NETWORK, 0, 2)).toEqual([relu, flatten, pool, fc]);
    expect(moveLayer(NETWORK, 3, 0)).toEqual([fc, pool, relu, flatten]);
  });

  it.each([
    [0, -1],
    [3, 4],
    [9, 0],
  ])('moves nothing from %d to %d, which is no place', (from, to) => {
    expect(moveLayer(NETWORK, from, to)).toBe(NETWORK);
  });
});

describe('a new layer', () => {
  it('that works on images goes in front of the flatten', () => {
    expect(placeFor('conv', NETWORK)).toBe(2);
    expect(placeFor('conv', [pool])).toBe(1);
  });

  it('of another kind goes in front of the layer that makes the logits', () => {
    expect(placeFor('dropout', NETWORK)).toBe(3);
    expect(placeFor('linear', [pool, flatten])).toBe(2);
  });
});
