import {
  add,
  ConfigError,
  concat,
  defineFunction,
  DTypeError,
  elementsOf,
  findLeaks,
  full,
  Generator,
  generator,
  gt,
  manualSeed,
  matmul,
  mean,
  mul,
  ones,
  Parameter,
  rand,
  randn,
  relu,
  reshape,
  rngState,
  Scope,
  ShapeError,
  sub,
  sum,
  Tape,
  TapeError,
  tensor,
  trace,
  unscoped,
  where,
  zeros,
  bufferOf,
  type Context,
  type Tensor,
} from '@unfold/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { failure } from '../support/failure.js';

let scope: Scope;
beforeEach(() => {
  scope = new Scope();
});
afterEach(() => {
  scope.close();
});

/** A tensor's bytes, so that NaN and -0 are told apart. */
const bytes = (x: Tensor): Buffer => Buffer.from(x.toTypedArray().buffer);

describe('a listing', () => {
  it('has a line for each constant and node, and names what is returned', () => {
    const weights = tensor([
      [1, -2.5, 1 / 3],
      [0, 4, 5],
    ]);
    const large = ones([4, 10]);
    const graph = trace(
      function scores(x, y) {
        const h = relu(matmul(x, weights));
        const both = concat([h, mul(sub(1, y), -Infinity)], 1);
        return { both, parts: [mean(h, 1), h], n: 3, kind: 'a', no: null, y: add(y, full([], 2)) };
      },
      zeros([4, 2]),
      zeros([4, 1]),
    );
    expect(String(graph)).toBe(
      [
        'scores(x0: float32 [4,2], x1: float32 [4,1]) {',
        '  constant0: float32 [2,3] = [1, -2.5, 0.33333, 0, 4, 5]',
        '  constant1: float32 []    = 2',
        '  %0: float32 [4,3]        = matmul(x0, constant0, transposeA=false, transposeB=false)',
        '  %1: float32 [4,3]        = relu(%0)',
        '  %2: float32 [4,1]        = sub(1, x1)',
        '  %3: float32 [4,1]        = mul(%2, -Infinity)',
        '  %4: float32 [4,4]        = concat([%1, %3], axis=1)',
        '  %5: float32 [4]          = mean(%1, axis=1, keepdim=false)',
        '  %6: float32 [4,1]        = add(x1, constant1)',
        "  return { both: %4, parts: [%5, %1], n: 3, kind: 'a', no: null, y: %6 }",
        '}',
      ].join('\n'),
    );
    const wide = trace(
      (x) => add(add(x, large), tensor([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])),
      zeros([1]),
    );
    expect(String(wide)).toContain('constant0: float32 [4,10] = …');
    expect(String(wide)).toContain('constant1: float32 [10]   = [1, 2, 3, 4, 5, 6, 7, 8, …]');
  });

  it('of a function that only returns something', () => {
    expect(String(trace((x) => x, zeros([2])))).toBe('fn(x: float32 [2]) {\n  return x\n}');
  });
});

