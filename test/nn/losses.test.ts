import {
  add,
  cast,
  Generator,
  logSoftmax,
  mean,
  mul,
  neg,
  randn,
  Scope,
  softmax,
  sum,
  Tape,
  tensor,
  zeros,
  type NestedArray,
  type Tensor,
} from '@unfold/core';
import {
  crossEntropy,
  CrossEntropyLoss,
  mseLoss,
  MSELoss,
  nllLoss,
  type CrossEntropyOptions,
} from '@unfold/nn';
import { describe, expect, it } from 'vitest';
import { expectClose } from '../support/compare.js';
import { onEveryEngine } from '../support/convolutions/engines.js';
import { gradchecks } from '../support/gradchecks.js';

const float64 = { dtype: 'float64' } as const;

function logitsOf(shape: readonly number[], seed = 1): Tensor {
  return randn(shape, { ...float64, generator: new Generator(seed), requiresGrad: true });
}

function labels(...values: number[]): Tensor {
  return tensor(Int32Array.from(values));
}

/** Runs gradcheck in a scope of its own. */
function check(fn: (...inputs: Tensor[]) => Tensor, inputs: () => Tensor[]): void {
  Scope.run(() => gradchecks(fn, inputs()));
}

onEveryEngine('crossEntropy', ({ dtype }) => {
  const close = dtype === 'float64' ? { rtol: 1e-12, atol: 1e-12 } : { rtol: 1e-5, atol: 1e-6 };
  const leaf = (data: NestedArray): Tensor =>
    tensor(data, undefined, { dtype, requiresGrad: true });

  it('of equal logits is log C, with gradient (1/C - target)/N', () => {
    using tape = new Tape();
    const logits = leaf([
      [3, 3, 3, 3],
      [-1, -1, -1, -1],
    ]);
    const loss = crossEntropy(logits, labels(2, 0));
    tape.backward(loss);
    expectClose(loss.data, [Math.log(4)], close);
    const [other, label] = [0.125, -0.375];
    expectClose(
      logits.grad?.data ?? [],
      [other, other, label, other, label, other, other, other],
      close,
    );
  });

  it('is exact and finite at logits of ±1000', () => {
    using tape = new Tape();
    const logits = leaf([
      [1000, -1000, 0],
      [1000, -1000, 0],
      [-1000, 1000, 1000],
    ]);
    const losses = crossEntropy(logits, labels(0, 1, 2), { reduction: 'none' });
    expectClose(losses.data, [0, 2000, Math.log(2)], close);
    tape.backward(sum(losses));
    expectClose(logits.grad?.data ?? [], [0, 0, 0, 1, -1, 0, 0, 0.5, -0.5], close);
  });

  it('at ±1000 with label smoothing and with probabilities is finite too', () => {
    using tape = new Tape();
    const logits = leaf([[1000, -1000]]);
    const smooth = crossEntropy(logits, labels(0), { labelSmoothing: 0.2 });
    const given = crossEntropy(logits, tensor([[0.9, 0.1]], undefined, { dtype }));
    expectClose(smooth.data, [200], close);
    expectClose(given.data, [200], close);
    tape.backward(add(smooth, given));
    expectClose(logits.grad?.data ?? [], [0.2, -0.2], { ...close, atol: 1e-6 });
  });

  it('reduces by mean, sum or not at all', () => {
    using _scope = new Scope();
    const logits = leaf([
      [1, 2, 0],
      [0, 0, 5],
      [2, 2, 2],
    ]);
    const target = labels(1, 0, 2);
    const loss = (options?: CrossEntropyOptions): Tensor => crossEntropy(logits, target, options);
    const each = Array.from(loss({ reduction: 'none' }).data);
    const logZ = (...row: number[]): number =>
      Math.log(row.reduce((total, value) => total + Math.exp(value), 0));
    expectClose(each, [logZ(1, 2, 0) - 2, logZ(0, 0, 5), logZ(2, 2, 2) - 2], close);
    const total = each.reduce((a, b) => a + b, 0);
    expectClose(loss({ reduction: 'sum' }).data, [total], close);
    expectClose(loss({ reduction: 'mean' }).data, [total / 3], close);
    expectClose(loss().data, [total / 3], close);
    expect(loss().shape).toEqual([]);
    expectClose(
      new CrossEntropyLoss({ reduction: 'sum' }).forward(logits, target).data,
      [total],
      close,
    );
  });

  it('labels as probabilities of 0 and 1 give the same loss, smoothed or not', () => {
    using _scope = new Scope();
    const logits = leaf([
      [1, -2, 0.5],
      [0, 3, -1],
    ]);
    const oneHot = tensor(
      [
        [0, 1, 0],
        [0, 0, 1],
      ],
      undefined,
      { dtype },
    );
    for (const labelSmoothing of [0, 0.3, 1]) {
      const byLabel = crossEntropy(logits, labels(1, 2), { labelSmoothing });
      const byProbability = crossEntropy(logits, oneHot, { labelSmoothing });
      expectClose(byLabel.data, byProbability.data, close);
    }
  });

  it('takes uint8 labels', () => {
    using _scope = new Scope();
    const logits = leaf([
      [1, -2, 0.5],
      [0, 3, -1],
    ]);
    const bytes = crossEntropy(logits, tensor(Uint8Array.of(1, 2)));
    expect(bytes.item()).toBe(crossEntropy(logits, labels(1, 2)).item());
  });

  it('of [N,C,d…] is that of each place on its own, in the shape of the labels', () => {
    using _scope = new Scope();
    const x = randn([2, 3, 2, 4], { dtype, generator: new Generator(4) });
    const target = tensor(
      Int32Array.from({ length: 16 }, (_, i) => (i * 7) % 3),
      [2, 2, 4],
    );
    const losses = crossEntropy(x, target, { reduction: 'none' });
    expect(losses.shape).toEqual([2, 2, 4]);
    for (let n = 0; n < 2; n++) {
      for (let place = 0; place < 8; place++) {
        const row = [0, 1, 2].map((c) => x.data[(n * 3 + c) * 8 + place] as number);
        const label = target.data[n * 8 + place] as number;
        const one = crossEntropy(tensor([row], undefined, { dtype }), labels(label));
        expectClose([losses.data[n * 8 + place] as number], one.data, close);
      }
    }
    expectClose(crossEntropy(x, target).data, mean(losses).data, close);
    const probabilities = softmax(randn([2, 3, 2, 4], { dtype }), 1);
    expect(crossEntropy(x, probabilities, { reduction: 'none' }).shape).toEqual([2, 2, 4]);
  });

  it('equals nllLoss of logSoftmax', () => {
    using _scope = new Scope();
    const x = randn([5, 4], { dtype, generator: new Generator(5) });
    const target = labels(0, 3, 1, 1, 2);
    for (const reduction of ['mean', 'sum', 'none'] as const) {
      const nll = nllLoss(logSoftmax(x, 1), target, { reduction });
      expectClose(nll.data, crossEntropy(x, target, { reduction }).data, close);
    }
  });
});

