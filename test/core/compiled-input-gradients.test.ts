import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  add,
  compile,
  configureEngine,
  heapStats,
  matmul,
  mul,
  randn,
  relu,
  reshape,
  Scope,
  sum,
  Tape,
  TapeError,
  tensor,
  where,
  gt,
  Tensor,
} from '@unfold/core';

/** The bits of a tensor's elements, as text, which is compared at once. */
function bitsOf(x: Tensor | null): string | null {
  return x && Buffer.from(x.toTypedArray().buffer).toString('base64');
}

function gradOf(x: Tensor): Tensor {
  if (!x.grad) throw new Error('no gradient');
  return x.grad;
}

/** What a leaf holds. */
function stateOf(x: Tensor): unknown {
  return { grad: bitsOf(x.grad), requiresGrad: x.requiresGrad };
}

const copyOf = (x: Tensor): Tensor => tensor(x.toTypedArray(), x.shape, { dtype: x.dtype });

/** A network of two layers: scores of rows. */
function scores(x: Tensor, weights: readonly [Tensor, Tensor]): Tensor {
  return matmul(relu(matmul(x, weights[0])), weights[1]);
}

type Weights = readonly [Tensor, Tensor];

/** Functions of an input that take its gradient, each in another way. */
const FUNCTIONS: readonly (readonly [string, (x: Tensor, weights: Weights) => unknown])[] = [
  [
    'leaves the gradient at an input that wants one',
    (x, weights) => {
      using tape = new Tape();
      tape.backward(sum(scores(x, weights)));
    },
  ],
  [
    'returns the gradient of an input',
    (x, weights) => {
      x.zeroGrad();
      const loss = Tape.run((tape) => {
        const loss = sum(scores(x, weights));
        tape.backward(loss);
        return loss;
      });
      return { loss, saliency: gradOf(x), flat: reshape(gradOf(x), [-1]) };
    },
  ],
  [
    'marks the input itself',
    (x, weights) => {
      x.requiresGrad = true;
      using tape = new Tape();
      tape.backward(sum(scores(x, weights)));
      return gradOf(x);
    },
  ],
  [
    'takes it of another name for the input, and leaves no trace',
    (x, weights) => {
      const leaf = x.detach();
      leaf.requiresGrad = true;
      Tape.run((tape) => tape.backward(sum(scores(leaf, weights))));
      return gradOf(leaf);
    },
  ],
  [
    'takes it of what it made, and returns it with that under another name',
    (x, weights) => {
      const leaf = mul(x, 0.5);
      leaf.requiresGrad = true;
      Tape.run((tape) => tape.backward(sum(scores(leaf, weights))));
      return [leaf.detach(), gradOf(leaf)];
    },
  ],
  [
    'goes on with it: an adversarial example, and what a network makes of it',
    (x, weights) => {
      const leaf = x.detach();
      leaf.requiresGrad = true;
      Tape.run((tape) => tape.backward(sum(scores(leaf, weights))));
      const sign = where(gt(gradOf(leaf), 0), 0.1, -0.1);
      const adversarial = add(x, sign);
      return { adversarial, scores: scores(adversarial, weights) };
    },
  ],
  [
    'gives an input the gradient of a second loss, and of the weights too',
    (x, weights) => {
      for (const weight of weights) weight.zeroGrad();
      for (const factor of [1, 2]) {
        using tape = new Tape();
        tape.backward(sum(mul(scores(x, weights), factor)));
      }
      return gradOf(weights[0]);
    },
  ],
  [
    'drops the gradient',
    (x) => {
      x.zeroGrad();
      return relu(x);
    },
  ],
  ['uses the gradient that is there', (x) => (x.grad ? mul(x.grad, 3) : relu(x))],
  [
    'sets a gradient of its own',
    (x) => {
      x.grad = mul(x, 2).keep();
      return add(x.grad, 1);
    },
  ],
  [
    'returns a tensor that wants a gradient',
    (x) => {
      const leaf = relu(x);
      leaf.requiresGrad = true;
      return leaf;
    },
  ],
];

