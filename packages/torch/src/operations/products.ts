import { call, infix, property, type Expression } from '../python.js';
import { cast, functional } from './call.js';
import type { Step, Translations } from './step.js';

/** An operand whose last two axes have changed places if they should. */
function turned(step: Step, operand: string, flag: string): Expression {
  const x = step.in(operand);
  if (!step.flag(flag)) return x;
  return property(x, step.value(operand).shape.length === 2 ? 'T' : 'mT');
}

/** Products of vectors, matrices and more. */
export const PRODUCTS: Translations = {
  matmul: (step) => infix('@', turned(step, 'a', 'transposeA'), turned(step, 'b', 'transposeB')),
  dot: functional('torch.dot', ['a', 'b']),
  outer: functional('torch.outer', ['a', 'b']),
  bmm: functional('torch.bmm', ['a', 'b']),
  einsum: (step) =>
    call('torch.einsum', [
      step.attributes['equation'] ?? null,
      ...step.inputs.map((value) => step.nameOf(value)),
    ]),
  linear: functional('F.linear', ['x', 'weight', 'bias']),
  embedding: functional(
    'F.embedding',
    [
      (step) => (step.value('x').dtype === 'int32' ? step.in('x') : cast(step.in('x'), 'int32')),
      'weight',
    ],
    { paddingIdx: null },
  ),
  scaledDotProductAttention: functional('F.scaled_dot_product_attention', ['q', 'k', 'v'], {
    attnMask: null,
    dropoutP: 0,
    isCausal: false,
    scale: null,
  }),
};
