import {
  add,
  compile,
  ConfigError,
  DTypeError,
  eye,
  Generator,
  grad,
  heapStats,
  log,
  mul,
  rand,
  randn,
  Scope,
  ShapeError,
  softmax,
  sum,
  Tape,
  tensor,
  unsqueeze,
  zeros,
  type NestedArray,
  type Tensor,
  type RandomOptions,
} from '@unfold/core';
import {
  bce,
  cosineEmbedding,
  cosineSimilarity,
  hingeEmbedding,
  klDiv,
  l1Loss,
  marginRanking,
  tripletMargin,
  TripletMarginLoss,
  type LossOptions,
} from '@unfold/nn';
import { describe, expect, it } from 'vitest';
import { onEveryEngine } from '../support/convolutions/engines.js';
import { gradchecks } from '../support/gradchecks.js';
import { refuseMisuses } from '../support/misuse.js';

type Three = [Tensor, Tensor, Tensor];
type Make = (options: RandomOptions) => Tensor;

const vectors: Make = (options) => randn([5, 4], options);
const probabilities: Make = (options) => add(mul(rand([5, 4], options), 0.8), 0.1);
const shares: Make = (options) => softmax(randn([5, 4], options), 1);
const signs = tensor(Int32Array.of(1, -1, -1, 1, -1));
const manySigns = tensor(
  Int32Array.from({ length: 20 }, (_, i) => (i % 3 === 0 ? 1 : -1)),
  [5, 4],
);

/** Each loss, of inputs that all have gradients. */
const LOSSES: Readonly<
  Record<string, readonly [(options: LossOptions) => (...inputs: Three) => Tensor, readonly Make[]]>
> = {
  l1Loss: [(options) => (x, y) => l1Loss(x, y, options), [vectors, vectors]],
  bce: [(options) => (x, y) => bce(x, y, options), [probabilities, probabilities]],
  klDiv: [(options) => (x, y) => klDiv(x, y, options), [vectors, shares]],
  'klDiv of logarithms': [
    (options) => (x, y) => klDiv(x, y, { ...options, logTarget: true }),
    [vectors, vectors],
  ],
  hingeEmbedding: [(options) => (x) => hingeEmbedding(x, manySigns, options), [vectors]],
  marginRanking: [
    (options) => (a, b) => marginRanking(a, b, manySigns, { margin: 0.3, ...options }),
    [vectors, vectors],
  ],
  cosineEmbedding: [
    (options) => (a, b) => cosineEmbedding(a, b, signs, { margin: -0.5, ...options }),
    [vectors, vectors],
  ],
  cosineSimilarity: [() => (a, b) => cosineSimilarity(a, b), [vectors, vectors]],
  'cosineSimilarity of all pairs': [
    () => (a, b) => cosineSimilarity(unsqueeze(a, 0), unsqueeze(b, 1), -1),
    [vectors, vectors],
  ],
  'cosineSimilarity of short vectors': [
    () => (a, b) => cosineSimilarity(a, b, 0, { eps: 50 }),
    [vectors, vectors],
  ],
  tripletMargin: [
    (options) => (a, b, c) => tripletMargin(a, b, c, { margin: 3, ...options }),
    [vectors, vectors, vectors],
  ],
  'tripletMargin with swap': [
    (options) => (a, b, c) => tripletMargin(a, b, c, { margin: 3, p: 1.7, swap: true, ...options }),
    [vectors, vectors, vectors],
  ],
};

const inputsOf = (makes: readonly Make[], options: RandomOptions): Three => {
  const made = makes.map((make) => make(options));
  for (const input of made) input.requiresGrad = true;
  return made as Three;
};

