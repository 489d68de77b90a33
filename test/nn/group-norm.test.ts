import {
  ConfigError,
  DTypeError,
  full,
  Generator,
  heapStats,
  randn,
  Scope,
  ShapeError,
  tensor,
  zeros,
  type Tensor,
} from '@unfold/core';
import {
  batchNorm,
  GroupNorm,
  groupNorm,
  InstanceNorm1d,
  InstanceNorm2d,
  instanceNorm,
  layerNorm,
  RMSNorm,
  rmsNorm,
} from '@unfold/nn';
import { describe, expect, it } from 'vitest';
import { expectClose } from '../support/compare.js';
import { onEveryEngine } from '../support/convolutions/engines.js';
import { gradchecks } from '../support/gradchecks.js';
import { refuse } from '../support/refuse.js';

type Norm = (x: Tensor, weight: Tensor | null, bias: Tensor | null) => Tensor;

const NORMS: Readonly<Record<string, { readonly places: number; readonly norm: Norm }>> = {
  'groupNorm in 2 groups': {
    places: 6,
    norm: (x, weight, bias) => groupNorm(x, 2, { weight, bias }),
  },
  'groupNorm in 1 group': {
    places: 6,
    norm: (x, weight, bias) => groupNorm(x, 1, { weight, bias, eps: 0.1 }),
  },
  instanceNorm: {
    places: 6,
    norm: (x, weight, bias) => instanceNorm(x, null, null, { weight, bias }),
  },
  'instanceNorm by running statistics': {
    places: 6,
    norm: (x, weight, bias) => {
      const { dtype } = x;
      const mean = tensor([1, -1, 0, 2, 0.5, -2], undefined, { dtype });
      const variance = full([6], 0.3, { dtype });
      return instanceNorm(x, mean, variance, { weight, bias, useInputStats: false });
    },
  },
  rmsNorm: {
    places: 4,
    norm: (x, weight) => rmsNorm(x, 4, { weight }),
  },
};
const norms = Object.entries(NORMS).map(([name, of]) => ({ name, ...of }));

describe('gradcheck', () => {
  it.each(norms)('$name by x, weight and bias', ({ name, places, norm }) => {
    using _scope = new Scope();
    const random = { dtype: 'float64', generator: new Generator(3), requiresGrad: true } as const;
    const inputs = [randn([2, 6, 4], random), randn([places], random), randn([places], random)];
    const hasBias = name !== 'rmsNorm';
    gradchecks(
      (...[x, weight, bias]) => norm(x as Tensor, weight as Tensor, bias ?? null),
      hasBias ? inputs : inputs.slice(0, 2),
    );
    gradchecks((x) => norm(x as Tensor, null, null), inputs.slice(0, 1));
  });

  it.each(norms.filter(({ name }) => name !== 'rmsNorm'))('$name by one alone', (given) => {
    using _scope = new Scope();
    const random = { dtype: 'float64', generator: new Generator(3) } as const;
    for (const only of [0, 1, 2]) {
      const inputs = [[2, 6, 4], [given.places], [given.places]].map((shape, i) =>
        randn(shape, { ...random, requiresGrad: i === only }),
      );
      gradchecks(
        (...[x, weight, bias]) => given.norm(x as Tensor, weight as Tensor, bias as Tensor),
        inputs,
      );
    }
  });

  it('rmsNorm over several axes', () => {
    using _scope = new Scope();
    const random = { dtype: 'float64', generator: new Generator(3), requiresGrad: true } as const;
    gradchecks(
      (...[x, weight]) => rmsNorm(x as Tensor, [3, 4], { weight: weight as Tensor, eps: 0.1 }),
      [randn([2, 3, 4], random), randn([3, 4], random)],
    );
  });
});