describe('run', () => {
  it('gives the arrays and objects of the function, with its bits', () => {
    const outside = randn([3]);
    const fn = (x: Tensor, y: Tensor) => ({
      a: [add(x, outside), { b: mul(x, y) }] as const,
      n: 1.5,
      x,
      outside,
    });
    const graph = trace(fn, zeros([3]), zeros([3]));
    const [x, y] = [randn([3]), randn([3])];
    const [eager, replayed] = [fn(x, y), graph.run(x, y)];
    expect(replayed.n).toBe(1.5);
    expect(replayed.x).toBe(x);
    expect(replayed.outside).toBe(outside);
    expect(bytes(replayed.a[0])).toEqual(bytes(eager.a[0]));
    expect(bytes(replayed.a[1].b)).toEqual(bytes(eager.a[1].b));
  });

  it('is recorded by a tape', () => {
    const graph = trace((x) => sum(mul(x, x)), zeros([2]));
    const x = tensor([3, -4], undefined, { requiresGrad: true });
    using tape = new Tape();
    tape.backward(graph.run(x));
    expect(x.grad?.toArray()).toEqual([6, -8]);
  });

  it('frees what lies between, and tracing leaves nothing behind but constants', async () => {
    const graph = unscoped(() => trace((x) => sum(relu(mul(x, 2))), zeros([20])));
    const leaks = await findLeaks(() => {
      unscoped(() => {
        const x = ones([20]);
        graph.run(x).dispose();
        x.dispose();
      });
    });
    expect(leaks).toEqual([]);
    const input = zeros([20]);
    expect(await findLeaks(() => void trace((x) => relu(mul(x, 2)), input))).toEqual([]);
    const one = ones([1]);
    const fails = (x: Tensor): Tensor => mul(add(x, ones([20])), x.item());
    expect(await findLeaks(() => void failure(() => trace(fails, one)))).toEqual([]);
  });

  it('computes with what constants from outside hold now', () => {
    const outside = tensor([1, 2]);
    const graph = trace((x) => add(x, outside), zeros([2]));
    outside.update((data) => data.fill(7));
    expect(graph.run(zeros([2])).toArray()).toEqual([7, 7]);
  });

  it('keeps constants that were made inside, as they were when they were used', () => {
    const graph = Scope.run(() => {
      const kept = trace(
        (x) => {
          const mask = zeros([2, 2]);
          mask.update((data) => (data[1] = 5));
          elementsOf(mask)[2] = 6;
          return add(x, mask);
        },
        zeros([2, 2]),
      );
      return { kept };
    }).kept;
    expect(graph.run(zeros([2, 2])).toArray()).toEqual([
      [0, 5],
      [6, 0],
    ]);
  });

  it('gives what is made inside anew each time, and from outside itself', () => {
    const outside = tensor([1, 2]);
    const graph = trace(() => [zeros([2]), outside]);
    const [made, same] = graph.run();
    made?.update((data) => data.fill(3));
    made?.dispose();
    expect(same).toBe(outside);
    expect(graph.run()[0]?.toArray()).toEqual([0, 0]);
  });

  it('refuses other inputs', async () => {
    const graph = trace((x, y) => add(x, y), zeros([2]), zeros([2]));
    expect((await failure(() => graph.run(zeros([2])))).message).toBe(
      'Graph.run: expected 2 inputs, as fn was traced on, got 1',
    );
    await expect(failure(() => graph.run(zeros([2])))).resolves.toBeInstanceOf(ConfigError);
    const shape = await failure(() => graph.run(zeros([2]), zeros([3])));
    expect(shape).toBeInstanceOf(ShapeError);
    expect(shape.message).toBe(
      'Graph.run: expected x1 [2], got [3]; shapes and dtypes are fixed: trace the function on such an ' +
        'input for another graph',
    );
    const dtype = await failure(() => graph.run(zeros([2], { dtype: 'int32' }), zeros([2])));
    expect(dtype).toBeInstanceOf(DTypeError);
    expect(dtype.message).toContain('expected x0 of float32, got int32');
    const array = [1, 2] as unknown;
    await expect(failure(() => graph.run(array as Tensor, zeros([2])))).resolves.toBeInstanceOf(
      DTypeError,
    );
  });
});

describe('nodes', () => {
  it('are plain data, which nobody can change', () => {
    const shape = [3, -1];
    const graph = trace((x) => reshape(where(gt(x, 0), x, -Infinity), shape), zeros([2, 3]));
    shape[0] = 6;
    const [, , node] = graph.nodes;
    expect(node?.attributes).toEqual({ shape: [3, -1] });
    expect(Object.isFrozen(node?.attributes) && Object.isFrozen(node?.attributes.shape)).toBe(true);
    expect(node?.input('x')).toBe(graph.nodes[1]?.outputs[0]);
    expect(node?.input('y')).toBeUndefined();
  });

  it('are in JSON with the values that they name, without the numbers of large constants', () => {
    const [small, large] = [tensor([1, -0, NaN]), zeros([5, 1, 3])];
    const graph = trace((x) => [add(mul(x, -Infinity), small), add(x, large)], zeros([3]));
    expect(JSON.parse(JSON.stringify(graph))).toEqual({
      name: 'fn',
      inputs: [{ name: 'x', dtype: 'float32', shape: [3] }],
      parameters: [],
      buffers: [],
      constants: [
        { name: 'constant0', dtype: 'float32', shape: [3], data: [1, '-0', 'NaN'] },
        { name: 'constant1', dtype: 'float32', shape: [5, 1, 3], data: new Array(15).fill(0) },
      ],
      nodes: [
        {
          op: 'mul',
          inputs: ['x'],
          operands: ['a'],
          outputs: [{ name: '%0', dtype: 'float32', shape: [3] }],
          attributes: { b: '-Infinity' },
          module: null,
          call: 0,
        },
        {
          op: 'add',
          inputs: ['%0', 'constant0'],
          operands: ['a', 'b'],
          outputs: [{ name: '%1', dtype: 'float32', shape: [3] }],
          attributes: {},
          module: null,
          call: 0,
        },
        {
          op: 'add',
          inputs: ['x', 'constant1'],
          operands: ['a', 'b'],
          outputs: [{ name: '%2', dtype: 'float32', shape: [5, 1, 3] }],
          attributes: {},
          module: null,
          call: 0,
        },
      ],
      outputs: ['%1', '%2'],
      results: [0, 1],
    });
    const { constants } = trace((x) => add(x, zeros([17, 3])), zeros([3])).toJSON();
    expect(constants).toEqual([{ name: 'constant0', dtype: 'float32', shape: [17, 3] }]);
  });

  it('tell an input that is given twice, or comes from outside too, from itself', () => {
    const x = tensor([1, 2]);
    const graph = trace((a, b) => sub(a, b), x, x);
    expect(graph.nodes[0]?.inputs.map(String)).toEqual(['x0', 'x1']);
    expect(graph.run(tensor([5, 5]), x).toArray()).toEqual([4, 3]);
  });

  it('of detach', () => {
    const graph = trace((x) => add(x, x.detach()), zeros([2]));
    expect(graph.nodes.map(({ op }) => op)).toEqual(['detach', 'add']);
    expect(graph.run(tensor([1, 2])).toArray()).toEqual([2, 4]);
  });
});

