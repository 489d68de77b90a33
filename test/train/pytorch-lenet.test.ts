import { createHash } from 'node:crypto';
import { cast, configureEngine, Tape, tensor, type DType, type Tensor } from '@unfold/core';
import { Conv2d, crossEntropy, Flatten, Linear, MaxPool2d, ReLU, Sequential } from '@unfold/nn';
import { DataLoader, type Dataset, mnist, SGD } from '@unfold/train';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadFixture, type LenetCase } from '../support/fixtures/fixtures.js';

const { cases, settings, parameters } = loadFixture('lenet');
const { steps, batchSize } = settings;

/** The images that the fixture was made from: the first of the training part, in its order. */
let digits: Dataset;

beforeAll(async () => {
  const { train } = await mnist({ allowDownload: false });
  digits = train.slice(0, steps * batchSize);
});

function sha256(bytes: ArrayLike<number>): string {
  return createHash('sha256').update(Uint8Array.from(bytes)).digest('hex');
}

/** The formula of `lenet_weights` in make_fixtures.py. */
function initialWeights(dtype: DType): Map<string, Tensor> {
  let state = settings.lcgSeed;
  return new Map(
    parameters.map(({ name, shape, fanIn }) => {
      const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => {
        state = (Math.imul(1664525, state) + 1013904223) >>> 0;
        return ((state >>> 8) / 2 ** 23 - 1) / Math.sqrt(fanIn);
      });
      return [name, tensor(values, shape, { dtype })];
    }),
  );
}

function lenet(dtype: DType): Sequential {
  const model = new Sequential(
    new Conv2d(1, 8, 5, { dtype }),
    new ReLU(),
    new MaxPool2d(2),
    new Conv2d(8, 16, 5, { dtype }),
    new ReLU(),
    new MaxPool2d(2),
    new Flatten(),
    new Linear(256, 10, { dtype }),
  );
  model.loadStateDict(initialWeights(dtype));
  return model;
}

function norm(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum);
}

/** Twenty steps of training, noted as the fixture notes them. */
function train(dtype: LenetCase['dtype']): LenetCase {
  const model = lenet(dtype);
  const named = [...model.namedParameters()];
  const optimizer = new SGD(
    named.map(([, parameter]) => parameter),
    { lr: settings.lr, momentum: settings.momentum },
  );
  using loader = new DataLoader(digits, {
    batchSize,
    normalization: { mean: [settings.mean], std: [settings.deviation] },
  });
  const losses: number[] = [];
  let firstGradientNorms: Record<string, number> = {};
  for (const { images, labels } of loader) {
    using tape = new Tape();
    const x = dtype === 'float32' ? images : cast(images, dtype);
    const loss = crossEntropy(model.forward(x), labels);
    optimizer.zeroGrad();
    tape.backward(loss);
    if (losses.length === 0) {
      firstGradientNorms = Object.fromEntries(
        named.map(([name, { grad }]) => [name, norm(grad?.data ?? [])]),
      );
    }
    optimizer.step();
    losses.push(loss.item());
  }
  const finalNorms = Object.fromEntries(named.map(([name, { data }]) => [name, norm(data)]));
  return { dtype, losses, firstGradientNorms, finalNorms };
}

/** The largest difference of the numbers of two lists, each relative to what is expected. */
function difference(actual: readonly number[], wanted: readonly number[]): number {
  expect(actual.length).toBe(wanted.length);
  return Math.max(...wanted.map((w, i) => Math.abs(Number(actual[i]) - w) / Math.abs(w)));
}

function expectSameRun(actual: LenetCase, wanted: LenetCase, rtol: number): void {
  expect(difference(actual.losses, wanted.losses)).toBeLessThan(rtol);
  for (const part of ['firstGradientNorms', 'finalNorms'] as const) {
    expect(Object.keys(actual[part])).toEqual(Object.keys(wanted[part]));
    const norms = difference(Object.values(actual[part]), Object.values(wanted[part]));
    expect(norms, part).toBeLessThan(rtol);
  }
}

function expected(dtype: LenetCase['dtype']): LenetCase {
  const found = cases.find((run) => run.dtype === dtype);
  if (!found) throw new Error(`the fixture lacks the ${dtype} run`);
  return found;
}

describe('the first twenty steps of LeNet equal those of PyTorch', () => {
  it('on the same images and labels', () => {
    expect(sha256(digits.images)).toBe(settings.pixelsSha256);
    expect(sha256(digits.labels)).toBe(settings.labelsSha256);
  });

  it('in float32 on wasm kernels, within 2e-6', { timeout: 60_000 }, async () => {
    await configureEngine({ kernels: 'wasm' });
    expectSameRun(train('float32'), expected('float32'), 2e-6);
  });

  it('in float64, within 1e-13', { timeout: 60_000 }, async () => {
    await configureEngine({ kernels: 'reference' });
    expectSameRun(train('float64'), expected('float64'), 1e-13);
  });
});
