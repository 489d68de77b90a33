import {
  bufferOf,
  configureEngine,
  elementsOf,
  heapStats,
  kernelsFor,
  moreKernelsFor,
  manualSeed,
  Parameter,
  rand,
  randn,
  reshape,
  Scope,
  sum,
  Tape,
  tensor,
  unscoped,
  zeros,
  type NumericArray,
  type Tensor,
} from '@unfold/core';
import { Conv2d, conv2d, Sequential, type Conv2dOptions } from '@unfold/nn';
import { Adam, LeNet, SGD } from '@unfold/train';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';

/*
 * From the second call on, a convolution keeps its weights as the kernel wants them, with all else
 * that follows from geometry and weights. Nothing but time and memory may show it.
 */

interface Operands {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor | null;
}

const numbers = (x: Tensor): number[] => Array.from(x.toTypedArray());

/** The result of a call. */
function call({ x, weight, bias }: Operands, options: Conv2dOptions = {}): number[] {
  return Scope.run(() => numbers(conv2d(x, weight, bias, options)));
}

/** The result by copies of the operands, of which nothing can be kept yet. */
function fresh({ x, weight, bias }: Operands, options: Conv2dOptions = {}): number[] {
  return Scope.run(() => {
    const copy = (of: Tensor) => tensor(of.toTypedArray(), of.shape);
    return call({ x: copy(x), weight: copy(weight), bias: bias && copy(bias) }, options);
  });
}

let scope: Scope;
beforeEach(() => {
  manualSeed(7);
  scope = new Scope();
});
afterEach(() => scope.close());
afterAll(async () => {
  await configureEngine({ kernels: 'wasm', threads: 1 });
});

/** x `[2, 3, 9, 8]`, weight `[5, 3, 3, 2]`. */
const small = (hasBias = true): Operands => ({
  x: randn([2, 3, 9, 8]),
  weight: randn([5, 3, 3, 2]),
  bias: hasBias ? randn([5]) : null,
});

/** Bytes of the heap that `fn` took and did not give back. */
function taken(fn: () => void): number {
  const before = heapStats().usedBytes;
  fn();
  return heapStats().usedBytes - before;
}

describe('the bits', () => {
  const CASES: { name: string; x: number[]; weight: number[]; options?: Conv2dOptions }[] = [
    { name: 'plain', x: [2, 3, 9, 8], weight: [5, 3, 3, 2] },
    { name: 'one image of LeNet', x: [1, 8, 12, 12], weight: [16, 8, 5, 5] },
    { name: 'images woven', x: [5, 9, 7, 7], weight: [11, 9, 3, 3], options: { padding: 1 } },
    { name: '1×1', x: [3, 13, 6, 7], weight: [17, 13, 1, 1] },
    { name: 'strides', x: [2, 4, 11, 13], weight: [6, 4, 3, 3], options: { stride: [2, 3] } },
    { name: 'dilation', x: [2, 4, 11, 13], weight: [6, 4, 3, 3], options: { dilation: 2 } },
    { name: 'depthwise', x: [2, 7, 9, 9], weight: [7, 1, 3, 3], options: { groups: 7 } },
    { name: 'groups', x: [2, 6, 9, 9], weight: [9, 2, 3, 3], options: { groups: 3 } },
    { name: 'Winograd', x: [3, 33, 20, 21], weight: [35, 33, 3, 3], options: { padding: 1 } },
    { name: 'parts', x: [4, 8, 20, 20], weight: [16, 8, 5, 5], options: { padding: 2 } },
  ];

  it.each([
    { threads: 1, simd: '128' },
    { threads: 2, simd: '128' },
    { threads: 3, simd: '256' },
    { threads: 4, simd: '256' },
  ] as const)('are those of a first call on $threads threads with $simd bits', async (engine) => {
    await configureEngine(engine);
    for (const { name, x, weight, options } of CASES) {
      for (const hasBias of [true, false]) {
        Scope.run(() => {
          const bias = hasBias ? randn([weight[0] ?? 0]) : null;
          const operands = { x: randn(x), weight: randn(weight), bias };
          const expected = fresh(operands, options);
          for (let i = 0; i < 4; i++) expect(call(operands, options), name).toEqual(expected);
          // Only x is another.
          const next = { ...operands, x: randn(x) };
          expect(call(next, options), name).toEqual(fresh(next, options));
        });
      }
    }
  });

  it('are those of a first call where sums overflow on the way', async () => {
    await configureEngine({ threads: 1 });
    const operands = {
      x: rand([1, 32, 12, 12]),
      weight: randn([32, 32, 3, 3]),
      bias: randn([32]),
    };
    operands.x.update((data) => data.fill(3e38, 5, 9));
    const expected = fresh(operands);
    for (let i = 0; i < 3; i++) expect(call(operands)).toEqual(expected);
  });
});

