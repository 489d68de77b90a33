import {
  add,
  ConfigError,
  DTypeError,
  heapStats,
  manualSeed,
  mul,
  ones,
  rand,
  Scope,
  ShapeError,
  slice,
  sum,
  Tape,
  tensor,
  type Tensor,
  zeros,
} from '@unfold/core';
import { BatchNorm1d, Dropout, Flatten, Linear, Module, ReLU, Sequential } from '@unfold/nn';
import { DataLoader, Dataset, predict } from '@unfold/train';
import { beforeEach, describe, expect, it } from 'vitest';
import { expectClose } from '../support/compare.js';
import { collectGarbage } from '../support/garbage.js';
import { refuseMisuses } from '../support/misuse.js';
import { CLASSES, stripes } from '../support/runs/stripes.js';

/** A model of one function. */
class Of<Inputs, Output> extends Module {
  readonly #fn: (inputs: Inputs) => Output;

  constructor(fn: (inputs: Inputs) => Output) {
    super();
    this.#fn = fn;
  }

  forward(inputs: Inputs): Output {
    return this.#fn(inputs);
  }
}

beforeEach(() => manualSeed(5));

const mlp = (): Sequential =>
  new Sequential(
    new Linear(6, 9),
    new BatchNorm1d(9),
    new Dropout(0.5),
    new ReLU(),
    new Linear(9, 4),
  );

/** Rows of a tensor in batches of these sizes. */
function* rowsOf(x: Tensor, ...sizes: readonly number[]): Iterable<Tensor> {
  let start = 0;
  for (const size of sizes) {
    yield slice(x, [[start, start + size]]);
    start += size;
  }
}

const numbers = (x: Tensor): readonly number[] => [...x.toTypedArray()];

