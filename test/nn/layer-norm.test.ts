import {
  ConfigError,
  DTypeError,
  Generator,
  randn,
  Scope,
  ShapeError,
  tensor,
  zeros,
  type Tensor,
} from '@unfold/core';
import { LayerNorm, layerNorm } from '@unfold/nn';
import { describe, expect, it } from 'vitest';
import { expectClose } from '../support/compare.js';
import { onEveryEngine } from '../support/convolutions/engines.js';
import { refuse } from '../support/refuse.js';
import { gradchecks } from '../support/gradchecks.js';

describe('gradcheck of layerNorm', () => {
  const inputs = (places: number[]): Tensor[] => {
    const random = { dtype: 'float64', generator: new Generator(3), requiresGrad: true } as const;
    return [randn([3, 2, 4], random), randn(places, random), randn(places, random)];
  };

  it.each([[[4]], [[2, 4]], [[3, 2, 4]]])('x, weight and bias over %j', (places) => {
    using _scope = new Scope();
    gradchecks(
      (...[x, weight, bias]) =>
        layerNorm(x as Tensor, places, { weight: weight as Tensor, bias: bias as Tensor }),
      inputs(places),
    );
  });

  it.each([
    ['x', 0],
    ['weight', 1],
    ['bias', 2],
  ])('by %s alone', (_, only) => {
    using _scope = new Scope();
    const all = inputs([4]);
    for (const [i, input] of all.entries()) input.requiresGrad = i === only;
    gradchecks(
      (...[x, weight, bias]) =>
        layerNorm(x as Tensor, 4, { weight: weight as Tensor, bias: bias as Tensor }),
      all,
    );
  });

  it('without weight, without bias, without both', () => {
    using _scope = new Scope();
    const [x, weight, bias] = inputs([4]);
    if (!x || !weight || !bias) throw new Error('three inputs');
    gradchecks((a) => layerNorm(a as Tensor, 4), [x]);
    gradchecks((...[a, w]) => layerNorm(a as Tensor, 4, { weight: w as Tensor }), [x, weight]);
    gradchecks((...[a, b]) => layerNorm(a as Tensor, 4, { bias: b as Tensor }), [x, bias]);
  });
});

onEveryEngine('LayerNorm', ({ dtype }) => {
  it('normalises each row on its own, then scales and shifts its places', () => {
    using _scope = new Scope();
    const layer = new LayerNorm(4, { eps: 0, dtype });
    const x = tensor([1, 2, 3, 4, 4096, 4097, 4098, 4099], [2, 1, 4], { dtype });
    const row = [-1.5, -0.5, 0.5, 1.5].map((value) => value / Math.sqrt(1.25));
    expectClose(layer.forward(x).data, [...row, ...row], { rtol: 1e-6, atol: 0 });
    layer.weight?.update((data) => data.set([1, 2, 3, 0]));
    layer.bias?.update((data) => data.set([0, 0, 0, 7]));
    const scaled = row.map((value, i) => value * ([1, 2, 3, 0][i] ?? 0) + (i === 3 ? 7 : 0));
    expectClose(layer.forward(x).data, [...scaled, ...scaled], { rtol: 1e-6, atol: 0 });
    layer.dispose();
  });

  it('takes no rows', () => {
    expect(layerNorm(zeros([0, 3], { dtype }), 3).shape).toEqual([0, 3]);
  });
});

describe('LayerNorm', () => {
  it('has the parameters that it was asked for', () => {
    const names = (options: object): string[] => [
      ...new LayerNorm([2, 3], options).stateDict().keys(),
    ];
    expect(names({})).toEqual(['weight', 'bias']);
    expect(names({ bias: false })).toEqual(['weight']);
    expect(names({ elementwiseAffine: false })).toEqual([]);
    expect(new LayerNorm([2, 3]).weight?.shape).toEqual([2, 3]);
  });
});

describe('layerNorm refuses', () => {
  const x = (): Tensor => zeros([5, 2, 3]);
  refuse({
    'another last axis': [
      () => layerNorm(x(), 4),
      ShapeError,
      'layerNorm: expected x […,4], got [5,2,3]',
    ],
    'more axes than x has': [
      () => layerNorm(x(), [1, 5, 2, 3]),
      ShapeError,
      'layerNorm: expected x […,1,5,2,3], got [5,2,3]',
    ],
    'no axes': [
      () => layerNorm(x(), []),
      ConfigError,
      'layerNorm: normalizedShape must hold positive integers, got []',
    ],
    'an axis of nothing': [
      () => new LayerNorm(0),
      ConfigError,
      'LayerNorm: normalizedShape must hold positive integers, got [0]',
    ],
    'an eps of NaN': [
      () => new LayerNorm(3, { eps: NaN }),
      ConfigError,
      'LayerNorm: eps must be a number of at least 0, got NaN',
    ],
    'a bias of another shape': [
      () => layerNorm(x(), [2, 3], { bias: zeros([3]) }),
      ShapeError,
      'layerNorm: expected bias [2,3], got [3]',
    ],
    'mixed dtypes': [
      () => layerNorm(x(), 3, { weight: zeros([3], { dtype: 'float64' }) }),
      DTypeError,
      'layerNorm: expected x and weight of one dtype, got float32 and float64; ' +
        'cast(x, dtype) converts',
    ],
    integers: [
      () => layerNorm(zeros([2, 3], { dtype: 'int32' }), 3),
      DTypeError,
      'layerNorm: expected a float tensor, got int32 tensor [2,3]; cast it first',
    ],
  });
});
