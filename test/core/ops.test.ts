import {
  configureEngine,
  empty,
  Generator,
  gradcheck,
  gradgradcheck,
  Scope,
  Tape,
  type Tensor,
} from '@unfold/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as ops from '../../packages/core/src/ops/index.js';
import { expectClose } from '../support/compare.js';
import { makeInputs, type OpCase } from '../support/op-case.js';
import { OP_CASES } from '../support/op-cases.js';

/**
 * How far float32 may be from float64: |f32 - f64| ≤ 4e-6·(1 + |f64|), some thirty units in the
 * last place. The sums of these cases have at most 60 terms near 1.
 */
const TOLERANCE = { rtol: 4e-6, atol: 4e-6 };

/** Operations that are constant, or constant but for jumps. */
// prettier-ignore
const CONSTANT = [
  'all', 'any', 'argmax', 'argmin', 'argsort', 'ceil', 'countNonzero', 'eq', 'floor', 'floorDivide', 'ge', 'gt', 'isFinite', 'isInf', 'isNaN', 'le', 'logicalAnd', 'logicalNot', 'logicalOr', 'logicalXor', 'lt', 'ne', 'nonzero', 'oneHot', 'round', 'sign', 'trunc', 'unique',
];

const title = ({ op, about }: OpCase): string => `${op}: ${about}`;
const differentiable = OP_CASES.filter((row) => row.differentiable !== false);

interface Result {
  readonly out: Tensor;
  readonly grads: readonly Tensor[];
}

/** Forward, and backward with a random cotangent that is the same for every dtype. */
function run(row: OpCase, dtype: 'float32' | 'float64'): Result {
  const inputs = makeInputs(row, dtype);
  using tape = new Tape();
  const out = row.call(...inputs);
  if (row.differentiable === false) return { out: out.keep(), grads: [] };
  const source = new Generator(7, title(row));
  const cotangent = empty(out.shape, dtype);
  cotangent.update((data) => data.forEach((_, i) => (data[i] = Math.fround(source.normal()))));
  tape.backward(out, cotangent);
  // A gradient is null only for an input that was handed to the call and not used by it.
  return { out: out.keep(), grads: inputs.map(({ grad }) => grad as Tensor) };
}

/** Without elements there is nothing to differentiate; backward runs all the same, in float32. */
function hasElements(row: OpCase): boolean {
  using _scope = new Scope();
  const inputs = makeInputs(row, 'float64');
  return row.call(...inputs).size > 0 && inputs.some(({ size }) => size > 0);
}

describe('the table of op cases', () => {
  it('has a row for every exported operation, and no other', () => {
    const named = new Set(OP_CASES.map(({ op }) => op));
    expect([...named].sort()).toEqual(Object.keys(ops).sort());
  });

  it('has no two rows of one name', () => {
    expect(new Set(OP_CASES.map(title)).size).toBe(OP_CASES.length);
  });

  it('has a differentiable row for every operation but these', () => {
    const constant = new Set(OP_CASES.map(({ op }) => op));
    for (const { op } of differentiable) constant.delete(op);
    expect([...constant].sort()).toEqual(CONSTANT);
  });
});

describe('gradcheck in float64', () => {
  it.each(differentiable.filter(hasElements).map((row) => [title(row), row] as const))(
    '%s',
    (_, row) => {
      using _scope = new Scope();
      gradcheck(row.call, makeInputs(row, 'float64'));
    },
  );
});

describe('gradgradcheck in float64', () => {
  it.each(differentiable.filter(hasElements).map((row) => [title(row), row] as const))(
    '%s',
    (_, row) => {
      using _scope = new Scope();
      gradgradcheck(row.call, makeInputs(row, 'float64'));
    },
  );
});

describe.each(['wasm', 'reference'] as const)('float32 on the %s kernels', (kernels) => {
  // Not by each test: an engine that starts checks its kernels.
  beforeAll(() => configureEngine({ kernels }));
  afterAll(() => configureEngine({ kernels: 'wasm' }));

  it.each(OP_CASES.map((row) => [title(row), row] as const))('%s', (_, row) => {
    using _scope = new Scope();
    const exact = run(row, 'float64');
    const single = run(row, 'float32');
    const { out } = single;
    expect(out.shape).toEqual(exact.out.shape);
    expect(out.dtype).toBe(exact.out.dtype === 'float64' ? 'float32' : exact.out.dtype);
    expectClose(out.data, exact.out.data, TOLERANCE);
    exact.grads.forEach((grad, i) => {
      expect(single.grads[i]?.shape).toEqual(grad.shape);
      expect(single.grads[i]?.dtype).toBe('float32');
      expectClose(single.grads[i]?.data ?? [], grad.data, TOLERANCE);
    });
    out.dispose();
    exact.out.dispose();
  });
});