describe('gradcheck', () => {
  const target = (): Tensor => labels(1, 0, 3);

  it.each([
    {},
    { reduction: 'sum' },
    { reduction: 'none' },
    { labelSmoothing: 0.1 },
    { labelSmoothing: 1, reduction: 'sum' },
  ] as const)('crossEntropy with labels, %j', (options) => {
    check(
      (logits) => crossEntropy(logits as Tensor, target(), options),
      () => [logitsOf([3, 4])],
    );
  });

  it.each([{}, { labelSmoothing: 0.2, reduction: 'none' }] as const)(
    'crossEntropy with probabilities, both inputs, %j',
    (options) => {
      check(
        (...[logits, given]) => crossEntropy(logits as Tensor, given as Tensor, options),
        () => {
          const probabilities = softmax(logitsOf([3, 4], 2), 1);
          probabilities.requiresGrad = true;
          return [logitsOf([3, 4]), probabilities];
        },
      );
    },
  );

  it('crossEntropy of [N,C,d], labels and probabilities', () => {
    const places = (): Tensor => tensor(Int32Array.of(2, 0, 1, 1, 0, 2), [2, 3]);
    check(
      (logits) => crossEntropy(logits as Tensor, places(), { labelSmoothing: 0.1 }),
      () => [logitsOf([2, 3, 3])],
    );
    check(
      (logits) => crossEntropy(logits as Tensor, softmax(logitsOf([2, 3, 3], 2).detach(), 1)),
      () => [logitsOf([2, 3, 3])],
    );
  });

  it.each(['mean', 'sum', 'none'] as const)('nllLoss, %s', (reduction) => {
    check(
      (x) => nllLoss(logSoftmax(x as Tensor, 1), target(), { reduction }),
      () => [logitsOf([3, 4])],
    );
    const places = (): Tensor => tensor(Int32Array.of(2, 0, 1, 1, 0, 2), [2, 3]);
    check(
      (x) => nllLoss(logSoftmax(x as Tensor, 1), places(), { reduction }),
      () => [logitsOf([2, 3, 3])],
    );
  });

  it.each(['mean', 'sum', 'none'] as const)('mseLoss, both inputs, %s', (reduction) => {
    check(
      (...[x, y]) => mseLoss(x as Tensor, y as Tensor, { reduction }),
      () => [logitsOf([2, 3]), logitsOf([2, 3], 2)],
    );
  });
});

