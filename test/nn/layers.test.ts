import {
  defineFunction,
  Generator,
  kernelsFor,
  manualSeed,
  mul,
  randn,
  Scope,
  ShapeError,
  sum,
  Tape,
  tensor,
  zeros,
  type Context,
  type NestedArray,
  type Tensor,
} from '@unfold/core';
import {
  Conv2d,
  conv2d,
  crossEntropy,
  Flatten,
  init,
  Linear,
  linear,
  MaxPool2d,
  maxPool2d,
  ReLU,
  Sequential,
} from '@unfold/nn';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { onEveryEngine } from '../support/convolutions/engines.js';
import { gradchecks } from '../support/gradchecks.js';

afterEach(() => {
  vi.restoreAllMocks();
});

/** Runs `fn` on a tape and backward with ones. @returns The result as nested arrays. */
function runBackward(fn: () => Tensor): NestedArray {
  using tape = new Tape();
  const out = fn();
  const result = out.toArray();
  tape.backward(sum(out));
  return result;
}

onEveryEngine('Linear', ({ dtype }) => {
  const weight = [
    [1, 2, 3],
    [-1, 0, 4],
  ];

  it('takes one vector, rows, and any number of leading axes', () => {
    using _scope = new Scope();
    const W = tensor(weight, undefined, { dtype });
    const b = tensor([10, 20], undefined, { dtype });
    const out = (x: NestedArray): NestedArray =>
      linear(tensor(x, undefined, { dtype }), W, b).toArray();
    expect(out([1, 1, 1])).toEqual([16, 23]);
    expect(
      out([
        [1, 1, 1],
        [0, 2, 0],
      ]),
    ).toEqual([
      [16, 23],
      [14, 20],
    ]);
    expect(out([[[1, 1, 1]], [[0, 2, 0]]])).toEqual([[[16, 23]], [[14, 20]]]);
    expect(linear(zeros([0, 3], { dtype }), W, b).shape).toEqual([0, 2]);
    expect(linear(tensor([1, 0, 0], undefined, { dtype }), W).toArray()).toEqual([1, -1]);
  });

  it('has the gradients of rows, and of a bias that every row shares', () => {
    const W = tensor(weight, undefined, { dtype, requiresGrad: true });
    const b = tensor([0, 0], undefined, { dtype, requiresGrad: true });
    const x = tensor([[[1, 1, 1]], [[0, 2, 0]]], undefined, { dtype, requiresGrad: true });
    runBackward(() => linear(x, W, b));
    expect(x.grad?.toArray()).toEqual([[[0, 2, 7]], [[0, 2, 7]]]);
    expect(W.grad?.toArray()).toEqual([
      [1, 3, 1],
      [1, 3, 1],
    ]);
    expect(b.grad?.toArray()).toEqual([2, 2]);
  });
});

describe('Linear', () => {
  it.each([[[4]], [[3, 4]], [[2, 3, 4]]])('gradcheck, x %j', (shape) => {
    using _scope = new Scope();
    const random = { dtype: 'float64', generator: new Generator(1), requiresGrad: true } as const;
    gradchecks(
      (...[x, W, b]) => linear(x as Tensor, W as Tensor, b as Tensor),
      [randn(shape, random), randn([5, 4], random), randn([5], random)],
    );
  });
});

describe('Flatten', () => {
  it.each([
    [[], [2, 60]],
    [[0], [120]],
    [[2], [2, 3, 20]],
    [
      [1, 2],
      [2, 12, 5],
    ],
    [
      [-3, -2],
      [2, 12, 5],
    ],
    [
      [0, 0],
      [2, 3, 4, 5],
    ],
    [
      [3, 3],
      [2, 3, 4, 5],
    ],
  ])('with %j makes [2,3,4,5] %j', (axes, shape) => {
    using _scope = new Scope();
    const x = randn([2, 3, 4, 5]);
    const flat = new Flatten(...axes).forward(x);
    expect(flat.shape).toEqual(shape);
    expect(flat.data).toEqual(x.data);
  });

  it('keeps an empty batch', () => {
    expect(new Flatten().forward(zeros([0, 3, 4])).shape).toEqual([0, 12]);
  });

  it.each([
    [1, 4],
    [2, 1],
    [-5, -1],
  ])('refuses axes %i to %i of four', (start, end) => {
    const flatten = (): Tensor => new Flatten(start, end).forward(zeros([2, 3, 4, 5]));
    expect(flatten).toThrow(ShapeError);
    expect(flatten).toThrow(
      `Flatten: axes ${start} to ${end} do not exist in float32 tensor [2,3,4,5]`,
    );
  });
});

