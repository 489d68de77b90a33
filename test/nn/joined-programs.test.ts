import {
  add,
  compile,
  configureEngine,
  manualSeed,
  matmul,
  mul,
  randn,
  relu,
  Scope,
  sum,
  Tape,
  tensor,
  type Tensor,
} from '@unfold/core';
import {
  Conv2d,
  Flatten,
  LeakyReLU,
  Linear,
  MaxPool2d,
  ReLU,
  Sequential,
  type Layer,
} from '@unfold/nn';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

function bitsOf(x: Tensor | null): Uint8Array | null {
  return x && new Uint8Array(x.toTypedArray().buffer);
}

/** A function of images, and what a program of it joins. */
interface Case {
  readonly about: string;
  readonly shape: readonly number[];
  readonly make: () => Layer | ((x: Tensor) => Tensor | readonly Tensor[]);
  readonly joined: readonly string[];
}

const POOLED = 'conv2d + relu + maxPool2d';

const CASES: readonly Case[] = [
  {
    about: 'convolution and relu',
    shape: [3, 2, 9, 7],
    make: () => new Sequential(new Conv2d(2, 5, 3, { padding: 1 }), new ReLU()),
    joined: ['conv2d + relu'],
  },
  {
    about: 'convolution, relu and pooling',
    shape: [2, 3, 12, 10],
    make: () => new Sequential(new Conv2d(3, 7, 5), new ReLU(), new MaxPool2d(2)),
    joined: [POOLED],
  },
  {
    about: 'convolution, leaky relu and a pooling with padding',
    shape: [2, 4, 11, 11],
    make: () =>
      new Sequential(
        new Conv2d(4, 6, 3, { stride: 2, bias: false }),
        new LeakyReLU({ negativeSlope: 0.2 }),
        new MaxPool2d(3, { stride: 2, padding: 1 }),
      ),
    joined: ['conv2d + leakyRelu + maxPool2d'],
  },
  {
    about: 'convolution and pooling',
    shape: [1, 1, 14, 14],
    make: () => new Sequential(new Conv2d(1, 4, 3, { dilation: 2 }), new MaxPool2d(2)),
    joined: ['conv2d + maxPool2d'],
  },
  {
    about: 'a product, its bias and relu',
    shape: [5, 1, 4, 3],
    make: () => new Sequential(new Flatten(), new Linear(12, 9), new ReLU()),
    joined: ['matmul + add + relu'],
  },
  {
    about: 'a product of one row and its bias',
    shape: [1, 1, 4, 3],
    make: () => new Sequential(new Flatten(), new Linear(12, 9)),
    joined: ['matmul + add'],
  },
  {
    about: 'a product and a bias that is there before it',
    shape: [5, 12],
    make: () => {
      const [weight, scale] = [randn([12, 9]), randn([9])];
      return (x) => {
        const bias = mul(scale, 2);
        return add(matmul(x, weight), bias);
      };
    },
    joined: ['matmul + add'],
  },
  {
    about: 'a bias that is made after the product is not joined',
    shape: [5, 12],
    make: () => {
      const [weight, scale] = [randn([12, 9]), randn([9])];
      return (x) => {
        const out = matmul(x, weight);
        return add(out, mul(scale, 2));
      };
    },
    joined: [],
  },
  {
    about: 'what else reads the convolution is not joined',
    shape: [2, 2, 6, 6],
    make: () => {
      const conv = new Conv2d(2, 3, 3);
      return (x) => {
        const out = conv.forward(x);
        return add(relu(out), out);
      };
    },
    joined: [],
  },
  {
    about: 'what is a result of its own is not joined',
    shape: [2, 2, 6, 6],
    make: () => {
      const conv = new Conv2d(2, 3, 3);
      return (x) => {
        const out = conv.forward(x);
        return [out, relu(out)];
      };
    },
    joined: [],
  },
  {
    about: 'what is pooled and read elsewhere is stored',
    shape: [2, 2, 8, 8],
    make: () => {
      const conv = new Conv2d(2, 3, 3);
      const pool = new MaxPool2d(2);
      return (x) => {
        const out = relu(conv.forward(x));
        return [pool.forward(out), sum(out, [2, 3])];
      };
    },
    joined: [POOLED],
  },
];

describe.each([
  ['one thread', { threads: 1 }],
  ['two threads', { threads: 2 }],
  ['one thread without fused multiply-add', { threads: 1, strict: true }],
  ['tiles for 256 bits', { threads: 2, simd: '256' }],
] as const)('a program on %s', (_engine, options) => {
  beforeAll(async () => {
    await configureEngine(options);
  });
  afterAll(async () => {
    await configureEngine({ threads: 1 });
  });

  it.each(CASES)('joins $about, with the bits of the single calls', ({ shape, make, joined }) => {
    using _scope = new Scope();
    manualSeed(4);
    const made = make();
    const run = (x: Tensor): readonly Tensor[] => {
      const out = typeof made === 'function' ? made(x) : made.forward(x);
      return Array.isArray(out) ? out : [out as Tensor];
    };
    const fast = compile(run);
    for (let i = 0; i < 3; i++) {
      const x = randn(shape);
      if (i === 2) x.update((data) => data.set([NaN, -0, Infinity]));
      expect(fast(x).map(bitsOf)).toEqual(run(x).map(bitsOf));
    }
    expect(fast.stats?.joined).toEqual(joined);
  });

  it('joins the gradients of pooling, convolution and relu, with the bits of the single calls', () => {
    using _scope = new Scope();
    manualSeed(5);
    const model = new Sequential(
      new Conv2d(1, 6, 3),
      new ReLU(),
      new MaxPool2d(2),
      new Conv2d(6, 5, 3, { padding: 1 }),
      new ReLU(),
      new Conv2d(5, 5, 3, { padding: 1 }),
      new ReLU(),
      new MaxPool2d(3, { stride: 2 }),
      new Flatten(),
      new Linear(45, 4),
    );
    const step = (x: Tensor): void => {
      for (const parameter of model.parameters()) parameter.zeroGrad();
      using tape = new Tape();
      const out = model.forward(x);
      tape.backward(sum(mul(out, out)));
    };
    const fast = compile(step, { modules: [model] });
    const gradients = (run: () => void): (Uint8Array | null)[] => {
      run();
      return [...model.parameters()].map(({ grad }) => bitsOf(grad));
    };
    for (let i = 0; i < 3; i++) {
      const x = randn([4, 1, 16, 16]);
      if (i === 2) x.update((data) => data.set([NaN, -0, Infinity]));
      const eager = gradients(() => step(x));
      expect(gradients(() => fast(x))).toEqual(eager);
    }
    expect(fast.stats?.joined.filter((name) => name.includes('backward'))).toHaveLength(3);
    expect(fast.stats?.joined.filter((name) => name === POOLED)).toHaveLength(2);
  });
});

it('a program is made anew for another engine', async () => {
  await configureEngine({ threads: 1 });
  using _scope = new Scope();
  const conv = new Conv2d(1, 2, 3);
  const fast = compile((x: Tensor) => relu(conv.forward(x)), { modules: [conv] });
  const x = tensor(new Float32Array(25).fill(1), [1, 1, 5, 5]);
  const before = bitsOf(fast(x));
  await configureEngine({ threads: 2 });
  expect(bitsOf(fast(x))).toEqual(before);
  await configureEngine({ threads: 1 });
  expect(bitsOf(fast(x))).toEqual(before);
});