onEveryEngine('nllLoss and mseLoss', ({ dtype }) => {
  it('nllLoss picks -x at the label, of numbers that sum to nothing in particular', () => {
    using tape = new Tape();
    const x = tensor(
      [
        [-1, -2, -3],
        [-4, -5, -6],
      ],
      undefined,
      { dtype, requiresGrad: true },
    );
    const loss = nllLoss(x, labels(2, 0), { reduction: 'sum' });
    expect(loss.item()).toBe(7);
    tape.backward(loss);
    expect(x.grad?.data.map((value) => value + 0)).toEqual(
      neg(
        tensor(
          [
            [0, 0, 1],
            [1, 0, 0],
          ],
          undefined,
          { dtype },
        ),
      ).data.map((value) => value + 0),
    );
  });

  it('mseLoss is the mean of squares, and 2(x - y)/n backward', () => {
    using tape = new Tape();
    const x = tensor(
      [
        [1, 2],
        [3, 8],
      ],
      undefined,
      { dtype, requiresGrad: true },
    );
    const y = tensor(
      [
        [0, 2],
        [5, 4],
      ],
      undefined,
      { dtype, requiresGrad: true },
    );
    const loss = mseLoss(x, y);
    expect(loss.item()).toBe((1 + 0 + 4 + 16) / 4);
    expect(mseLoss(x, y, { reduction: 'none' }).toArray()).toEqual([
      [1, 0],
      [4, 16],
    ]);
    expect(new MSELoss({ reduction: 'sum' }).forward(x, y).item()).toBe(21);
    tape.backward(loss);
    expect(x.grad?.toArray()).toEqual([
      [0.5, 0],
      [-1, 2],
    ]);
    expect(add(mul(x.grad ?? x, 1), y.grad ?? y).data.every((value) => value === 0)).toBe(true);
  });
});

describe('an empty batch', () => {
  const nothing = tensor(new Int32Array(0));

  it('has no mean', () => {
    const message = 'mean: float32 tensor [0] has no elements to average';
    expect(() => crossEntropy(zeros([0, 3]), nothing)).toThrow(message);
    expect(() => nllLoss(zeros([0, 3]), nothing)).toThrow(message);
    expect(() => mseLoss(zeros([0]), zeros([0]))).toThrow(message);
  });

  it('has a sum of 0, and no losses', () => {
    expect(crossEntropy(zeros([0, 3]), nothing, { reduction: 'sum' }).item()).toBe(0);
    expect(crossEntropy(zeros([0, 3]), nothing, { reduction: 'none' }).shape).toEqual([0]);
    expect(Math.abs(nllLoss(zeros([0, 3]), nothing, { reduction: 'sum' }).item())).toBe(0);
    expect(cast(mseLoss(zeros([0]), zeros([0]), { reduction: 'sum' }), 'int32').item()).toBe(0);
  });
});