describe.each(Object.entries(LOSSES))('%s', (_, [lossOf, makes]) => {
  const generator = new Generator(3);

  it.each(['mean', 'sum', 'none'] as const)('has the gradients of its differences, %s', (each) => {
    using _scope = new Scope();
    const inputs = inputsOf(makes, { dtype: 'float64', generator });
    gradchecks((...given) => lossOf({ reduction: each })(...(given as Three)), inputs);
  });

  it('is the same compiled, with its gradients, bit for bit', () => {
    const loss = lossOf({ reduction: 'none' });
    const step = (...inputs: Three): Tensor[] => {
      using _tape = new Tape();
      for (const input of inputs) input.requiresGrad = true;
      const value = loss(...inputs);
      return [value, ...grad(sum(mul(value, value)), inputs)].map((result) => result.keep());
    };
    const program = compile(step);
    for (let i = 0; i < 3; i++) {
      using _scope = new Scope();
      const inputs = inputsOf(makes, { generator });
      const bits = program(...inputs).map((result) => result.toArray());
      expect(bits).toEqual(step(...inputs).map((result) => result.toArray()));
    }
    expect(program.stats?.launches).toBeGreaterThan(2);
    program.dispose();
  });

  it('leaves nothing behind in a scope', () => {
    const inputs = inputsOf(makes, { generator });
    const loss = lossOf({ reduction: 'mean' });
    const before = heapStats();
    Scope.run(() => void loss(...inputs));
    expect(heapStats().usedBytes).toBe(before.usedBytes);
    expect(heapStats().liveTensors).toBe(before.liveTensors);
    for (const input of inputs) input.dispose();
  });
});

