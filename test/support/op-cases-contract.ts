import * as u from '@unfold/core';
import { normal, row, type CaseInput, type OpCase } from './op-case.js';

/** What stands in brackets behind an equation is said of it. */
function einsumCase(about: string, ...inputs: readonly CaseInput[]): OpCase {
  const equation = about.replace(/ \(.*/, '');
  return row('einsum', about, inputs, (...xs) => u.einsum(equation, ...xs));
}

/** Products of vectors, batches and whatever an equation says. */
export const CONTRACTION_CASES: readonly OpCase[] = [
  row('matmul', 'of two vectors', [normal(5), normal(5)], (a, b) => u.matmul(a, b)),
  row('matmul', 'a vector on the left', [normal(4), normal(4, 3)], (a, b) => u.matmul(a, b)),
  row('matmul', 'a vector on the right', [normal(2, 3, 4), normal(4)], (a, b) => u.matmul(a, b)),
  row('matmul', 'a vector before a batch', [normal(4), normal(2, 3, 4)], (a, b) =>
    u.matmul(a, b, { transposeB: true }),
  ),
  row('dot', 'of vectors', [normal(7), normal(7)], (a, b) => u.dot(a, b)),
  row('dot', 'of nothing', [normal(0), normal(0)], (a, b) => u.dot(a, b)),
  row('outer', 'of vectors', [normal(4), normal(3)], (a, b) => u.outer(a, b)),
  row('bmm', 'of batches', [normal(2, 3, 4), normal(2, 4, 5)], (a, b) => u.bmm(a, b)),
  row('bmm', 'a batch of 1', [normal(1, 3, 4), normal(2, 4, 5)], (a, b) => u.bmm(a, b)),

  einsumCase('ij,jk->ik', normal(2, 3), normal(3, 4)),
  einsumCase('ij,jk', normal(2, 3), normal(3, 4)),
  einsumCase('ji,kj->ki', normal(3, 2), normal(4, 3)),
  einsumCase('bij,bjk->kbi', normal(2, 3, 4), normal(2, 4, 5)),
  einsumCase('ij,ij->', normal(3, 4), normal(3, 4)),
  einsumCase('ij,ij->ji', normal(3, 4), normal(3, 4)),
  einsumCase('ij,ik->i', normal(3, 4), normal(3, 2)),
  einsumCase('ii', normal(3, 3)),
  einsumCase('ii->i', normal(4, 4)),
  einsumCase('iji->j', normal(3, 2, 3)),
  einsumCase('ij->ji', normal(3, 4)),
  einsumCase('ba', normal(2, 3)),
  einsumCase('ij->', normal(3, 4)),
  einsumCase('i,j,k->kij', normal(2), normal(3), normal(4)),
  einsumCase('ij,jk,kl->il', normal(2, 3), normal(3, 4), normal(4, 2)),
  einsumCase('...ij,...jk->...ik', normal(2, 1, 3, 4), normal(5, 4, 2)),
  einsumCase('i...,i...', normal(2, 3, 4), normal(2, 4)),
  einsumCase('b...,b...->...', normal(2, 3), normal(2, 3)),
  einsumCase('ij,jk->ik (a 1 stretched)', normal(2, 1), normal(3, 4)),
  einsumCase('i,->i', normal(3), normal()),
  einsumCase('ij,kl->', normal(2, 3), normal(3, 2)),
  einsumCase('bhqd,bhkd->bhqk', normal(2, 2, 3, 4), normal(2, 2, 5, 4)),
  einsumCase('ij,jk->ik (nothing)', normal(2, 0), normal(0, 3)),
  einsumCase('ij->ij', normal(2, 3)),
];
