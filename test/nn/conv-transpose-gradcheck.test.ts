import { gradcheck, Scope, tensor, type Tensor } from '@unfold/core';
import { convTranspose2d, type ConvTranspose2dOptions } from '@unfold/nn';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  convCases,
  convNumbers,
  describeCase,
  shapesOf,
  timesRead,
  type ConvCase,
} from '../support/convolutions/conv-cases.js';
import {
  TRANSPOSE_KINDS,
  transposeBias,
  transposeOptions,
} from '../support/convolutions/conv-transpose-cases.js';
import { gradchecks } from '../support/gradchecks.js';

const PER_KIND = 6;

/** A few of each kind, the same in each run; none all of which falls on what padding cuts off. */
const cases = TRANSPOSE_KINDS.flatMap((kind) =>
  fc
    .sample(
      convCases(kind, 120).filter((given) => timesRead(given).some((times) => times > 0)),
      { numRuns: PER_KIND, seed: 8 },
    )
    // Gradients of gradients take a difference for each element of dOut too: some of each kind.
    .map((given, i) => ({
      given,
      name: `${kind}: ${describeCase(given)}`,
      proof: i % 3 === 0 ? gradchecks : gradcheck,
    })),
);

function check(
  [x, weight, bias]: readonly [Tensor, Tensor, Tensor | null],
  options: ConvTranspose2dOptions,
  proof: typeof gradchecks,
): void {
  const inputs = bias ? [x, weight, bias] : [x, weight];
  proof(
    (...[image, kernel, shift]) =>
      convTranspose2d(present(image), present(kernel), shift ?? null, options),
    inputs,
  );
  for (const input of inputs) expect(input.grad?.shape).toEqual(input.shape);
}

function present(x: Tensor | undefined): Tensor {
  if (!x) throw new Error('an input is missing');
  return x;
}

function leaf(values: Float64Array, shape: readonly number[]): Tensor {
  return tensor(values, shape, { requiresGrad: true });
}

describe('gradcheck of convTranspose2d with respect to x, weight and bias', () => {
  it('runs through at least 50 geometries that cover every option', () => {
    const all = cases.map(({ given }) => given);
    expect(new Set(all.map(describeCase)).size).toBeGreaterThanOrEqual(50);
    const count = (test: (given: ConvCase) => boolean): number => all.filter(test).length;
    const padded = (given: ConvCase): boolean =>
      [transposeOptions(given).outputPadding].flat().some((more) => more > 0);
    expect(count(padded)).toBeGreaterThan(10);
    expect(count(({ groups, groupC }) => groups > 1 && groupC > 1)).toBeGreaterThan(5);
    expect(count(({ axes }) => axes.some(({ stride }) => stride > 1))).toBeGreaterThan(15);
    expect(count(({ axes }) => axes.some(({ padding }) => padding > 0))).toBeGreaterThan(15);
    expect(count(({ axes }) => axes.some(({ dilation }) => dilation > 1))).toBeGreaterThan(15);
    expect(count(({ bias }) => bias)).toBeGreaterThan(15);
    expect(count(({ bias }) => !bias)).toBeGreaterThan(15);
  });

  it.each(cases)('$name', ({ given, proof }) => {
    using _scope = new Scope();
    const shapes = shapesOf(given);
    const numbers = convNumbers(given, 2);
    const bias = transposeBias(given);
    const x = leaf(numbers.dOut, shapes.out);
    const weight = leaf(numbers.weight, shapes.weight);
    check([x, weight, bias && leaf(bias, [bias.length])], transposeOptions(given), proof);
  });

  it('an outputPadding beyond the stride, as a dilation allows it', () => {
    using _scope = new Scope();
    const draw = (count: number): Float64Array =>
      Float64Array.from({ length: count }, (_, i) => Math.sin(3 * i + 1));
    const options = { stride: [1, 2], dilation: [2, 4], outputPadding: [1, 3] } as const;
    const x = leaf(draw(24), [2, 2, 2, 3]);
    check([x, leaf(draw(24), [2, 2, 3, 2]), leaf(draw(2), [2])], options, gradchecks);
  });
});
