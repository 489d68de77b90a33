import { configureEngine, logSoftmax, type Tensor } from '@unfold/core';
import {
  elu,
  groupNorm,
  hardsigmoid,
  hardswish,
  instanceNorm,
  interpolate,
  mish,
  pixelShuffle,
  pixelUnshuffle,
  prelu,
  relu6,
  rmsNorm,
  selu,
  softplus,
  unflatten,
} from '@unfold/nn';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadFixture, VARIANTS, type UnitOptions } from '../support/fixtures/fixtures.js';
import { expectLayer, type Named } from '../support/fixtures/layer-cases.js';

const { cases } = loadFixture('units');

type Given = Partial<Omit<Named, 'x'>>;

/** Each operation on x, on what else there is, and with the options of the case. */
const CALLS: Readonly<Record<string, (x: Tensor, given: Given, options: UnitOptions) => Tensor>> = {
  relu6,
  hardsigmoid,
  hardswish,
  elu: (x, _, options) => elu(x, options),
  selu,
  mish,
  softplus: (x, _, options) => softplus(x, options),
  logSoftmax: (x, _, { axis }) => logSoftmax(x, axis),
  prelu: (x, { weight = x }) => prelu(x, weight),
  groupNorm: (x, given, { numGroups = 0, eps = 0 }) => groupNorm(x, numGroups, { ...given, eps }),
  instanceNorm: (x, { runningMean = null, runningVar = null, ...affine }, options) =>
    instanceNorm(x, runningMean, runningVar, { ...affine, ...options }),
  rmsNorm: (x, given, { normalizedShape = [], eps = 0 }) =>
    rmsNorm(x, normalizedShape, { ...given, eps }),
  interpolate: (x, _, options) => interpolate(x, options),
  pixelShuffle: (x, _, { factor = 0 }) => pixelShuffle(x, factor),
  pixelUnshuffle: (x, _, { factor = 0 }) => pixelUnshuffle(x, factor),
  unflatten: (x, _, { axis = 0, sizes = [] }) => unflatten(x, axis, sizes),
};

describe.each(VARIANTS)('layers equal PyTorch, $dtype on $kernels', ({ kernels, dtype }) => {
  const rtol = dtype === 'float64' ? 1e-12 : 4e-6;

  beforeAll(async () => {
    await configureEngine({ kernels });
  });

  it.each(cases)('$name', (given) => {
    const call = CALLS[given.op];
    if (!call) throw new Error(`no call for ${given.op}`);
    expectLayer(given, dtype, rtol, ({ x, ...others }) => {
      if (!x) throw new Error(`${given.name} has no x`);
      return call(x, others, given.options);
    });
  });

  it('has cases of every operation', () => {
    expect([...new Set(cases.map(({ op }) => op))].sort()).toEqual(Object.keys(CALLS).sort());
  });
});
