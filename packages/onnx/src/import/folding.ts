import { isFloat } from '@unfold/core/internal';
import { Known, type Call } from './call.js';

/*
 * Arithmetic of shapes, which exporters write as operations on small tensors of whole numbers: it is done
 * on numbers that are known before the model runs, so that none of it is read back from tensors, and a
 * trace of the model shows none of it. Here are the operators that occur in it; all others make tensors.
 */

type Fold = (call: Call, given: readonly Known[]) => Known | null;

/** More numbers than this are no shape. */
const MOST = 1024;

/** What an operator gives of numbers that are known; null where it has to run on tensors. */
export function folded(op: string, call: Call): Known | null {
  const fold = Object.hasOwn(FOLDS, op) ? FOLDS[op] : undefined;
  if (!fold) return null;
  const given = call.all;
  const known = given.filter((one): one is Known => one instanceof Known);
  if (known.length < given.length || known.some(({ numbers }) => numbers.length > MOST))
    return null;
  return fold(call, known);
}

/** Of two lists of one length, or of a list and a number. */
const arithmetic =
  (compute: (a: number, b: number) => number): Fold =>
  (_, [a, b]) => {
    if (!a || !b || isFloat(a.dtype) || isFloat(b.dtype)) return null;
    const larger = a.numbers.length < b.numbers.length ? b : a;
    if (a.shape.length > 1 || b.shape.length > 1) return null;
    const at = (one: Known, i: number): number =>
      one.numbers[one.numbers.length === 1 ? 0 : i] ?? NaN;
    const both = Array.from({ length: larger.numbers.length }, (_, i) =>
      compute(at(a, i), at(b, i)),
    );
    if (both.some((number) => !Number.isSafeInteger(number))) return null;
    const shape = a.shape.length >= b.shape.length && larger === a ? a.shape : larger.shape;
    return new Known(a.dtype, shape, both);
  };

const reshaped: Fold = (_, [x]) => (x ? new Known(x.dtype, [x.numbers.length], x.numbers) : null);

const FOLDS: Readonly<Record<string, Fold>> = {
  Add: arithmetic((a, b) => a + b),
  Sub: arithmetic((a, b) => a - b),
  Mul: arithmetic((a, b) => a * b),
  Div: arithmetic((a, b) => Math.trunc(a / b)),
  Identity: (_, [x]) => x ?? null,
  Unsqueeze: (call, given) => {
    const [x] = given;
    const axes = call.listed('axes', 1);
    const isOne = axes?.length === 1 && (axes[0] === 0 || axes[0] === -1);
    return isOne && x?.shape.length === 0 ? reshaped(call, given) : null;
  },
  Squeeze: (call, [x]) =>
    x?.shape.length === 1 &&
    x.numbers.length === 1 &&
    !call.listed('axes', 1)?.some((axis) => axis !== 0)
      ? new Known(x.dtype, [], x.numbers)
      : null,
  Reshape: (_, [x, shape]) =>
    x && shape?.numbers.length === 1 && [-1, x.numbers.length].includes(shape.numbers[0] ?? 0)
      ? new Known(x.dtype, [x.numbers.length], x.numbers)
      : null,
  Concat: (call, parts) => {
    const [first] = parts;
    const axis = call.attribute('axis', 'int');
    if (!first || (axis !== 0 && axis !== -1) || parts.some(({ shape }) => shape.length !== 1))
      return null;
    const numbers = parts.flatMap((part) => Array.from(part.numbers));
    return new Known(first.dtype, [numbers.length], numbers);
  },
  Gather: (call, [x, at]) => {
    if (!x || !at || x.shape.length !== 1 || ![0, -1].includes(call.int('axis', 0))) return null;
    if (isFloat(at.dtype)) return null;
    const picked = Array.from(at.numbers, (i) => x.numbers[i < 0 ? i + x.numbers.length : i]);
    if (picked.includes(undefined)) return null;
    return new Known(x.dtype, at.shape, picked as number[]);
  },
  Slice: (call, [x]) => {
    if (!x || x.shape.length !== 1) return null;
    const starts = call.listed('starts', 1);
    const ends = call.listed('ends', 2);
    const [step = 1] = call.has(4) ? call.numbers(4) : [];
    const [start = 0] = starts ?? [];
    const [end = x.numbers.length] = ends ?? [];
    const axes = call.listed('axes', 3) ?? [0];
    if (step !== 1 || starts?.length !== 1 || ends?.length !== 1 || axes[0] !== 0) return null;
    const part = Array.from(x.numbers).slice(start, end);
    return new Known(x.dtype, [part.length], part);
  },
  ReduceProd: (call, [x]) =>
    x && x.shape.length === 1 && call.int('keepdims', 1) === 1
      ? new Known(
          x.dtype,
          [1],
          [Array.from(x.numbers).reduce((product, size) => product * size, 1)],
        )
      : null,
};