onEveryEngine('ReLU', ({ dtype }) => {
  it('is 0 at 0 with derivative 0, and keeps NaN', () => {
    const x = tensor([-1, 0, 2, NaN], undefined, { dtype, requiresGrad: true });
    expect(runBackward(() => new ReLU().forward(x))).toEqual([0, 0, 2, NaN]);
    expect(Array.from(x.grad?.data.subarray(0, 3) ?? [])).toEqual([0, 0, 1]);
  });
});

onEveryEngine('MaxPool2d', ({ dtype }) => {
  const picture = (rows: number[][]): Tensor =>
    tensor([[rows]], undefined, { dtype, requiresGrad: true });

  it('gives a tie to the first in row-major order', () => {
    const x = picture([
      [1, 7, 7],
      [7, 1, 7],
    ]);
    expect(runBackward(() => maxPool2d(x, [2, 3]))).toEqual([[[[7]]]]);
    expect(x.grad?.toArray()).toEqual([
      [
        [
          [0, 1, 0],
          [0, 0, 0],
        ],
      ],
    ]);
  });

  it('adds the gradients of overlapping windows', () => {
    const x = picture([
      [0, 0, 0],
      [0, 9, 0],
      [0, 0, 0],
    ]);
    expect(runBackward(() => maxPool2d(x, 2, { stride: 1 }))).toEqual([
      [
        [
          [9, 9],
          [9, 9],
        ],
      ],
    ]);
    expect(x.grad?.toArray()).toEqual([
      [
        [
          [0, 0, 0],
          [0, 4, 0],
          [0, 0, 0],
        ],
      ],
    ]);
  });

  it('never lets padding win, not even over -Infinity', () => {
    const x = picture([
      [-3, -4],
      [-5, -Infinity],
    ]);
    const out = runBackward(() => maxPool2d(x, 2, { stride: 2, padding: 1 }));
    expect(out).toEqual([
      [
        [
          [-3, -4],
          [-5, -Infinity],
        ],
      ],
    ]);
    expect(x.grad?.toArray()).toEqual([
      [
        [
          [1, 1],
          [1, 1],
        ],
      ],
    ]);
  });

  it('counts NaN as the largest, and sends the gradient to the first NaN', () => {
    const x = picture([
      [5, NaN],
      [NaN, Infinity],
    ]);
    expect(runBackward(() => maxPool2d(x, 2))).toEqual([[[[NaN]]]]);
    expect(x.grad?.toArray()).toEqual([
      [
        [
          [0, 1],
          [0, 0],
        ],
      ],
    ]);
  });

  it('leaves a rest unread, with gradient 0, and steps by the kernel by default', () => {
    const x = picture([
      [1, 2, 50],
      [3, 4, 50],
      [50, 50, 50],
    ]);
    expect(runBackward(() => new MaxPool2d(2).forward(x))).toEqual([[[[4]]]]);
    expect(x.grad?.toArray()).toEqual([
      [
        [
          [0, 0, 0],
          [0, 1, 0],
          [0, 0, 0],
        ],
      ],
    ]);
  });
});

describe('MaxPool2d', () => {
  it.each([
    [2, {}],
    [[3, 2], { stride: [2, 1] }],
    [[2, 3], { stride: 1, padding: [1, 1] }],
    [3, { stride: [1, 3], padding: [1, 0] }],
  ] as const)('gradcheck, kernel %j, %j', (kernel, options) => {
    using _scope = new Scope();
    const x = randn([2, 3, 7, 6], { dtype: 'float64', generator: new Generator(2) });
    x.requiresGrad = true;
    gradchecks((input) => maxPool2d(input as Tensor, kernel, options), [x]);
  });

  it('takes an empty batch', () => {
    expect(maxPool2d(zeros([0, 3, 4, 4]), 2).shape).toEqual([0, 3, 2, 2]);
  });
});

