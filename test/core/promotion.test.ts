import * as u from '@unfold/core';
import { DTypeError, tensor, zeros, type DType, type Tensor } from '@unfold/core';
import { describe, expect, it } from 'vitest';

/*
 * Every pair of dtypes, as a tensor, as one without dimensions and as a number, in every operation of two
 * operands. The answers stand here once more, as docs/tensors.md has them.
 */

const DTYPES = ['bool', 'uint8', 'int32', 'float32', 'float64'] as const;

/** What two tensors meet in; null where it is an error. */
const MEETING: Readonly<Record<DType, Readonly<Record<DType, DType | null>>>> = {
  bool: { bool: 'bool', uint8: 'uint8', int32: 'int32', float32: 'float32', float64: 'float64' },
  uint8: { bool: 'uint8', uint8: 'uint8', int32: 'int32', float32: 'float32', float64: 'float64' },
  int32: { bool: 'int32', uint8: 'int32', int32: 'int32', float32: null, float64: 'float64' },
  float32: { bool: 'float32', uint8: 'float32', int32: null, float32: 'float32', float64: null },
  float64: {
    bool: 'float64',
    uint8: 'float64',
    int32: 'float64',
    float32: null,
    float64: 'float64',
  },
};

/** What a number beside a tensor is. */
const BESIDE_NUMBER: Readonly<Record<DType, DType>> = {
  bool: 'float32',
  uint8: 'uint8',
  int32: 'int32',
  float32: 'float32',
  float64: 'float64',
};

type Form = 'tensor' | 'without dimensions' | 'number';
type Operand = Tensor | number;

interface Side {
  readonly form: Form;
  readonly dtype: DType;
}

const SIDES: readonly Side[] = [
  ...DTYPES.flatMap((dtype): Side[] => [
    { form: 'tensor', dtype },
    { form: 'without dimensions', dtype },
  ]),
  { form: 'number', dtype: 'float32' },
];

/** Numbers that every dtype but bool holds; no divisor is 0. */
const LEFT = [3, 0, 7];
const RIGHT = [2, 3, 1];

const valuesOf = (values: readonly number[], dtype: DType): number[] =>
  dtype === 'bool' ? values.map((value) => Number(value > 0)) : [...values];

function make({ form, dtype }: Side, values: readonly number[]): Operand {
  const held = valuesOf(values, dtype);
  if (form === 'number') return values[0] as number;
  return form === 'tensor'
    ? tensor(held, [held.length], { dtype })
    : tensor([held[0] as number], [], { dtype });
}

/** The dtype that two operands meet in, by the tables above. */
function meeting(a: Side, b: Side): DType | null {
  if (a.form === 'number' && b.form === 'number') return 'float32';
  if (a.form === 'number') return BESIDE_NUMBER[b.dtype];
  if (b.form === 'number') return BESIDE_NUMBER[a.dtype];
  const dtypes = new Set([a.dtype, b.dtype]);
  const integer = a.dtype === 'int32' ? a : b;
  if (dtypes.has('int32') && dtypes.has('float32')) {
    return integer.form === 'without dimensions' ? 'float32' : null;
  }
  return MEETING[a.dtype][b.dtype];
}

const isFloat = (dtype: DType): boolean => dtype === 'float32' || dtype === 'float64';

/** What division makes of integers: float32, where that holds them for sure. */
function asFloat(a: Side, b: Side): DType | null {
  const met = meeting(a, b);
  if (met === null || isFloat(met)) return met;
  const fits = ({ form, dtype }: Side): boolean =>
    form === 'number' || dtype !== 'int32' || form === 'without dimensions';
  return fits(a) && fits(b) ? 'float32' : null;
}

interface Row {
  readonly fn: (a: Operand, b: Operand) => Tensor;
  readonly value: (a: number, b: number, i: number) => number;
  /** The result's dtype; null for an error. */
  readonly dtype: (a: Side, b: Side) => DType | null;
}

const arithmetic = (a: Side, b: Side): DType | null => {
  const met = meeting(a, b);
  return met === 'bool' ? null : met;
};
const comparison = (a: Side, b: Side): DType | null => (meeting(a, b) === null ? null : 'bool');
const floatOnly = (a: Side, b: Side): DType | null => {
  const met = meeting(a, b);
  return met !== null && isFloat(met) ? met : null;
};
const condition = tensor([true, false, true]).keep();

