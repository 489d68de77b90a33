import { adamFactors } from '../adam-factors.js';
import { maskThresholds } from '../mask-thresholds.js';
import { PARAMETERS } from '../table/kernels.js';
import { placesOf } from '../table/layout.js';
import type { MORE_KERNELS } from '../table/more-kernels.js';
import { writeDouble, type Writers, WRITERS } from './parameters.js';

const index = placesOf(PARAMETERS.index);
const scan = placesOf(PARAMETERS.scan);
const order = placesOf(PARAMETERS.order);
const squares = placesOf(PARAMETERS.squares);
const rows = placesOf(PARAMETERS.rows);
const channels = placesOf(PARAMETERS.channels);
const moments = placesOf(PARAMETERS.moments);
const running = placesOf(PARAMETERS.running);
const layerNorm = placesOf(PARAMETERS.layerNorm);
const crossEntropy = placesOf(PARAMETERS.crossEntropy);
const mask = placesOf(PARAMETERS.mask);
const sgd = placesOf(PARAMETERS.sgd);
const adam = placesOf(PARAMETERS.adam);

/** The writers for the groups of the second table, those that the first has too among them. */
export const MORE_WRITERS: Writers<typeof MORE_KERNELS> = {
  ...WRITERS,

  index({ block }, { outer, n, inner, count }) {
    block[index.outer] = outer;
    block[index.n] = n;
    block[index.inner] = inner;
    block[index.count] = count;
  },

  scan({ block }, { outer, n, inner, reverse }) {
    block[scan.outer] = outer;
    block[scan.n] = n;
    block[scan.inner] = inner;
    block[scan.reverse] = reverse ? 1 : 0;
  },

  order({ block }, { rows, n, descending }) {
    block[order.rows] = rows;
    block[order.n] = n;
    block[order.descending] = descending ? 1 : 0;
  },

  squares({ block }, { n }) {
    block[squares.n] = n;
  },

  rows({ block }, geometry) {
    block[rows.rows] = geometry.rows;
    block[rows.n] = geometry.n;
  },

  channels({ block }, geometry) {
    block[channels.outer] = geometry.outer;
    block[channels.channels] = geometry.channels;
    block[channels.inner] = geometry.inner;
  },

  moments({ block, floats }, geometry) {
    block[moments.outer] = geometry.outer;
    block[moments.channels] = geometry.channels;
    block[moments.inner] = geometry.inner;
    floats[moments.eps] = geometry.eps;
  },

  running({ block }, { channels, count, momentum }) {
    block[running.channels] = channels;
    block[running.count] = count;
    block[running.averages] = momentum === null ? 1 : 0;
    writeDouble(block, running.share, momentum ?? 0);
  },

  layerNorm({ block, floats }, { rows, n, eps }) {
    block[layerNorm.rows] = rows;
    block[layerNorm.n] = n;
    floats[layerNorm.eps] = eps;
  },

  crossEntropy({ block, floats }, { N, C, labelSmoothing }) {
    block[crossEntropy.N] = N;
    block[crossEntropy.C] = C;
    floats[crossEntropy.atLabel] = 1 - labelSmoothing;
    floats[crossEntropy.everywhere] = labelSmoothing / C;
  },

  mask({ block }, { p }, n) {
    const { below, threshold } = maskThresholds(p);
    block[mask.n] = n;
    block[mask.below] = below;
    writeDouble(block, mask.threshold, threshold);
  },

  sgd({ block, floats }, options, n) {
    block[sgd.n] = n;
    floats[sgd.lr] = options.lr;
    floats[sgd.weightDecay] = options.weightDecay;
    floats[sgd.momentum] = options.momentum;
    floats[sgd.undamped] = 1 - options.dampening;
    block[sgd.nesterov] = options.nesterov ? 1 : 0;
    block[sgd.firstStep] = options.firstStep ? 1 : 0;
  },

  adam({ block, floats }, options, n) {
    const { stepSize, rootScale, decay, shrinkage } = adamFactors(options);
    block[adam.n] = n;
    floats[adam.stepSize] = stepSize;
    floats[adam.rootScale] = rootScale;
    floats[adam.beta1] = options.beta1;
    floats[adam.fresh1] = 1 - options.beta1;
    floats[adam.beta2] = options.beta2;
    floats[adam.fresh2] = 1 - options.beta2;
    floats[adam.eps] = options.eps;
    floats[adam.decay] = decay;
    floats[adam.shrinkage] = shrinkage;
    block[adam.amsgrad] = options.amsgrad ? 1 : 0;
  },
};
