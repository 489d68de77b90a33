import { configureEngine, type Tensor } from '@unfold/core';
import * as nn from '@unfold/nn';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadFixture, VARIANTS, type MoreLossOptions } from '../support/fixtures/fixtures.js';
import { expectLayer } from '../support/fixtures/layer-cases.js';

const { cases } = loadFixture('more-losses');

type Loss = (inputs: readonly Tensor[], options: MoreLossOptions) => Tensor;

const pair =
  (loss: (x: Tensor, target: Tensor, options: MoreLossOptions) => Tensor): Loss =>
  ([x, target], options) =>
    loss(x as Tensor, target as Tensor, options);

const triple =
  (loss: (a: Tensor, b: Tensor, c: Tensor, options: MoreLossOptions) => Tensor): Loss =>
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

describe.each(VARIANTS)('losses equal PyTorch, $dtype on $kernels', ({ kernels, dtype }) => {
  const rtol = dtype === 'float64' ? 1e-12 : 4e-6;

  beforeAll(async () => {
    await configureEngine({ kernels });
  });

  it.each(cases)('$op: $name', (given) => {
    for (const loss of LOSSES[given.op] ?? []) {
      expectLayer(given, dtype, rtol, (tensors) => loss(Object.values(tensors), given.options));
    }
  });

  it('has cases of every loss', () => {
    expect(new Set(cases.map(({ op }) => op))).toEqual(new Set(Object.keys(LOSSES)));
  });
});
