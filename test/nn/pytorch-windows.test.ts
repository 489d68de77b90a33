import { configureEngine, Tape } from '@unfold/core';
import * as nn from '@unfold/nn';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  expectSums,
  loadFixture,
  tensorOf,
  VARIANTS,
  type WindowCase,
} from '../support/fixtures/fixtures.js';
import { make } from '../support/misuse.js';

const { cases } = loadFixture('windows');

/** The layer of a case, with PyTorch's state. */
function layerOf(
  { kind, args, options, state }: WindowCase,
  dtype: 'float32' | 'float64',
): nn.Layer {
  const hasState = Object.keys(state).length > 0;
  const layer = make(Reflect.get(nn, kind) as Function, ...args, {
    ...options,
    ...(hasState && { dtype }),
  });
  if (!(layer instanceof nn.Module)) throw new Error(`${kind} is no module`);
  layer.loadStateDict(
    Object.fromEntries(
      Object.entries(state).map(([name, array]) => [name, tensorOf(array, dtype)] as const),
    ),
  );
  return layer as nn.Layer;
}

describe.each(VARIANTS)('windows equal PyTorch, $dtype on $kernels', ({ kernels, dtype }) => {
  const rtol = dtype === 'float64' ? 1e-12 : 4e-6;

  beforeAll(async () => {
    await configureEngine({ kernels });
  });

  it.each(cases)('$name', (given) => {
    using tape = new Tape();
    const layer = layerOf(given, dtype);
    const x = tensorOf(given.x, dtype, { requiresGrad: true });
    const out = layer.forward(x);
    tape.backward(out, tensorOf(given.dOut, dtype));
    expectSums('out', out, given.out, rtol);
    const leaves = new Map([...layer.namedParameters(), ['x', x] as const]);
    expect([...leaves.keys()].sort()).toEqual(Object.keys(given.gradients).sort());
    for (const [name, gradient] of Object.entries(given.gradients)) {
      expectSums(`gradient by ${name}`, leaves.get(name)?.grad, gradient, rtol);
    }
    layer.dispose();
  });
});