describe('a write is seen', () => {
  /** A row of so many pixels under a kernel of one. */
  const pixels = (W: number) => ({
    ...{ N: 1, OC: 1, groups: 1 },
    window: {
      ...{ C: 1, H: 1, W, KH: 1, KW: 1, OH: 1, OW: W, strideH: 1, strideW: 1 },
      ...{ padTop: 0, padLeft: 0, dilationH: 1, dilationW: 1 },
    },
  });

  /** What writes into a tensor, each in another way; `view` was taken before the first call. */
  const WRITES: Record<string, (x: Tensor, view: NumericArray | null) => void> = {
    update: (x) => x.update((data) => data.fill(2)),
    updateBuffer: (x) => {
      x.updateBuffer((buffer) => kernelsFor('float32').fill(buffer, { value: 2 }));
    },
    'a kernel': (x) => kernelsFor('float32').fill(bufferOf(x), { value: 2 }),
    'a kernel into a piece': (x) => {
      kernelsFor('float32').fill(bufferOf(x).slice(1, 3), { value: 2 });
    },
    'a kernel with two results': (x) => {
      const { maxPool2d } = kernelsFor('float32');
      Scope.run(() => {
        const from = randn([x.size]);
        const indices = bufferOf(zeros([x.size], { dtype: 'int32' }));
        if (!indices.isOf('int32')) throw new Error('no indices');
        const axis = { KH: 1, OH: 1, H: 1, strideH: 1, padTop: 0, dilationH: 1 };
        const other = { W: x.size, KW: 1, OW: x.size, strideW: 1, padLeft: 0, dilationW: 1 };
        maxPool2d(bufferOf(x), indices, bufferOf(from), { C: 1, ...axis, ...other });
      });
    },
    'a second operand of a kernel': (x) => {
      const options = { lr: 0, momentum: 0.5, dampening: 0, weightDecay: 0 };
      Scope.run(() => {
        const [param, grad] = [bufferOf(randn([x.size])), bufferOf(randn([x.size]))];
        const { sgdStep } = moreKernelsFor('float32');
        sgdStep(param, bufferOf(x), grad, { ...options, nesterov: false, firstStep: false });
      });
    },
    'a product': (x) => {
      const geometry = { M: x.size, N: 1, K: 1, batch: 1, transposeA: false, transposeB: false };
      const strides = { accumulate: false, aBatchStride: 0, bBatchStride: 0 };
      Scope.run(() => {
        const [a, b] = [bufferOf(randn([x.size])), bufferOf(randn([1]))];
        kernelsFor('float32').matmul(bufferOf(x), a, b, { ...geometry, ...strides });
      });
    },
    'a convolution': (x) => {
      Scope.run(() => {
        const [row, one] = [bufferOf(randn([x.size])), bufferOf(randn([1]))];
        kernelsFor('float32').conv2d(bufferOf(x), row, one, null, pixels(x.size));
      });
    },
    "a convolution's gradient by its input": (x) => {
      Scope.run(() => {
        const [row, one] = [bufferOf(randn([x.size])), bufferOf(randn([1]))];
        kernelsFor('float32').conv2dBackwardInput(bufferOf(x), row, one, pixels(x.size));
      });
    },
    "a convolution's gradient by its weight": (x) => {
      Scope.run(() => {
        const [dOut, one] = [bufferOf(randn([x.size])), bufferOf(randn([1]))];
        const geometry = { ...pixels(1), OC: x.size };
        kernelsFor('float32').conv2dBackwardWeight(bufferOf(x), null, one, dOut, geometry);
      });
    },
    "a convolution's gradient by its bias": (x) => {
      Scope.run(() => {
        const [dOut, one] = [bufferOf(randn([x.size])), bufferOf(randn([1]))];
        const [dWeight, geometry] = [bufferOf(zeros([x.size])), { ...pixels(1), OC: x.size }];
        kernelsFor('float32').conv2dBackwardWeight(dWeight, bufferOf(x), one, dOut, geometry);
      });
    },
    'a reference kernel': (x) => kernelsFor('float64').fill(bufferOf(x), { value: 2 }),
    elementsOf: (x) => elementsOf(x).fill(2),
    'a view from now': (x) => x.data.fill(2),
    'a view from before': (_, view) => view?.fill(2),
    'another shape': (x) => reshape(x, [x.size]).update((data) => data.fill(2)),
    'a view of another shape': (x) => reshape(x, [x.size]).data.fill(2),
    'a detached tensor': (x) => x.detach().update((data) => data.fill(2)),
  };

  const writes = Object.entries(WRITES);
  describe.each(['weight', 'bias'] as const)('into the %s by', (which) => {
    it.each(writes)('%s', (name, write) => {
      const operands = { ...small(), bias: randn([5]) };
      const target = operands[which];
      const view = name === 'a view from before' ? target.data : null;
      for (let i = 0; i < 3; i++) {
        const before = call(operands);
        expect(call(operands)).toEqual(before);
        write(target, view);
        const after = call(operands);
        if (i === 0) expect(after).not.toEqual(before);
        expect(after).toEqual(fresh(operands));
        target.update((data) => data.fill(0.5));
      }
    });
  });

  it('by an optimiser, and no plan is made in training', () => {
    const layer = new Conv2d(3, 5, 3);
    const twin = new Conv2d(3, 5, 3);
    twin.loadStateDict(layer.stateDict());
    const x = randn([2, 3, 9, 8]);
    for (const { model, isWatched } of [
      { model: layer, isWatched: true },
      { model: twin, isWatched: false },
    ]) {
      const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
      const step = () =>
        Tape.run((tape) => {
          tape.backward(sum(model.forward(x)));
          optimizer.step();
          optimizer.zeroGrad();
        });
      for (let i = 0; i < 3; i++) {
        // The twin's weights are looked at by nobody before the end.
        if (isWatched) for (let j = 0; j < 3; j++) Scope.run(() => model.forward(x));
        step();
      }
      expect(taken(step)).toBe(0);
      optimizer.dispose();
    }
    expect(numbers(layer.weight)).toEqual(numbers(twin.weight));
    layer.dispose();
    twin.dispose();
  });

  it('by other optimisers, and by loadStateDict', () => {
    const [layer, other] = [new Conv2d(3, 5, 3), new Conv2d(3, 5, 3)];
    const x = randn([2, 3, 9, 8]);
    const operands = { x, weight: layer.weight, bias: layer.bias };
    const twice = () => [call(operands), call(operands)];
    twice();
    layer.loadStateDict(other.stateDict());
    const loaded = fresh({ x, weight: other.weight, bias: other.bias });
    expect(twice()).toEqual([loaded, loaded]);
    const optimizer = new Adam(layer.parameters(), { lr: 0.1 });
    Tape.run((tape) => {
      tape.backward(sum(layer.forward(x)));
      optimizer.step();
    });
    const updated = fresh(operands);
    expect(updated).not.toEqual(loaded);
    expect(twice()).toEqual([updated, updated]);
    for (const owner of [optimizer, layer, other]) owner.dispose();
  });
});

