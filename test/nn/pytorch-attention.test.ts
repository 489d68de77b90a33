import { add, cast, configureEngine, mul, sum, Tape, type DType, type Tensor } from '@unfold/core';
import {
  LayerNorm,
  MultiheadAttention,
  scaledDotProductAttention,
  TransformerEncoder,
  TransformerEncoderLayer,
  type Module,
} from '@unfold/nn';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  expectSums,
  loadFixture,
  tensorOf,
  VARIANTS,
  type AttentionCase,
  type FixtureArray,
} from '../support/fixtures/fixtures.js';

const { cases } = loadFixture('attention');

type Named = Readonly<Record<string, Tensor>>;

/** A case as Unfold has it: its module, if any, and a call of it. */
interface Made {
  readonly module: Module | null;
  call(masks: Named, x: Tensor, y: Tensor, z: Tensor): readonly (Tensor | null)[];
}

function make({ kind, sizes, options, callOptions }: AttentionCase, dtype: DType): Made {
  const [width = 0, heads = 0] = sizes;
  const layer = (): TransformerEncoderLayer =>
    new TransformerEncoderLayer(width, heads, { ...options, dtype });
  switch (kind) {
    case 'scaledDotProductAttention': {
      const call: Made['call'] = (masks, q, k, v) => [
        scaledDotProductAttention(q, k, v, { ...options, ...masks }),
      ];
      return { module: null, call };
    }
    case 'MultiheadAttention': {
      const module = new MultiheadAttention(width, heads, { ...options, dtype });
      const call: Made['call'] = (masks, ...inputs) =>
        module.forward(...inputs, { ...callOptions, ...masks });
      return { module, call };
    }
    case 'TransformerEncoderLayer': {
      const module = layer();
      return { module, call: (masks, x) => [module.forward(x, masks)] };
    }
    case 'TransformerEncoder': {
      const module = new TransformerEncoder(layer, 2, { norm: new LayerNorm(width, { dtype }) });
      return { module, call: (masks, x) => [module.forward(x, masks)] };
    }
  }
}

describe.each(VARIANTS)('attention equals PyTorch, $dtype on $kernels', ({ kernels, dtype }) => {
  const rtol = dtype === 'float64' ? 1e-12 : 4e-6;

  beforeAll(async () => {
    await configureEngine({ kernels });
  });

  it.each(cases)('$kind: $name', (given) => {
    using tape = new Tape();
    const tensors = (arrays: Readonly<Record<string, FixtureArray>>): Record<string, Tensor> =>
      Object.fromEntries(
        Object.entries(arrays).map(([name, array]) => {
          const isBool = given.boolMasks.includes(name);
          const made = tensorOf(array, isBool ? 'int32' : dtype, { requiresGrad: !isBool });
          return [name, isBool ? cast(made, 'bool') : made];
        }),
      );
    const { module, call } = make(given, dtype);
    module?.loadStateDict(tensors(given.state));
    module?.eval();
    const inputs = tensors(given.inputs);
    const masks = tensors(given.masks);
    const [x, y = x, z = x] = Object.values(inputs);
    if (!x || !y || !z) throw new Error('the fixture has no inputs');
    const outs = call(masks, x, y, z).filter((out) => out !== null);

    expect(outs).toHaveLength(given.outs.length);
    given.outs.forEach((wanted, i) => expectSums(`result ${i}`, outs[i], wanted, rtol));
    const products = given.dOuts.flatMap((dOut, i) => {
      const out = outs[i];
      return out ? [sum(mul(out, tensorOf(dOut, dtype)))] : [];
    });
    tape.backward(products.reduce((a, b) => add(a, b)));
    const leaves: Named = { ...inputs, ...masks, ...Object.fromEntries(module?.stateDict() ?? []) };
    for (const [name, gradient] of Object.entries(given.gradients)) {
      expectSums(`gradient by ${name}`, leaves[name]?.grad, gradient, rtol);
    }
    module?.dispose();
  });

  it('has cases of every kind', () => {
    expect(new Set(cases.map(({ kind }) => kind)).size).toBe(4);
  });
});
