import { manualSeed } from '@unfold/core';
import { Conv2d, ConvTranspose2d, Linear, type Module } from '@unfold/nn';
import { describe, expect, it } from 'vitest';
import { loadFixture, type InitialisationCase } from '../support/fixtures/fixtures.js';

const { cases } = loadFixture('initialisation');

function layerOf({ layer, arguments: given, options }: InitialisationCase): Module {
  const [inputs, outputs, kernel] = given;
  if (typeof inputs !== 'number' || typeof outputs !== 'number') {
    throw new Error('the fixture lacks the counts of inputs and outputs');
  }
  if (layer === 'Linear') return new Linear(inputs, outputs, options);
  if (kernel === undefined) throw new Error('the fixture lacks the kernel');
  const Layer = layer === 'Conv2d' ? Conv2d : ConvTranspose2d;
  return new Layer(inputs, outputs, kernel, options);
}

describe('default initialisation has the bounds of PyTorch', () => {
  it.each(cases)('$layer $arguments $options', (given) => {
    manualSeed(7);
    const named = [...layerOf(given).namedParameters()];
    expect(named.map(([name, { shape }]) => ({ name, shape }))).toEqual(
      given.parameters.map(({ name, shape }) => ({ name, shape })),
    );
    given.parameters.forEach(({ bound }, p) => {
      const values = Array.from(named[p]?.[1].data ?? []);
      const largest = Math.max(...values.map(Math.abs));
      // float32 may round a value just under the bound up to it.
      expect(largest).toBeLessThanOrEqual(bound * (1 + 2 ** -23));
      // Uniform in ±bound: the largest of n stays below q·bound with probability qⁿ, and the mean
      // of the squares is bound²/3 with a standard deviation of bound²·√(4/45/n). Both margins
      // are wide enough that no seed should ever fail them, and tell √3·bound from bound.
      const n = values.length;
      expect(largest).toBeGreaterThan(bound * 1e-8 ** (1 / n));
      const square = values.reduce((a, v) => a + v * v, 0) / n;
      const deviation = Math.sqrt(4 / 45 / n);
      expect(Math.abs(square / bound ** 2 - 1 / 3)).toBeLessThan(6 * deviation);
      const mean = values.reduce((a, v) => a + v, 0) / n;
      expect(Math.abs(mean / bound)).toBeLessThan(6 * Math.sqrt(1 / 3 / n));
    });
  });

  it('draws weight and bias independently', () => {
    manualSeed(7);
    const { weight, bias } = new Linear(1, 500);
    if (!bias) throw new Error('Linear has a bias unless told otherwise');
    expect(weight.toTypedArray()).not.toEqual(bias.toTypedArray());
  });
});