describe('predict', () => {
  it.each([true, false])(
    'gives the output for all inputs in evaluation mode, compiled %s, whatever the size of batches',
    async (compile) => {
      const model = mlp();
      const x = rand([70, 6]);
      model.forward(x);
      model.eval();
      const expected = model.forward(x);
      model.train();
      for (const batchSize of [undefined, 1, 7, 69, 70, 200]) {
        const options = batchSize === undefined ? { compile } : { compile, batchSize };
        const output = await predict(model, x, options);
        expect([output.shape, output.dtype, output.requiresGrad]).toEqual([
          [70, 4],
          'float32',
          false,
        ]);
        expectClose(output.data, expected.data, { rtol: 1e-5, atol: 1e-6 });
        expect([...model.modules()].every(({ training }) => training)).toBe(true);
      }
    },
  );

  it('is the same bits as a program, as it is, and each time', async () => {
    const model = mlp();
    const x = rand([50, 6]);
    const once = numbers(await predict(model, x, { batchSize: 8 }));
    expect(numbers(await predict(model, x, { batchSize: 8 }))).toEqual(once);
    expect(numbers(await predict(model, x, { batchSize: 8, compile: false }))).toEqual(once);
  });

  it('takes batches of inputs and of more, from lists, generators and loaders, of any sizes', async () => {
    const model = mlp();
    const x = rand([10, 6]);
    const expected = numbers(await predict(model, x, { batchSize: 10 }));
    const sources = {
      tensors: () => rowsOf(x, 10),
      'a list of batches': () => [{ inputs: x, targets: zeros([10]) }],
      'batches without targets': () => [{ inputs: x }],
      'an async generator': async function* () {
        yield* rowsOf(x, 10);
      },
    };
    for (const [name, source] of Object.entries(sources)) {
      expect([name, numbers(await predict(model, source()))]).toEqual([name, expected]);
    }
    const uneven = await predict(model, rowsOf(x, 3, 1, 6));
    expectClose(uneven.data, expected, { rtol: 1e-5, atol: 1e-6 });

    const images = new Sequential(new Flatten(), new Linear(36, CLASSES));
    const loader = new DataLoader(stripes(11), { batchSize: 4 });
    const rows: number[] = [];
    for (const batch of loader.batches()) rows.push(...numbers(images.forward(batch.images)));
    const output = await predict(images, loader);
    expect([output.shape, numbers(output)]).toEqual([[11, CLASSES], rows]);
  });

  it('takes what a loader without targets gives, of several inputs too', async () => {
    const a = [1, 2, 3, 4, 5];
    const rows = Dataset.fromArrays({ inputs: { a, b: a.map((value) => 10 * value) } });
    const model = new Of((inputs: { a: Tensor; b: Tensor }) => add(inputs.a, inputs.b));
    const output = await predict(model, new DataLoader(rows, { batchSize: 2 }));
    expect(output.toArray()).toEqual([11, 22, 33, 44, 55]);
  });

  it('takes several inputs, and gives several outputs of any dtype, in any form', async () => {
    const model = new Of(({ a, more: [b] }: { a: Tensor; more: readonly [Tensor] }) => ({
      sum: add(a, sum(b, { axis: 1 })),
      parts: [b, [a]] as const,
    }));
    const a = tensor([1, 2, 3, 4, 5]);
    const b = tensor([
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
      [5, 5],
    ]);
    const output = await predict(model, { a, more: [b] }, { batchSize: 2 });
    expect(output.sum.toArray()).toEqual([3, 6, 9, 12, 15]);
    expect(output.parts[0].toArray()).toEqual(b.toArray());
    expect(output.parts[1][0].toArray()).toEqual(a.toArray());

    const pair = await predict(new Of(([x]: readonly Tensor[]) => x ?? a), [a, b], {
      batchSize: 3,
    });
    expect(pair.toArray()).toEqual(a.toArray());
    const whole = tensor([1, 2, 3], [3], { dtype: 'int32' });
    const same = await predict(new Of((x: Tensor) => x), whole, { batchSize: 2 });
    expect([same.dtype, same.toArray()]).toEqual(['int32', [1, 2, 3]]);
    expect(same).not.toBe(whole);
  });

  it('gives what outlives every scope, and keeps nothing else', async () => {
    const model = mlp();
    const x = rand([20, 6]);
    await predict(model, x, { batchSize: 8 });
    await collectGarbage();
    const before = heapStats().liveTensors;
    let output: Tensor | undefined;
    {
      using _scope = new Scope();
      output = await predict(model, x, { batchSize: 8 });
    }
    expect(output.shape).toEqual([20, 4]);
    expect(numbers(output).every(Number.isFinite)).toBe(true);
    output.dispose();
    expect(heapStats().liveTensors).toBe(before);
  });

  it('records nothing', async () => {
    const model = mlp();
    using _tape = new Tape();
    expect((await predict(model, rand([4, 6]))).requiresGrad).toBe(false);
    expect([...model.parameters()].every(({ grad }) => grad === null)).toBe(true);
  });

  it('ends with the reason of a signal, also of one that is aborted meanwhile', async () => {
    const model = mlp();
    const reason = new Error('enough');
    const aborted = AbortSignal.abort(reason);
    await expect(predict(model, rand([4, 6]), { signal: aborted })).rejects.toBe(reason);
    const controller = new AbortController();
    let seen = 0;
    const x = rand([2, 6]);
    function* endless(): Iterable<Tensor> {
      for (;;) {
        if (++seen === 5) controller.abort(reason);
        yield x;
      }
    }
    await collectGarbage();
    const before = heapStats().liveTensors;
    const { signal } = controller;
    await expect(predict(model, endless(), { signal })).rejects.toBe(reason);
    expect(seen).toBe(5);
    expect(heapStats().liveTensors).toBe(before);
  });

  it('hands the thread over now and then, with the modes as they were', async () => {
    const model = mlp();
    const modes: boolean[] = [];
    const timer = setInterval(() => modes.push(model.training), 0);
    function* many(): Iterable<Tensor> {
      const x = rand([64, 6]);
      // Until a timer was heard.
      while (modes.length === 0) yield x;
    }
    await predict(model, many()).finally(() => clearInterval(timer));
    expect(modes).not.toContain(false);
  });

  it('leaves the modes and the memory as they were where the model throws', async () => {
    const model = mlp();
    model.eval();
    const x = rand([6, 5]);
    await collectGarbage();
    const before = heapStats().liveTensors;
    await expect(predict(model, x, { batchSize: 4 })).rejects.toThrow(ShapeError);
    expect(model.training).toBe(false);
    expect(heapStats().liveTensors).toBe(before);
    const second = new Of((given: Tensor) => {
      if (given.shape[0] === 2) throw new RangeError('the last batch');
      return mul(given, 2);
    });
    await expect(predict(second, x, { batchSize: 4 })).rejects.toThrow(
      new RangeError('the last batch'),
    );
    expect(second.training).toBe(true);
    expect(heapStats().liveTensors).toBe(before);
  });
});