describe('the memory', () => {
  it('is taken by the second call, counted, and given back with the weight', () => {
    const operands = small();
    call(operands);
    expect(taken(() => call(operands))).toBeGreaterThan(operands.weight.size * 4);
    expect(taken(() => call(operands))).toBe(0);
    const { liveTensors } = heapStats();
    const weight = operands.weight.size * 4;
    const freed = taken(() => operands.weight.dispose());
    expect(freed).toBeLessThan(-2 * weight);
    expect(heapStats().liveTensors).toBe(liveTensors - 1);
  });

  it('is given back by a write, a view, and the end of the scope', () => {
    const operands = small();
    const kept = () => {
      call(operands);
      return taken(() => call(operands));
    };
    const bytes = kept();
    expect(bytes).toBeGreaterThan(0);
    expect(taken(() => operands.weight.update((data) => data.fill(1)))).toBe(-bytes);
    expect(kept()).toBe(bytes);
    expect(taken(() => void operands.weight.data)).toBe(-bytes);
    expect(kept()).toBe(0);
    const used = taken(() =>
      Scope.run(() => {
        const inner = small();
        for (let i = 0; i < 3; i++) call(inner);
      }),
    );
    expect(used).toBe(0);
  });

  it('serves two layers that share a weight', () => {
    const weight = new Parameter(randn([5, 3, 3, 3]));
    const x = randn([2, 3, 9, 9]);
    const operands = { x, weight, bias: null };
    const first = fresh(operands);
    const second = fresh(operands, { stride: 2, padding: 1 });
    const round = () => {
      expect(call(operands)).toEqual(first);
      expect(call(operands, { stride: 2, padding: 1 })).toEqual(second);
    };
    round();
    expect(taken(round)).toBeGreaterThan(0);
    expect(taken(round)).toBe(0);
    weight.dispose();
  });

  it('of tensors that share it is given back with the last', () => {
    const operands = small();
    const shared = operands.weight.detach();
    call(operands);
    const bytes = taken(() => call({ ...operands, weight: shared }));
    expect(bytes).toBeGreaterThan(0);
    expect(taken(() => operands.weight.dispose())).toBe(0);
    expect(taken(() => call({ ...operands, weight: shared }))).toBe(0);
    expect(taken(() => shared.dispose())).toBeLessThan(-bytes);
  });

  it('stays flat over 100,000 calls, of whatever sizes', () => {
    const weight = randn([2, 1, 2, 2]);
    const images = Array.from({ length: 12 }, (_, i) => rand([1, 1, 3 + (i % 4), 3 + (i % 3)]));
    const calls = (count: number) => {
      for (let i = 0; i < count; i++) {
        const x = images[i % 12 < 6 ? 0 : i % 12];
        if (x) Scope.run(() => void conv2d(x, weight));
      }
    };
    calls(1200);
    // What is kept now and then may be that of other images.
    expect(Math.abs(taken(() => calls(100_000)))).toBeLessThan(4096);
  });

  it('holds no model back', () => {
    const life = () =>
      unscoped(() => {
        const model = new LeNet().eval();
        const x = rand([1, 1, 28, 28]);
        for (let i = 0; i < 3; i++) Scope.run(() => void model.forward(x));
        model.dispose();
        x.dispose();
      });
    // Once for the kernels' work space.
    life();
    expect(taken(life)).toBe(0);
  });
});