onEveryEngine('normalisation of groups', ({ dtype }) => {
  const tolerance = dtype === 'float64' ? { rtol: 1e-12, atol: 1e-12 } : { rtol: 4e-6, atol: 4e-6 };
  const random = (...shape: number[]): Tensor =>
    randn(shape, { dtype, generator: new Generator(shape.length) });

  it('one group is layerNorm of an image, a group for each channel instanceNorm', () => {
    using _scope = new Scope();
    const x = random(3, 4, 5, 2);
    expectClose(groupNorm(x, 1).data, layerNorm(x, [4, 5, 2]).data, tolerance);
    expect(instanceNorm(x).data).toEqual(groupNorm(x, 4).data);
    expectClose(instanceNorm(x).data, layerNorm(x, [5, 2]).data, tolerance);
  });

  it('of one image, instanceNorm and its running statistics are those of batchNorm', () => {
    using _scope = new Scope();
    const x = random(1, 3, 5, 2);
    const statistics = (): [Tensor, Tensor] => [
      tensor([1, 2, 3], undefined, { dtype }),
      tensor([4, 5, 6], undefined, { dtype }),
    ];
    const [mean, variance] = statistics();
    const [batchMean, batchVariance] = statistics();
    const out = instanceNorm(x, mean, variance, { momentum: 0.3 });
    const expected = batchNorm(x, batchMean, batchVariance, { training: true, momentum: 0.3 });
    expect(out.data).toEqual(expected.data);
    expect(mean.data).toEqual(batchMean.data);
    expect(variance.data).toEqual(batchVariance.data);
  });

  it('running statistics move towards the mean of the images’', () => {
    using _scope = new Scope();
    const layer = new InstanceNorm1d(1, { trackRunningStats: true, momentum: 0.5, dtype });
    // Means 1 and 5, unbiased variances 2 and 8.
    layer.forward(tensor([0, 2, 3, 7], [2, 1, 2], { dtype }));
    expect(layer.runningMean?.toArray()).toEqual([1.5]);
    expect(layer.runningVar?.toArray()).toEqual([3]);
    expect(layer.numBatchesTracked?.toArray()).toBe(0);
    layer.eval();
    const out = layer.forward(tensor([1.5, 4.5], [1, 1, 2], { dtype }));
    expectClose(out.data, [0, 3 / Math.sqrt(3 + 1e-5)], tolerance);
    layer.dispose();
  });

  it('rmsNorm divides by the root of the mean square', () => {
    using _scope = new Scope();
    const layer = new RMSNorm(2, { eps: 0, dtype });
    layer.weight?.update((data) => data.set([1, -2]));
    const x = tensor([3, 4, -1, 7, 1e30, 1e30, 1e-30, -7e-30], [4, 2], { dtype });
    const out = [3 / Math.sqrt(12.5), -8 / Math.sqrt(12.5), -0.2, -2.8, 1, -2, 0.2, 2.8];
    expectClose(layer.forward(x).data, out, tolerance);
    layer.dispose();
  });

  it('the eps of rmsNorm is by default that of the dtype', () => {
    using _scope = new Scope();
    const eps = dtype === 'float32' ? 2 ** -23 : 2 ** -52;
    const x = tensor([Math.sqrt(3 * eps)], undefined, { dtype });
    expectClose(rmsNorm(x, 1).data, [Math.sqrt(0.75)], tolerance);
    expect(rmsNorm(zeros([2], { dtype }), 2).toArray()).toEqual([0, 0]);
  });

  it('takes no images and no rows', () => {
    using _scope = new Scope();
    expect(groupNorm(zeros([0, 4, 3], { dtype }), 2).shape).toEqual([0, 4, 3]);
    expect(instanceNorm(zeros([0, 4, 3], { dtype })).shape).toEqual([0, 4, 3]);
    expect(rmsNorm(zeros([0, 3], { dtype }), 3).shape).toEqual([0, 3]);
  });

  it('images without values in a group are left empty, groups of one value are 0', () => {
    using _scope = new Scope();
    expect(groupNorm(zeros([2, 4, 0], { dtype }), 2).shape).toEqual([2, 4, 0]);
    expect(groupNorm(tensor([3, 5], [1, 2], { dtype }), 2).toArray()).toEqual([[0, 0]]);
  });
});