describe('Conv2d', () => {
  it('works by itself on foreign data, without a set-up', () => {
    using _scope = new Scope();
    const pixels = Float32Array.from({ length: 3 * 32 * 48 }, (_, i) => Math.sin(i));
    const conv = new Conv2d(3, 4, 5, { padding: 'same' });
    const out = conv.forward(tensor(pixels, [1, 3, 32, 48]));
    expect(out.shape).toEqual([1, 4, 32, 48]);
    const by = conv2d(tensor(pixels, [1, 3, 32, 48]), conv.weight, conv.bias, { padding: 2 });
    expect(out.data).toEqual(by.data);
    conv.dispose();
  });

  it('takes an empty batch, whose weight gradient is 0', () => {
    const conv = new Conv2d(2, 3, 2);
    expect(runBackward(() => conv.forward(zeros([0, 2, 4, 5])))).toEqual([]);
    expect(conv.weight.grad?.data.every((value) => value === 0)).toBe(true);
    expect(conv.bias?.grad?.toArray()).toEqual([0, 0, 0]);
    conv.dispose();
  });
});

describe('gradients that nobody needs', () => {
  /** conv → relu → conv on float64, whose kernels the spies can count. */
  function countFolds({ input }: { input: boolean }): { folds: number; unfolds: number } {
    using _scope = new Scope();
    const dtype = 'float64';
    const network = new Sequential(
      new Conv2d(1, 2, 3, { dtype }),
      new ReLU(),
      new Conv2d(2, 2, 2, { groups: 2, dtype }),
    );
    const x = randn([3, 1, 6, 6], { dtype, requiresGrad: input });
    using tape = new Tape();
    const loss = sum(network.forward(x));
    const fold = vi.spyOn(kernelsFor(dtype), 'fold');
    const unfold = vi.spyOn(kernelsFor(dtype), 'unfold');
    tape.backward(loss);
    network.dispose();
    return { folds: fold.mock.calls.length, unfolds: unfold.mock.calls.length };
  }

  it("are not computed: the first layer's input", () => {
    // Three images: the second layer folds 2 groups of each, the first layer 1 if it is asked.
    expect(countFolds({ input: false })).toEqual({ folds: 3 * 2, unfolds: 3 * 2 + 3 });
    vi.restoreAllMocks();
    expect(countFolds({ input: true })).toEqual({ folds: 3 * 2 + 3, unfolds: 3 * 2 + 3 });
  });

  it('are not computed: a user op sees what is needed of it', () => {
    const asked: (readonly boolean[])[] = [];
    const product = defineFunction('product', {
      forward(ctx: Context<{ a: Tensor; b: Tensor }>, a: Tensor, b: Tensor) {
        ctx.save({ a, b });
        return mul(a, b);
      },
      backward(ctx, dOut) {
        asked.push(ctx.needsInputGrad);
        const [a, b] = ctx.needsInputGrad;
        return [a ? mul(dOut, ctx.saved.b) : null, b ? mul(dOut, ctx.saved.a) : null];
      },
    });
    const x = tensor([1, 2]);
    const w = tensor([3, 4], undefined, { requiresGrad: true });
    runBackward(() => product(product(x, w), x));
    expect(asked).toEqual([
      [true, false],
      [false, true],
    ]);
    expect(w.grad?.toArray()).toEqual([1, 4]);
    expect(x.grad).toBeNull();
  });
});