onEveryEngine('at the edges', ({ dtype }) => {
  const of = (data: NestedArray): Tensor => tensor(data, undefined, { dtype });
  const leaf = (data: NestedArray): Tensor =>
    tensor(data, undefined, { dtype, requiresGrad: true });
  const none = { reduction: 'none' } as const;
  /** The losses, and the gradient of their sum by `x`. */
  const both = (loss: (x: Tensor) => Tensor, x: Tensor): NestedArray[] => {
    using tape = new Tape();
    const losses = loss(x);
    tape.backward(sum(losses));
    return [losses.toArray(), x.grad?.toArray() ?? 'no gradient'] as NestedArray[];
  };

  it('l1Loss of equals is 0 with gradient 0, and of NaN is NaN', () => {
    const y = of([1, 2, 0, 5, -Infinity]);
    const [losses, slopes] = both((x) => l1Loss(x, y, none), leaf([1, 4, NaN, -Infinity, 0]));
    expect(losses).toEqual([0, 2, NaN, Infinity, Infinity]);
    expect(slopes).toEqual([0, 1, 0, -1, 1]);
  });

  it('bce costs 100 where it is certain and wrong, and its gradient is finite', () => {
    const y = of([0, 1, 0, 1]);
    const [losses, slopes] = both((x) => bce(x, y, none), leaf([0, 0, 1, 1]));
    expect((losses as number[]).map((loss) => loss + 0)).toEqual([0, 100, 100, 0]);
    expect((slopes as number[]).map((slope) => Math.round(slope / 1e12))).toEqual([0, -1, 1, 0]);
    expect(bce(of([NaN, 0.5]), of([1, 1]), none).toArray()).toEqual([
      NaN,
      bce(of([0.5]), of([1])).item(),
    ]);
  });

  it('bce by a target is the difference of the logarithms that are cut off', () => {
    const x = of([0, 1, 0.5]);
    expect(both((y) => bce(x, y, none), leaf([0, 0, 0.25]))[1]).toEqual([100, -100, 0]);
  });

  it('klDiv costs nothing where the target has nothing, whatever is expected there', () => {
    const target = of([0, 0, 1, 0]);
    const logs = of([-Infinity, -Infinity, 0, -Infinity]);
    for (const [y, logTarget] of [
      [target, false],
      [logs, true],
    ] as const) {
      const loss = (x: Tensor): Tensor => klDiv(x, y, { ...none, logTarget });
      const [losses, slopes] = both(loss, leaf([-Infinity, -1, -2, 0]));
      expect((losses as number[]).map((loss) => loss + 0)).toEqual([0, 0, 2, 0]);
      expect((slopes as number[]).map((slope) => slope + 0)).toEqual([0, 0, -1, 0]);
    }
    const x = of([-1, -1, -1, -1]);
    const slopes = both((y) => klDiv(x, y, none), leaf([0, -1e-7, 1, 0]))[1];
    expect(slopes).toEqual([0, 0, 2, 0]);
  });

  it('klDiv of a batch is the sum divided by its rows', () => {
    const x = log(
      of([
        [0.5, 0.25, 0.25],
        [0.125, 0.375, 0.5],
      ]),
    );
    const y = of([
      [0.25, 0.5, 0.25],
      [0.5, 0.25, 0.25],
    ]);
    const total = klDiv(x, y, { reduction: 'sum' }).item();
    const batch = klDiv(x, y, { reduction: 'batchmean' }).item();
    expect(Math.abs(batch / (total / 2) - 1)).toBeLessThan(1e-6);
    expect(klDiv(of(-1), of(1), { reduction: 'batchmean' }).item()).toBe(1);
    expect(() =>
      klDiv(zeros([0, 2], { dtype }), zeros([0, 2], { dtype }), { reduction: 'batchmean' }),
    ).toThrow(ShapeError);
  });

  it('at a margin the gradient is that of what is inside, as PyTorch has it', () => {
    const target = tensor(Int32Array.of(-1, -1, -1, 1));
    const hinge = (x: Tensor): Tensor => hingeEmbedding(x, target, none);
    expect(both(hinge, leaf([1, 1.5, NaN, NaN]))).toEqual(
      [
        [0, 0, NaN, NaN],
        [-1, 0, 0, 1],
      ].map((row) => row.map((value) => value + 0)),
    );
    const other = of([2, 2, 2, 2]);
    const [losses, slopes] = both((x) => marginRanking(x, other, target, none), leaf([2, 3, 1, 1]));
    expect((losses as number[]).map((loss) => loss + 0)).toEqual([0, 1, 0, 1]);
    expect((slopes as number[]).map((slope) => slope + 0)).toEqual([1, 1, 0, -1]);
  });

  it('vectors of zeros have the cosine 0, and a finite gradient', () => {
    const [cosines, slopes] = both((x) => cosineSimilarity(x, of([[3, 4]])), leaf([[0, 0]]));
    expect([cosines, ...(slopes as number[][])].flat().every(Number.isFinite)).toBe(true);
    expect(cosines).toEqual([0]);
    const [loss] = both((x) => cosineEmbedding(x, of([3, 4]), tensor(1), none), leaf([0, 0]));
    expect(loss).toBe(1);
  });

  it('a vector shorter than eps is divided by eps, in the gradient too', () => {
    const y = of([0, 4]);
    const loss = (x: Tensor): Tensor => cosineSimilarity(x, y, 0, { eps: 0.5 });
    expect(both(loss, leaf([0, 0.25]))).toEqual([0.5, [0, 2]]);
  });

  it('cosines of all pairs: a vector with itself has 1', () => {
    const x = eye(3, 3, { dtype });
    const cosines = cosineSimilarity(unsqueeze(x, 0), unsqueeze(x, 1), -1);
    expect(cosines.toArray()).toEqual(x.toArray());
  });

  it('the empty batch has a sum of 0', () => {
    const nothing = zeros([0, 3], { dtype });
    const sums = { reduction: 'sum' } as const;
    for (const loss of [
      l1Loss(nothing, nothing, sums),
      bce(nothing, nothing, sums),
      klDiv(nothing, nothing, sums),
      hingeEmbedding(nothing, nothing, sums),
      marginRanking(nothing, nothing, nothing, sums),
      cosineEmbedding(nothing, nothing, zeros([0]), sums),
      tripletMargin(nothing, nothing, nothing, sums),
    ]) {
      expect(loss.item() + 0).toBe(0);
    }
  });
});

