import type { Value } from '@unfold/core';
import { swapped } from './movement.js';
import type { Emit, Emitters, Step } from './step.js';

/** An operand whose last two axes have changed places if they should. */
function turned(step: Step, operand: string, isTurned: boolean): string {
  const name = step.in(operand);
  const ndim = step.value(operand).shape.length;
  if (!isTurned || ndim < 2) return name;
  return step.emit('Transpose', [name], { perm: swapped(ndim, ndim - 2, ndim - 1) });
}

const product: Emit = (step) => step.emit('MatMul', [step.in('a'), step.in('b')]);

/** Gemm takes matrices alone; for more axes, or one, it is a product and a sum. */
const linear: Emit = (step) => {
  const bias = step.has('bias') ? [step.in('bias')] : [];
  if (step.value('x').shape.length === 2) {
    return step.emit('Gemm', [step.in('x'), step.in('weight'), ...bias], { transB: 1 });
  }
  const out = step.emit('MatMul', [step.in('x'), turned(step, 'weight', true)]);
  return step.has('bias') ? step.emit('Add', [out, step.in('bias')]) : out;
};

const outer: Emit = (step) => {
  const column = step.emit('Unsqueeze', [step.in('a'), step.int64(1)]);
  const row = step.emit('Unsqueeze', [step.in('b'), step.int64(0)]);
  return step.emit('Mul', [column, row]);
};

/** The names of the operands in their order. */
const named = (step: Step, values: readonly Value[]): string[] =>
  values.map((value) => step.nameOf(value));

/** Products of vectors, matrices and more. */
export const PRODUCTS: Emitters = {
  matmul: (step) =>
    step.emit('MatMul', [
      turned(step, 'a', step.attributes['transposeA'] === true),
      turned(step, 'b', step.attributes['transposeB'] === true),
    ]),
  bmm: product,
  dot: product,
  outer,
  einsum: (step) =>
    step.emit('Einsum', named(step, step.inputs), {
      equation: String(step.attributes['equation']),
    }),
  linear,
};
