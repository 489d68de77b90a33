import { describe, expect, it } from 'vitest';
import { inspectNetwork } from '../../playground/src/spec/network.js';
import { PRESETS } from '../../playground/src/spec/presets.js';
import { picturesOf, seenLayers } from '../../playground/src/views/train/filter-pictures.js';

const seenOf = (name: keyof typeof PRESETS): string[] =>
  seenLayers(PRESETS[name], inspectNetwork(PRESETS[name]).layers).map(({ name }) => name);

describe('the filters that can be seen', () => {
  it('are those of convolutions, and of a linear layer that sees the whole digit', () => {
    expect(seenOf('lenet')).toEqual(['conv1', 'conv2']);
    expect(seenOf('perceptron')).toEqual(['fc1']);
  });

  it('are pictures of a kernel each, or of a digit', () => {
    expect(picturesOf({ shape: [16, 8, 5, 3] })).toEqual({
      outputs: 16,
      inputs: 8,
      height: 5,
      width: 3,
    });
    expect(picturesOf({ shape: [64, 784] })).toEqual({
      outputs: 64,
      inputs: 1,
      height: 28,
      width: 28,
    });
  });
});