const OPERATIONS: Readonly<Record<string, Row>> = {
  add: { fn: u.add, value: (a, b) => a + b, dtype: arithmetic },
  sub: { fn: u.sub, value: (a, b) => a - b, dtype: arithmetic },
  mul: { fn: u.mul, value: (a, b) => a * b, dtype: arithmetic },
  div: { fn: u.div, value: (a, b) => a / b, dtype: asFloat },
  atan2: { fn: u.atan2, value: (a, b) => Math.atan2(a, b), dtype: asFloat },
  pow: { fn: u.pow, value: (a, b) => a ** b, dtype: floatOnly },
  maximum: { fn: u.maximum, value: (a, b) => Math.max(a, b), dtype: arithmetic },
  minimum: { fn: u.minimum, value: (a, b) => Math.min(a, b), dtype: arithmetic },
  remainder: { fn: u.remainder, value: (a, b) => a % b, dtype: arithmetic },
  floorDivide: { fn: u.floorDivide, value: (a, b) => Math.floor(a / b), dtype: arithmetic },
  eq: { fn: u.eq, value: (a, b) => Number(a === b), dtype: comparison },
  ne: { fn: u.ne, value: (a, b) => Number(a !== b), dtype: comparison },
  lt: { fn: u.lt, value: (a, b) => Number(a < b), dtype: comparison },
  le: { fn: u.le, value: (a, b) => Number(a <= b), dtype: comparison },
  gt: { fn: u.gt, value: (a, b) => Number(a > b), dtype: comparison },
  ge: { fn: u.ge, value: (a, b) => Number(a >= b), dtype: comparison },
  where: {
    fn: (a, b) => u.where(condition, a, b),
    value: (a, b, i) => (i === 1 ? b : a),
    dtype: meeting,
  },
  logicalAnd: {
    fn: u.logicalAnd,
    value: (a, b) => Number(a !== 0 && b !== 0),
    dtype: () => 'bool',
  },
  logicalOr: { fn: u.logicalOr, value: (a, b) => Number(a !== 0 || b !== 0), dtype: () => 'bool' },
  logicalXor: {
    fn: u.logicalXor,
    value: (a, b) => Number((a !== 0) !== (b !== 0)),
    dtype: () => 'bool',
  },
};

const name = ({ form, dtype }: Side): string =>
  form === 'number' ? 'a number' : form === 'tensor' ? dtype : `${dtype} []`;

/** A number as an array of the dtype stores it. */
function stored(value: number, dtype: DType): number {
  const { data } = zeros([1], { dtype });
  data[0] = value;
  return data[0];
}

describe.each(Object.entries(OPERATIONS))('%s', (op, { fn, value, dtype }) => {
  const pairs = SIDES.flatMap((a) => SIDES.map((b) => [name(a), name(b), a, b] as const));

  it.each(pairs)('of %s and %s', (_a, _b, a, b) => {
    using _scope = new u.Scope();
    const [x, y] = [make(a, LEFT), make(b, RIGHT)];
    const expected = dtype(a, b);
    if (expected === null) {
      expect(() => fn(x, y)).toThrow(DTypeError);
      expect(() => fn(x, y)).toThrow(/^\w+: .*cast/);
      return;
    }
    const out = fn(x, y);
    expect(out.dtype).toBe(expected);
    const at = (side: Side, values: readonly number[], i: number): number =>
      valuesOf(values, side.form === 'number' ? 'float64' : side.dtype)[
        side.form === 'tensor' ? i : 0
      ] as number;
    const values = [...out.data].map((_, i) =>
      stored(value(at(a, LEFT, i), at(b, RIGHT, i), i), expected),
    );
    expect([...out.data].every((each, i) => Math.abs(each - (values[i] ?? NaN)) < 1e-5)).toBe(true);
    const size = op === 'where' || a.form === 'tensor' || b.form === 'tensor' ? 3 : 1;
    expect(out.size).toBe(size);
  });
});

describe('nothing is lost in silence', () => {
  const int32 = (value: number): Tensor => tensor(value, [], { dtype: 'int32' });

  it('an int32 without dimensions is float32 where that holds it', () => {
    expect(u.mul(u.ones([2]), int32(2 ** 24)).toArray()).toEqual([2 ** 24, 2 ** 24]);
    expect(u.mul(u.ones([2]), int32(2 ** 25)).toArray()).toEqual([2 ** 25, 2 ** 25]);
    expect(() => u.mul(u.ones([2]), int32(2 ** 24 + 1))).toThrow(
      new DTypeError(
        'mul: float32 cannot hold 16777217, the value of an int32 tensor [], exactly; cast(x, ' +
          "'float32') rounds it, cast(x, 'float64') doesn't",
      ),
    );
    expect(u.div(int32(7), 2).item()).toBe(3.5);
  });

  it('a program looks at the value of each run', () => {
    const x = u.ones([2]);
    const scaled = u.compile((count: Tensor) => u.mul(x, count));
    for (const value of [2, 3, 2 ** 24]) expect(scaled(int32(value)).data[0]).toBe(value);
    expect(() => scaled(int32(2 ** 24 + 1))).toThrow(DTypeError);
  });

  it('numbers that integers cannot hold are refused', () => {
    expect(() => u.div(tensor([1], [1], { dtype: 'int32' }), 0.5)).toThrow(DTypeError);
    expect(u.div(tensor([1], [1], { dtype: 'uint8' }), 0.5).item()).toBe(2);
    expect(u.mul(tensor([true, false]), 0.5).toArray()).toEqual([0.5, 0]);
  });

  it('gradients go to the floats alone', () => {
    const x = tensor([1, 2, 3], undefined, { requiresGrad: true });
    const mask = tensor([true, false, true]);
    using tape = new u.Tape();
    tape.backward(u.sum(u.mul(u.div(x, tensor([2, 2, 4], [3], { dtype: 'uint8' })), mask)));
    expect(x.grad?.toArray()).toEqual([0.5, 0, 0.25]);
  });
});