function tensorsIn(result: unknown): Tensor[] {
  if (result instanceof Tensor) return [result];
  if (typeof result !== 'object' || result === null) return [];
  return Object.values(result).flatMap(tensorsIn);
}

describe.each([
  ['one thread', { threads: 1 }],
  ['two threads', { threads: 2 }],
  ['the reference', { kernels: 'reference' }],
] as const)('on %s, a program', (_name, options) => {
  beforeAll(async () => {
    await configureEngine(options);
  });
  afterAll(async () => {
    await configureEngine({ threads: 1 });
  });

  it.each(FUNCTIONS)('that %s does as the function', (_about, fn) => {
    using _scope = new Scope();
    const [rows, inner] = [70, 90];
    const first = randn([rows, inner]);
    const makeWeights = (from: Weights | null): Weights => {
      const weights: Weights = from
        ? [copyOf(from[0]), copyOf(from[1])]
        : [randn([inner, 80]), randn([80, 3])];
      for (const weight of weights) weight.requiresGrad = true;
      return weights;
    };
    const eagerWeights = makeWeights(null);
    const ownWeights = makeWeights(eagerWeights);
    let recorded = 0;
    const fast = compile((x: Tensor) => {
      recorded++;
      return fn(x, ownWeights) ?? null;
    });
    const held: { given: Tensor[]; bits: unknown[] }[] = [];
    for (let round = 0; round < 3; round++) {
      const data = mul(first, round + 1);
      const [x, y] = [copyOf(data), copyOf(data)];
      for (const input of [x, y]) input.requiresGrad = true;
      // The second call finds what the first left.
      for (let call = 0; call < 3; call++) {
        const eager = tensorsIn(fn(x, eagerWeights));
        const given = tensorsIn(fast(y));
        expect(given.map(bitsOf)).toEqual(eager.map(bitsOf));
        expect(given.map((one) => one.requiresGrad)).toEqual(eager.map((one) => one.requiresGrad));
        expect(given.map((one) => one === y.grad)).toEqual(eager.map((one) => one === x.grad));
        expect(stateOf(y)).toEqual(stateOf(x));
        expect(ownWeights.map(stateOf)).toEqual(eagerWeights.map(stateOf));
        if (call === 2) held.push({ given, bits: given.map(bitsOf) });
      }
    }
    // Later runs leave results alone, also those that are gradients, unless they drop them.
    for (const { given, bits } of held) {
      if (!given.some(({ isDisposed }) => isDisposed)) expect(given.map(bitsOf)).toEqual(bits);
    }
    expect(recorded).toBeLessThan(7);
    fast.dispose();
  });
});

