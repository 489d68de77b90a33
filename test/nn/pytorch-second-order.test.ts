import {
  add,
  configureEngine,
  grad,
  mean,
  mul,
  reshape,
  sqrt,
  sub,
  sum,
  Tape,
  type Tensor,
} from '@unfold/core';
import {
  AdaptiveAvgPool2d,
  AvgPool2d,
  BatchNorm1d,
  BatchNorm2d,
  bceWithLogits,
  Conv2d,
  ConvTranspose2d,
  crossEntropy,
  Flatten,
  GELU,
  LayerNorm,
  LeakyReLU,
  Linear,
  MaxPool2d,
  mseLoss,
  ReLU,
  Sequential,
  Sigmoid,
  SiLU,
  smoothL1,
  Softmax,
  Tanh,
  type Layer,
} from '@unfold/nn';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  expectTensor,
  loadFixture,
  tensorOf,
  VARIANTS,
  type FixtureArray,
  type LayerRow,
  type SecondOrderCase,
} from '../support/fixtures/fixtures.js';

const { cases } = loadFixture('second-order');

type DType = 'float32' | 'float64';

function build({ kind, args, options }: LayerRow, dtype: DType): Layer {
  const [first = 0, second = 0, size = 0] = args;
  const from = Number(first);
  const to = Number(second);
  switch (kind) {
    case 'Linear':
      return new Linear(from, to, { dtype });
    case 'Conv2d':
      return new Conv2d(from, to, size, { ...options, dtype });
    case 'ConvTranspose2d':
      return new ConvTranspose2d(from, to, size, { ...options, dtype });
    case 'BatchNorm1d':
      return new BatchNorm1d(from, { dtype });
    case 'BatchNorm2d':
      return new BatchNorm2d(from, { dtype });
    case 'LayerNorm':
      return new LayerNorm(from, { dtype });
    case 'MaxPool2d':
      return new MaxPool2d(first, options);
    case 'AvgPool2d':
      return new AvgPool2d(first, options);
    case 'AdaptiveAvgPool2d':
      return new AdaptiveAvgPool2d(first);
    case 'Softmax':
      return new Softmax(from);
    case 'LeakyReLU':
      return new LeakyReLU(options);
    case 'GELU':
      return new GELU(options);
    case 'Flatten':
      return new Flatten();
    case 'ReLU':
      return new ReLU();
    case 'SiLU':
      return new SiLU();
    case 'Sigmoid':
      return new Sigmoid();
    case 'Tanh':
      return new Tanh();
    default:
      throw new Error(`the fixture has a layer that the test does not know: ${kind}`);
  }
}

function lossOf(loss: SecondOrderCase['loss'], out: Tensor, target: Tensor): Tensor {
  switch (loss) {
    case 'mean':
      return mean(out);
    case 'mse':
      return mseLoss(out, target);
    case 'smoothL1':
      return smoothL1(out, target);
    case 'bce':
      return bceWithLogits(out, target);
    case 'crossEntropy':
      return crossEntropy(out, target, { labelSmoothing: 0.1 });
  }
}

/** The mean of (√(‖g‖² + 1e-6) - 1)² over the rows of a gradient. */
function penaltyOf(gradient: Tensor): Tensor {
  const rows = reshape(gradient, [gradient.shape[0] ?? 0, -1]);
  const off = sub(sqrt(add(sum(mul(rows, rows), 1), 1e-6)), 1);
  return mean(mul(off, off));
}

function largest(arrays: Readonly<Record<string, FixtureArray>>): number {
  return Math.max(...Object.values(arrays).flatMap(({ data }) => [...data.map(Math.abs)]));
}

it('the fixture has 20 networks, of 17 kinds of layers', () => {
  expect(cases).toHaveLength(20);
  const kinds = cases.flatMap(({ layers }) => layers.map(({ kind }) => kind));
  expect(new Set(kinds).size).toBe(17);
});

describe.each(VARIANTS)(
  'gradients of gradients equal PyTorch, $dtype on $kernels',
  ({ kernels, dtype }) => {
    // Of the largest number among the gradients: second derivatives are sums of products that cancel.
    const rtol = dtype === 'float64' ? 1e-12 : 1e-5;

    beforeAll(() => configureEngine({ kernels }));

    it.each(cases)('$name', (given) => {
      const network = new Sequential(...given.layers.map((row) => build(row, dtype)));
      const state = Object.entries(given.leaves).filter(([name]) => name !== 'x');
      for (const [name, parameter] of network.namedParameters()) {
        const values = given.leaves[name]?.data ?? [];
        parameter.update((data) => data.set(values));
      }
      using _tape = new Tape();
      const leaves: Record<string, Tensor> = Object.fromEntries(network.namedParameters());
      expect(Object.keys(leaves).sort()).toEqual(state.map(([name]) => name).sort());
      const names = Object.keys(given.leaves);
      const x = tensorOf(given.leaves.x as FixtureArray, dtype, { requiresGrad: true });
      const all = names.map((name) => (name === 'x' ? x : (leaves[name] as Tensor)));
      const compare = (
        what: string,
        found: readonly (Tensor | null)[],
        expected: Readonly<Record<string, FixtureArray>>,
      ): void => {
        const atol = rtol * Math.max(1, largest(expected));
        names.forEach((name, i) => {
          const array = expected[name];
          const gradient = found[i];
          // PyTorch gives no tensor of zeros either.
          if (gradient) expectTensor(`${what} by ${name}`, gradient, array, { rtol, atol });
          else expect(array?.data.every((value) => value === 0)).toBe(true);
        });
      };

      const target = tensorOf(given.target, given.loss === 'crossEntropy' ? 'int32' : dtype);
      const loss = lossOf(given.loss, network.forward(x), target);
      expect(loss.item()).toBeCloseTo(given.value, dtype === 'float64' ? 12 : 5);
      const gradients = grad(loss, all, { createGraph: true });
      compare('gradient', gradients, given.gradients);

      const penalty = penaltyOf(gradients[names.indexOf('x')] as Tensor);
      expect(penalty.item()).toBeCloseTo(given.penalty, dtype === 'float64' ? 12 : 5);
      const some = { retainGraph: true, allowUnused: true };
      compare('gradient of the penalty', grad(penalty, all, some), given.penaltyGradients);

      const along = names
        .map((name, i) =>
          sum(mul(gradients[i] as Tensor, tensorOf(given.vectors[name] as FixtureArray, dtype))),
        )
        .reduce((total, part) => add(total, part));
      compare('Hessian times vector', grad(along, all, some), given.hessianProducts);
      network.dispose();
    });
  },
);
