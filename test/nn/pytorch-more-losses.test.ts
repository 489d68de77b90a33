import { configureEngine, Tape, type Tensor } from '@unfold/core';
import * as nn from '@unfold/nn';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  expectTensor,
  loadFixture,
  tensorOf,
  VARIANTS,
  type FixtureArray,
  type MoreLossCase,
} from '../support/fixtures/fixtures.js';

const { cases } = loadFixture('more-losses');

type Options = MoreLossCase['options'];
type Loss = (inputs: readonly Tensor[], options: Options) => Tensor;

const pair =
  (loss: (x: Tensor, target: Tensor, options: Options) => Tensor): Loss =>
  ([x, target], options) =>
    loss(x as Tensor, target as Tensor, options);

const triple =
  (loss: (a: Tensor, b: Tensor, c: Tensor, options: Options) => Tensor): Loss =>
  ([a, b, c], options) =>
    loss(a as Tensor, b as Tensor, c as Tensor, options);

/** Each loss as a function, and as a module where there is one. */
const LOSSES: Readonly<Record<string, readonly Loss[]>> = {
  l1Loss: [pair(nn.l1Loss), pair((x, y, options) => new nn.L1Loss(options).forward(x, y))],
  bce: [pair(nn.bce), pair((x, y, options) => new nn.BCELoss(options).forward(x, y))],
  klDiv: [pair(nn.klDiv), pair((x, y, options) => new nn.KLDivLoss(options).forward(x, y))],
  hingeEmbedding: [
    pair(nn.hingeEmbedding),
    pair((x, y, options) => new nn.HingeEmbeddingLoss(options).forward(x, y)),
  ],
  marginRanking: [
    triple(nn.marginRanking),
    triple((a, b, y, options) => new nn.MarginRankingLoss(options).forward(a, b, y)),
  ],
  cosineEmbedding: [
    triple(nn.cosineEmbedding),
    triple((a, b, y, options) => new nn.CosineEmbeddingLoss(options).forward(a, b, y)),
  ],
  tripletMargin: [
    triple(nn.tripletMargin),
    triple((a, b, c, options) => new nn.TripletMarginLoss(options).forward(a, b, c)),
  ],
  cosineSimilarity: [
    pair((a, b, { axis, ...options }) => nn.cosineSimilarity(a, b, axis, options)),
  ],
};

function largest({ data }: FixtureArray): number {
  return data.reduce((a, value) => Math.max(a, Math.abs(value)), 1);
}

describe.each(VARIANTS)('losses equal PyTorch, $dtype on $kernels', ({ kernels, dtype }) => {
  const rtol = dtype === 'float64' ? 1e-12 : 4e-6;

  beforeAll(async () => {
    await configureEngine({ kernels });
  });

  it.each(cases)('$op: $name', ({ op, options, inputs, constants, dOut, out, gradients }) => {
    for (const loss of LOSSES[op] ?? []) {
      using tape = new Tape();
      const leaves = Object.fromEntries(
        Object.entries(inputs).map(([name, array]) => [
          name,
          tensorOf(array, dtype, { requiresGrad: true }),
        ]),
      );
      const fixed = Object.values(constants).map((array) => tensorOf(array, dtype));
      const result = loss([...Object.values(leaves), ...fixed], options);
      tape.backward(result, tensorOf(dOut, dtype));
      expectTensor('out', result, out, { rtol, atol: rtol * largest(out) });
      for (const [name, gradient] of Object.entries(gradients)) {
        const atol = rtol * largest(gradient);
        expectTensor(`gradient by ${name}`, leaves[name]?.grad, gradient, { rtol, atol });
      }
    }
  });

  it('has cases of every loss', () => {
    expect(new Set(cases.map(({ op }) => op))).toEqual(new Set(Object.keys(LOSSES)));
  });
});