describe('a frozen layer', () => {
  it("gets no gradient, and the others' are the same bits", () => {
    const gradients = (freeze: boolean): (number[] | null)[] => {
      manualSeed(5);
      const conv = new Conv2d(1, 2, 3);
      const frozen = new Conv2d(2, 3, 2);
      const head = new Linear(3 * 3 * 3, 4);
      const network = new Sequential(conv, new ReLU(), frozen, new ReLU(), new Flatten(), head);
      for (const parameter of frozen.parameters()) parameter.requiresGrad = !freeze;
      {
        using tape = new Tape();
        const x = randn([2, 1, 6, 6]);
        tape.backward(crossEntropy(network.forward(x), tensor(Int32Array.of(3, 0))));
      }
      const grads = [...network.parameters()].map(({ grad }) => grad && Array.from(grad.data));
      network.dispose();
      return grads;
    };
    const free = gradients(false);
    expect(free.every((grad) => grad?.some((value) => value !== 0))).toBe(true);
    const [convWeight, convBias, , , headWeight, headBias] = free;
    expect(gradients(true)).toEqual([convWeight, convBias, null, null, headWeight, headBias]);
  });
});

describe('initial weights', () => {
  /** Weights and biases of two layers after `manualSeed(seed)`. */
  function weights(seed: number, convFirst = true): Record<string, number[]> {
    manualSeed(seed);
    const makers: Record<string, () => Conv2d | Linear> = {
      conv: () => new Conv2d(4, 60, [3, 5], { groups: 2 }),
      linear: () => new Linear(30, 40),
    };
    const order = convFirst ? ['conv', 'linear'] : ['linear', 'conv'];
    const drawn: Record<string, number[]> = {};
    for (const name of order) {
      const layer = makers[name]?.();
      drawn[`${name}.weight`] = Array.from(layer?.weight.data ?? []);
      drawn[`${name}.bias`] = Array.from(layer?.bias?.data ?? []);
      layer?.dispose();
    }
    return drawn;
  }

  it('are the same for the same seed, and others for another', () => {
    expect(weights(11)).toEqual(weights(11));
    expect(weights(11)['conv.weight']).not.toEqual(weights(12)['conv.weight']);
    expect(weights(11)['linear.bias']).not.toEqual(weights(12)['linear.bias']);
  });

  it('are drawn layer by layer in the order of making', () => {
    expect(weights(11)['conv.weight']).not.toEqual(weights(11, false)['conv.weight']);
  });

  it('do not depend on what other streams drew', () => {
    const before = weights(11);
    manualSeed(11);
    randn([100]).dispose();
    const conv = new Conv2d(4, 60, [3, 5], { groups: 2 });
    expect(Array.from(conv.weight.data)).toEqual(before['conv.weight']);
    conv.dispose();
  });

  it("fill PyTorch's range ±1/√fanIn evenly", () => {
    const drawn = weights(11);
    for (const [name, fanIn] of [
      ['conv', 2 * 3 * 5],
      ['linear', 30],
    ] as const) {
      const bound = 1 / Math.sqrt(fanIn);
      for (const part of ['weight', 'bias']) {
        const values = drawn[`${name}.${part}`] ?? [];
        expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(bound);
        // Of n uniform values all stay below (1-t)·bound with probability (1-t)ⁿ.
        const reach = part === 'weight' ? 0.95 : 0.75;
        expect(Math.max(...values)).toBeGreaterThan(reach * bound);
        expect(Math.min(...values)).toBeLessThan(-reach * bound);
      }
      const weight = drawn[`${name}.weight`] ?? [];
      const variance = weight.reduce((total, value) => total + value * value, 0) / weight.length;
      expect(variance / (bound * bound)).toBeCloseTo(1 / 3, 1);
    }
  });

  it("come from init's functions, which draw from a generator of the caller's too", () => {
    using _scope = new Scope();
    const [a, b] = [zeros([8, 3, 2, 2]), zeros([8, 3, 2, 2])];
    init.kaimingUniform(a, { generator: new Generator(3) });
    // For a ReLU the bound is √(6 / fanIn), fanIn = 3·2·2.
    init.uniform(b, { bound: Math.sqrt(6 / 12), generator: new Generator(3) });
    expect(a.data).toEqual(b.data);
    expect(() => init.kaimingUniform(zeros([4]))).toThrow(
      'kaimingUniform: expected at least two dimensions, got float32 tensor [4]',
    );
  });
});
