import {
  abs,
  clamp,
  configureEngine,
  gelu,
  leakyRelu,
  logSoftmax,
  maximum,
  minimum,
  pow,
  relu,
  sigmoid,
  softmax,
  tanh,
  Tape,
  type Tensor,
} from '@unfold/core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  expectTensor,
  loadFixture,
  tensorOf,
  VARIANTS,
  type OpCase,
} from '../support/fixtures/fixtures.js';

type Apply = (inputs: readonly Tensor[], options: OpCase['options']) => Tensor;

function unary(fn: (x: Tensor) => Tensor): Apply {
  return ([x]) => fn(present(x));
}

function binary(fn: (a: Tensor, b: Tensor) => Tensor): Apply {
  return ([a, b]) => fn(present(a), present(b));
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the fixture lacks an input or an option');
  return value;
}

const OPS: Record<string, Apply> = {
  abs: unary(abs),
  relu: unary(relu),
  sigmoid: unary(sigmoid),
  tanh: unary(tanh),
  gelu: unary(gelu),
  leakyRelu: ([x], { slope }) => leakyRelu(present(x), { slope: present(slope) }),
  clamp: ([x], options) => clamp(present(x), options),
  powNumber: ([x], { exponent }) => pow(present(x), present(exponent)),
  pow: binary(pow),
  maximum: binary(maximum),
  minimum: binary(minimum),
  softmax: ([x], { axis }) => softmax(present(x), present(axis)),
  logSoftmax: ([x], { axis }) => logSoftmax(present(x), present(axis)),
};

const { cases } = loadFixture('ops');
const ties = new Set(['maximum', 'minimum']);

describe.each(VARIANTS)('ops equal PyTorch, $dtype on $kernels', ({ kernels, dtype }) => {
  const rtol = dtype === 'float64' ? 1e-12 : 2e-6;

  beforeAll(async () => {
    await configureEngine({ kernels });
  });

  function run(given: OpCase): { out: Tensor; inputs: Tensor[]; tape: Tape } {
    const tape = new Tape();
    const inputs = given.inputs.map((x) => tensorOf(x, dtype, { requiresGrad: true }));
    const out = present(OPS[given.op])(inputs, given.options);
    tape.backward(out, tensorOf(given.dOut, dtype));
    return { out, inputs, tape };
  }

  it.each(cases.filter(({ op }) => !ties.has(op)))('$name', (given) => {
    const { out, inputs, tape } = run(given);
    using _ = tape;
    // Where the true value is a small difference of larger numbers, the error is a part of those.
    const largest = given.op === 'logSoftmax' ? largestOf(given) : 1;
    expectTensor('out', out, given.out, { rtol, atol: rtol * largest });
    inputs.forEach((input, i) => {
      expectTensor(`gradient ${i}`, input.grad, present(given.gradients[i]), { rtol, atol: rtol });
    });
  });

  // PyTorch gives each of two equal inputs half of the gradient; ours gives all of it to the
  // first, so that the gradient of a composed maximum is that of one of its branches.
  it.each(cases.filter(({ op }) => ties.has(op)))('$name, but ties go to the first', (given) => {
    const { out, inputs, tape } = run(given);
    using _ = tape;
    expectTensor('out', out, given.out, { rtol: 0 });
    const [a, b] = given.inputs.map(({ data }) => data);
    const [dA, dB] = given.gradients.map(({ shape, data }) => ({ shape, data: data.slice() }));
    if (!a || !b || !dA || !dB) throw new Error('the fixture lacks an input');
    let tied = 0;
    a.forEach((value, i) => {
      if (value !== b[i]) return;
      tied++;
      dA.data[i] = Number(given.dOut.data[i]);
      dB.data[i] = 0;
    });
    expect(tied).toBeGreaterThan(2);
    expectTensor('dA', inputs[0]?.grad, dA, { rtol: 0 });
    expectTensor('dB', inputs[1]?.grad, dB, { rtol: 0 });
  });
});

function largestOf(given: OpCase): number {
  return given.inputs.reduce((a, { data }) => Math.max(a, ...data.map(Math.abs)), 1);
}
