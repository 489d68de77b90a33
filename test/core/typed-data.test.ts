import {
  add,
  arange,
  argmax,
  cast,
  concat,
  empty,
  eq,
  exp,
  full,
  gt,
  logicalNot,
  matmul,
  mul,
  ones,
  Parameter,
  rand,
  randn,
  relu,
  split,
  sum,
  tensor,
  where,
  zeros,
  type ArrayTypes,
  type DType,
  type Tensor,
} from '@unfold/core';
import { expect, it } from 'vitest';

/*
 * The types here are what is tested, by the type checker: each array has the type that its tensor's
 * dtype says. What runs only shows that the types tell the truth.
 */

it('creation functions give float32, unless a dtype says otherwise', () => {
  const floats: Float32Array[] = [
    zeros([2]).data,
    ones([2], { requiresGrad: true }).data,
    full([], 3).data,
    arange(3).data,
    rand([2]).data,
    randn([2]).data,
    empty([2]).data,
    zeros([2]).toTypedArray(),
  ];
  for (const array of floats) expect(array).toBeInstanceOf(Float32Array);
  const doubles: Float64Array[] = [
    rand([2], { dtype: 'float64' }).data,
    zeros([2], { dtype: 'float64' }).detach().data,
  ];
  for (const array of doubles) expect(array).toBeInstanceOf(Float64Array);
  const words: Int32Array = arange(0, 3, 1, { dtype: 'int32' }).data;
  const bytes: Uint8Array = zeros([2], { dtype: 'bool' }).data;
  expect([words.constructor, bytes.constructor]).toEqual([Int32Array, Uint8Array]);
});

it('tensor follows its data, and a dtype before them', () => {
  const floats: Float32Array[] = [
    tensor(1).data,
    tensor([[1, 2]]).data,
    tensor([]).data,
    tensor(new Float32Array(2)).data,
    tensor([true], undefined, { dtype: 'float32' }).data,
  ];
  for (const array of floats) expect(array).toBeInstanceOf(Float32Array);
  const doubles: Float64Array = tensor(new Float64Array(2)).data;
  const words: Int32Array = tensor(new Int32Array(2), [2, 1]).data;
  const bytes: Uint8Array[] = [
    tensor(new Uint8Array(2)).data,
    tensor([[true], [false]]).data,
    tensor([1], [1], { dtype: 'bool' }).data,
  ];
  expect(doubles).toBeInstanceOf(Float64Array);
  expect(words).toBeInstanceOf(Int32Array);
  for (const array of bytes) expect(array).toBeInstanceOf(Uint8Array);
});

it('a dtype that is known at run time only gives an array of any type', () => {
  for (const dtype of ['float32', 'int32'] as readonly DType[]) {
    const x: Tensor = zeros([2], { dtype });
    const data: ArrayTypes[DType] = x.data;
    // @ts-expect-error: it may be another one.
    const floats: Float32Array = x.data;
    expect([data.length, floats.length]).toEqual([2, 2]);
  }
});

it('a parameter has the type of what it is made from, and so has its gradient', () => {
  using weight = new Parameter(ones([2]));
  weight.grad = ones([2]);
  const arrays: (Float32Array | undefined)[] = [weight.data, weight.grad.data];
  for (const array of arrays) expect(array).toBeInstanceOf(Float32Array);
  // @ts-expect-error: no gradient of another type.
  expect(() => (weight.grad = ones([2], { dtype: 'float64' }))).toThrow(/float64/);
});

it('operations keep the dtype, compare to bool, and count in int32', () => {
  let x = zeros([2, 3]);
  for (let i = 0; i < 2; i++) x = relu(add(mul(x, 2), 1));
  const floats: Float32Array[] = [
    x.data,
    sum(x, 1).data,
    matmul(x, ones([3, 2])).data,
    concat([x, x]).data,
    split(x, 1)[0]?.data ?? x.data,
    where(gt(x, 0), x, 0).data,
  ];
  for (const array of floats) expect(array).toBeInstanceOf(Float32Array);
  const doubles: Float64Array = exp(cast(x, 'float64')).data;
  const truths: Uint8Array = logicalNot(eq(x, 1)).data;
  const positions: Int32Array = argmax(x, 1).data;
  expect(doubles).toBeInstanceOf(Float64Array);
  expect([truths.constructor, positions.constructor]).toEqual([Uint8Array, Int32Array]);
});
