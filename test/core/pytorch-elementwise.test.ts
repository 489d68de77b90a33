import * as core from '@unfold/core';
import { configureEngine, Tape, Tensor } from '@unfold/core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  expectTensor,
  loadFixture,
  tensorOf,
  VARIANTS,
  type ElementwiseCase,
} from '../support/fixtures/fixtures.js';
import { call } from '../support/misuse.js';

const { cases } = loadFixture('elementwise');

/** The function of core that a case is about. */
function functionOf({ op }: ElementwiseCase): Function {
  const fn: unknown = Reflect.get(core, op);
  if (typeof fn !== 'function') throw new Error(`core has no ${op}`);
  return fn;
}

/**
 * What the two differ in, on purpose: the gradient of a sum of exponentials that are all 0 is 0 here,
 * and NaN there.
 */
const atNothing = 'logSumExp: large and infinite';

describe.each(VARIANTS)('functions equal PyTorch, $dtype on $kernels', ({ kernels, dtype }) => {
  const rtol = dtype === 'float64' ? 1e-12 : 3e-6;

  beforeAll(async () => {
    await configureEngine({ kernels });
  });

  it.each(cases.map((each) => [each.name, each] as const))('%s', (name, each) => {
    using tape = new Tape();
    const inputs = each.inputs.map((x) => tensorOf(x, dtype, { requiresGrad: true }));
    const { p, ...others } = each.options;
    const options = p === undefined ? others : { ...others, p: Number(p) };
    const hasOptions = Object.keys(options).length > 0;
    const out = call(functionOf(each), ...inputs, ...(hasOptions ? [options] : []));
    if (!(out instanceof Tensor)) throw new Error('the result is no tensor');
    expect(out.dtype).toBe(each.dtype === 'float' ? dtype : each.dtype);
    expectTensor('out', out, each.out, { rtol, atol: 1e-37 });
    if (each.dOut === null || name === atNothing) return;
    tape.backward(out, tensorOf(each.dOut, dtype));
    each.gradients?.forEach((expected, i) => {
      expectTensor(`gradient ${i}`, inputs[i]?.grad, expected, { rtol, atol: rtol });
    });
  });
});