describe('a program with gradients of its inputs', () => {
  const gradient = (x: Tensor): Tensor => {
    Tape.run((tape) => tape.backward(sum(mul(x, x))));
    return gradOf(x);
  };
  const leafOf = (...values: number[]): Tensor => tensor(values, undefined, { requiresGrad: true });

  it('is for inputs that want one, and another for those that want none', () => {
    using _scope = new Scope();
    const weight = leafOf(1, 2);
    const fast = compile((x: Tensor) => {
      weight.zeroGrad();
      Tape.run((tape) => tape.backward(sum(mul(x, weight))));
    });
    const [x, leaf] = [tensor([3, 4]), leafOf(5, 6)];
    for (let i = 0; i < 3; i++) {
      fast(x);
      fast(leaf);
    }
    expect(x.grad).toBeNull();
    expect(leaf.grad?.toArray()).toEqual([3, 6]);
  });

  it('is for one tensor given twice, or for two names of one memory', () => {
    using _scope = new Scope();
    const fast = compile((a: Tensor, b: Tensor) => {
      Tape.run((tape) => tape.backward(sum(mul(a, b))));
    });
    for (let i = 0; i < 3; i++) {
      const x = leafOf(3, 4);
      fast(x, x);
      expect(x.grad?.toArray()).toEqual([6, 8]);
      const [a, b] = [leafOf(3, 4), leafOf(3, 4).detach()];
      fast(a, b);
      expect(a.grad?.toArray()).toEqual([3, 4]);
      expect(b.grad).toBeNull();
      const name = a.detach();
      name.requiresGrad = true;
      fast(a, name);
      expect(a.grad?.toArray()).toEqual([6, 8]);
      expect(name.grad?.toArray()).toEqual([3, 4]);
    }
  });

  it('stays one where the function freezes weights and lets them go again', () => {
    using _scope = new Scope();
    const weight = leafOf(1, 2);
    let recorded = 0;
    const frozen = compile((x: Tensor) => {
      recorded++;
      weight.requiresGrad = false;
      Tape.run((tape) => tape.backward(sum(mul(x, weight))));
      weight.requiresGrad = true;
      return gradOf(x);
    });
    for (let i = 0; i < 4; i++) expect(frozen(leafOf(i, i)).toArray()).toEqual([1, 2]);
    expect(recorded).toBe(1);
    expect(weight.grad).toBeNull();
  });

  it('gives gradients that last, also with reuse', () => {
    using _scope = new Scope();
    const fast = compile((x: Tensor) => [gradient(x), relu(x)] as const, { reuse: true });
    const inputs = [leafOf(1, 2), leafOf(3, 4), leafOf(5, 6)];
    const results = inputs.map((x) => fast(x)[0]);
    expect(results.map((result) => result.toArray())).toEqual([
      [2, 4],
      [6, 8],
      [10, 12],
    ]);
    expect(results).toEqual(inputs.map(({ grad }) => grad));
  });

  it('leaves memory as it was', () => {
    const fast = compile((x: Tensor) => ({ g: gradient(x), y: relu(x) }));
    const run = (): void =>
      Scope.run(() => {
        const x = leafOf(1, -2, 3);
        fast(x);
        fast(x);
      });
    run();
    run();
    const { usedBytes } = heapStats();
    for (let i = 0; i < 200; i++) run();
    expect(heapStats().usedBytes).toBe(usedBytes);
    fast.dispose();
  });

  it.each<[string, (x: Tensor) => unknown, RegExp]>([
    [
      'a tensor that it returns',
      (x: Tensor) => {
        const leaf = relu(x);
        leaf.requiresGrad = true;
        return [leaf, gradient(leaf)];
      },
      /returns a tensor that it computes the gradient of; return detach\(\) of it/,
    ],
    [
      'what it disposed of',
      (x: Tensor) => {
        using _scope = new Scope();
        const leaf = x.detach();
        leaf.requiresGrad = true;
        return gradient(leaf);
      },
      /returns a tensor \(made by \w+\) that it disposed of/,
    ],
    [
      "another tensor's memory",
      (x: Tensor) => {
        x.grad = x.detach().keep();
        return relu(x);
      },
      /gradient of input 0 lies in the memory of another tensor/,
    ],
    [
      'numbers of a gradient',
      (x: Tensor) => {
        gradient(x);
        x.grad?.update((data) => data.fill(0));
        return relu(x);
      },
      /looks at the numbers of the (result|gradient)/,
    ],
  ])('refuses %s', (_about, fn, message) => {
    using _scope = new Scope();
    const fast = compile(fn);
    const call = (): void => {
      for (let i = 0; i < 4; i++) fast(leafOf(1, 2));
    };
    expect(call).toThrow(TapeError);
    expect(call).toThrow(message);
  });

  it('refuses a leaf in its closure that shares the memory of an input', () => {
    using _scope = new Scope();
    const leaf = leafOf(1, 2);
    const fast = compile((x: Tensor) => Tape.run((tape) => tape.backward(sum(mul(x, leaf)))));
    expect(() => fast(leaf.detach())).toThrow(/shares the memory of input 0/);
  });
});