describe('what does not fit is refused', () => {
  const x = randn([2, 3]);
  const y = randn([2, 3]);
  const one = tensor(Int32Array.of(1, -1));

  refuseMisuses([
    [
      'l1Loss of other shapes',
      () => l1Loss(x, randn([3, 2])),
      ShapeError,
      'l1Loss: x [2,3] and target [3,2] must have one shape; reshape one of them to that of the other',
    ],
    [
      'l1Loss of other dtypes',
      () => l1Loss(x, randn([2, 3], { dtype: 'float64' })),
      DTypeError,
      "l1Loss: expected x and target of one dtype, got float32 and float64; cast(target, 'float32') converts",
    ],
    [
      'bce of logits',
      () => bce(tensor([0.5, 1.5]), tensor([0, 1])),
      ConfigError,
      'bce: expected probabilities of 0 … 1 as x, got 1.5 at element 1; bceWithLogits takes logits',
    ],
    [
      'bce of labels of ±1',
      () => bce(tensor([0.5, 0.5]), tensor([-1, 1])),
      ConfigError,
      'bce: expected probabilities of 0 … 1 as targets, got -1 at element 0; labels of -1 and 1 become such by (y + 1) / 2',
    ],
    [
      'klDiv of logarithms without logTarget',
      () =>
        klDiv(
          x,
          tensor([
            [0.5, 0.5, -1],
            [0, 0, 1],
          ]),
        ),
      ConfigError,
      'klDiv: expected probabilities of 0 … 1 as targets, got -1 at element 2; logTarget: true takes their logarithms',
    ],
    [
      'hingeEmbedding of labels of 0 and 1',
      () => hingeEmbedding(tensor([1, 2]), tensor(Int32Array.of(1, 0))),
      ConfigError,
      'hingeEmbedding: expected targets of 1 and -1, got 0 at element 1; labels of 0 and 1 become such by 2·y - 1',
    ],
    [
      'marginRanking without its target',
      () => Reflect.apply(marginRanking, undefined, [x, y]) as unknown,
      DTypeError,
      'marginRanking: expected a tensor for target, got undefined',
    ],
    [
      'cosineEmbedding with a target of another shape',
      () => cosineEmbedding(x, y, tensor(Int32Array.of(1, 1, 1))),
      ShapeError,
      'cosineEmbedding: expected target [2], one for each vector of x1 [2,3], got [3]',
    ],
    [
      'cosineEmbedding of scalars',
      () => cosineEmbedding(tensor(1), tensor(1), one),
      ShapeError,
      'cosineEmbedding: expected x1 […,D], vectors along the last axis, got []',
    ],
    [
      'cosineSimilarity of other dtypes',
      () => cosineSimilarity(x, randn([2, 3], { dtype: 'float64' })),
      DTypeError,
      "cosineSimilarity: expected x1 and x2 of one dtype, got float32 and float64; cast(x2, 'float32') converts",
    ],
    [
      'cosineSimilarity of vectors without the axis',
      () => cosineSimilarity(tensor([1, 2]), tensor([1, 2])),
      ShapeError,
      'cosineSimilarity: axis 1 is out of range for a tensor of 1 dimensions',
    ],
    [
      'tripletMargin of two shapes',
      () => tripletMargin(x, y, randn([3, 3])),
      ShapeError,
      'tripletMargin: anchor [2,3] and negative [3,3] must have one shape',
    ],
    [
      'a margin of 0',
      () => new TripletMarginLoss({ margin: 0 }),
      ConfigError,
      'TripletMarginLoss: margin must be a finite number above 0, got 0',
    ],
    [
      'a norm of order 0',
      () => tripletMargin(x, y, y, { p: 0 }),
      ConfigError,
      'tripletMargin: p must be a number above 0, got 0',
    ],
  ]);
});