describe('what predict refuses', () => {
  const same = new Of((x: unknown) => x);
  const x = ones([6, 2]);
  const options = { batchSize: 4, compile: false };
  refuseMisuses([
    [
      'no example',
      () => predict(same, zeros([0, 2])),
      ShapeError,
      'predict: expected at least one example, got float32 tensor [0,2]',
    ],
    [
      'a scalar',
      () => predict(same, ones([])),
      ConfigError,
      'predict: inputs: expected a tensor whose first axis goes over the examples, got float32 tensor []; give the batch a size',
    ],
    [
      'no batch',
      () => predict(same, (function* () {})()),
      ConfigError,
      'predict: expected at least one batch of inputs, got none',
    ],
    [
      'inputs of another number',
      () => predict(same, [x, ones([5])]),
      ShapeError,
      'predict: expected inputs of one first axis, that of the examples, got float32 tensor [6,2] and float32 tensor [5]',
    ],
    [
      'a batch',
      () => predict(same, { inputs: x, targets: x }),
      ConfigError,
      'predict: expected inputs, got a batch; write predict(model, batch.inputs), or predict(model, [batch])',
    ],
    [
      'a size of batches that are made already',
      () => predict(same, [{ inputs: x }], { batchSize: 2 }),
      ConfigError,
      'predict: batchSize: the inputs come in batches already, which are taken as they are; leave it out',
    ],
    [
      'an output for all examples together',
      () => predict(new Of((given: Tensor) => ({ mean: [sum(given)] })), x, options),
      ShapeError,
      'predict: expected a first axis that goes over the 4 examples of the batch, got float32 tensor [] for output.mean[0]; one example by itself has a first axis of 1',
    ],
    [
      'an output that is no tensor',
      () => predict(new Of((given: Tensor) => given.shape), x, options),
      ConfigError,
      'predict: expected a model that gives tensors, or lists and plain objects of tensors, got 4 for output[0]',
    ],
    [
      'the same as a program',
      () => predict(new Of((given: Tensor) => ({ given, size: 4 })), x),
      ConfigError,
      'predict: expected a model that gives tensors, or lists and plain objects of tensors, got 4 for output.size',
    ],
    [
      'an output of a promise',
      () => predict(new Of(async (given: Tensor) => given), x, options),
      ConfigError,
      'predict: expected a model that gives tensors, or lists and plain objects of tensors, got a Promise for output',
    ],
    [
      'examples of another shape than before',
      () => predict(same, [{ inputs: x }, { inputs: ones([2, 3]) }]),
      ShapeError,
      'predict: expected [2] of each example for output, as in the batches before, got float32 tensor [2,3]',
    ],
    [
      'another dtype than before',
      () => predict(same, [{ inputs: x }, { inputs: ones([2, 2], { dtype: 'int32' }) }]),
      DTypeError,
      'predict: expected float32 for output, as in the batches before, got int32 tensor [2,2]',
    ],
    [
      'other parts than before',
      () => predict(same, [{ inputs: x }, { inputs: [x] }]),
      ShapeError,
      'predict: expected the same parts of each batch, got output[0] after output',
    ],
  ]);
});
