import {
  clone,
  arange,
  ConfigError,
  DisposedError,
  DTypeError,
  empty,
  full,
  mul,
  ones,
  Parameter,
  rand,
  randn,
  relu,
  reshape,
  Scope,
  ShapeError,
  sum,
  Tape,
  TapeError,
  tensor,
  Tensor,
  UnfoldError,
  zeros,
  type DType,
  type NestedArray,
  type Shape,
} from '@unfold/core';
import fc from 'fast-check';
import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const DTYPES: readonly DType[] = ['float32', 'float64', 'int32', 'uint8', 'bool'];
const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

let scope: Scope;
beforeEach(() => {
  scope = new Scope();
});
afterEach(() => {
  scope.close();
});

/** Calls as plain JavaScript may, past the type checker. */
function untyped(fn: Function, ...args: readonly unknown[]): () => unknown {
  return () => Reflect.apply(fn, undefined, args) as unknown;
}

describe('tensor', () => {
  it.each([
    ['a number', 3, [], 'float32', 3],
    ['a boolean', true, [], 'bool', true],
    ['a list', [1, 2.5, -3], [3], 'float32', [1, 2.5, -3]],
    [
      'nested lists',
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      [2, 3],
      'float32',
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    ],
    ['booleans', [[true], [false]], [2, 1], 'bool', [[true], [false]]],
    ['nothing', [], [0], 'float32', []],
    ['empty rows', [[], []], [2, 0], 'float32', [[], []]],
    ['four deep', [[[[1], [2]]]], [1, 1, 2, 1], 'float32', [[[[1], [2]]]]],
    ['NaN and infinities', [NaN, Infinity, -Infinity], [3], 'float32', [NaN, Infinity, -Infinity]],
  ] as const)('from %s', (_, data, shape, dtype, expected) => {
    const made = tensor(data);
    expect(made.shape).toEqual(shape);
    expect(made.ndim).toBe(shape.length);
    expect(made.size).toBe(shape.reduce<number>((product, dim) => product * dim, 1));
    expect(made.dtype).toBe(dtype);
    expect(made.toArray()).toEqual(expected);
    expect(made.requiresGrad).toBe(false);
    expect(made.grad).toBeNull();
  });

  it.each([
    [new Float32Array([1.5, 2]), 'float32'],
    [new Float64Array([1.5, 0.1]), 'float64'],
    [new Int32Array([-1, 2 ** 31 - 1]), 'int32'],
    [new Uint8Array([0, 255]), 'uint8'],
  ])('from %o takes its dtype, and copies', (data, dtype) => {
    const made = tensor(data);
    expect(made.dtype).toBe(dtype);
    expect(made.shape).toEqual([2]);
    const expected = [...data];
    data.fill(9);
    expect([...made.data]).toEqual(expected);
  });

  it('from a typed array with a shape and another dtype', () => {
    const made = tensor(new Uint8Array([0, 1, 2, 255]), [2, 2], { dtype: 'float32' });
    expect(made.dtype).toBe('float32');
    expect(made.toArray()).toEqual([
      [0, 1],
      [2, 255],
    ]);
    expect(tensor([1, 0, 1], undefined, { dtype: 'bool' }).toArray()).toEqual([true, false, true]);
    expect(tensor([true, false], undefined, { dtype: 'int32' }).toArray()).toEqual([1, 0]);
  });

  it('from numbers with a shape of the same size', () => {
    expect(tensor([1, 2, 3, 4], [2, 1, 2]).toArray()).toEqual([[[1, 2]], [[3, 4]]]);
    expect(
      tensor(
        [
          [1, 2],
          [3, 4],
        ],
        [4],
      ).toArray(),
    ).toEqual([1, 2, 3, 4]);
    expect(tensor([7], []).item()).toBe(7);
  });

  it('keeps a shape of its own', () => {
    const shape = [2, 1];
    const made = tensor([1, 2], shape);
    shape[0] = 5;
    expect(made.shape).toEqual([2, 1]);
  });

  it('gives back what it was given', () => {
    const nested: fc.Arbitrary<[number[], NestedArray]> = fc
      .array(fc.integer({ min: 1, max: 3 }), { maxLength: 4 })
      .chain((shape) => {
        const build = (axis: number): fc.Arbitrary<NestedArray> =>
          axis === shape.length
            ? fc.float({ noNaN: true })
            : fc.array(build(axis + 1), {
                minLength: shape[axis] ?? 1,
                maxLength: shape[axis] ?? 1,
              });
        return fc.tuple(fc.constant(shape), build(0));
      });
    fc.assert(
      fc.property(nested, ([shape, data]) => {
        using made = tensor(data);
        expect(made.shape).toEqual(shape);
        expect(made.toArray()).toEqual(data);
      }),
    );
  });

  it.each([
    ['rows of two lengths', [[1, 2], [3]], 'tensor: rows differ in shape: [2] and [1]'],
    ['a number after a row', [[1], 2], 'tensor: rows differ in shape: [1] and []'],
    ['a row after a number', [1, [2]], 'tensor: rows differ in shape: [] and [1]'],
    [
      'ragged deep inside',
      [
        [[1], [2]],
        [[3], [4, 5]],
      ],
      'tensor: rows differ in shape: [1] and [2]',
    ],
    ['an empty row', [[1], []], 'tensor: rows differ in shape: [1] and [0]'],
  ])('refuses %s', (_, data, text) => {
    expect(() => tensor(data)).toThrow(new ShapeError(text));
  });

  it('refuses a shape of another size', () => {
    expect(() => tensor([1, 2, 3], [2, 2])).toThrow(
      new ShapeError('tensor: shape [2,2] holds 4 elements, got 3'),
    );
    expect(() => tensor(new Float32Array(6), [6, 0])).toThrow(
      new ShapeError('tensor: shape [6,0] holds 0 elements, got 6'),
    );
    expect(() => tensor([1, 2], [-2])).toThrow(
      new ShapeError('tensor: shape [-2] must hold integers of at least 0'),
    );
  });

  it.each([
    ['int32', 0.5, 'int32 holds integers from -2147483648 to 2147483647, got 0.5 at element 1'],
    [
      'int32',
      2 ** 31,
      'int32 holds integers from -2147483648 to 2147483647, got 2147483648 at element 1',
    ],
    ['int32', NaN, 'int32 holds integers from -2147483648 to 2147483647, got NaN at element 1'],
    ['uint8', 256, 'uint8 holds integers from 0 to 255, got 256 at element 1'],
    ['uint8', -1, 'uint8 holds integers from 0 to 255, got -1 at element 1'],
    ['bool', 2, 'bool holds integers from 0 to 1, got 2 at element 1'],
  ] as const)('refuses a value that %s cannot hold: %s', (dtype, value, text) => {
    expect(() => tensor([0, value], [2], { dtype })).toThrow(new DTypeError(`tensor: ${text}`));
    expect(() => tensor(new Float64Array([0, value]), [2], { dtype })).toThrow(
      new DTypeError(`tensor: ${text}`),
    );
  });

  it.each([
    ['text', ['a'], "tensor: expected numbers or booleans, got 'a'"],
    ['undefined', [1, undefined], 'tensor: expected numbers or booleans, got undefined'],
    ['null', null, 'tensor: expected numbers or booleans, got null'],
    [
      'a 64-bit array',
      new BigInt64Array(1),
      /^tensor: expected a Float32Array, .*got BigInt64Array/,
    ],
    [
      'clamped bytes',
      new Uint8ClampedArray(1),
      /got Uint8ClampedArray; convert it, or pass { dtype/,
    ],
  ])('refuses %s, which JavaScript may pass', (_, data, text) => {
    expect(untyped(tensor, data)).toThrow(DTypeError);
    expect(untyped(tensor, data)).toThrow(text);
  });

  it('takes clamped bytes, as a canvas has them, with a dtype', () => {
    const bytes = untyped(tensor, new Uint8ClampedArray([1, 255]), [2], { dtype: 'uint8' })();
    expect((bytes as Tensor).toTypedArray()).toEqual(new Uint8Array([1, 255]));
  });
});

describe('creation', () => {
  it.each(DTYPES)('zeros, ones, full, empty and arange in %s', (dtype) => {
    const made = {
      zeros: zeros([2, 3], { dtype }),
      ones: ones([2, 3], { dtype }),
      full: full([2, 3], 1, { dtype }),
      empty: empty([2, 3], dtype),
      arange: arange(0, 2, 1, { dtype }),
    };
    for (const [name, x] of Object.entries(made)) {
      expect(x.dtype, name).toBe(dtype);
      expect(x.data, name).toBeInstanceOf(ARRAYS[dtype]);
      expect(x.data.length, name).toBe(x.size);
      expect(x.origin, name).toBe(name);
    }
    expect([...made.zeros.data]).toEqual(new Array(6).fill(0));
    expect([...made.ones.data]).toEqual(new Array(6).fill(1));
    expect([...made.full.data]).toEqual(new Array(6).fill(1));
    expect([...made.arange.data]).toEqual([0, 1]);
  });

  it('zeros are zeros also in memory that was used before', () => {
    full([64], 7).dispose();
    expect([...zeros([64]).data]).toEqual(new Array(64).fill(0));
  });

  it('is float32 by default', () => {
    for (const x of [zeros([1]), ones([1]), full([1], 2), arange(2), rand([1]), randn([1])]) {
      expect(x.dtype).toBe('float32');
    }
    expect(empty([2]).dtype).toBe('float32');
  });

  it('takes every shape', () => {
    expect(zeros([]).item()).toBe(0);
    expect(zeros([0]).toArray()).toEqual([]);
    expect(ones([2, 0, 3]).toArray()).toEqual([[], []]);
    expect(ones([1, 1, 1]).toArray()).toEqual([[[1]]]);
  });

  it('full refuses what the dtype cannot hold', () => {
    expect(() => full([2], 256, { dtype: 'uint8' })).toThrow(
      new DTypeError('full: uint8 holds integers from 0 to 255, got 256'),
    );
    expect(full([2], NaN).toArray()).toEqual([NaN, NaN]);
  });

  it.each([
    ['to 4', arange(4), [0, 1, 2, 3]],
    ['from 2 to 5', arange(2, 5), [2, 3, 4]],
    ['in steps', arange(0, 1, 0.25), [0, 0.25, 0.5, 0.75]],
    ['in steps that leave a rest', arange(1, 8, 3), [1, 4, 7]],
    ['downwards', arange(5, 0, -2, { dtype: 'int32' }), [5, 3, 1]],
    ['nowhere', arange(3, 3), []],
    ['to 0', arange(0), []],
  ] as const)('arange %s', (_, x, expected) => {
    expect(x.toArray()).toEqual(expected);
  });

  it.each([
    [1, 0, 1],
    [0, 1, -1],
    [0, 1, 0],
    [0, NaN, 1],
    [0, Infinity, 1],
  ])('arange refuses %s to %s in steps of %s', (start, end, step) => {
    expect(() => arange(start, end, step)).toThrow(
      new ConfigError(`arange: step ${step} does not lead from ${start} to ${end}`),
    );
  });

  it('arange refuses fractions in an integer type', () => {
    expect(() => arange(0, 2, 0.5, { dtype: 'int32' })).toThrow(
      'arange: int32 holds integers from -2147483648 to 2147483647, got 0.5 at element 1',
    );
  });

  it('rand and randn refuse integers', () => {
    for (const [name, draw] of Object.entries({ rand, randn })) {
      expect(() => draw([2], { dtype: 'int32' })).toThrow(
        new DTypeError(`${name}: expected a float dtype, got int32`),
      );
    }
  });

  it('refuses shapes and dtypes that JavaScript may pass', () => {
    expect(untyped(zeros, 2, 3)).toThrow(
      new ShapeError('zeros: expected a shape, a list of dimensions, got 2; write [2]'),
    );
    expect(untyped(tensor, [1], { dtype: 'int32' })).toThrow(
      new ConfigError(
        "tensor: expected a shape, got { dtype: 'int32' }; options come third: tensor(data, undefined, options)",
      ),
    );
    expect(untyped(zeros, [2], { dtype: 'float16' })).toThrow(
      new DTypeError(
        "zeros: unknown dtype 'float16'; there are float32, float64, int32, uint8, bool",
      ),
    );
    expect(untyped(empty, [2], 'constructor')).toThrow(DTypeError);
  });

  it('is ready for a gradient at once', () => {
    const options = { requiresGrad: true };
    for (const x of [zeros([1], options), randn([1], options), tensor([1], [1], options)]) {
      expect(x.requiresGrad).toBe(true);
    }
  });
});

describe('reading', () => {
  it('item gives the only element', () => {
    expect(tensor([[2.5]]).item()).toBe(2.5);
    expect(tensor(true).item()).toBe(1);
    expect(() => zeros([2]).item()).toThrow(
      new ShapeError(
        'item: expected a tensor with one element, got float32 tensor [2]; use toArray()',
      ),
    );
    expect(() => zeros([0]).item()).toThrow(ShapeError);
  });

  it.each(DTYPES)('toTypedArray copies off the heap in %s', (dtype) => {
    const x = ones([2, 2], { dtype });
    const copy = x.toTypedArray();
    expect(copy).toEqual(new ARRAYS[dtype]([1, 1, 1, 1]));
    expect(copy.buffer).not.toBe(x.data.buffer);
    copy.fill(0);
    expect([...x.data]).toEqual([1, 1, 1, 1]);
  });

  it('data is a live view of exactly the elements', () => {
    const x = tensor([1, 2, 3]);
    expect(x.data).toHaveLength(3);
    x.data[1] = 9;
    expect(x.toArray()).toEqual([1, 9, 3]);
  });

  it('update hands out the elements to write to', () => {
    const x = tensor([1, 2]);
    x.update((data) => data.set([5, 6]));
    expect(x.toArray()).toEqual([5, 6]);
  });

  it('update counts also when it fails half way', () => {
    const x = tensor([1, 2], [2], { requiresGrad: true });
    using tape = new Tape();
    const y = mul(x, x);
    expect(() =>
      x.update((data) => {
        data[0] = 9;
        throw new Error('half way');
      }),
    ).toThrow('half way');
    expect(() => tape.backward(y, ones([2]))).toThrow('was changed in place');
  });

  it.each([
    ['a scalar', () => tensor(2), 'Tensor([] float32: 2)'],
    [
      'a matrix, rounded',
      () => tensor([[1 / 3, -2e-10, 123456789]]),
      'Tensor([1,3] float32: 0.33333, -2e-10, 123460000)',
    ],
    [
      'the first eight of many',
      () => arange(0, 100, 1, { dtype: 'int32' }),
      'Tensor([100] int32: 0, 1, 2, 3, 4, 5, 6, 7, …)',
    ],
    ['all of eight', () => zeros([8]), 'Tensor([8] float32: 0, 0, 0, 0, 0, 0, 0, 0)'],
    ['booleans', () => tensor([true, false]), 'Tensor([2] bool: true, false)'],
    ['what is not finite', () => tensor([NaN, -Infinity]), 'Tensor([2] float32: NaN, -Infinity)'],
    ['nothing', () => zeros([0, 3]), 'Tensor([0,3] float32)'],
    [
      'a leaf with a gradient',
      () => tensor([1], [1], { requiresGrad: true }),
      'Tensor([1] float32, requiresGrad: 1)',
    ],
  ])('inspect shows %s', (_, make, text) => {
    const x = make();
    expect(inspect(x)).toBe(text);
    expect(String(x)).toBe(text);
    x.dispose();
    expect(inspect(x)).toMatch(/^Tensor\(\[.*\] \w+, disposed\)$/);
  });

  it('inspect works deep inside other objects', () => {
    expect(inspect({ a: { b: { c: tensor([1]) } } }, { depth: 5, breakLength: 200 })).toContain(
      'c: Tensor([1] float32: 1)',
    );
  });
});

describe('requiresGrad', () => {
  it('is settable on a float leaf', () => {
    for (const dtype of ['float32', 'float64'] as const) {
      const x = zeros([1], { dtype });
      expect(x.requiresGrad).toBe(false);
      x.requiresGrad = true;
      expect(x.requiresGrad).toBe(true);
      x.requiresGrad = false;
      expect(x.requiresGrad).toBe(false);
    }
  });

  it.each(['int32', 'uint8', 'bool'] as const)('is refused on %s', (dtype) => {
    const error = new DTypeError(
      `requiresGrad: only float tensors have gradients, got ${dtype} tensor [2]`,
    );
    const x = zeros([2], { dtype });
    expect(() => (x.requiresGrad = true)).toThrow(error);
    expect(() => zeros([2], { dtype, requiresGrad: true })).toThrow(error);
    x.requiresGrad = false;
    expect(x.requiresGrad).toBe(false);
  });

  it('is not taken over by results without a tape, clones and detached tensors', () => {
    const x = ones([2], { requiresGrad: true });
    for (const other of [relu(x), clone(x), x.detach(), reshape(x, [2, 1])]) {
      expect(other.requiresGrad).toBe(false);
    }
  });
});

describe('grad', () => {
  it('is what was assigned, which backward adds to', () => {
    const x = tensor([2, 3], [2], { requiresGrad: true });
    const given = tensor([10, 20]);
    x.grad = given;
    expect(x.grad).toBe(given);
    Tape.run((tape) => tape.backward(sum(mul(x, x))));
    expect(given.toArray()).toEqual([14, 26]);
    x.zeroGrad();
    expect([x.grad, given.isDisposed]).toEqual([null, true]);
    x.grad = null;
    expect(x.grad).toBeNull();
  });

  it.each([
    [
      'shape',
      () => zeros([3, 2]),
      new ShapeError(
        'grad: expected a gradient of shape [2,3], as its tensor, got [3,2]; sum or reshape it',
      ),
    ],
    [
      'size, though it would broadcast',
      () => zeros([]),
      new ShapeError(
        'grad: expected a gradient of shape [2,3], as its tensor, got []; sum or reshape it',
      ),
    ],
    [
      'dtype',
      () => zeros([2, 3], { dtype: 'float64' }),
      new DTypeError(
        "grad: expected a float32 gradient, as its tensor, got float64; cast(gradient, 'float32')",
      ),
    ],
  ])('refuses another %s, and stays as it was', (_, make, error) => {
    const x: Tensor = new Parameter(ones([2, 3]));
    x.grad = ones([2, 3]);
    const before = x.grad;
    const other = make();
    expect(() => (x.grad = other)).toThrow(error);
    expect(x.grad).toBe(before);
    x.dispose();
  });

  it('refuses a gradient that was freed', () => {
    const x = ones([2], { requiresGrad: true });
    const gone = zeros([2]);
    gone.dispose();
    expect(() => (x.grad = gone)).toThrow(DisposedError);
  });
});

describe('a tensor that an operation saved', () => {
  /** The gradient of Σ x² where x was [2, 3], after `change`. */
  const gradientAfter = (change: (x: Tensor) => void): NestedArray | undefined => {
    const x = tensor([2, 3], [2], { requiresGrad: true });
    return Tape.run((tape) => {
      const loss = sum(mul(x, x));
      change(x);
      tape.backward(loss);
      return x.grad?.toArray();
    });
  };

  it('must not be updated before backward', () => {
    expect(() => gradientAfter((x) => x.update((data) => data.fill(5)))).toThrow(TapeError);
  });

  it('may be written through data unnoticed: the gradient is that of the new numbers', () => {
    expect(gradientAfter(() => {})).toEqual([4, 6]);
    expect(gradientAfter((x) => x.data.fill(5))).toEqual([10, 10]);
  });
});

describe('clone and detach', () => {
  it('clone has memory of its own, detach shares it', () => {
    const x = tensor([1, 2]);
    const [copy, view] = [clone(x), x.detach()];
    x.update((data) => (data[0] = 9));
    expect(copy.toArray()).toEqual([1, 2]);
    expect(view.toArray()).toEqual([9, 2]);
  });

  it.each(DTYPES)('keep shape and dtype: %s', (dtype) => {
    const x = ones([2, 0, 3], { dtype });
    for (const other of [clone(x), x.detach()]) {
      expect(other.shape).toEqual([2, 0, 3]);
      expect(other.dtype).toBe(dtype);
    }
  });
});

describe('Parameter', () => {
  it('is a leaf that requires a gradient and belongs to no scope', () => {
    const initial = tensor([1, 2]);
    const parameter = new Parameter(initial);
    expect(parameter).toBeInstanceOf(Tensor);
    expect(parameter.requiresGrad).toBe(true);
    expect(parameter.owner).toBeNull();
    expect(parameter.shape).toEqual([2]);
    parameter.requiresGrad = false;
    expect(parameter.requiresGrad).toBe(false);
    parameter.dispose();
  });

  it('is of floats', () => {
    expect(() => new Parameter(zeros([2], { dtype: 'int32' }))).toThrow(
      new DTypeError('Parameter: expected a float tensor, got int32 tensor [2]'),
    );
  });
});

describe('dispose', () => {
  it('frees once, is harmless twice, and is what `using` calls', () => {
    const x = zeros([2]);
    expect(x.isDisposed).toBe(false);
    x.dispose();
    x.dispose();
    expect(x.isDisposed).toBe(true);
    expect(x.shape).toEqual([2]);
    let seen: Tensor;
    {
      using y = zeros([1]);
      seen = y;
    }
    expect(seen.isDisposed).toBe(true);
    expect(() => seen.data).toThrow(DisposedError);
  });
});

describe('errors', () => {
  it('have one base class, and their own names', () => {
    const caught: unknown[] = [];
    const calls: (() => unknown)[] = [
      () => zeros([-1]),
      () => tensor([0.5], [1], { dtype: 'uint8' }),
      () => arange(1, 0),
    ];
    for (const call of calls) {
      try {
        call();
      } catch (error) {
        caught.push(error);
      }
    }
    expect(caught.every((error) => error instanceof UnfoldError && error instanceof Error)).toBe(
      true,
    );
    expect(caught.map((error) => (error as Error).name)).toEqual([
      'ShapeError',
      'DTypeError',
      'ConfigError',
    ]);
  });

  it.each([
    [
      [1e6, 1e6],
      'zeros: shape [1000000,1000000] has 1000000000000 elements; the limit is 2^31 - 1',
    ],
    [
      [2 ** 53, 2],
      /^zeros: shape \[9007199254740992,2\] has \d+ elements; the limit is 2\^31 - 1$/,
    ],
  ] as [Shape, string | RegExp][])('huge shapes: %j', (shape, text) => {
    expect(() => zeros(shape)).toThrow(ShapeError);
    expect(() => zeros(shape)).toThrow(text);
  });
});

describe("JavaScript's own ways with values", () => {
  const message = (run: () => unknown): string => {
    try {
      run();
    } catch (error) {
      expect(error).toBeInstanceOf(DTypeError);
      return error instanceof Error ? error.message : '';
    }
    throw new Error('no error was thrown');
  };
  /** As a program that no type checker has seen. */
  const evaluate = (code: string, x: Tensor): unknown => runInNewContext(code, { x }) as unknown;

  it.each(['x * 2', '+x', 'x + 1', 'x == 2', 'x < 2'])('%s throws and names functions', (code) => {
    expect(message(() => evaluate(code, tensor([1, 2])))).toBe(
      "operator: expected numbers, got float32 tensor [2], which JavaScript's operators can't " +
        'reckon with; use add(x, 2), mul(x, 2), eq(x, 2) …, x.item() for the number of a tensor ' +
        'with one element, and `${x}` for text',
    );
  });

  it('a template takes it for text', () => {
    expect(evaluate('`${x}`', tensor([1, 2]))).toBe('Tensor([2] float32: 1, 2)');
  });

  it.each(DTYPES)('JSON holds its %s data, from which it is made again', (dtype) => {
    const x = tensor([0, 1, 1, 0], [2, 2], { dtype });
    const text = JSON.stringify({ x });
    const { data, shape } = (JSON.parse(text) as { x: ReturnType<Tensor['toJSON']> }).x;
    expect(text).toBe(`{"x":{"dtype":"${dtype}","shape":[2,2],"data":[0,1,1,0]}}`);
    expect(tensor(data.map(Number), shape, { dtype }).toArray()).toEqual(x.toArray());
  });

  it('JSON of what JSON cannot hold is words', () => {
    expect(JSON.stringify(tensor([NaN, Infinity, -Infinity]).toJSON().data)).toBe(
      '["NaN","Infinity","-Infinity"]',
    );
    const { data, shape, dtype } = tensor([NaN, Infinity, -Infinity, 2]).toJSON();
    expect(tensor(data.map(Number), shape, { dtype }).toArray()).toEqual([
      NaN,
      Infinity,
      -Infinity,
      2,
    ]);
  });

  it('structuredClone and postMessage throw, for a tensor and what holds one', () => {
    const x = tensor([1]);
    const expected = "structuredClone: expected plain data, got a tensor, which can't be copied";
    expect(message(() => structuredClone(x))).toContain(expected);
    expect(message(() => structuredClone({ model: [new Parameter(x)] }))).toContain(expected);
    expect(message(() => new MessageChannel().port1.postMessage(x))).toContain(expected);
  });
});
