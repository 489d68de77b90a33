import { add, einsum, matmul, mul, reshape, type Tensor } from '@unfold/core';
import { linear } from '@unfold/nn';
import type { Call, Operators } from './call.js';

/** alpha·A·B + beta·C, of matrices; what a layer computes, where it is one. */
function gemm(call: Call): Tensor {
  const a = call.x;
  const b = call.tensor(1);
  const c = call.maybe(2);
  const alpha = call.float('alpha', 1);
  const beta = call.float('beta', 1);
  const turned = { a: call.int('transA', 0) !== 0, b: call.int('transB', 0) !== 0 };
  const isPlain = alpha === 1 && beta === 1 && !turned.a && turned.b;
  if (isPlain && (!c || (c.ndim === 1 && c.shape[0] === b.shape[0]))) return linear(a, b, c);
  const product = matmul(a, b, { transposeA: turned.a, transposeB: turned.b });
  const scaled = alpha === 1 ? product : mul(product, alpha);
  if (!c) return scaled;
  return add(scaled, beta === 1 ? c : mul(c, beta));
}

/** As NumPy's: a vector is a row before, a column behind, and gives no axis. */
function product(call: Call): Tensor {
  const a = call.x;
  const b = call.tensor(1);
  if (a.ndim > 1 && b.ndim > 1) return matmul(a, b);
  const left = a.ndim === 1 ? reshape(a, [1, -1]) : a;
  const right = b.ndim === 1 ? reshape(b, [-1, 1]) : b;
  const out = matmul(left, right);
  const shape = [...out.shape];
  if (b.ndim === 1) shape.pop();
  if (a.ndim === 1) shape.splice(b.ndim === 1 ? -1 : -2, 1);
  return reshape(out, shape);
}

/** Products of vectors, matrices and more. */
export const PRODUCTS: Operators = {
  Gemm: gemm,
  MatMul: product,
  Einsum: (call) => einsum(call.text('equation', '').replaceAll(' ', ''), ...call.tensors()),
};