describe('layers', () => {
  it('have PyTorch’s parameters and buffers', () => {
    const names = (layer: { stateDict(): Map<string, unknown> }): string[] => [
      ...layer.stateDict().keys(),
    ];
    expect(names(new GroupNorm(2, 4))).toEqual(['weight', 'bias']);
    expect(names(new GroupNorm(2, 4, { affine: false }))).toEqual([]);
    expect(names(new InstanceNorm2d(4))).toEqual([]);
    expect(names(new InstanceNorm2d(4, { affine: true, trackRunningStats: true }))).toEqual([
      'weight',
      'bias',
      'running_mean',
      'running_var',
      'num_batches_tracked',
    ]);
    expect(names(new RMSNorm([2, 3]))).toEqual(['weight']);
    expect(String(new GroupNorm(2, 4))).toBe('GroupNorm(2, 4, eps=0.00001, affine=true)');
    expect(String(new InstanceNorm2d(4))).toBe(
      'InstanceNorm2d(4, eps=0.00001, momentum=0.1, affine=false, trackRunningStats=false)',
    );
    expect(String(new RMSNorm(4))).toBe('RMSNorm([4], eps=null, elementwiseAffine=true)');
  });

  it('leave nothing on the heap but their results', () => {
    const x = randn([2, 4, 3]);
    const before = heapStats().liveTensors;
    const results = [groupNorm(x, 2), instanceNorm(x), rmsNorm(x, 3)];
    expect(heapStats().liveTensors).toBe(before + results.length);
    for (const made of [x, ...results]) made.dispose();
  });
});

describe('normalisation of groups refuses', () => {
  refuse({
    'groups that do not divide the channels': [
      () => groupNorm(zeros([2, 4, 3]), 3),
      ShapeError,
      'groupNorm: expected x [N,C,…] with channels in 3 groups of one size, got [2,4,3]',
    ],
    'groups that do not divide the channels, when it is made': [
      () => new GroupNorm(3, 4),
      ConfigError,
      'GroupNorm: expected a number of channels that 3 groups divide, got 4',
    ],
    'another number of channels': [
      () => new GroupNorm(2, 4).forward(zeros([2, 6, 3])),
      ShapeError,
      'GroupNorm: expected x [N,4,…], got [2,6,3]',
    ],
    'a weight of another length': [
      () => groupNorm(zeros([2, 4, 3]), 2, { weight: zeros([2]) }),
      ShapeError,
      'groupNorm: x [2,4,3] has 4 channels and expects weight [4], got [2]; the second axis of x ' +
        'must be its channels',
    ],
    'one value to an image’s channel': [
      () => instanceNorm(zeros([5, 3, 1])),
      ShapeError,
      'instanceNorm: expected more than 1 value per channel and image, got x [5,3,1]',
    ],
    'missing running statistics': [
      () => instanceNorm(zeros([5, 3, 2]), null, null, { useInputStats: false }),
      ConfigError,
      'instanceNorm: expected runningMean and runningVar without useInputStats, got null',
    ],
    'one running statistic': [
      () => instanceNorm(zeros([5, 3, 2]), zeros([3])),
      ConfigError,
      'instanceNorm: expected both runningMean and runningVar, or neither',
    ],
    'images as NHWC': [
      () => new InstanceNorm2d(3).forward(zeros([2, 8, 8, 3])),
      ShapeError,
      'InstanceNorm2d: expected x [N,3,H,W], got [2,8,8,3]; x looks like NHWC, Unfold is NCHW: ' +
        'permute(x, [0, 3, 1, 2])',
    ],
    'a plain matrix': [
      () => new InstanceNorm1d(3).forward(zeros([2, 3])),
      ShapeError,
      'InstanceNorm1d: expected x [N,3,L], got [2,3]',
    ],
    'an eps below 0': [
      () => new RMSNorm(3, { eps: -1 }),
      ConfigError,
      'RMSNorm: eps must be a number of at least 0, got -1',
    ],
    'mixed dtypes': [
      () => rmsNorm(zeros([2, 3]), 3, { weight: zeros([3], { dtype: 'float64' }) }),
      DTypeError,
      'rmsNorm: expected x and weight of one dtype, got float32 and float64; cast(x, dtype) converts',
    ],
  });
});
