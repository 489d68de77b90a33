import {
  ConfigError,
  DTypeError,
  gelu,
  Generator,
  heapStats,
  randn,
  Scope,
  sigmoid,
  silu,
  softmax,
  tanh,
  tensor,
  zeros,
  type GeluApproximation,
  type Tensor,
} from '@unfold/core';
import {
  GELU,
  Identity,
  LeakyReLU,
  Sequential,
  Sigmoid,
  SiLU,
  Softmax,
  Tanh,
  type Layer,
} from '@unfold/nn';
import { describe, expect, it } from 'vitest';
import { expectClose } from '../support/compare.js';
import { onEveryEngine } from '../support/convolutions/engines.js';
import { refuse } from '../support/refuse.js';
import { gradchecks } from '../support/gradchecks.js';

describe('gradcheck', () => {
  it.each<[string, (x: Tensor) => Tensor]>([
    ['silu', silu],
    ['gelu', gelu],
    ['gelu by tanh', (x) => gelu(x, { approximate: 'tanh' })],
  ])('%s', (_, fn) => {
    using _scope = new Scope();
    const random = { dtype: 'float64', generator: new Generator(6), requiresGrad: true } as const;
    gradchecks((x) => fn(x as Tensor), [randn([3, 7], random)]);
  });
});

onEveryEngine('activations', ({ dtype }) => {
  it('saturate at large numbers without NaN', () => {
    using _scope = new Scope();
    const x = tensor([-1000, -100, 0, 100, 1000], undefined, { dtype });
    for (const out of [silu(x), gelu(x, { approximate: 'tanh' })]) {
      expectClose(out.data, [0, 0, 0, 100, 1000], { rtol: 0, atol: 1e-30 });
    }
  });

  it('gelu by tanh is near the exact one, and is another', () => {
    using _scope = new Scope();
    const x = tensor([-3, -1, -0.2, 0.4, 1.1, 2.5], undefined, { dtype });
    const exact = gelu(x).data;
    expect(exact).toEqual(gelu(x, { approximate: 'none' }).data);
    const near = gelu(x, { approximate: 'tanh' }).data;
    expectClose(near, exact, { rtol: 0, atol: 5e-4 });
    expect(near).not.toEqual(exact);
  });

  it('modules do what their functions do', () => {
    using _scope = new Scope();
    const x = randn([2, 3, 4], { dtype, generator: new Generator(8) });
    const pairs: [Layer, Tensor][] = [
      [new GELU(), gelu(x)],
      [new GELU({ approximate: 'tanh' }), gelu(x, { approximate: 'tanh' })],
      [new SiLU(), silu(x)],
      [new Sigmoid(), sigmoid(x)],
      [new Tanh(), tanh(x)],
      [new Softmax(), softmax(x, 2)],
      [new Softmax(1), softmax(x, 1)],
      [new Identity(), x],
    ];
    for (const [layer, expected] of pairs) expect(layer.forward(x).data).toEqual(expected.data);
    const leaky = (layer: Layer): unknown =>
      layer.forward(tensor([-4, 8], undefined, { dtype })).toArray();
    expect(leaky(new LeakyReLU({ negativeSlope: 0.25 }))).toEqual([-1, 8]);
    expect(leaky(new LeakyReLU())).toEqual([dtype === 'float32' ? Math.fround(-0.04) : -0.04, 8]);
  });
});

describe('activations', () => {
  it('have no parameters, and hold their place in a chain', () => {
    const chain = new Sequential(new Identity(), new SiLU(), new GELU());
    expect([...chain.stateDict().keys()]).toEqual([]);
  });

  it('leave nothing on the heap but their result, outside of every scope too', () => {
    const x = randn([5]);
    const before = heapStats().liveTensors;
    const results = [silu(x), gelu(x), gelu(x, { approximate: 'tanh' })];
    expect(heapStats().liveTensors).toBe(before + results.length);
    for (const made of [x, ...results]) made.dispose();
  });
});

describe('activations refuse', () => {
  const unknown = String('erf') as GeluApproximation;
  refuse({
    'an unknown approximation': [
      () => gelu(zeros([2]), { approximate: unknown }),
      ConfigError,
      "gelu: approximate must be 'none' or 'tanh', got 'erf'",
    ],
    'an unknown approximation, when it is made': [
      () => new GELU({ approximate: unknown }),
      ConfigError,
      "GELU: approximate must be 'none' or 'tanh', got 'erf'",
    ],
    'integers for silu': [
      () => silu(zeros([2], { dtype: 'int32' })),
      DTypeError,
      'silu: expected a float tensor, got int32 tensor [2]; cast it first',
    ],
    'integers for gelu': [
      () => gelu(zeros([2], { dtype: 'uint8' }), { approximate: 'tanh' }),
      DTypeError,
      'gelu: expected a float tensor, got uint8 tensor [2]; cast it first',
    ],
  });
});
