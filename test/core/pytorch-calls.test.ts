import * as core from '@unfold/core';
import { configureEngine, mul, sum, Tape, Tensor } from '@unfold/core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  expectTensor,
  loadFixture,
  tensorOf,
  VARIANTS,
  type CallArgument,
  type CallCase,
} from '../support/fixtures/fixtures.js';
import { call } from '../support/misuse.js';

const { cases } = loadFixture('calls');

/** An argument with tensors in their places. */
function given(argument: CallArgument, inputs: readonly Tensor[]): unknown {
  if (typeof argument !== 'object' || argument === null) return argument;
  if ('input' in argument) return inputs[Number(argument.input)];
  return Array.isArray(argument)
    ? argument.map((part: CallArgument) => given(part, inputs))
    : argument;
}

/** The function of core that a case is about. */
function functionOf({ op }: CallCase): Function {
  const fn: unknown = Reflect.get(core, op);
  if (typeof fn !== 'function') throw new Error(`core has no ${op}`);
  return fn;
}

describe.each(VARIANTS)('calls equal PyTorch, $dtype on $kernels', ({ kernels, dtype }) => {
  const tolerance = { rtol: dtype === 'float64' ? 1e-12 : 2e-6, atol: 2e-6 };

  beforeAll(async () => {
    await configureEngine({ kernels });
  });

  it.each(cases.map((each) => [each.name, each] as const))('%s', (_, each) => {
    using tape = new Tape();
    const inputs = each.inputs.map((x, i) =>
      tensorOf(x.values, x.dtype === 'float' ? dtype : x.dtype, {
        requiresGrad: each.gradients[i] !== null,
      }),
    );
    const returned = call(
      functionOf(each),
      ...each.args.map((argument) => given(argument, inputs)),
    );
    const outs = (Array.isArray(returned) ? returned : [returned]) as readonly unknown[];
    expect(outs).toHaveLength(each.outs.length);
    const losses: Tensor[] = [];
    each.outs.forEach((expected, i) => {
      const out = outs[i];
      if (!(out instanceof Tensor)) throw new Error(`result ${i} is no tensor`);
      expect(out.dtype).toBe(expected.dtype === 'float' ? dtype : expected.dtype);
      expectTensor(`result ${i}`, out, expected.values, tolerance);
      const dOut = each.dOuts[i];
      if (dOut) losses.push(sum(mul(out, tensorOf(dOut, dtype))));
    });
    const [first, ...others] = losses;
    if (!first) return;
    tape.backward(others.reduce((total, loss) => core.add(total, loss), first));
    each.gradients.forEach((expected, i) => {
      if (expected) expectTensor(`gradient ${i}`, inputs[i]?.grad, expected, tolerance);
    });
  });
});
