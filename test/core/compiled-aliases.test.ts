import {
  add,
  compile,
  matmul,
  mul,
  ones,
  Parameter,
  reshape,
  Scope,
  sum,
  Tape,
  tensor,
  type Tensor,
} from '@unfold/core';
import { Linear } from '@unfold/nn';
import { SGD } from '@unfold/train';
import { expect, it } from 'vitest';

/* Memory that has several names: a program must not take one for another. */

it('a gradient that somebody took over is theirs', () => {
  for (const take of [
    (weight: Parameter): Tensor | null => {
      const { grad } = weight;
      weight.grad = null;
      return grad;
    },
    (weight: Parameter): Tensor | null => weight.grad?.detach() ?? null,
  ]) {
    const layer = new Linear(3, 1, { bias: false });
    const step = compile(
      (x: Tensor) => {
        layer.zeroGrad();
        return Tape.run((tape) => {
          const loss = sum(layer.forward(x));
          tape.backward(loss);
          return loss;
        });
      },
      { modules: [layer] },
    );
    const taken: (Tensor | null)[] = [];
    for (let i = 1; i <= 5; i++) {
      step(mul(ones([1, 3]), i));
      taken.push(take(layer.weight));
    }
    expect(taken.map((gradient) => gradient?.toTypedArray()[0])).toEqual([1, 2, 3, 4, 5]);
    // Whoever leaves them alone has a program.
    for (let i = 0; i < 3; i++) step(ones([1, 3]));
    expect(step.stats?.launches).toBeGreaterThan(0);
  }
});

it('an input that is a parameter of the module is told from other inputs', () => {
  const layer = new Linear(2, 2, { bias: false });
  layer.weight.update((data) => data.set([1, 2, 3, 4]));
  layer.freeze();
  const square = compile((x: Tensor) => layer.forward(x), { modules: [layer] });
  const unit = tensor([1, 0, 0, 1], [2, 2]);
  const wanted = [
    [1, 3],
    [2, 4],
  ];
  const squared = [
    [5, 11],
    [11, 25],
  ];
  for (let i = 0; i < 3; i++) {
    expect(square(layer.weight.detach()).toArray()).toEqual(squared);
    expect(square(unit).toArray()).toEqual(wanted);
  }
});

it('an input that is a view of what the function changes is told from others', () => {
  const run = (isCompiled: boolean): unknown[] => {
    const w = new Parameter(ones([4]));
    const optimizer = new SGD([w], { lr: 1 });
    const [a, b] = [ones([2, 3]), ones([3, 4])];
    const fn = (x: Tensor): Tensor => {
      const product = matmul(a, b);
      optimizer.zeroGrad();
      Tape.run((tape) => tape.backward(sum(mul(w, 2))));
      optimizer.step();
      return add(product, x);
    };
    const step = isCompiled ? compile(fn, { fallback: true }) : fn;
    const results = Array.from({ length: 4 }, () => step(ones([4])).toArray());
    return [...results, step(w.detach()).toArray(), step(ones([4])).toArray()];
  };
  expect(run(true)).toEqual(run(false));
});

it('a view of a result that would be reused keeps its numbers', () => {
  using _scope = new Scope();
  const double = compile((x: Tensor) => mul(x, 2), { reuse: true });
  double(ones([4]));
  const result = double(ones([4]));
  const views = [result.detach(), reshape(result, [2, 2])];
  expect(double(mul(ones([4]), 5)).toArray()).toEqual([10, 10, 10, 10]);
  expect(views.map((view) => view.toTypedArray()[0])).toEqual([2, 2]);
  expect(double(mul(ones([4]), 7)).toArray()).toEqual([14, 14, 14, 14]);
  expect(views.map((view) => view.toTypedArray()[0])).toEqual([2, 2]);
});

it('the state of an optimiser that was loaded meanwhile is the one that counts', () => {
  const w = new Parameter(ones([2]));
  const optimizer = new SGD([w], { lr: 1 });
  const step = compile((x: Tensor) => {
    optimizer.zeroGrad();
    Tape.run((tape) => tape.backward(sum(mul(w, x))));
    optimizer.step();
    return ones([1]);
  });
  for (let i = 0; i < 4; i++) step(ones([2]));
  optimizer.loadStateDict(optimizer.stateDict());
  for (let i = 0; i < 4; i++) step(ones([2]));
  expect(optimizer.stateDict().json).toMatchObject({ parameters: [{ step: 8 }] });
});