describe('the engine', () => {
  it('that runs decides: others see nothing of what was kept', async () => {
    const layer = new Sequential(new Conv2d(3, 5, 3, { padding: 1 }));
    const x = randn([2, 3, 9, 8]);
    const results = () =>
      Array.from({ length: 3 }, () => Scope.run(() => numbers(layer.forward(x))));
    await configureEngine({ threads: 1 });
    const [fast] = results();
    let before = heapStats().usedBytes;
    await configureEngine({ kernels: 'reference' });
    expect(heapStats().usedBytes).toBeLessThan(before);
    before = heapStats().usedBytes;
    const [plain, ...again] = results();
    expect(again).toEqual([plain, plain]);
    expect(heapStats().usedBytes).toBe(before);
    await configureEngine({ threads: 2, strict: true });
    const [strict, ...others] = results();
    expect(others).toEqual([strict, strict]);
    await configureEngine({ threads: 1 });
    expect(results()).toEqual([fast, fast, fast]);
    layer.dispose();
  });

  it('keeps nothing of a geometry that may still be changed', () => {
    const { x, weight } = small(false);
    const window = {
      ...{ C: 3, H: 9, W: 8, KH: 3, KW: 2, OH: 7, OW: 7, strideH: 1, strideW: 1 },
      ...{ padTop: 0, padLeft: 0, dilationH: 1, dilationW: 1 },
    };
    const geometry = { N: 2, OC: 5, groups: 1, window };
    const resultOf = (of: Tensor) => {
      const out = zeros([2, 5, window.OH, 7]);
      kernelsFor('float32').conv2d(bufferOf(out), bufferOf(x), bufferOf(of), null, geometry);
      return numbers(out);
    };
    const copy = () => tensor(weight.toTypedArray(), weight.shape);
    const whole = resultOf(copy());
    for (let i = 0; i < 3; i++) expect(resultOf(weight)).toEqual(whole);
    Object.assign(window, { H: 8, OH: 6 });
    expect(resultOf(weight)).toEqual(resultOf(copy()));
  });
});