describe('operations of a user', () => {
  const split = defineFunction('split', {
    forward(
      _ctx: Context<object>,
      x: Tensor,
      shift: Tensor | null,
      { factor, more }: { factor: number; more?: { deep: readonly number[] } },
    ) {
      const scaled = mul(x, factor + (more?.deep[0] ?? 0));
      return [shift ? add(scaled, shift) : scaled, relu(x)];
    },
    backward: (_ctx, dOut) => [dOut, null],
  });

  it('appear under their name, with their options and outputs, and are called again', () => {
    const fn = (x: Tensor) => {
      const [a = x, b = x] = split(x, null, { factor: 3, more: { deep: [1] } });
      const [c = x] = split(b, a, { factor: 2 });
      return [c, b];
    };
    const graph = trace(fn, zeros([3]));
    expect(graph.nodes.map(({ op, operands, attributes }) => [op, operands, attributes])).toEqual([
      ['split', ['x0'], { x1: null, factor: 3, more: { deep: [1] } }],
      ['split', ['x0', 'x1'], { factor: 2 }],
    ]);
    expect(String(graph)).toContain(
      '  %0: float32 [3], %1: float32 [3] = split(x, x1=null, factor=3, more={ deep: [1] })',
    );
    const x = randn([3]);
    expect(graph.run(x).map(bytes)).toEqual(fn(x).map(bytes));
  });

  it('may take other arguments', () => {
    const power = defineFunction('power', {
      forward: (_ctx: Context<object>, x: Tensor, n: number) => (n === 2 ? mul(x, x) : x),
      backward: (_ctx, dOut) => dOut,
    });
    const graph = trace((x) => power(power(x, 2), 1), zeros([2]));
    expect(graph.nodes.map(({ attributes }) => attributes)).toEqual([
      { argument1: 2 },
      { argument1: 1 },
    ]);
    expect(graph.run(tensor([3, -2])).toArray()).toEqual([9, 4]);
  });

  it('may take no options that are no data, and change no input', async () => {
    const apply = defineFunction('apply', {
      forward: (_ctx: Context<object>, x: Tensor, { by }: { by: (x: Tensor) => Tensor }) => by(x),
      backward: (_ctx, dOut) => dOut,
    });
    const change = defineFunction('change', {
      forward(_ctx: Context<object>, x: Tensor) {
        x.update((data) => data.fill(1));
        return mul(x, 2);
      },
      backward: (_ctx, dOut) => dOut,
    });
    const data = await failure(() => trace((x) => apply(x, { by: relu }), zeros([2])));
    expect(data).toBeInstanceOf(TapeError);
    expect(data.message).toBe(
      'apply: a graph keeps options that are plain data, and tensors by themselves or in a list, got ' +
        'the function perform in by',
    );
    const changed = await failure(() => trace((x) => change(x), zeros([2])));
    expect(changed).toBeInstanceOf(TapeError);
    expect(changed.message).toMatch(/^change: expected to change buffers of the model only/);
  });
});

