import { configureEngine, gelu, silu, type Tensor } from '@unfold/core';
import {
  adaptiveAvgPool2d,
  avgPool2d,
  batchNorm,
  bceWithLogits,
  crossEntropy,
  embedding,
  huber,
  layerNorm,
  nllLoss,
  smoothL1,
} from '@unfold/nn';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadFixture, VARIANTS, type LayerCase } from '../support/fixtures/fixtures.js';
import { expectLayer, type Named } from '../support/fixtures/layer-cases.js';

const { cases } = loadFixture('layers');

/** The result of a case's operation on the tensors by name. */
function call({ op, options }: LayerCase, given: Named): Tensor {
  const one = (name: string): Tensor => {
    const found = given[name];
    if (!found) throw new Error(`${op}: the fixture lacks ${name}`);
    return found;
  };
  const affine = {
    ...(given.weight && { weight: given.weight }),
    ...(given.bias && { bias: given.bias }),
  };
  switch (op) {
    case 'batchNorm': {
      const { runningMean = null, runningVar = null } = given;
      return batchNorm(one('x'), runningMean, runningVar, { ...options, ...affine });
    }
    case 'layerNorm': {
      const { normalizedShape = [], ...others } = options;
      return layerNorm(one('x'), normalizedShape, { ...others, ...affine });
    }
    case 'avgPool2d': {
      const { kernel = 0, ...others } = options;
      return avgPool2d(one('x'), kernel, others);
    }
    case 'adaptiveAvgPool2d':
      return adaptiveAvgPool2d(one('x'), options.outputSize ?? 0);
    case 'embedding':
      return embedding(one('x'), one('weight'), options);
    case 'silu':
      return silu(one('input'));
    case 'gelu':
      return gelu(one('input'), options);
    case 'crossEntropy':
      return crossEntropy(one('x'), one('target'), { ...options, ...affine });
    case 'nllLoss':
      return nllLoss(one('x'), one('target'), { ...options, ...affine });
    case 'bceWithLogits': {
      const { posWeight } = given;
      const weighted = posWeight ? { ...options, posWeight } : options;
      return bceWithLogits(one('x'), one('target'), weighted);
    }
    case 'smoothL1':
      return smoothL1(one('x'), one('target'), options);
    case 'huber':
      return huber(one('x'), one('target'), options);
    default:
      throw new Error(`the fixture has an operation that the test does not know: ${op}`);
  }
}

/** Inputs that are labels or indices, and so have another dtype than the rest. */
function isWhole(op: string, name: string): boolean {
  return op === 'embedding' ? name === 'x' : name === 'target';
}

describe.each(VARIANTS)('layers equal PyTorch, $dtype on $kernels', ({ kernels, dtype }) => {
  const rtol = dtype === 'float64' ? 1e-12 : 4e-6;

  beforeAll(async () => {
    await configureEngine({ kernels });
  });

  it.each(cases)('$name', (given) => {
    expectLayer(given, dtype, rtol, (tensors) => call(given, tensors), isWhole);
  });

  it('has cases of every operation', () => {
    expect(new Set(cases.map(({ op }) => op)).size).toBe(12);
  });
});
