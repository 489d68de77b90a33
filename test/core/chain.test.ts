import * as core from '@unfold/core';
import { DTypeError, randn, Tape, tensor, Tensor } from '@unfold/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { OP_CASES } from '../support/op-cases.js';

/** Operations whose first argument is no tensor that they work on: see chain.ts. */
const NO_METHODS = new Set(['concat', 'einsum', 'stack', 'where']);

/** Second names, and the first, which errors say. */
const ALIASES: Readonly<Record<string, string>> = { clip: 'clamp', var: 'variance' };

const OPERATIONS = [...new Set(OP_CASES.map(({ op }) => op))].filter(
  (name) => !NO_METHODS.has(name),
);

/** What a plain JavaScript caller sees of tensors. */
const methods = (): Record<string, unknown> =>
  Tensor.prototype as unknown as Record<string, unknown>;

const own = Object.getOwnPropertyNames(Tensor.prototype);

it('tensors have no methods of the operations’ names without it', () => {
  expect(own.filter((name) => OPERATIONS.includes(name))).toEqual([]);
});

describe('with @unfold/core/chain', () => {
  beforeAll(() => import('@unfold/core/chain'));

  it('each operation on a tensor is a method, and nothing else is new', () => {
    const added = Object.getOwnPropertyNames(Tensor.prototype).filter(
      (name) => !own.includes(name),
    );
    expect(added.sort()).toEqual([...OPERATIONS].sort());
    expect(Object.keys(Tensor.prototype)).toEqual([]);
  });

  it.each(OPERATIONS)('%s is the function of its name', (name) => {
    const method = methods()[name];
    if (typeof method !== 'function') throw new Error(`${name} is no method`);
    expect(() => Reflect.apply(method, 'no tensor', []) as unknown).toThrow(DTypeError);
    expect(() => Reflect.apply(method, 'no tensor', []) as unknown).toThrow(
      new RegExp(`^${ALIASES[name] ?? name}: .*'no tensor'`),
    );
  });

  it('hands on what comes behind the tensor, and gradients flow', () => {
    const x = randn([4, 3], { requiresGrad: true });
    const w = randn([2, 3]);
    const b = tensor([0.5, -0.5]);
    const gradientOf = (fn: () => Tensor): number[] => {
      x.zeroGrad();
      Tape.run((tape) => tape.backward(fn()));
      return [...(x.grad?.data ?? [])];
    };
    const chained = gradientOf(() =>
      x.matmul(w, { transposeB: true }).add(b).relu().mean(1, { keepdim: true }).mul(2).sum(),
    );
    const nested = gradientOf(() => {
      const product = core.matmul(x, w, { transposeB: true });
      const rows = core.mean(core.relu(core.add(product, b)), 1, { keepdim: true });
      return core.sum(core.mul(rows, 2));
    });
    expect(chained).toEqual(nested);
    expect(chained.some((value) => value !== 0)).toBe(true);
  });

  it('has the functions’ types', () => {
    const x = tensor([[1, 2]]);
    const shape: readonly number[] = x.reshape([2, 1]).shape;
    // @ts-expect-error: an axis is a number.
    expect(() => x.softmax('1')).toThrow(core.ConfigError);
    // @ts-expect-error: there is no such operation.
    expect(x.nothing).toBeUndefined();
    expect(shape).toEqual([2, 1]);
  });
});
