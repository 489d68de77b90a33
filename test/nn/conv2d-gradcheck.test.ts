import {
  Generator,
  gradcheck,
  manualSeed,
  mul,
  randn,
  Scope,
  tensor,
  UnfoldError,
  type Tensor,
} from '@unfold/core';
import {
  Conv2d,
  conv2d,
  crossEntropy,
  Flatten,
  Linear,
  MaxPool2d,
  ReLU,
  Sequential,
} from '@unfold/nn';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CONV_KINDS,
  convCases,
  convNumbers,
  describeCase,
  optionsOf,
  shapesOf,
  sizeOf,
  timesRead,
  type ConvCase,
  type ConvKind,
} from '../support/convolutions/conv-cases.js';
import { gradchecks } from '../support/gradchecks.js';

const PER_KIND = 7;

/** A few of each kind, the same in each run; none whose windows all lie on the padding. */
const cases = (Object.keys(CONV_KINDS) as ConvKind[]).flatMap((kind) =>
  fc
    .sample(
      convCases(kind, 120).filter((given) => timesRead(given).some((times) => times > 0)),
      { numRuns: PER_KIND, seed: 7 },
    )
    // Gradients of gradients take a difference for each element of dOut too: some of each kind.
    .map((given, i) => ({
      given,
      name: `${kind}: ${describeCase(given)}`,
      check: i % 3 === 0 ? gradchecks : gradcheck,
    })),
);

/** x, weight and, where the case has one, bias: float64 leaves of random numbers. */
function leaves(given: ConvCase, seed: number): Tensor[] {
  const shapes = shapesOf(given);
  const numbers = convNumbers(given, seed);
  const names = given.bias ? (['x', 'weight', 'bias'] as const) : (['x', 'weight'] as const);
  return names.map((name) =>
    tensor(numbers[name], shapes[name], { dtype: 'float64', requiresGrad: true }),
  );
}

describe('gradcheck of conv2d with respect to x, weight and bias', () => {
  it('runs through at least 60 geometries that cover every kind', () => {
    const all = cases.map(({ given }) => given);
    expect(new Set(all.map(describeCase)).size).toBeGreaterThanOrEqual(60);
    const count = (test: (given: ConvCase) => boolean): number => all.filter(test).length;
    const anyAxis = (test: (axis: ConvCase['axes'][0]) => boolean) => (given: ConvCase) =>
      given.axes.some(test);
    expect(count(anyAxis(({ stride }) => stride > 1))).toBeGreaterThan(20);
    expect(count(anyAxis(({ padding }) => padding > 0))).toBeGreaterThan(20);
    expect(count(anyAxis(({ kernel, dilation }) => kernel > 1 && dilation > 1))).toBeGreaterThan(
      20,
    );
    expect(count(({ axes: [h, w] }) => h.kernel !== w.kernel)).toBeGreaterThan(20);
    expect(count(({ axes: [h, w] }) => h.size !== w.size)).toBeGreaterThan(20);
    expect(count(({ groups, groupC }) => groups > 1 && groupC > 1)).toBeGreaterThan(10);
    expect(count(({ groups, groupC }) => groups > 1 && groupC === 1)).toBeGreaterThan(10);
    expect(count(({ bias }) => bias)).toBeGreaterThan(20);
    expect(count(({ bias }) => !bias)).toBeGreaterThan(20);
  });

  it.each(cases)('$name', ({ given, check }) => {
    using _scope = new Scope();
    const inputs = leaves(given, 1);
    check(
      (...[x, weight, bias]) => conv2d(present(x), present(weight), bias, optionsOf(given)),
      inputs,
    );
    // Each input was checked: it has the gradient that was compared.
    for (const input of inputs) {
      expect(input.grad?.shape).toEqual(input.shape);
      expect(sizeOf(input.shape)).toBeGreaterThan(0);
    }
  });

  it('notices a wrong gradient', () => {
    using _scope = new Scope();
    const given = cases[0]?.given;
    if (!given) throw new Error('no cases');
    const [x, weight] = leaves(given, 1);
    // Detached, the second factor's part of the gradient is missing.
    const wrong = (...[input, kernel]: Tensor[]): Tensor => {
      const out = conv2d(present(input), present(kernel), null, optionsOf(given));
      return mul(out, out.detach());
    };
    expect(() => gradcheck(wrong, [present(x), present(weight)])).toThrow(UnfoldError);
  });
});

function present(x: Tensor | undefined): Tensor {
  if (!x) throw new Error('an input is missing');
  return x;
}

describe('gradcheck of a whole network', () => {
  it('conv, relu, pool, conv, relu, flatten, linear, crossEntropy: input and all parameters', () => {
    using _scope = new Scope();
    manualSeed(3);
    const dtype = 'float64';
    const network = new Sequential(
      new Conv2d(2, 3, [3, 2], { padding: [1, 0], dtype }),
      new ReLU(),
      new MaxPool2d(2, { stride: [2, 1] }),
      new Conv2d(3, 4, 2, { stride: 2, bias: false, dtype }),
      new ReLU(),
      new Flatten(),
      new Linear(16, 5, { dtype }),
    );
    const x = randn([3, 2, 8, 6], { dtype, generator: new Generator(1), requiresGrad: true });
    const labels = tensor(Int32Array.of(4, 0, 2));
    const parameters = [...network.parameters()];
    expect(parameters).toHaveLength(5);
    gradchecks(
      (input) => crossEntropy(network.forward(present(input)), labels, { labelSmoothing: 0.1 }),
      [x, ...parameters],
    );
    for (const leaf of [x, ...parameters]) {
      // A dead network would pass with zeros: at least a third of each gradient is not 0.
      const alive = leaf.grad?.data.filter((value) => value !== 0).length ?? 0;
      expect(alive, leaf.describe()).toBeGreaterThan(leaf.size / 3);
    }
    network.dispose();
  });
});
