import { swapped } from './movement.js';
import type { Emit, Emitters, Step, Term } from './step.js';

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
  const bias = step.optional('bias');
  if (step.ndim === 2) {
    return step.emit('Gemm', [step.x, step.in('weight'), ...bias], { transB: 1 });
  }
  const out = step.emit('MatMul', [step.x, turned(step, 'weight', true)]);
  return step.has('bias') ? step.emit('Add', [out, ...bias]) : out;
};

const outer: Emit = (step) => {
  const column: Term = ['Unsqueeze', step.in('a'), step.int64(1)];
  return step.emit('Mul', [column, ['Unsqueeze', step.in('b'), step.int64(0)]]);
};

/** softmax(scale·q·kᵀ + mask)·v. */
const attention: Emit = (step) => {
  if (step.number('dropoutP') !== 0) throw step.onlyTraining('is random');
  const query = step.value('q');
  const key = step.value('k');
  const { scale } = step.attributes;
  const factor = typeof scale === 'number' ? scale : 1 / Math.sqrt(query.shape.at(-1) ?? 1);
  const scores = step.emit('MatMul', [['Mul', step.in('q'), factor], turned(step, 'k', true)]);
  if (step.flag('isCausal')) {
    const sizes = [query, key].map((value) => step.countAlong(value, [value.shape.length - 2]));
    const all: Term = ['Expand', -Infinity, step.int64(...sizes)];
    return weighted(step, ['Add', scores, ['Trilu', all, step.scalar('int64', 1)]]);
  }
  if (!step.has('attnMask')) return weighted(step, scores);
  const mask = step.in('attnMask');
  return step.value('attnMask').dtype === 'bool'
    ? weighted(step, ['Where', mask, scores, -Infinity], mask)
    : weighted(step, ['Add', scores, mask]);
};

/** What the scores make of the values. A row without keys, which softmax makes NaN, gives 0. */
function weighted(step: Step, scores: Term, mask?: string): string {
  const shares = step.emit('Softmax', [scores], { axis: -1 });
  const kept: Term = mask === undefined ? shares : ['Where', mask, shares, 0];
  return step.emit('MatMul', [kept, step.in('v')]);
}

/** Products of vectors, matrices and more. */
export const PRODUCTS: Emitters = {
  matmul: (step) =>
    step.emit('MatMul', [
      turned(step, 'a', step.flag('transposeA')),
      turned(step, 'b', step.flag('transposeB')),
    ]),
  bmm: product,
  dot: product,
  outer,
  einsum: (step) =>
    step.emit('Einsum', step.all, { equation: String(step.attributes['equation']) }),
  linear,
  scaledDotProductAttention: attention,
};
