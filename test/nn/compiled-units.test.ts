import {
  compile,
  configureEngine,
  Generator,
  grad,
  mul,
  randn,
  Scope,
  sum,
  Tape,
  type Tensor,
} from '@unfold/core';
import * as nn from '@unfold/nn';
import { beforeAll, describe, expect, it } from 'vitest';

/** Layers by their classes, with options that take other ways than the defaults. */
const LAYERS: Readonly<Record<string, () => nn.Layer>> = {
  ELU: () => new nn.ELU({ alpha: 0.5 }),
  GroupNorm: () => new nn.GroupNorm(2, 4),
  Hardsigmoid: () => new nn.Hardsigmoid(),
  Hardswish: () => new nn.Hardswish(),
  InstanceNorm2d: () => new nn.InstanceNorm2d(4, { affine: true, trackRunningStats: true }),
  LogSoftmax: () => new nn.LogSoftmax(1),
  Mish: () => new nn.Mish(),
  PixelShuffle: () => new nn.PixelShuffle(2),
  PixelUnshuffle: () => new nn.PixelUnshuffle(2),
  PReLU: () => new nn.PReLU({ numParameters: 4 }),
  ReLU6: () => new nn.ReLU6(),
  RMSNorm: () => new nn.RMSNorm([6, 8]),
  SELU: () => new nn.SELU(),
  Softplus: () => new nn.Softplus({ beta: 2, threshold: 1 }),
  Unflatten: () => new nn.Unflatten(-1, [2, -1]),
  Upsample: () => new nn.Upsample({ scaleFactor: [1.5, 2], mode: 'bilinear' }),
  'Upsample to the nearest': () => new nn.Upsample({ size: [4, 10] }),
};

/** The output, and the gradients of Σout² by x and all parameters. */
const stepOf =
  (layer: nn.Layer) =>
  (x: Tensor): readonly Tensor[] =>
    Tape.run(() => {
      const out = layer.forward(x);
      return [out, ...grad(sum(mul(out, out)), [x, ...layer.parameters()])];
    });

const bitsOf = (tensors: Iterable<Tensor>): string[] =>
  Array.from(tensors, (x) => Buffer.from(x.toTypedArray().buffer).toString('base64'));

describe.each(['wasm', 'reference'] as const)('on %s', (kernels) => {
  beforeAll(async () => {
    await configureEngine({ kernels });
  });

  it.each(Object.entries(LAYERS))('a program of %s gives the same bits', (_, make) => {
    using _scope = new Scope();
    const [layer, twin] = [make(), make()];
    const [fast, slow] = [compile(stepOf(layer), { modules: [layer] }), stepOf(twin)];
    const generator = new Generator(5);
    for (let call = 0; call < 3; call++) {
      const x = randn([3, 4, 6, 8], { generator, requiresGrad: true });
      expect(bitsOf(fast(x))).toEqual(bitsOf(slow(x)));
      expect(bitsOf(layer.stateDict().values())).toEqual(bitsOf(twin.stateDict().values()));
    }
    expect(fast.stats).not.toBeNull();
    fast.dispose();
    layer.dispose();
    twin.dispose();
  });
});
