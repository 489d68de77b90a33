import { configureEngine, manualSeed, rand, Tape, tensor } from '@unfold/core';
import { crossEntropy } from '@unfold/nn';
import { Cnn, LeNet, SGD } from '@unfold/train';
import { weightsSha256 } from '@unfold/io';
import { afterAll, describe, expect, it } from 'vitest';
import { randomSource } from '../support/kernels/kernels.js';

const BATCH = 48;

afterAll(async () => {
  await configureEngine({ threads: 1 });
});

/** Some steps on random images; the hash of the weights after them. */
function train(make: () => LeNet | Cnn, steps: number): string {
  manualSeed(5);
  const model = make();
  const random = randomSource(5);
  const optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9, weightDecay: 0.0005 });
  for (let step = 0; step < steps; step++) {
    using tape = new Tape();
    const labels = Int32Array.from({ length: BATCH }, () => Math.floor(10 * random()));
    const loss = crossEntropy(model.forward(rand([BATCH, 1, 28, 28])), tensor(labels));
    optimizer.zeroGrad();
    tape.backward(loss);
    optimizer.step();
  }
  return weightsSha256(model.stateDict());
}

describe.each([
  { name: 'LeNet', make: () => new LeNet(), steps: 6 },
  { name: 'Cnn', make: () => new Cnn(), steps: 2 },
])('$name: the same weights', { timeout: 60_000 }, ({ make, steps }) => {
  it('on 1, 2, 3 and 4 threads, with 128- and 256-bit tiles', async () => {
    const hashes = new Set<string>();
    for (const simd of ['128', '256'] as const) {
      for (const threads of [1, 2, 3, 4]) {
        const engine = await configureEngine({ threads, simd });
        expect(engine.threads).toBe(threads);
        hashes.add(train(make, steps));
      }
    }
    expect([...hashes]).toHaveLength(1);
  });

  it('strict, on 1 and 2 threads, with both tiles; and others than without', async () => {
    await configureEngine({ threads: 1 });
    const fused = train(make, steps);
    const hashes = new Set<string>();
    for (const simd of ['128', '256'] as const) {
      for (const threads of [1, 2]) {
        await configureEngine({ threads, simd, strict: true });
        hashes.add(train(make, steps));
      }
    }
    expect([...hashes]).toHaveLength(1);
    expect(hashes.has(fused)).toBe(false);
  });
});
