import { add, mul, sum, Tape, type Tensor } from '@unfold/core';
import { describe, expect, it } from 'vitest';
import { onEveryEngine } from '../support/convolutions/engines.js';
import {
  expectSums,
  loadFixture,
  tensorOf,
  type FixtureArray,
} from '../support/fixtures/fixtures.js';
import type { RecurrentCase } from '../support/fixtures/recurrent-fixtures.js';
import { makeRecurrent } from '../support/recurrent.js';

const { cases } = loadFixture('recurrent');

const nameOf = ({ kind, options, x, states }: RecurrentCase): string =>
  `${kind} ${JSON.stringify(options)}, x ${JSON.stringify(x.shape)}, ${states.length} states`;

onEveryEngine('recurrent layers equal PyTorch', ({ dtype }) => {
  const rtol = dtype === 'float64' ? 1e-12 : 4e-6;

  it.each(cases.map((given) => [nameOf(given), given] as const))('%s', (_, given) => {
    using tape = new Tape();
    const { kind, options, weights, results, dResults } = given;
    const C = given.x.shape.at(-1) ?? 0;
    const H = results[0]?.shape.at(-1) ?? 0;
    const size = options.bidirectional ? H / 2 : H;
    const { module, call } = makeRecurrent(kind, C, size, { ...options, dtype });
    module.loadStateDict(
      Object.fromEntries(
        Object.entries(weights).map(([name, array]) => [name, tensorOf(array, dtype)]),
      ),
    );
    expect([...module.stateDict().keys()]).toEqual(Object.keys(weights));
    const leaf = (array: FixtureArray): Tensor => tensorOf(array, dtype, { requiresGrad: true });
    const x = leaf(given.x);
    const states = given.states.map(leaf);
    const made = call(x, states);
    const terms = made.map((result, i) => {
      const d = dResults[i];
      if (!d) throw new Error('the fixture has a gradient for each result');
      return sum(mul(result, tensorOf(d, dtype)));
    });
    tape.backward(terms.reduce((total, term) => add(total, term)));

    made.forEach((result, i) => expectSums(`result ${i}`, result, results[i], rtol));
    expectSums('dX', x.grad, given.dX, rtol);
    states.forEach((state, i) =>
      expectSums(`gradient of state ${i}`, state.grad, given.dStates[i], rtol),
    );
    for (const [name, { grad }] of module.namedParameters()) {
      expectSums(`gradient of ${name}`, grad, given.dWeights[name], rtol);
    }
    module.dispose();
  });
});

describe('the fixture', () => {
  it('has every layer and cell', () => {
    expect(new Set(cases.map(({ kind }) => kind)).size).toBe(6);
  });
});