describe('what a graph cannot hold', () => {
  const seed = new Generator(1);
  it.each<readonly [string, (x: Tensor) => unknown, RegExp]>([
    [
      'item',
      (x) => (sum(x).item() > 0 ? x : relu(x)),
      /^item: .* got the float32 tensor \[\] made by sum/,
    ],
    ['data', (x) => add(x, x.data[0] ?? 0), /^data: .*made by zeros/],
    ['toTypedArray', (x) => tensor(relu(x).toTypedArray()), /^toTypedArray: /],
    ['toArray', (x) => tensor(relu(x).toArray()), /^toArray: /],
    ['JSON', (x) => tensor(JSON.stringify(relu(x)).length), /^toJSON: /],
    ['elementsOf', (x) => add(x, elementsOf(x)[0] ?? 0), /^elementsOf: /],
    ['bufferOf', (x) => bufferOf(x), /^bufferOf: /],
    ['a detached one', (x) => x.detach().item(), /^item: .*made by detach/],
    ['rand', (x) => add(x, rand([1])), /^rand: .*got random numbers.*as a tensor$/],
    ['randn', (x) => add(x, randn([1])), /^randn: /],
    ['uniform', (x) => add(x, generator('random').uniform()), /^uniform: /],
    ['normal', (x) => add(x, seed.normal()), /^normal: /],
    ['integer', (x) => add(x, seed.integer(3)), /^integer: /],
    ['uint32', (x) => add(x, seed.uint32()), /^uint32: /],
    ['manualSeed', (x) => (manualSeed(1), x), /^manualSeed: /],
    ['update', (x) => (x.update((data) => data.fill(0)), x), /^update: .*make a new tensor/],
    [
      'a change of a result',
      (x) => {
        const y = relu(x);
        y.updateBuffer(() => {});
        return y;
      },
      /^updateBuffer: /,
    ],
    [
      'a change of a used constant',
      (x) => {
        const c = ones([1]);
        const y = add(x, c);
        c.update((data) => data.fill(2));
        return add(y, c);
      },
      /^update: /,
    ],
    [
      'memory that is shared',
      (x) => new Parameter(relu(x)),
      /^return: .*made by Parameter, which shares/,
    ],
    [
      'backward',
      (x) => {
        using tape = new Tape();
        const loss = sum(mul(x, new Parameter(ones([1]))));
        tape.backward(loss);
        return loss;
      },
      /^backward: /,
    ],
    ['a trace', (x) => trace(relu, x), /^trace: a graph is being traced already/],
    ['no tensor', () => 3, /^trace: expected a function that returns tensors.*got 3/],
    ['a promise', async (x) => x, /^trace: .*got a promise; trace a synchronous function/],
    ['an object of a class', (x) => new Map([['x', x]]), /^trace: .*got a Map/],
  ])('%s', async (_, fn, message) => {
    const streams = rngState();
    const error = await failure(() => trace(fn, zeros([1])));
    expect(error).toBeInstanceOf(TapeError);
    expect(error.message).toMatch(message);
    // Nobody looks on any more, and the streams stand where they stood.
    expect(relu(zeros([1])).item()).toBe(0);
    expect(rngState()).toEqual(streams);
  });

  it('is told at once, not when an operation inside reads or draws', () => {
    const inside = defineFunction('inside', {
      forward: (_ctx: Context<object>, x: Tensor) => add(x, x.item() + generator('own').uniform()),
      backward: (_ctx, dOut) => dOut,
    });
    const graph = trace((x) => inside(x), zeros([1]));
    expect(graph.nodes.map(({ op }) => op)).toEqual(['inside']);
  });

  it('constants may be read', () => {
    const outside = tensor([2]);
    expect(trace((x) => mul(x, outside.item()), zeros([1])).nodes[0]?.attributes).toEqual({ b: 2 });
  });
});

describe('bad arguments', () => {
  it.each<readonly [string, () => unknown, typeof ConfigError | typeof DTypeError, string]>([
    [
      'no function',
      () => trace(5 as never, zeros([1])),
      ConfigError,
      'trace: expected a function or a module with a forward, got 5',
    ],
    [
      'null',
      () => trace(null as never),
      ConfigError,
      'trace: expected a function or a module with a forward, got null',
    ],
    [
      'an array',
      () => trace(relu, [1] as never),
      DTypeError,
      'trace: expected a tensor for input 0, got [1]; tensor(data) makes one',
    ],
  ])('%s', async (_, run, kind, message) => {
    const error = await failure(run);
    expect(error).toBeInstanceOf(kind);
    expect(error.message).toBe(message);
  });

  it('an object with a forward will do', () => {
    const graph = trace({ forward: (x: Tensor) => relu(x) }, zeros([1]));
    expect([graph.name, graph.nodes[0]?.module]).toEqual(['forward', null]);
  });
});
