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

/** softmax(scale·q·kᵀ + mask)·v. */
const attention: Emit = (step) => {
  const { dtype } = step.out;
  if (step.number('dropoutP') !== 0) {
    throw step.refusal('it is random in training', 'model.eval() comes before an export');
  }
  const query = step.value('q');
  const ndim = query.shape.length;
  const width = query.shape[ndim - 1] ?? 1;
  const { scale } = step.attributes;
  const factor = step.scalar(dtype, typeof scale === 'number' ? scale : 1 / Math.sqrt(width));
  const q = step.emit('Mul', [step.in('q'), factor]);
  const scores = step.emit('MatMul', [q, turned(step, 'k', true)]);
  const key = step.value('k');
  const minusInfinity = step.scalar(dtype, -Infinity);
  if (step.attributes['isCausal'] === true) {
    const sizes = [
      step.countAlong(query, [ndim - 2]),
      step.countAlong(key, [key.shape.length - 2]),
    ];
    const shape = step.int64(...sizes);
    const later = step.emit('Trilu', [
      step.emit('Expand', [minusInfinity, shape]),
      step.scalar('int64', 1),
    ]);
    return weighted(step, step.emit('Add', [scores, later]), null);
  }
  if (!step.has('attnMask')) return weighted(step, scores, null);
  const mask = step.in('attnMask');
  return step.value('attnMask').dtype === 'bool'
    ? weighted(step, step.emit('Where', [mask, scores, minusInfinity]), mask)
    : weighted(step, step.emit('Add', [scores, mask]), null);
};

/** What the scores make of the values. A row without keys, which softmax makes NaN, gives 0. */
function weighted(step: Step, scores: string, mask: string | null): string {
  const shares = step.emit('Softmax', [scores], { axis: -1 });
  const kept = mask ? step.emit('Where', [mask, shares, step.scalar(step.out.dtype, 0)]) : shares;
  return step.emit('MatMul', [kept, step.in('v')]);
}

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
  scaledDotProductAttention: attention,
};
