import type { JsonData } from '@unfold/core';
import { functional, positions, type Place } from './call.js';
import type { Translate, Translations } from './step.js';

const loss = (
  name: string,
  places: readonly Place[],
  defaults: Readonly<Record<string, JsonData>> = {},
): Translate => functional(`F.${name}`, places, { ...defaults, reduction: 'mean' });

/** Labels, or probabilities in the dtype of the logits. */
const labelsOrShares: Place = (step) =>
  step.value('target').dtype === step.value('logits').dtype
    ? step.in('target')
    : positions('target')(step);

/** Losses, and what they are made of. */
export const LOSSES: Translations = {
  mseLoss: loss('mse_loss', ['x', 'target']),
  l1Loss: loss('l1_loss', ['x', 'target']),
  huber: loss('huber_loss', ['x', 'target'], { delta: 1 }),
  smoothL1: loss('smooth_l1_loss', ['x', 'target'], { beta: 1 }),
  bce: loss('binary_cross_entropy', ['x', 'target']),
  bceWithLogits: loss('binary_cross_entropy_with_logits', ['x', 'target'], { posWeight: null }),
  klDiv: loss('kl_div', ['x', 'target'], { logTarget: false }),
  crossEntropy: loss('cross_entropy', ['logits', labelsOrShares], {
    weight: null,
    ignoreIndex: -100,
    labelSmoothing: 0,
  }),
  nllLoss: loss('nll_loss', ['logProbs', positions('target')], { weight: null, ignoreIndex: -100 }),
  hingeEmbedding: loss('hinge_embedding_loss', ['x', 'target'], { margin: 1 }),
  marginRanking: loss('margin_ranking_loss', ['x1', 'x2', 'target'], { margin: 0 }),
  cosineEmbedding: loss('cosine_embedding_loss', ['x1', 'x2', 'target'], { margin: 0 }),
  cosineSimilarity: functional('F.cosine_similarity', ['x1', 'x2'], { axis: 1, eps: 1e-8 }),
  tripletMargin: loss('triplet_margin_loss', ['anchor', 'positive', 'negative'], {
    margin: 1,
    p: 2,
    eps: 1e-6,
    swap: false,
  }),
};
